//! What the hello service reads and says, the same wherever it runs. Standard library only: the image of containers is
//! compiled from this file too.

use std::time::Duration;

/// Where it listens: `PORT`, or 8080.
pub(crate) fn port() -> Result<u16, String> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    port.parse()
        .map_err(|_| format!("PORT is no port: {port:?}"))
}

/// What it logs once it listens.
pub(crate) fn listening(port: u16) -> String {
    format!("listening on {port}")
}

/// The answer, by `TARGET` of its environment.
pub(crate) fn greeting() -> String {
    greeting_of(&std::env::var("TARGET").unwrap_or_else(|_| "World".to_owned()))
}

/// The answer to `target`.
pub(crate) fn greeting_of(target: &str) -> String {
    format!("Hello {target}!\n")
}

/// How long a query, as `sleep=20`, asks it to wait before it answers.
pub(crate) fn asked_time(query: &str) -> Option<Duration> {
    let mut fields = query.split('&');
    let value = fields.find_map(|field| field.strip_prefix("sleep="))?;
    value.parse().ok().map(Duration::from_millis)
}
