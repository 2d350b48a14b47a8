//! Volumes that need a feature, that nobody may have, or that fill.

use serde_json::{Value, json};

use super::{HELLO, apply_soon, create, enable, host, is, of_pod, role};
use crate::{
    Outcome, ensure,
    platform::{Platform, condition},
};

pub(super) fn features() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let with = |source: Value| {
        let mut volume = source;
        volume["name"] = json!("data");
        json!({
            "containers": [{ "image": image, "volumeMounts": [{ "name": "data", "mountPath": "/data", "readOnly": true }] }],
            "volumes": [volume],
        })
    };
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("note"), "from the host")?;
    let of_host = of_pod(
        "of-host",
        with(json!({ "hostPath": { "path": directory.path(), "type": "Directory" } })),
    );
    let of_claim = of_pod(
        "of-claim",
        with(json!({ "persistentVolumeClaim": { "claimName": "mine", "readOnly": true } })),
    );
    for (service, word) in [
        (&of_host, "hostpath"),
        (&of_claim, "persistent volume claim"),
    ] {
        let refused = platform.apply(service).err().ok_or("it is not refused")?;
        let message = refused.message().unwrap_or_default().to_lowercase();
        ensure(
            message.contains(word) && message.contains("disabled"),
            || message.clone(),
        )?;
    }
    enable(
        &platform,
        &[
            "kubernetes.podspec-volumes-hostpath",
            "kubernetes.podspec-persistent-volume-claim",
        ],
    )?;
    apply_soon(&platform, &of_host)?;
    platform.ready("of-host")?;
    is(
        &platform.body(&host("of-host"), "/file/data/note")?,
        "from the host",
    )?;
    apply_soon(&platform, &of_claim)?;
    platform.ready("of-claim").map(drop)
}

pub(super) fn escapes() -> Outcome {
    let platform = Platform::start()?;
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "settings" }, "data": { "a": "b" } }),
    )?;
    let outside = platform.data().join("outside");
    let with = |path: &str, mount: Value| {
        json!({
            "containers": [{ "image": HELLO, "volumeMounts": [mount] }],
            "volumes": [{ "name": "settings", "configMap": { "name": "settings", "items": [{ "key": "a", "path": path }] } }],
        })
    };
    let mount = |fields: Value| {
        let mut mount = json!({ "name": "settings", "mountPath": "/settings", "readOnly": true });
        mount
            .as_object_mut()
            .into_iter()
            .zip(fields.as_object())
            .for_each(|(mount, fields)| mount.extend(fields.clone()));
        mount
    };
    let climbs = "../../../outside";
    let absolute = outside.display().to_string();
    for (name, path, mount) in [
        ("climbs", climbs, mount(json!({}))),
        ("absolute", absolute.as_str(), mount(json!({}))),
        ("sub-path", "a", mount(json!({ "subPath": climbs }))),
        ("relative", "a", mount(json!({ "mountPath": "settings" }))),
    ] {
        // Refused when it is applied, or by its revision.
        if platform.apply(&of_pod(name, with(path, mount))).is_err() {
            continue;
        }
        platform.service_when(name, "failed", |service| {
            condition(service, "Ready")["status"] == "False"
        })?;
    }
    ensure(!outside.exists(), || {
        "a file was written outside".to_owned()
    })
}

/// A program that fills it is told so, and serves on.
pub(super) fn bounded() -> Outcome {
    let platform = Platform::start()?;
    let fills = "dd if=/dev/zero of=/cache/fill bs=1M count=64 2>/tmp/told; exec $HELLO";
    let pod = json!({
        "containers": [{
            "image": platform.script("fills", fills)?,
            "volumeMounts": [{ "name": "cache", "mountPath": "/cache" }],
        }],
        "volumes": [{ "name": "cache", "emptyDir": { "medium": "Memory", "sizeLimit": "8Mi" } }],
    });
    platform.apply(&of_pod("fills", pod))?;
    platform.ready("fills")?;
    let told = platform.body(&host("fills"), "/file/tmp/told")?;
    ensure(told.contains("No space left"), || told)
}
