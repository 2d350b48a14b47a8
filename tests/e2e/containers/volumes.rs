//! Volumes that need a feature, that nobody may have, or that fill.

use serde_json::{Value, json};

use super::{HELLO, apply_soon, create, enable, host, is, of_pod, pod_of, role};
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

/// What one revision wrote the next one reads, and the next platform too.
pub(super) fn kept() -> Outcome {
    let mut platform = Platform::start()?;
    enable(
        &platform,
        &[
            "kubernetes.podspec-persistent-volume-claim",
            "kubernetes.podspec-persistent-volume-write",
        ],
    )?;
    let with = |image: &str| {
        json!({
            "containers": [{ "image": image, "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "mine" } }],
        })
    };
    let writes = platform.script("writes", "echo kept >/data/note; exec $HELLO")?;
    apply_soon(&platform, &of_pod("keeps", with(&writes)))?;
    platform.ready("keeps")?;
    let reads = role(&platform, "hello")?;
    platform.apply(&of_pod("keeps", with(&reads)))?;
    let service = platform.ready("keeps")?;
    ensure(
        service["status"]["latestReadyRevisionName"] == "keeps-00002",
        || service["status"].to_string(),
    )?;
    is(&platform.body(&host("keeps"), "/file/data/note")?, "kept\n")?;
    platform.terminate()?;
    platform.start_again()?;
    platform.ready("keeps")?;
    is(&platform.body(&host("keeps"), "/file/data/note")?, "kept\n")
}

pub(super) fn projected() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "settings" }, "data": { "color": "blue", "size": "big" } }),
    )?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "keys" }, "stringData": { "key": "s3cret" } }),
    )?;
    let own = |path: &str, field: &str| json!({ "path": path, "fieldRef": { "fieldPath": field } });
    let service = "metadata.labels['serving.knative.dev/service']";
    let sources = json!([
        { "configMap": { "name": "settings", "items": [{ "key": "color", "path": "look/color" }] } },
        { "secret": { "name": "keys" } },
        { "downwardAPI": { "items": [own("name", "metadata.name"), own("service", service)] } },
        { "serviceAccountToken": { "path": "token", "audience": "vault" } },
    ]);
    let pod = json!({
        "containers": [{
            "image": image, "volumeMounts": [{ "name": "all", "mountPath": "/all", "readOnly": true }],
        }],
        "volumes": [{ "name": "all", "projected": { "sources": sources } }],
    });
    platform.apply(&of_pod("reads", pod))?;
    platform.ready("reads")?;
    let file = |path: &str| platform.body(&host("reads"), &format!("/file/all/{path}"));
    is(&file("look/color")?, "blue")?;
    is(&file("key")?, "s3cret")?;
    is(&file("service")?, "reads")?;
    let pod = pod_of(&platform, "reads")?;
    is(
        &file("name")?,
        pod["metadata"]["name"].as_str().unwrap_or_default(),
    )?;
    // Without the items that were chosen, the key would be a file of its own.
    let none = file("size")?;
    ensure(none.contains("No such file"), || none)?;
    let token = file("token")?;
    // The head of a web token is JSON, in base64.
    ensure(
        token.starts_with("eyJ") && token.split('.').count() == 3,
        || token.clone(),
    )
}
