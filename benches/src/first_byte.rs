//! The first byte that a program answers with, without a platform between.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use tokio::time::Instant;

/// How long a program may take before the row is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects as soon as a program listens, with `pause` between two tries, and waits for the first byte of its answer.
///
/// # Errors
/// Nothing listens for too long, or whoever does gives no answer.
pub fn first_byte(address: SocketAddr, pause: Duration) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => thread::sleep(pause),
        }
    };
    stream.write_all(b"GET / HTTP/1.1\r\nHost: hello\r\n\r\n")?;
    stream.read_exact(&mut [0])?;
    Ok(())
}
