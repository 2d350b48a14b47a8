//! What is of the operating system.

pub(crate) mod cgroup;
pub(crate) mod pidfd;
pub(crate) mod proc;
pub(crate) mod spawn;
pub(crate) mod timer;

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Tells when a file can be read.
#[expect(unsafe_code, reason = "tokio asks for a promise that OwnedFd keeps")]
fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open and names one file for as long as it lives, and `as_raw_fd` always gives that file;
    // the AsyncFd owns it until it is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    Ok(registered?)
}
