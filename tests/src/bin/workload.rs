//! A program with the manners, good and bad, that the conformance kit asks of instances. Only the standard library, so
//! that it starts as fast as a process can, and a container can be made of it alone.
#![expect(clippy::print_stdout, reason = "its output is its log")]
#![expect(clippy::exit, reason = "ending is what it is asked to do")]

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, exit},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

/// When this process began.
#[expect(clippy::disallowed_methods, reason = "the standard library only")]
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);
/// The number of SIGTERM.
const TERM: i32 = 15;
/// `SIG_IGN`.
const IGNORE: usize = 1;

fn main() {
    LazyLock::force(&STARTED);
    if first() {
        // The first process of a container gets only the signals that it handles.
        handle_sigterm(end as *const () as usize);
    }
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
            handle_sigterm(IGNORE);
            serve(port());
        }
        "leaks-children" => {
            leak();
            serve(port());
        }
        "eats-memory" => eat_memory(),
        "writes" => {
            let (file, text) = (variable("FILE"), variable("TEXT"));
            std::fs::write(file, text).expect("the file can be written");
        }
        "ends-with" => exit(argument(2).parse().unwrap_or(1)),
        "floods-log" => {
            thread::spawn(|| {
                let line = "x".repeat(1023);
                for _ in 0..64 * 1024 {
                    println!("{line}");
                }
                println!("flooded");
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

/// Whether this is the first process of a container, which has a network of its own.
fn first() -> bool {
    std::process::id() == 1
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn argument(index: usize) -> String {
    env::args().nth(index).unwrap_or_default()
}

extern "C" fn end(_: i32) {
    exit(128 + TERM);
}

#[expect(unsafe_code, reason = "the standard library has no signals")]
fn handle_sigterm(handler: usize) {
    unsafe extern "C" {
        fn signal(number: i32, handler: usize) -> usize;
    }
    // SAFETY: `handler` is SIG_IGN or a function that ends the process at once.
    unsafe { signal(TERM, handler) };
}

/// Starts children that outlive this process, one of them in a group of its own.
fn leak() {
    use std::os::unix::process::CommandExt;
    if std::path::Path::new("/bin/sh").exists() {
        run_background(Command::new("/bin/sh").args(["-c", "sleep 300 & setsid sleep 300 &"]));
        return;
    }
    let program = env::current_exe().expect("a running program has a path");
    run_background(Command::new(&program).arg("never-listens"));
    run_background(Command::new(&program).arg("never-listens").process_group(0));
}

fn run_background(command: &mut Command) {
    if let Err(error) = command.spawn() {
        println!("{error}");
    }
}

fn eat_memory() {
    let mut eaten = Vec::new();
    loop {
        // Written to, so that it is there.
        eaten.push(vec![1_u8; 1 << 20]);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Serves HTTP/1.1, a thread per connection.
fn serve(port: u16) {
    let host = if first() { "0.0.0.0" } else { "127.0.0.1" };
    let listener = match TcpListener::bind((host, port)) {
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
        let status = status(&path);
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if writer
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

/// Well, but for `/unless/FILE` while there is that file.
fn status(path: &str) -> &'static str {
    let file = path.strip_prefix("/unless");
    if file.is_some_and(|file| std::path::Path::new(file).exists()) {
        "503 Service Unavailable"
    } else {
        "200 OK"
    }
}

fn answer(path: &str, count: usize) -> String {
    if let Some(name) = path.strip_prefix("/env/") {
        return env::var(name).unwrap_or_default();
    }
    if let Some(there) = path.strip_prefix("/via/") {
        return via(there).unwrap_or_else(|error| error.to_string());
    }
    if let Some(file) = path.strip_prefix("/end") {
        println!("ended by request");
        let written = std::fs::write(file, "ended");
        exit(if written.is_ok() { 7 } else { 1 });
    }
    if let Some(file) = path.strip_prefix("/file") {
        return std::fs::read_to_string(file).unwrap_or_else(|error| error.to_string());
    }
    if path == "/args" {
        return env::args().skip(1).collect::<Vec<_>>().join(" ");
    }
    if path == "/count" {
        return count.to_string();
    }
    if path == "/pid" {
        // Ids repeat where each container counts its own; the moment does not.
        return format!("{}@{:?}", std::process::id(), *STARTED);
    }
    format!(
        "Hello {}!\n",
        env::var("TARGET").unwrap_or_else(|_| "World".to_owned())
    )
}

/// What a neighbour answers, on a port of the loopback address and maybe at a path.
fn via(there: &str) -> std::io::Result<String> {
    let (port, path) = there.split_once('/').unwrap_or((there, ""));
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n");
    Ok(body.map(|(_, body)| body.to_owned()).unwrap_or(answer))
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
