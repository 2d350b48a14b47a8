//! Requests, each on a connection of its own.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use libtest_mimic::Failed;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Calls a service at the gateway.
pub(crate) fn get(gateway: SocketAddr, host: &str, path: &str) -> Result<Answer, Failed> {
    let mut stream = TcpStream::connect(gateway)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or("an answer without a head")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.ok_or("an answer without a status")?,
        body: body.to_owned(),
    })
}

/// Calls the API with curl.
pub(crate) fn curl_tls(
    authority: &Path,
    token: Option<&str>,
    args: &[&str],
    url: &str,
) -> Result<Answer, Failed> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "60", "--cacert"]);
    command
        .arg(authority)
        .args(["--write-out", "\n%{http_code}"]);
    if let Some(token) = token {
        command.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.args(args).arg(url).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (body, status) = text.rsplit_once('\n').ok_or("curl printed nothing")?;
    let status = status.parse()?;
    if status == 0 {
        return Err(crate::platform::text(&output).into());
    }
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}
