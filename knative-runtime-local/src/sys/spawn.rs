//! Starting a process: in a group of its own, without input, its output to a file.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::render::Invocation;

/// Starts a process and answers with its pid. The caller reaps it.
pub(crate) fn spawn(invocation: &Invocation, output: File) -> io::Result<u32> {
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.args)
        .env_clear()
        .envs(inherited())
        .envs(&invocation.env)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0);
    if let Some(dir) = &invocation.working_dir {
        command.current_dir(dir);
    }
    // The handle is dropped, not waited for: the process is reaped through its pidfd.
    let pid = command.spawn()?.id();
    no_core_dumps(pid);
    Ok(pid)
}

/// What a process needs of the platform's own environment to find programs, a home and a place for temporary files.
pub(crate) fn inherited() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ["PATH", "HOME", "TMPDIR", "LANG", "TZ"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// A crash leaves a log, not gigabytes of core files. A process that is gone already dumps nothing.
fn no_core_dumps(pid: u32) {
    let limit = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = prlimit(
        i32::try_from(pid).ok().and_then(Pid::from_raw),
        Resource::Core,
        limit,
    );
}
