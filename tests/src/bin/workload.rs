//! A program with the manners, good and bad, that the conformance kit asks of instances. Only the standard library, so
//! that it starts as fast as a process can.
#![expect(clippy::print_stdout, reason = "its output is its log")]
#![expect(clippy::exit, reason = "ending is what it is asked to do")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, exit},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

fn main() {
    let role = env::args().nth(1).unwrap_or_else(|| "hello".to_owned());
    match role.as_str() {
        "slow" => {
            thread::sleep(Duration::from_millis(500));
            serve(port());
        }
        "never-listens" => sleep_forever(),
        "exits" => {
            println!("last words");
            exit(7);
        }
        "ignores-sigterm" => {
            // A shell ignores the signal, and what it runs inherits that.
            let program = env::current_exe().expect("a running program has a path");
            run_shell(&format!("trap '' TERM; exec {} hello", program.display()));
        }
        "leaks-children" => {
            run_background("sleep 300 & setsid sleep 300 &");
            serve(port());
        }
        "floods-log" => {
            thread::spawn(|| {
                let line = "x".repeat(1023);
                for _ in 0..64 * 1024 {
                    println!("{line}");
                }
            });
            serve(port());
        }
        "fixed-port" => {
            let fixed = env::var("FIXED_PORT")
                .ok()
                .and_then(|port| port.parse().ok());
            serve(fixed.unwrap_or_else(port));
        }
        _ => serve(port()),
    }
}

fn port() -> u16 {
    env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(8080)
}

fn sleep_forever() -> ! {
    loop {
        thread::park();
    }
}

fn run_shell(script: &str) {
    use std::os::unix::process::CommandExt;
    let error = Command::new("/bin/sh").arg("-c").arg(script).exec();
    println!("{error}");
    exit(1);
}

fn run_background(script: &str) {
    if let Err(error) = Command::new("/bin/sh").arg("-c").arg(script).spawn() {
        println!("{error}");
    }
}

/// Serves HTTP/1.1, a thread per connection.
fn serve(port: u16) {
    let listener = match TcpListener::bind(("127.0.0.1", port)) {
        Ok(listener) => listener,
        Err(error) => {
            println!("cannot listen on {port}: {error}");
            exit(1);
        }
    };
    println!("listening on {port}");
    let served = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        let served = Arc::clone(&served);
        thread::spawn(move || answer_all(stream, &served));
    }
}

fn answer_all(stream: TcpStream, served: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some(path) = read_request(&mut reader) {
        let count = served.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(milliseconds) = path
            .split_once("sleep=")
            .and_then(|(_, value)| value.parse().ok())
        {
            thread::sleep(Duration::from_millis(milliseconds));
        }
        let body = answer(&path, count);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn answer(path: &str, count: usize) -> String {
    if let Some(name) = path.strip_prefix("/env/") {
        return env::var(name).unwrap_or_default();
    }
    if path == "/args" {
        return env::args().skip(1).collect::<Vec<_>>().join(" ");
    }
    if path == "/count" {
        return count.to_string();
    }
    if path == "/pid" {
        return std::process::id().to_string();
    }
    format!(
        "Hello {}!\n",
        env::var("TARGET").unwrap_or_else(|_| "World".to_owned())
    )
}

/// Reads one request without a body and answers with its path.
fn read_request(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(path);
        }
    }
}
