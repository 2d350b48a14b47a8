//! What is of the operating system.

pub(crate) mod cgroup;
pub(crate) mod pidfd;
pub(crate) mod proc;
pub(crate) mod spawn;
