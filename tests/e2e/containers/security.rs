//! What containers may do and have, as the kernel says it.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::{HELLO, apply_soon, create, enable, failed, host, is, of_pod, role};
use crate::{Outcome, ensure, platform::Platform};

/// A service of a script that tries to write to its image.
fn apply_writer(platform: &Platform, name: &str, image: &str, context: &Value) -> Outcome {
    let pod = json!({
        "containers": [{
            "image": image, "securityContext": context,
            "volumeMounts": [{ "name": "told", "mountPath": "/told" }],
        }],
        "volumes": [{ "name": "told", "emptyDir": {} }],
    });
    platform.apply(&of_pod(name, pod))
}

/// What the kernel says of a service's process.
fn status_of(platform: &Platform, name: &str, field: &str) -> Result<String, Failed> {
    let status = platform.body(&host(name), "/file/proc/self/status")?;
    let mut values = status.lines().filter_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == field).then(|| value.trim().to_owned())
    });
    Ok(values
        .next()
        .ok_or_else(|| format!("no {field} in {status}"))?)
}

pub(super) fn restricted() -> Outcome {
    let platform = Platform::start()?;
    let writes = "touch /written 2>/told/error; exec $HELLO";
    let image = platform.script("writes", writes)?;
    let restricted = json!({
        "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "seccompProfile": { "type": "RuntimeDefault" },
        "runAsUser": 1000,
        "runAsGroup": 2000,
    });
    let unconfined = json!({ "seccompProfile": { "type": "Unconfined" } });
    apply_writer(&platform, "restricted", &image, &restricted)?;
    apply_writer(&platform, "unconfined", &image, &unconfined)?;
    for name in ["restricted", "unconfined"] {
        platform.ready(name)?;
    }
    let error = platform.body(&host("restricted"), "/file/told/error")?;
    ensure(error.contains("Read-only file system"), || error)?;
    is(&platform.body(&host("unconfined"), "/file/told/error")?, "")?;
    for (name, field, expected) in [
        ("restricted", "CapEff", "0000000000000000"),
        ("restricted", "CapBnd", "0000000000000000"),
        ("restricted", "NoNewPrivs", "1"),
        ("restricted", "Seccomp", "2"),
        ("restricted", "Uid", "1000\t1000\t1000\t1000"),
        ("restricted", "Gid", "2000\t2000\t2000\t2000"),
        ("unconfined", "NoNewPrivs", "0"),
        ("unconfined", "Seccomp", "0"),
        ("unconfined", "Uid", "0\t0\t0\t0"),
    ] {
        let value = status_of(&platform, name, field)?;
        ensure(value == expected, || {
            format!("{field} of {name} is {value:?}, not {expected:?}")
        })?;
    }
    // What was dropped was there before.
    let capabilities = status_of(&platform, "unconfined", "CapEff")?;
    ensure(capabilities.contains(|digit| digit != '0'), || capabilities)
}

/// A user that is not root reads what is closed to others, and writes where all may.
pub(super) fn group() -> Outcome {
    let platform = Platform::start()?;
    enable(&platform, &["kubernetes.podspec-securitycontext"])?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "keys" }, "stringData": { "key": "s3cret" } }),
    )?;
    let image = platform.script("writes", "echo mine >/data/note; exec $HELLO")?;
    let pod = json!({
        "securityContext": { "runAsUser": 1000, "fsGroup": 3000, "supplementalGroups": [4000] },
        "containers": [{
            "image": image,
            "volumeMounts": [
                { "name": "data", "mountPath": "/data" },
                { "name": "keys", "mountPath": "/keys", "readOnly": true },
            ],
        }],
        "volumes": [
            { "name": "data", "emptyDir": {} },
            { "name": "keys", "secret": { "secretName": "keys", "defaultMode": 0o400 } },
        ],
    });
    apply_soon(&platform, &of_pod("shares", pod))?;
    platform.ready("shares")?;
    is(&platform.body(&host("shares"), "/file/keys/key")?, "s3cret")?;
    is(
        &platform.body(&host("shares"), "/file/data/note")?,
        "mine\n",
    )?;
    is(
        &status_of(&platform, "shares", "Uid")?,
        "1000\t1000\t1000\t1000",
    )?;
    let groups = status_of(&platform, "shares", "Groups")?;
    for group in ["3000", "4000"] {
        ensure(groups.split(' ').any(|one| one == group), || groups.clone())?;
    }
    Ok(())
}

