//! Servers that rows measure, each in a process of its own. Each says its address as its first line.

pub(crate) mod gateway;
pub(crate) mod platform;
pub(crate) mod proxy;
pub(crate) mod upstream;
pub(crate) mod wakes;

use tokio::net::TcpListener;

use crate::task::say;

/// Listens on the loopback interface and tells the parent where.
async fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string())?;
    Ok(listener)
}
