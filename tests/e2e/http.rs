//! Requests, each on a connection of its own or several on one.

use std::{
    io::{BufRead, BufReader, Read, Write},
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
    /// After how many seconds to ask again; the API is not asked for it.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

/// Calls a service at the gateway.
pub(crate) fn get(gateway: SocketAddr, host: &str, path: &str) -> Result<Answer, Failed> {
    send(gateway, host, &format!("GET {path} HTTP/1.1"))
}

/// Calls a service with a request that is sent once.
pub(crate) fn post(gateway: SocketAddr, host: &str, path: &str) -> Result<Answer, Failed> {
    let line = format!("POST {path} HTTP/1.1\r\nContent-Length: 0");
    send(gateway, host, &line)
}

fn send(gateway: SocketAddr, host: &str, begin: &str) -> Result<Answer, Failed> {
    let mut stream = TcpStream::connect(gateway)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "{begin}\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or("an answer without a head")?;
    Ok(Answer {
        status: status(head)?,
        retry_after: number(head, "retry-after"),
        body: body.to_owned(),
    })
}

/// A connection to the gateway for one request after the other.
#[derive(Debug)]
pub(crate) struct KeptAlive {
    stream: BufReader<TcpStream>,
}

impl KeptAlive {
    pub(crate) fn open(gateway: SocketAddr) -> Result<Self, Failed> {
        let stream = TcpStream::connect(gateway)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Calls a service whose answers have a known length.
    pub(crate) fn get(&mut self, host: &str, path: &str) -> Result<Answer, Failed> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let head = self.head()?;
        let length = number(&head, "content-length").ok_or("an answer without a length")?;
        let mut body = vec![0; usize::try_from(length)?];
        self.stream.read_exact(&mut body)?;
        Ok(Answer {
            status: status(&head)?,
            retry_after: number(&head, "retry-after"),
            body: String::from_utf8(body)?,
        })
    }

    fn head(&mut self) -> Result<String, Failed> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err("the connection ended within a head".into());
            }
        }
        Ok(head)
    }
}

/// A field of a head.
fn number(head: &str, field: &str) -> Option<u64> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let found = name.eq_ignore_ascii_case(field);
        found.then(|| value.trim().parse().ok())?
    })
}

fn status(head: &str) -> Result<u16, Failed> {
    let status = head.split(' ').nth(1);
    let status = status.and_then(|status| status.parse().ok());
    Ok(status.ok_or("an answer without a status")?)
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
        retry_after: None,
        body: body.to_owned(),
    })
}
