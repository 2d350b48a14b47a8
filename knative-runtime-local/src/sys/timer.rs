//! Waits shorter than the millisecond that tokio's timer counts in.

use std::{io, os::fd::OwnedFd, time::Duration};

use rustix::{
    io::Errno,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};
use tokio::io::unix::AsyncFd;

use super::register;

/// A timer of the kernel's.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<OwnedFd>,
}

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { fd: register(fd)? })
    }

    /// Waits; a time of zero is no wait.
    pub(crate) async fn sleep(&self, time: Duration) -> io::Result<()> {
        let Ok(it_value) = Timespec::try_from(time) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let it_interval = Timespec::default();
        let once = Itimerspec {
            it_interval,
            it_value,
        };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        while !time.is_zero() {
            let mut ready = self.fd.readable().await?;
            match rustix::io::read(self.fd.get_ref(), &mut [0; 8]) {
                Ok(_) => break,
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn waits_at_least_as_long_as_told() {
        let timer = Timer::new().unwrap();
        for micros in [0, 50, 300, 2_000, 100] {
            let (began, time) = (Instant::now(), Duration::from_micros(micros));
            timer.sleep(time).await.unwrap();
            assert!(began.elapsed() >= time);
        }
    }
}
