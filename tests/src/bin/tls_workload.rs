//! A program that speaks TLS only, with a certificate that it makes itself. One connection at a time.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivateKeyDer,
};

fn main() -> Result<(), Box<dyn Error>> {
    let config = Arc::new(config()?);
    let port: u16 = env::var("PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        // Some only try whether the port accepts.
        let _ = answer(&config, stream?);
    }
    Ok(())
}

fn config() -> Result<ServerConfig, Box<dyn Error>> {
    let own = rcgen::generate_simple_self_signed(["workload.example".to_owned()])?;
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)?;
    Ok(config)
}

/// Answers one request without a body.
fn answer(config: &Arc<ServerConfig>, stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let connection = ServerConnection::new(Arc::clone(config))?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    let mut stream = reader.into_inner();
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
