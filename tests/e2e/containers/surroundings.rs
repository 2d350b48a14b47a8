//! What a container finds: its names, its input, what it is told of its pod.

use std::net::IpAddr;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::{apply_soon, create, enable, host, is, of_pod, pod_of, role};
use crate::{Outcome, ensure, platform::Platform};

fn name_and_address(pod: &Value) -> Result<(&str, &str), Failed> {
    let name = pod["metadata"]["name"].as_str();
    let address = pod["status"]["podIP"].as_str();
    Ok(name.zip(address).ok_or_else(|| pod.to_string())?)
}

/// Whether a file of hosts says that an address has a name.
fn has_name(hosts: &str, address: &str, name: &str) -> bool {
    hosts.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(address) && words.any(|word| word == name)
    })
}

pub(super) fn names() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let one = json!({ "image": image });
    platform.apply(&of_pod("alone", json!({ "containers": [one] })))?;
    // Of several containers each one joins the network of their pod.
    let main = json!({ "name": "main", "image": image, "ports": [{ "containerPort": 8080 }] });
    let beside = json!({
        "name": "beside", "image": role(&platform, "fixed-port")?,
        "env": [{ "name": "FIXED_PORT", "value": "9090" }],
    });
    platform.apply(&of_pod("two", json!({ "containers": [main, beside] })))?;
    for (service, prefix) in [("alone", ""), ("two", ""), ("two", "/via/9090")] {
        platform.ready(service)?;
        let file = |path: &str| platform.body(&host(service), &format!("{prefix}/file{path}"));
        let hostname = file("/proc/sys/kernel/hostname")?;
        let pod = pod_of(&platform, service)?;
        let (name, address) = name_and_address(&pod)?;
        is(hostname.trim_end(), name)?;
        is(file("/etc/hostname")?.trim_end(), name)?;
        let hosts = file("/etc/hosts")?;
        ensure(
            has_name(&hosts, "127.0.0.1", "localhost") && has_name(&hosts, address, name),
            || format!("{address} {name}: {hosts}"),
        )?;
        let resolvers = file("/etc/resolv.conf")?;
        let mut servers = resolvers
            .lines()
            .filter_map(|line| line.strip_prefix("nameserver "));
        ensure(
            servers.any(|server| server.trim().parse::<IpAddr>().is_ok()),
            || resolvers.clone(),
        )?;
    }
    Ok(())
}

pub(super) fn aliases() -> Outcome {
    let platform = Platform::start()?;
    enable(&platform, &["kubernetes.podspec-hostaliases"])?;
    let image = role(&platform, "hello")?;
    let pod = json!({
        "containers": [{ "image": image }],
        "hostAliases": [
            { "ip": "10.9.8.7", "hostnames": ["db.example", "cache.example"] },
            { "ip": "10.9.8.6", "hostnames": ["queue.example"] },
        ],
    });
    apply_soon(&platform, &of_pod("aliased", pod))?;
    platform.ready("aliased")?;
    let hosts = platform.body(&host("aliased"), "/file/etc/hosts")?;
    let pod = pod_of(&platform, "aliased")?;
    let (name, address) = name_and_address(&pod)?;
    for (address, name) in [
        ("127.0.0.1", "localhost"),
        (address, name),
        ("10.9.8.7", "db.example"),
        ("10.9.8.7", "cache.example"),
        ("10.9.8.6", "queue.example"),
    ] {
        ensure(has_name(&hosts, address, name), || {
            format!("{address} {name}: {hosts}")
        })?;
    }
    Ok(())
}

/// A program that reads to the end of its input goes on.
pub(super) fn input() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.script("reads", "cat >/tmp/input; exec $HELLO")?;
    let pod = json!({ "containers": [{ "image": image }] });
    platform.apply(&of_pod("reads", pod))?;
    platform.ready("reads")?;
    is(&platform.body(&host("reads"), "/file/tmp/input")?, "")
}

pub(super) fn fields_of_its_pod() -> Outcome {
    let platform = Platform::start()?;
    enable(&platform, &["kubernetes.podspec-fieldref"])?;
    let image = role(&platform, "hello")?;
    let of_field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    let env = [
        of_field("NAME", "metadata.name"),
        of_field("SPACE", "metadata.namespace"),
        of_field("ADDRESS", "status.podIP"),
        of_field("SERVICE", "metadata.labels['serving.knative.dev/service']"),
        of_field("ACCOUNT", "spec.serviceAccountName"),
    ];
    let pod = json!({ "containers": [{ "image": image, "env": env }] });
    apply_soon(&platform, &of_pod("told", pod))?;
    platform.ready("told")?;
    let env = |name: &str| platform.body(&host("told"), &format!("/env/{name}"));
    let (own_name, own_address) = (env("NAME")?, env("ADDRESS")?);
    let pod = pod_of(&platform, "told")?;
    let (name, address) = name_and_address(&pod)?;
    is(&own_name, name)?;
    is(&own_address, address)?;
    is(&env("SPACE")?, "default")?;
    is(&env("SERVICE")?, "told")?;
    is(&env("ACCOUNT")?, "default")
}

/// Its command, whose variables are filled in, goes before the image's, and so does its directory.
pub(super) fn command() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.script("other", "exit 1")?;
    let script = "cat where >/tmp/where; exec /program \"$@\"";
    let container = json!({
        "image": image,
        "command": ["/bin/sh", "-c", script, "sh"],
        "args": ["hello", "$(WHO)", "two words", "$$(WHO)", "$(NOBODY)"],
        "workingDir": "/data",
        "env": [{ "name": "WHO", "value": "me" }],
        "volumeMounts": [{ "name": "data", "mountPath": "/data", "readOnly": true }],
    });
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "data" }, "data": { "where": "here" } }),
    )?;
    let volume = json!({ "name": "data", "configMap": { "name": "data" } });
    let pod = json!({ "containers": [container], "volumes": [volume] });
    platform.apply(&of_pod("starts", pod))?;
    platform.ready("starts")?;
    is(
        &platform.body(&host("starts"), "/args")?,
        "hello me two words $(WHO) $(NOBODY)",
    )?;
    is(&platform.body(&host("starts"), "/file/tmp/where")?, "here")
}
