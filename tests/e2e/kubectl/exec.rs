//! Commands and logs that go on while kubectl listens.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    process::{Child, Output, Stdio},
};

use libtest_mimic::Failed;
use serde_json::json;

use super::{Kubectl, has};
use crate::{
    Outcome, ensure,
    platform::{Platform, service, text},
};

impl Kubectl<'_> {
    /// The one pod there is, as `pod/NAME`.
    fn pod(&self) -> Result<String, Failed> {
        let pods = self.run(&["get", "pods", "-o", "name"])?;
        let mut lines = pods.lines();
        match (lines.next(), lines.next()) {
            (Some(pod), None) => Ok(pod.to_owned()),
            _ => Err(format!("not one pod: {pods:?}").into()),
        }
    }

    fn exec(&self, pod: &str, options: &[&str], script: &str) -> Result<Output, Failed> {
        let args = [&["exec", pod], options, &["--", "sh", "-c", script]].concat();
        Ok(self.command(&args).output()?)
    }
}

/// A platform with a service that has a shell.
fn with_shell() -> Result<Platform, Failed> {
    let platform = Platform::start()?;
    let image = platform.script("shell", "exec $HELLO")?;
    platform.apply(&service("shell", &image, &[], &json!({})))?;
    platform.ready("shell")?;
    Ok(platform)
}

pub(super) fn output_and_code() -> Outcome {
    let platform = with_shell()?;
    let kubectl = Kubectl(&platform);
    let pod = kubectl.pod()?;
    let output = kubectl.exec(&pod, &[], "echo out; echo err >&2")?;
    ensure(
        output.status.success() && output.stdout == b"out\n" && output.stderr == b"err\n",
        || format!("{output:?}"),
    )?;
    let output = kubectl.exec(&pod, &[], "echo before; exit 3")?;
    ensure(
        output.status.code() == Some(3) && output.stdout == b"before\n",
        || format!("{output:?}"),
    )?;
    has(&text(&output), &["command terminated with exit code 3"])?;
    // An older engine does not tell a command that is missing from one that may not be run.
    let output = kubectl.command(&["exec", &pod, "--", "/none"]).output()?;
    ensure(matches!(output.status.code(), Some(126 | 127)), || {
        format!("{output:?}")
    })?;
    has(&text(&output), &["/none"])
}

/// Only version 5 of the protocol tells a command that its input is over: with an older one it would wait for more.
pub(super) fn input() -> Outcome {
    let platform = with_shell()?;
    let kubectl = Kubectl(&platform);
    let pod = kubectl.pod()?;
    // More than fits into pipes and frames.
    let lines: Vec<String> = (0..100_000).map(|line| line.to_string()).collect();
    let input = lines.join("\n");
    let file = platform.data().join("input");
    fs::write(&file, &input)?;
    let output = kubectl
        .command(&["exec", "-i", &pod, "--", "cat"])
        .stdin(File::open(&file)?)
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure(
        output.status.success() && output.stdout == input.as_bytes(),
        || {
            let (came, of) = (output.stdout.len(), input.len());
            format!("{came} of {of} bytes, {}: {told}", output.status)
        },
    )
}

pub(super) fn chosen_container() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    let main = platform.script("main", "exec $HELLO")?;
    let beside = platform.script("beside", "echo first; exec /program fixed-port")?;
    let mut service = service("two", "", &[], &json!({}));
    service["spec"]["template"]["spec"] = json!({ "containers": [
        {
            "name": "main", "image": main, "ports": [{ "containerPort": 8080 }],
            "env": [{ "name": "WHO", "value": "main" }],
        },
        {
            "name": "beside", "image": beside,
            "env": [{ "name": "WHO", "value": "beside" }, { "name": "FIXED_PORT", "value": "9090" }],
        },
    ]});
    platform.apply(&service)?;
    platform.ready("two")?;
    let pod = kubectl.pod()?;
    for name in ["main", "beside"] {
        let output = kubectl.exec(&pod, &["-c", name], "echo $WHO")?;
        ensure(output.stdout == format!("{name}\n").as_bytes(), || {
            format!("{name}: {output:?}")
        })?;
    }
    let output = kubectl.exec(&pod, &["-c", "none"], "echo $WHO")?;
    ensure(!output.status.success() && output.stdout.is_empty(), || {
        format!("{output:?}")
    })?;

    let mut follow = kubectl.command(&["logs", "-f", "--tail=1", "-c", "beside", &pod]);
    let follow = Ended(follow.stdout(Stdio::piped()).spawn()?);
    followed(&kubectl, &pod, follow)
}

/// A log is followed from its last line until its container ends.
fn followed(kubectl: &Kubectl<'_>, pod: &str, mut follow: Ended) -> Outcome {
    let log = follow.0.stdout.take().ok_or("it has no output")?;
    let mut lines = BufReader::new(log).lines();
    let mut next = || lines.next().transpose();
    let line = next()?;
    ensure(line.as_deref() == Some("listening on 9090"), || {
        format!("{line:?}")
    })?;
    // What a container's first process prints to.
    let output = kubectl.exec(pod, &["-c", "beside"], "echo later >/proc/1/fd/1")?;
    ensure(output.status.success(), || text(&output))?;
    let line = next()?;
    ensure(line.as_deref() == Some("later"), || format!("{line:?}"))?;
    kubectl.run(&["delete", "ksvc", "two"])?;
    let line = next()?;
    ensure(line.is_none(), || format!("{line:?}"))?;
    let status = follow.0.wait()?;
    ensure(status.success(), || format!("it ended with {status}"))
}

/// A kubectl that ends with its test.
#[derive(Debug)]
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
