//! A real platform on free ports and a data directory of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child as Process, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use kube::{
    Client,
    config::{Config, KubeConfigOptions, Kubeconfig},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long it may take until its API answers.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop everything that it runs.
const STOP: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);

/// A platform, until it is dropped.
#[derive(Debug)]
pub struct Platform {
    process: Process,
    data: TempDir,
    /// Where its services are called.
    pub gateway: SocketAddr,
}

impl Platform {
    /// Starts `program`, which is a platform, with arguments of its own, and waits until its API answers.
    ///
    /// # Errors
    /// It ends, or does not answer.
    pub async fn start(program: &str, arguments: &[&str]) -> anyhow::Result<(Self, Client)> {
        let data = TempDir::new()?;
        let gateway = free_address()?;
        let log = File::create(data.path().join("platform.log"))?;
        let process = Command::new(program)
            .arg("--data")
            .arg(data.path())
            .args(["--api", "127.0.0.1:0", "--gateway", &gateway.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut platform = Self {
            process,
            data,
            gateway,
        };
        let client = platform.connect().await?;
        Ok((platform, client))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    async fn connect(&mut self) -> anyhow::Result<Client> {
        let deadline = Instant::now() + START;
        loop {
            let tried = connect(&self.data.path().join("kubeconfig")).await;
            if let Some(status) = self.process.try_wait()? {
                let log = fs::read_to_string(self.data.path().join("platform.log"))?;
                bail!("the platform ended with {status}: {log}");
            }
            match tried {
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("the platform does not answer");
                }
                Err(_) => sleep(LOOK).await,
                connected => return connected,
            }
        }
    }

    /// Asks it to end, which ends all that it runs.
    fn terminate(&self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid())?;
        kill_process(Pid::from_raw(pid).context("a process id")?, Signal::TERM)?;
        Ok(())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let deadline = Instant::now() + STOP;
        let asked = self.terminate().is_ok();
        while asked && Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK);
        }
        // It has ended, or has had its time.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client of an API that answers.
///
/// # Errors
/// The kubeconfig cannot be read, or nothing answers there.
pub async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    client.apiserver_version().await?;
    Ok(client)
}

/// An address that nobody listens at.
///
/// # Errors
/// The system has none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
