//! Containers that fail: their conditions say why, in upstream's words.

use knative_tests::image::Start;
use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::{HELLO, failed, host, is, of_pod, patient, pod_when, role};
use crate::{
    Outcome, ensure,
    platform::{Platform, condition, until},
};

pub(super) fn eats_memory() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "eats-memory")?;
    let limits = json!({ "limits": { "memory": "32Mi" } });
    platform.apply(&of_pod(
        "eats",
        json!({ "containers": [{ "image": image, "resources": limits }] }),
    ))?;
    is(
        &failed(&platform, "eats", "ContainerHealthy", "ExitCode137")?,
        "Container failed with: ",
    )
}

pub(super) fn killed_for_memory() -> Outcome {
    let platform = Platform::start()?;
    let limits = json!({ "limits": { "memory": "32Mi" } });
    let image = role(&platform, "eats-memory")?;
    let pod = json!({ "containers": [{ "image": image, "resources": limits }] });
    platform.apply(&patient("eats", pod))?;
    let last = last_end(&platform, "eats")?;
    ensure(
        last["reason"] == "OOMKilled" && last["exitCode"] == 137,
        || last.to_string(),
    )
}

/// How the container of a service ended the last time, as its pod says it.
fn last_end(platform: &Platform, service: &str) -> Result<Value, Failed> {
    let last = |pod: &Value| {
        let status = &pod["status"]["containerStatuses"][0];
        status["lastState"]["terminated"].clone()
    };
    let pod = pod_when(platform, service, "ended", |pod| last(pod).is_object())?;
    Ok(last(&pod))
}

pub(super) fn termination_message() -> Outcome {
    let platform = Platform::start()?;
    let script = "echo no quota >/tmp/why; echo not the reason; exit 4";
    let container = json!({
        "image": platform.script("says", script)?,
        "terminationMessagePath": "/tmp/why",
    });
    let pod = json!({ "containers": [container] });
    platform.apply(&of_pod("gives-up", pod.clone()))?;
    platform.apply(&patient("says", pod))?;
    let last = last_end(&platform, "says")?;
    ensure(
        last["reason"] == "Error" && last["exitCode"] == 4 && last["message"] == "no quota\n",
        || last.to_string(),
    )?;
    is(
        &failed(&platform, "gives-up", "ContainerHealthy", "ExitCode4")?,
        "Container failed with: no quota\n",
    )
}

pub(super) fn ends() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.script("ends", "echo no database; exit 1")?;
    platform.apply(&of_pod(
        "ends",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    is(
        &failed(&platform, "ends", "ContainerHealthy", "ExitCode1")?,
        "Container failed with: no database\n",
    )
}

/// Recorded as `image-never`, `image-pull-fails` and `image-digest-fails`; what the network says is the engine's to word.
pub(super) fn no_image() -> Outcome {
    let platform = Platform::start()?;
    let digest = format!("dev.local/none@sha256:{}", "0".repeat(64));
    let rows = [
        (
            "never",
            json!({ "image": "dev.local/none:1", "imagePullPolicy": "Never" }),
            ("ResourcesAvailable", "ErrImageNeverPull"),
            "Container image \"dev.local/none:1\" is not present with pull policy of Never"
                .to_owned(),
        ),
        (
            "pull",
            json!({ "image": "dev.local/none:2" }),
            ("ResourcesAvailable", "ImagePullBackOff"),
            "Back-off pulling image \"dev.local/none:2\": ErrImagePull: ".to_owned(),
        ),
        (
            "digest",
            json!({ "image": digest }),
            ("ResourcesAvailable", "ImagePullBackOff"),
            format!("Back-off pulling image \"{digest}\": ErrImagePull: "),
        ),
        (
            "resolve",
            json!({ "image": "image.invalid/none:1" }),
            ("ContainerHealthy", "ContainerMissing"),
            // What follows is the engine's, whose words differ: what a lookup of the registry's name says.
            "Unable to fetch image \"image.invalid/none:1\": failed to resolve image to digest: "
                .to_owned(),
        ),
    ];
    for (name, container, _, _) in &rows {
        platform.apply(&of_pod(name, json!({ "containers": [container] })))?;
    }
    for (name, _, (kind, reason), message) in &rows {
        let told = failed(&platform, name, kind, reason)?;
        ensure(told.starts_with(message), || format!("{name}: {told:?}"))?;
        let ready = failed(&platform, name, "Ready", reason)?;
        is(&ready, &told)?;
    }
    Ok(())
}

pub(super) fn no_command() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("empty")?;
    platform.add_image(&image, &Start::default())?;
    platform.apply(&of_pod(
        "empty",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    let service = platform.service_when("empty", "failed", |service| {
        condition(service, "Ready")["status"] == "False"
    })?;
    let conditions = service["status"]["conditions"].to_string();
    ensure(
        conditions.to_lowercase().contains("no command specified"),
        || conditions,
    )
}

pub(super) fn wrong_user() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("nobody")?;
    let start = Start {
        entrypoint: vec!["/program".to_owned()],
        user: Some("nobody-knows".to_owned()),
        ..Start::default()
    };
    platform.add_image(&image, &start)?;
    platform.apply(&of_pod(
        "nobody",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    let service = platform.service_when("nobody", "failed", |service| {
        condition(service, "Ready")["status"] == "False"
    })?;
    let conditions = service["status"]["conditions"].to_string();
    ensure(conditions.contains("nobody-knows"), || conditions)
}

pub(super) fn run_as_non_root() -> Outcome {
    let platform = Platform::start()?;
    let context = json!({ "runAsNonRoot": true });
    platform.apply(&of_pod(
        "root",
        json!({ "containers": [{ "image": HELLO, "securityContext": context }] }),
    ))?;
    let message = failed(
        &platform,
        "root",
        "ResourcesAvailable",
        "CreateContainerConfigError",
    )?;
    ensure(
        message.contains("container has runAsNonRoot and image will run as root"),
        || message,
    )?;
    let context = json!({ "runAsNonRoot": true, "runAsUser": 1000 });
    platform.apply(&of_pod(
        "user",
        json!({ "containers": [{ "image": HELLO, "securityContext": context }] }),
    ))?;
    platform.ready("user").map(drop)
}

pub(super) fn floods_log() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "floods-log")?;
    platform.apply(&of_pod(
        "floods",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    platform.ready("floods")?;
    let pods = platform.get_api("/api/v1/namespaces/default/pods")?;
    let pods: Value = serde_json::from_str(&pods.body)?;
    let pod = pods["items"][0]["metadata"]["name"].as_str();
    let pod = pod.ok_or("nothing runs")?;
    let log = format!("/api/v1/namespaces/default/pods/{pod}/log?container=user-container");
    until("the log to be cut", || {
        let log = platform.get_api(&log)?.body;
        // The program's last line, after 64 MiB.
        Ok(log.contains("flooded") && log.len() < 32 << 20)
    })?;
    is(&platform.body(&host("floods"), "/")?, "Hello World!\n")
}
