//! Probes of containers.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{apply_soon, enable, failed, host, is, of_pod, patient, pod_when, role};
use crate::{Outcome, ensure, platform::Platform};

/// Recorded as `readiness-fails`.
pub(super) fn never_ready() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let probe = json!({ "httpGet": { "path": "/unless/program" }, "periodSeconds": 1 });
    platform.apply(&of_pod(
        "never",
        json!({ "containers": [{ "image": image, "readinessProbe": probe }] }),
    ))?;
    // It runs and listens all the while.
    let reason = "ProgressDeadlineExceeded";
    let message = failed(&platform, "never", "ResourcesAvailable", reason)?;
    is(
        &message,
        "ReplicaSet \"never-00001-deployment\" has timed out progressing.",
    )?;
    is(&failed(&platform, "never", "Ready", reason)?, &message)
}

/// A service whose probe fails while there is a file `sick` in a directory of this machine.
fn apply_sickly(platform: &Platform, name: &str, probe: &str, health: &Path) -> Outcome {
    enable(platform, &["kubernetes.podspec-volumes-hostpath"])?;
    let mut container = json!({
        "image": role(platform, "hello")?,
        "volumeMounts": [{ "name": "health", "mountPath": "/health", "readOnly": true }],
    });
    container[probe] = json!({
        "httpGet": { "path": "/unless/health/sick" }, "periodSeconds": 1, "failureThreshold": 2,
    });
    let pod = json!({
        "containers": [container],
        "volumes": [{ "name": "health", "hostPath": { "path": health } }],
    });
    apply_soon(platform, &patient(name, pod))?;
    platform.ready(name).map(drop)
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}

pub(super) fn readiness() -> Outcome {
    let platform = Platform::start()?;
    let health = tempfile::tempdir()?;
    apply_sickly(&platform, "sickly", "readinessProbe", health.path())?;
    let process = platform.body(&host("sickly"), "/pid")?;
    let sick = health.path().join("sick");
    fs::write(&sick, "")?;
    let pod = pod_when(&platform, "sickly", "not ready", |pod| {
        pod["status"]["containerStatuses"][0]["ready"] == false
    })?;
    // It is neither taken for ended nor started again.
    ensure(
        pod["status"]["phase"] == "Running" && restarts(&pod) == Some(0),
        || pod["status"].to_string(),
    )?;
    fs::remove_file(&sick)?;
    pod_when(&platform, "sickly", "ready again", is_ready)?;
    is(&platform.body(&host("sickly"), "/pid")?, &process)
}

fn restarts(pod: &Value) -> Option<u64> {
    pod["status"]["containerStatuses"][0]["restartCount"].as_u64()
}

pub(super) fn liveness() -> Outcome {
    let platform = Platform::start()?;
    let health = tempfile::tempdir()?;
    apply_sickly(&platform, "mortal", "livenessProbe", health.path())?;
    let process = platform.body(&host("mortal"), "/pid")?;
    let sick = health.path().join("sick");
    fs::write(&sick, "")?;
    pod_when(&platform, "mortal", "started again", |pod| {
        restarts(pod) > Some(0)
    })?;
    fs::remove_file(&sick)?;
    pod_when(&platform, "mortal", "ready again", is_ready)?;
    let next = platform.body(&host("mortal"), "/pid")?;
    ensure(next != process, || format!("{next} runs on"))
}

/// The command passes the third time that it runs, and is not run again then.
pub(super) fn startup() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let script = "echo -n x >>/tmp/asked; [ \"$(cat /tmp/asked)\" = xxx ]";
    let probe = json!({
        "exec": { "command": ["/bin/sh", "-c", script] },
        "periodSeconds": 1, "failureThreshold": 10,
    });
    let pod = json!({ "containers": [{ "image": image, "startupProbe": probe }] });
    platform.apply(&patient("slow", pod))?;
    platform.ready("slow")?;
    is(&platform.body(&host("slow"), "/file/tmp/asked")?, "xxx")
}