/// In the words of the first version of control groups, or of the second.
pub(super) fn limits() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let limits = json!({ "limits": { "cpu": "250m", "memory": "96Mi" } });
    platform.apply(&of_pod(
        "limited",
        json!({ "containers": [{ "image": image, "resources": limits }] }),
    ))?;
    platform.ready("limited")?;
    let memory = (96_u64 << 20).to_string();
    let rows = [
        (
            [("cpu.max", "25000 100000")].as_slice(),
            [
                ("cpu/cpu.cfs_quota_us", "25000"),
                ("cpu/cpu.cfs_period_us", "100000"),
            ]
            .as_slice(),
        ),
        (
            &[("memory.max", &memory), ("memory.swap.max", "0")],
            &[
                ("memory/memory.limit_in_bytes", &memory),
                ("memory/memory.memsw.limit_in_bytes", &memory),
            ],
        ),
    ];
    let group =
        |file: &str| platform.body(&host("limited"), &format!("/file/sys/fs/cgroup/{file}"));
    let second = group("cgroup.controllers")?.contains("memory");
    for (of_second, of_first) in rows {
        for (file, expected) in if second { of_second } else { of_first } {
            is(group(file)?.trim_end(), expected)?;
        }
    }
    Ok(())
}

/// When they are applied; where a feature lets them pass, by their revision.
pub(super) fn refused() -> Outcome {
    let platform = Platform::start()?;
    let container = json!({ "image": HELLO });
    let privileged = json!({ "image": HELLO, "securityContext": { "privileged": true } });
    let rows = [
        (
            "privileged",
            json!({ "containers": [privileged] }),
            "spec.template.spec.containers[0].securityContext.privileged",
            None,
        ),
        (
            "network",
            json!({ "containers": [container], "hostNetwork": true }),
            "spec.template.spec.hostNetwork",
            Some("spec.hostNetwork"),
        ),
        (
            "processes",
            json!({ "containers": [container], "hostPID": true }),
            "spec.template.spec.hostPID",
            Some("spec.hostPID"),
        ),
        (
            "memory",
            json!({ "containers": [container], "hostIPC": true }),
            "spec.template.spec.hostIPC",
            Some("spec.hostIPC"),
        ),
    ];
    let refusal = |name: &str, pod: &Value| {
        let refused = platform.apply(&of_pod(name, pod.clone())).err();
        let message = refused.as_ref().and_then(Failed::message);
        message.unwrap_or("it is not refused").to_owned()
    };
    for (name, pod, field, _) in &rows {
        let refusal = refusal(name, pod);
        let expected = format!("must not set the field(s): {field}");
        ensure(refusal.contains(&expected), || refusal)?;
    }
    enable(
        &platform,
        &[
            "kubernetes.podspec-hostnetwork",
            "kubernetes.podspec-hostpid",
            "kubernetes.podspec-hostipc",
        ],
    )?;
    for (name, pod, field, by_revision) in &rows {
        let Some(named) = by_revision else {
            let refusal = refusal(name, pod);
            ensure(refusal.contains(field), || refusal)?;
            continue;
        };
        apply_soon(&platform, &of_pod(name, pod.clone()))?;
        let message = failed(&platform, name, "ResourcesAvailable", "Unsupported")?;
        ensure(message.starts_with(named), || message.clone())?;
    }
    let running = platform.running()?;
    ensure(running.is_empty(), || format!("{running:?} runs"))
}
