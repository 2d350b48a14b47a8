//! A registry on loopback, which engines take without TLS.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Debian's name for it.
const PROGRAM: &str = "docker-registry";
/// The user of a registry that asks for one.
pub(crate) const USER: &str = "user";
/// A password whose base64 differs between the two alphabets wherever it stands in the text around it.
pub(crate) const PASSWORD: &str = "p~?>a~?>b~?>/+";
/// Another one, with the same word for a password, for the tests' own pushes.
pub(crate) const PUSHER: &str = "pusher";
/// Both as `htpasswd -B` writes them.
const HTPASSWD: &str = "user:$2y$05$q7.YMuQB0EZDWnqTKTER4.PQ7lidMcvVwugxD7rw1ilhHF2fThShK\npusher:$2y$05$4ZIYT0ekZ7gYNa9.xjdFB.1h9QobRJVQu0KZhNrOFvUxBII9gFO/G\n";

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// Why there can be none here.
    pub(crate) fn obstacle() -> Option<String> {
        let version = Command::new(PROGRAM).arg("--version").output();
        version
            .err()
            .map(|error| format!("{PROGRAM} does not run: {error}"))
    }

    pub(crate) fn open() -> Self {
        Self::start("")
    }

    /// One that asks for [`USER`] and [`PASSWORD`].
    pub(crate) fn closed() -> Self {
        Self::start("auth: {htpasswd: {realm: test, path: @DIR@/htpasswd}}\n")
    }

    fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let root = dir.path().display().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: @DIR@/data}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"}}\n{more}"
        );
        let path = dir.path().join("config.yml");
        fs::write(&path, config.replace("@DIR@", &root)).unwrap();
        fs::write(dir.path().join("htpasswd"), HTPASSWD).unwrap();
        let process = Command::new(PROGRAM)
            .arg("serve")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self {
            process,
            port,
            _dir: dir,
        };
        registry.wait();
        registry
    }

    fn wait(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the registry does not listen"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A name in it.
    pub(crate) fn name(&self, path: &str) -> String {
        format!("localhost:{}/{path}", self.port)
    }

    /// Stores a manifest as it is.
    pub(crate) fn put(&self, path: &str, media_type: &str, content: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "PUT /v2/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n{content}",
            content.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
