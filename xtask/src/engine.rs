//! A Docker engine for the tests: one that answers, else one of our own for as long as they run.

use std::{
    env, fs,
    io::{Read, Write},
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, id},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{step, tools};

/// The variable that names the engine of the tests.
pub(crate) const VARIABLE: &str = "KNATIVE_TEST_DOCKER";

/// How to get one.
pub(crate) const HINT: &str = "\
start Docker, or run this as root with dockerd on PATH (Debian's package docker.io)";

/// The system's engine.
const DEFAULT: &str = "unix:///var/run/docker.sock";

/// How long one may take to start.
const START: Duration = Duration::from_secs(60);

/// How long it may take to answer a question about itself.
const ANSWER: Duration = Duration::from_secs(5);

/// Starts an engine, and ends it when its standard input does.
const SCRIPT: &str = include_str!("engine.sh");

/// The engine of the tests.
#[derive(Debug)]
pub(crate) enum Engine {
    /// It was there before.
    Found(String),
    /// It is ours.
    Started(Started),
}

/// An engine that ends when this value is dropped, and when this program ends in any other way: it then misses the other
/// end of a pipe.
#[derive(Debug)]
pub(crate) struct Started {
    keeper: Child,
    directory: PathBuf,
}

impl Engine {
    /// An engine that answers, else a new one; none where there is none to start.
    pub(crate) fn ensure() -> Result<Option<Self>> {
        let named = |variable| env::var(variable).ok().filter(|host| !host.is_empty());
        if let Some(host) = named(VARIABLE) {
            return Ok(Some(Self::Found(host)));
        }
        let host = named("DOCKER_HOST").unwrap_or_else(|| DEFAULT.to_owned());
        if answers(&host) {
            return Ok(Some(Self::Found(host)));
        }
        if !(tools::root() && tools::exists("dockerd")) {
            return Ok(None);
        }
        Started::start().map(|started| Some(Self::Started(started)))
    }

    /// Its address.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Found(host) => host.clone(),
            Self::Started(started) => format!("unix://{}", started.socket().display()),
        }
    }
}

impl Started {
    fn start() -> Result<Self> {
        let directory = env::temp_dir().join(format!("knative-engine-{}", id()));
        fs::create_dir_all(&directory)?;
        println!("starting a Docker engine in {}", directory.display());
        let keeper = Command::new("sh")
            .args(["-c", SCRIPT, "engine.sh"])
            .arg(&directory)
            .stdin(Stdio::piped())
            // Ctrl-C is for this program; the keeper has work to do afterwards.
            .process_group(0)
            .spawn()?;
        let mut started = Self { keeper, directory };
        started.wait()?;
        Ok(started)
    }

    fn wait(&mut self) -> Result<()> {
        let began = step::now();
        let host = format!("unix://{}", self.socket().display());
        while !answers(&host) {
            if began.elapsed() > START {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default().to_owned();
                bail!("dockerd does not answer within {START:?}: {last}");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("docker.sock")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!(
                "xtask: the Docker engine may be left in {}: {error}",
                self.directory.display()
            );
        }
    }
}

/// Whether an engine is there. Others than those on sockets of this machine are taken at their word.
fn answers(host: &str) -> bool {
    match host.strip_prefix("unix://") {
        Some(path) => ping(Path::new(path)).is_ok(),
        None => true,
    }
}

fn ping(socket: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).context("no answer")?;
    if status != "200" {
        bail!("{status}");
    }
    Ok(())
}
