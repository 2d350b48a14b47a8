//! Pods of several containers, and what they refer to.

use serde_json::{Value, json};

use super::{HELLO, apply_soon, create, enable, failed, host, is, of_pod, patient, role};
use crate::{
    Outcome, ensure, http,
    platform::{Platform, until},
};

pub(super) fn pod() -> Outcome {
    let platform = Platform::start()?;
    enable(&platform, &["kubernetes.podspec-init-containers"])?;
    let (hello, writes, sidecar) = (
        role(&platform, "hello")?,
        role(&platform, "writes")?,
        role(&platform, "fixed-port")?,
    );
    let mount = json!([{ "name": "shared", "mountPath": "/shared" }]);
    let pod = json!({
        "initContainers": [{
            "name": "writes", "image": writes, "volumeMounts": mount,
            "env": [{ "name": "FILE", "value": "/shared/note" }, { "name": "TEXT", "value": "from before" }],
        }],
        "containers": [
            { "name": "main", "image": hello, "ports": [{ "containerPort": 8080 }], "volumeMounts": mount },
            {
                "name": "beside", "image": sidecar,
                "env": [{ "name": "FIXED_PORT", "value": "9090" }, { "name": "TARGET", "value": "from beside" }],
            },
        ],
        "volumes": [{ "name": "shared", "emptyDir": {} }],
    });
    apply_soon(&platform, &of_pod("pod", pod))?;
    platform.ready("pod")?;
    is(
        &platform.body(&host("pod"), "/file/shared/note")?,
        "from before",
    )?;
    is(
        &platform.body(&host("pod"), "/via/9090")?,
        "Hello from beside!\n",
    )
}

pub(super) fn restarted_alone() -> Outcome {
    let platform = Platform::start()?;
    let (hello, sidecar) = (role(&platform, "hello")?, role(&platform, "fixed-port")?);
    let main = json!({
        "name": "main", "image": hello, "ports": [{ "containerPort": 8080 }],
        "volumeMounts": [{ "name": "shared", "mountPath": "/shared" }],
    });
    let beside = json!({
        "name": "beside", "image": sidecar,
        "env": [{ "name": "FIXED_PORT", "value": "9090" }],
    });
    let pod = json!({
        "containers": [main, beside],
        "volumes": [{ "name": "shared", "emptyDir": {} }],
    });
    apply_soon(&platform, &patient("again", pod))?;
    platform.ready("again")?;
    let beside = platform.body(&host("again"), "/via/9090/pid")?;
    // It ends before it answers.
    let ended = http::post(platform.gateway(), &host("again"), "/end/shared/mark")?;
    ensure(ended.status == 502, || format!("{ended:?}"))?;
    let mut pods = Value::Null;
    let restarted = until("main to be restarted, and beside to go on", || {
        let answer = platform.get_api("/api/v1/namespaces/default/pods")?;
        pods = serde_json::from_str(&answer.body)?;
        let statuses = &pods["items"][0]["status"]["containerStatuses"];
        let count = |index: usize| statuses[index]["restartCount"].clone();
        Ok(count(0) == 1 && count(1) == 0 && statuses[0]["ready"] == true)
    });
    restarted.map_err(|error| {
        let error = error.message().unwrap_or_default().to_owned();
        format!("{error}: {}", pods["items"][0]["status"])
    })?;
    is(
        &platform.body(&host("again"), "/file/shared/mark")?,
        "ended",
    )?;
    is(&platform.body(&host("again"), "/via/9090/pid")?, &beside)?;
    let name = pods["items"][0]["metadata"]["name"].as_str();
    let name = name.unwrap_or_default();
    let log = format!("/api/v1/namespaces/default/pods/{name}/log?container=main");
    let previous = platform.get_api(&format!("{log}&previous=true&tailLines=1"))?;
    is(&previous.body, "ended by request\n")?;
    let now = platform.get_api(&log)?.body;
    ensure(!now.contains("ended"), || now.clone())
}

pub(super) fn references() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "settings" }, "data": { "color": "blue" } }),
    )?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "keys" }, "stringData": { "token": "s3cret" } }),
    )?;
    let pod = json!({
        "containers": [{
            "image": image,
            "env": [
                { "name": "COLOR", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "color" } } },
                { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "token" } } },
            ],
            "envFrom": [{ "prefix": "ALL_", "configMapRef": { "name": "settings" } }],
            "volumeMounts": [
                { "name": "settings", "mountPath": "/settings", "readOnly": true },
                { "name": "keys", "mountPath": "/keys", "readOnly": true },
            ],
        }],
        "volumes": [
            { "name": "settings", "configMap": { "name": "settings" } },
            { "name": "keys", "secret": { "secretName": "keys" } },
        ],
    });
    platform.apply(&of_pod("reads", pod))?;
    platform.ready("reads")?;
    for (path, expected) in [
        ("/env/COLOR", "blue"),
        ("/env/TOKEN", "s3cret"),
        ("/env/ALL_color", "blue"),
        ("/file/settings/color", "blue"),
        ("/file/keys/token", "s3cret"),
    ] {
        is(&platform.body(&host("reads"), path)?, expected)?;
    }
    Ok(())
}

pub(super) fn missing_secret() -> Outcome {
    let platform = Platform::start()?;
    let env =
        json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "none", "key": "k" } } }]);
    platform.apply(&of_pod(
        "hello",
        json!({ "containers": [{ "image": HELLO, "env": env }] }),
    ))?;
    let message = failed(
        &platform,
        "hello",
        "ResourcesAvailable",
        "CreateContainerConfigError",
    )?;
    is(&message, "secret \"none\" not found")?;
    platform.apply(&of_pod(
        "mounts",
        json!({
            "containers": [{ "image": HELLO, "volumeMounts": [{ "name": "keys", "mountPath": "/keys", "readOnly": true }] }],
            "volumes": [{ "name": "keys", "secret": { "secretName": "none" } }],
        }),
    ))?;
    let message = failed(
        &platform,
        "mounts",
        "ResourcesAvailable",
        "ContainerCreating",
    )?;
    is(
        &message,
        "MountVolume.SetUp failed for volume \"keys\" : secret \"none\" not found",
    )?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "none" }, "stringData": { "k": "v" } }),
    )?;
    platform.ready("mounts")?;
    platform.ready("hello").map(drop)
}
