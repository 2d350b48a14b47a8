//! A real `platform-local` on free ports and a data directory of its own.

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

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_platform-local");

/// How long it may take until its API answers.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop everything that it runs.
const STOP: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(crate) struct Platform {
    process: Process,
    data: TempDir,
    pub(crate) gateway: SocketAddr,
}

impl Platform {
    /// Starts one and waits until its API answers.
    pub(crate) async fn start() -> anyhow::Result<(Self, Client)> {
        let data = TempDir::new()?;
        let gateway = free_address()?;
        let log = File::create(data.path().join("platform.log"))?;
        let process = Command::new(PROGRAM)
            .arg("--data")
            .arg(data.path())
            .args(["--api", "127.0.0.1:0", "--gateway", &gateway.to_string()])
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

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn connect(&mut self) -> anyhow::Result<Client> {
        let deadline = Instant::now() + START;
        loop {
            let tried = connect(&self.data.path().join("kubeconfig")).await;
            if let Some(status) = self.process.try_wait()? {
                let log = fs::read_to_string(self.data.path().join("platform.log"))?;
                bail!("platform-local ended with {status}: {log}");
            }
            match tried {
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("platform-local does not answer");
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
pub(crate) async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    client.apiserver_version().await?;
    Ok(client)
}

/// An address that nobody listens at.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
