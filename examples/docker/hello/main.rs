//! The program of the image `example.local/hello`: the hello service with nothing but the standard library, so that the
//! image is this program alone. It says the same as the hello process of `platform-local`.

#[path = "../../src/hello/words.rs"]
mod words;

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::ExitCode,
    thread,
};

/// The number of SIGTERM.
const TERM: i32 = 15;

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(status: i32) -> !;
}

fn main() -> ExitCode {
    // The first process of a container gets only the signals that it handles. Requests are answered by then: an instance
    // is asked to end when it has none.
    // SAFETY: the handler does nothing but what a handler may.
    unsafe { signal(TERM, end) };
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

extern "C" fn end(_: i32) {
    // SAFETY: it never returns.
    unsafe { _exit(0) }
}

fn serve() -> Result<(), String> {
    let port = words::port()?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| format!("cannot listen on {port}: {error}"))?;
    println!("{}", words::listening(port));
    for stream in listener.incoming().flatten() {
        // How a client ends its connection is its own affair.
        thread::spawn(|| answer_all(stream));
    }
    Ok(())
}

fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let body = words::greeting();
    while let Some(path) = read_request(&mut reader)? {
        let query = path.split_once('?').map(|(_, query)| query);
        if let Some(time) = query.and_then(words::asked_time) {
            thread::sleep(time);
        }
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}

/// Reads a request without a body, and answers with its path.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let Some(path) = first.split(' ').nth(1) else {
        return Ok(None);
    };
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(path.to_owned()))
}
