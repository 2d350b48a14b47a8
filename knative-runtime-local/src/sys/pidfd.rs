//! A process held by a file descriptor: its end is awaited and its signals reach no other.

use std::{io, os::fd::OwnedFd};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use tokio::io::unix::AsyncFd;

use super::register;

/// How a child ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExitStatus {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// A process.
#[derive(Debug)]
pub(crate) struct PidFd {
    fd: AsyncFd<OwnedFd>,
}

impl PidFd {
    /// Holds a process. Its identity is to be checked afterwards: only then is it certain that the pid was not used again.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        let raw = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let fd = pidfd_open(raw, PidfdFlags::NONBLOCK)?;
        Ok(Self { fd: register(fd)? })
    }

    /// Answers when the process has ended.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        self.fd.readable().await.map(drop)
    }

    /// Reaps a child that has ended; nothing is known of one that is no child.
    pub(crate) fn reap(&self) -> ExitStatus {
        use std::os::fd::AsFd;
        let status = waitid(
            WaitId::PidFd(self.fd.get_ref().as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
        );
        match status {
            Ok(Some(status)) => ExitStatus {
                code: status.exit_status(),
                signal: status.terminating_signal(),
            },
            _ => ExitStatus::default(),
        }
    }

    /// Kills the process; one that is gone is no error.
    pub(crate) fn kill(&self) -> io::Result<()> {
        gone_is_fine(pidfd_send_signal(self.fd.get_ref(), Signal::KILL))
    }
}

/// Kills a child with its group, and reaps it.
pub(crate) fn discard(child: u32) -> io::Result<()> {
    kill_group(child)?;
    let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED)?;
    Ok(())
}

/// Sends SIGTERM to a process group; one that is gone is no error.
pub(crate) fn terminate_group(leader: u32) -> io::Result<()> {
    signal_group(leader, Signal::TERM)
}

/// Sends SIGKILL to a process group; one that is gone is no error.
pub(crate) fn kill_group(leader: u32) -> io::Result<()> {
    signal_group(leader, Signal::KILL)
}

/// Sends SIGKILL to one process; one that is gone is no error.
pub(crate) fn kill(pid: u32) -> io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    gone_is_fine(rustix::process::kill_process(pid, Signal::KILL))
}

fn signal_group(leader: u32, signal: Signal) -> io::Result<()> {
    let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    gone_is_fine(rustix::process::kill_process_group(leader, signal))
}

fn gone_is_fine(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        result => Ok(result?),
    }
}
