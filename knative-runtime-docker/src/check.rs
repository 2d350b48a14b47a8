//! Which fields of a pod template a container cannot honour. Pure.

use std::path::Path;

use k8s_openapi::api::core::v1::{
    Container, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, SecurityContext,
    Volume, VolumeMount,
};
use knative_core::runtime::Unsupported;

use crate::control;

/// Names every field that cannot be honoured. `disks` says whether the engine bounds those of containers.
pub(crate) fn check(template: &PodTemplateSpec, socket: &Path, disks: bool) -> Vec<Unsupported> {
    let Some(spec) = &template.spec else {
        return Vec::new();
    };
    let mut found = pod(spec);
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        found.extend(self::volume(index, volume));
        found.extend(measured_files(index, volume));
        found.extend(unlimited(index, volume));
        found.extend(shows_socket(index, volume, socket));
    }
    let init = spec.init_containers.iter().flatten();
    let lists = [
        ("initContainers", init.collect::<Vec<_>>()),
        ("containers", spec.containers.iter().collect()),
    ];
    for (list, containers) in lists {
        for (index, container) in containers.into_iter().enumerate() {
            let path = format!("spec.{list}[{index}]");
            found.extend(self::container(&path, container, spec, disks));
            if list == "initContainers" && container.restart_policy.as_deref() == Some("Always") {
                found.push(Unsupported::refused(
                    format!("{path}.restartPolicy"),
                    "an init container ends before the next one starts",
                ));
            }
        }
    }
    found
}

/// Fields that ask where a pod runs: there is one machine.
fn placement(spec: &PodSpec) -> [(&'static str, bool); 6] {
    [
        ("affinity", spec.affinity.is_some()),
        (
            "nodeSelector",
            spec.node_selector
                .as_ref()
                .is_some_and(|map| !map.is_empty()),
        ),
        (
            "tolerations",
            spec.tolerations
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        ),
        (
            "topologySpreadConstraints",
            spec.topology_spread_constraints
                .as_ref()
                .is_some_and(|list| !list.is_empty()),
        ),
        ("priorityClassName", spec.priority_class_name.is_some()),
        ("schedulerName", spec.scheduler_name.is_some()),
    ]
}

fn pod(spec: &PodSpec) -> Vec<Unsupported> {
    let mut found: Vec<Unsupported> = placement(spec)
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(field, _)| {
            Unsupported::ignored(format!("spec.{field}"), "all instances run on one machine")
        })
        .collect();
    let namespaces = [
        (
            "hostNetwork",
            spec.host_network,
            "an instance has a network of its own",
        ),
        (
            "hostPID",
            spec.host_pid,
            "an instance sees its own processes only",
        ),
        (
            "hostIPC",
            spec.host_ipc,
            "an instance has shared memory of its own",
        ),
        (
            "shareProcessNamespace",
            spec.share_process_namespace,
            "each container sees its own processes only",
        ),
    ];
    found.extend(
        namespaces
            .into_iter()
            .filter(|(_, asked, _)| *asked == Some(true))
            .map(|(field, _, reason)| Unsupported::refused(format!("spec.{field}"), reason)),
    );
    let others = [
        (
            "runtimeClassName",
            spec.runtime_class_name.is_some(),
            "the engine's own runtime is used",
        ),
        (
            "dnsConfig",
            spec.dns_config.is_some(),
            "names are resolved by the platform",
        ),
        (
            "dnsPolicy",
            spec.dns_policy
                .as_deref()
                .is_some_and(|policy| policy != "ClusterFirst"),
            "names are resolved by the platform",
        ),
    ];
    found.extend(
        others
            .into_iter()
            .filter(|(_, set, _)| *set)
            .map(|(field, _, reason)| Unsupported::refused(format!("spec.{field}"), reason)),
    );
    if let Some(context) = &spec.security_context {
        found.extend(pod_security(context, spec));
    }
    found
}

fn pod_security(context: &PodSecurityContext, spec: &PodSpec) -> Vec<Unsupported> {
    let path = "spec.securityContext";
    let mut found = Vec::new();
    if context.run_as_group.is_some() && context.run_as_user.is_none() {
        found.push(group(path));
    }
    found.extend(seccomp(path, context.seccomp_profile.as_ref()));
    let mut volumes = spec.volumes.iter().flatten();
    if context.fs_group.is_some() && volumes.any(|volume| volume.persistent_volume_claim.is_some())
    {
        found.push(Unsupported::ignored(
            format!("{path}.fsGroup"),
            "what a claim holds keeps its group",
        ));
    }
    found
}

fn seccomp(path: &str, profile: Option<&SeccompProfile>) -> Option<Unsupported> {
    (profile?.type_ == "Localhost").then(|| {
        Unsupported::refused(
            format!("{path}.seccompProfile.localhostProfile"),
            "use RuntimeDefault or Unconfined",
        )
    })
}

fn group(path: &str) -> Unsupported {
    Unsupported::refused(
        format!("{path}.runAsGroup"),
        "the engine takes a group together with runAsUser only",
    )
}

fn volume(index: usize, volume: &Volume) -> Option<Unsupported> {
    let known = volume.empty_dir.is_some()
        || volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.projected.is_some()
        || volume.downward_api.is_some()
        || volume.host_path.is_some()
        || volume.persistent_volume_claim.is_some();
    (!known).then(|| {
        Unsupported::refused(
            format!("spec.volumes[{index}]"),
            "use an emptyDir, configMap, secret, projected, hostPath or persistentVolumeClaim volume",
        )
    })
}

/// Files that tell a container its own requests and limits.
fn measured_files(index: usize, volume: &Volume) -> Vec<Unsupported> {
    let own = volume.downward_api.iter();
    let own = own.map(|api| ("downwardAPI".to_owned(), api.items.as_ref()));
    let projected = volume.projected.iter();
    let parts = projected.flat_map(|projected| projected.sources.iter().flatten().enumerate());
    let parts = parts.filter_map(|(part, source)| {
        let items = source.downward_api.as_ref()?.items.as_ref();
        Some((format!("projected.sources[{part}].downwardAPI"), items))
    });
    let files = own.chain(parts).flat_map(|(path, items)| {
        let items = items.into_iter().flatten().enumerate();
        let measured = items.filter(|(_, item)| item.resource_field_ref.is_some());
        measured
            .map(|(item, _)| measured_field(&format!("spec.volumes[{index}].{path}.items[{item}]")))
            .collect::<Vec<_>>()
    });
    files.collect()
}

fn measured_field(path: &str) -> Unsupported {
    Unsupported::refused(
        format!("{path}.resourceFieldRef"),
        "containers are not told their requests and limits",
    )
}

fn unlimited(index: usize, volume: &Volume) -> Option<Unsupported> {
    let empty = volume.empty_dir.as_ref()?;
    let unlimited = empty.size_limit.is_some() && empty.medium.as_deref() != Some("Memory");
    unlimited.then(|| {
        Unsupported::ignored(
            format!("spec.volumes[{index}].emptyDir.sizeLimit"),
            "the engine limits a volume with medium Memory only",
        )
    })
}

/// The engine's socket is the whole machine: no container may see it.
fn shows_socket(index: usize, volume: &Volume, socket: &Path) -> Option<Unsupported> {
    let host = volume.host_path.as_ref()?;
    control::is_shown(Path::new(&host.path), socket).then(|| {
        Unsupported::refused(
            format!("spec.volumes[{index}].hostPath.path"),
            "the engine's socket is there, which no container may see",
        )
    })
}

fn container(path: &str, container: &Container, spec: &PodSpec, disks: bool) -> Vec<Unsupported> {
    let mut found = Vec::new();
    let limits = container.resources.iter().flat_map(|resources| {
        let lists = [
            ("limits", &resources.limits),
            ("requests", &resources.requests),
        ];
        lists.map(|(list, map)| {
            (
                list,
                map.iter().flat_map(|map| map.keys()).collect::<Vec<_>>(),
            )
        })
    });
    for (list, names) in limits {
        let unknown = names.into_iter().filter(|name| match name.as_str() {
            "cpu" | "memory" => false,
            "ephemeral-storage" => !disks,
            _ => true,
        });
        found.extend(unknown.map(|name| {
            Unsupported::ignored(
                format!("{path}.resources.{list}.{name}"),
                "the engine does not limit it",
            )
        }));
    }
    if let Some(context) = &container.security_context {
        found.extend(security(&format!("{path}.securityContext"), context, spec));
    }
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let from = variable.value_from.as_ref();
        if from.is_some_and(|from| from.resource_field_ref.is_some()) {
            found.push(measured_field(&format!("{path}.env[{index}].valueFrom")));
        }
    }
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = format!("{path}.volumeMounts[{index}]");
        found.extend(self::mount(&path, mount, spec));
        if mount.mount_propagation.as_deref() == Some("Bidirectional") {
            found.push(Unsupported::refused(
                format!("{path}.mountPropagation"),
                "what a container mounts is its own",
            ));
        }
    }
    found
}

fn security(path: &str, context: &SecurityContext, spec: &PodSpec) -> Vec<Unsupported> {
    let mut found = Vec::new();
    if context.privileged == Some(true) {
        found.push(Unsupported::refused(
            format!("{path}.privileged"),
            "it would give the container the whole machine",
        ));
    }
    let user = context.run_as_user;
    let user = user.or_else(|| spec.security_context.as_ref()?.run_as_user);
    if context.run_as_group.is_some() && user.is_none() {
        found.push(group(path));
    }
    found.extend(seccomp(path, context.seccomp_profile.as_ref()));
    found
}

/// A part of an engine's volume cannot be mounted; a part of a directory or of files can.
fn mount(path: &str, mount: &VolumeMount, spec: &PodSpec) -> Option<Unsupported> {
    let sub_path = mount.sub_path.as_ref().or(mount.sub_path_expr.as_ref());
    sub_path.filter(|path| !path.is_empty())?;
    let volume = spec
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.name == mount.name)?;
    let of_engine = volume.empty_dir.is_some() || volume.persistent_volume_claim.is_some();
    of_engine.then(|| {
        Unsupported::refused(
            format!("{path}.subPath"),
            "this kind of volume is mounted whole",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is asked, and the fields that are named: refused ones with a `!`.
    type Row = (&'static str, Value, &'static [&'static str]);

    fn verify(rows: Vec<Row>) {
        for (name, spec, want) in rows {
            let template = serde_json::from_value(json!({ "spec": spec })).unwrap();
            let found = check(&template, Path::new("/run/docker.sock"), false);
            let found: Vec<String> = found
                .iter()
                .map(|found| format!("{}{}", if found.ignored { "" } else { "!" }, found.field))
                .collect();
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn names_what_it_cannot_honour() {
        let one = json!([{ "name": "a" }]);
        let with = |field: &str, value: Value| {
            let mut container = json!({ "name": "a" });
            container[field] = value;
            json!([container])
        };
        let rows: Vec<Row> = vec![
            ("plain", json!({ "containers": one }), &[]),
            (
                "two containers, volumes, a user and limits",
                json!({
                    "containers": [
                        { "name": "a", "resources": { "limits": { "memory": "1Gi", "cpu": "1" } } },
                        { "name": "b", "securityContext": { "runAsUser": 1, "runAsGroup": 2 } },
                    ],
                    "initContainers": one,
                    "volumes": [{ "name": "v", "emptyDir": {} }, { "name": "h", "hostPath": { "path": "/srv" } }],
                }),
                &[],
            ),
            (
                "where it runs",
                json!({ "containers": one, "nodeSelector": { "disk": "fast" } }),
                &["spec.nodeSelector"],
            ),
            (
                "the host's namespaces",
                json!({ "containers": one, "hostNetwork": true, "hostPID": true, "hostIPC": false }),
                &["!spec.hostNetwork", "!spec.hostPID"],
            ),
            (
                "privileges",
                json!({ "containers": with("securityContext", json!({ "privileged": true })) }),
                &["!spec.containers[0].securityContext.privileged"],
            ),
            (
                "a group alone",
                json!({ "containers": with("securityContext", json!({ "runAsGroup": 1 })) }),
                &["!spec.containers[0].securityContext.runAsGroup"],
            ),
            (
                "a disk of its own",
                json!({ "containers": with("resources", json!({ "limits": { "ephemeral-storage": "1Gi" } })) }),
                &["spec.containers[0].resources.limits.ephemeral-storage"],
            ),
            (
                "a part of the engine's volume",
                json!({
                    "containers": with("volumeMounts", json!([{ "name": "v", "mountPath": "/v", "subPath": "x" }])),
                    "volumes": [{ "name": "v", "emptyDir": {} }],
                }),
                &["!spec.containers[0].volumeMounts[0].subPath"],
            ),
            (
                "a volume of a cluster",
                json!({ "containers": one, "volumes": [{ "name": "v", "nfs": { "server": "s", "path": "/" } }] }),
                &["!spec.volumes[0]"],
            ),
            (
                "the engine's socket, or what holds it",
                json!({ "containers": one, "volumes": [
                    { "name": "s", "hostPath": { "path": "/run/docker.sock" } },
                    { "name": "d", "hostPath": { "path": "/run/" } },
                    { "name": "r", "hostPath": { "path": "/" } },
                    { "name": "o", "hostPath": { "path": "/run/docker" } },
                    { "name": "u", "hostPath": { "path": "/run/user" } },
                ]}),
                &[
                    "!spec.volumes[0].hostPath.path",
                    "!spec.volumes[1].hostPath.path",
                    "!spec.volumes[2].hostPath.path",
                    "!spec.volumes[3].hostPath.path",
                ],
            ),
        ];
        verify(rows);
    }

    #[test]
    fn names_what_would_have_another_effect_than_in_a_cluster() {
        let one = json!([{ "name": "a" }]);
        let with = |field: &str, value: Value| json!([{ "name": "a", field: value }]);
        let rows: Vec<Row> = vec![
            (
                "a profile of the machine's",
                json!({
                    "containers": one,
                    "securityContext": { "seccompProfile": { "type": "Localhost", "localhostProfile": "p.json" } },
                }),
                &["!spec.securityContext.seccompProfile.localhostProfile"],
            ),
            (
                "a group of its volumes",
                json!({
                    "containers": one,
                    "securityContext": { "fsGroup": 7 },
                    "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "c" } }],
                }),
                &["spec.securityContext.fsGroup"],
            ),
            (
                "a group of its files",
                json!({
                    "containers": one,
                    "securityContext": { "fsGroup": 7 },
                    "volumes": [{ "name": "v", "secret": { "secretName": "s" } }],
                }),
                &[],
            ),
            (
                "limits of volumes",
                json!({ "containers": one, "volumes": [
                    { "name": "d", "emptyDir": { "sizeLimit": "1Gi" } },
                    { "name": "m", "emptyDir": { "sizeLimit": "1Gi", "medium": "Memory" } },
                ]}),
                &["spec.volumes[0].emptyDir.sizeLimit"],
            ),
            (
                "mounts that leave the container",
                json!({
                    "containers": with("volumeMounts", json!([
                        { "name": "h", "mountPath": "/a", "mountPropagation": "HostToContainer" },
                        { "name": "h", "mountPath": "/b", "mountPropagation": "Bidirectional" },
                    ])),
                    "volumes": [{ "name": "h", "hostPath": { "path": "/srv" } }],
                }),
                &["!spec.containers[0].volumeMounts[1].mountPropagation"],
            ),
            (
                "a container beside the others",
                json!({ "containers": one, "initContainers": with("restartPolicy", json!("Always")) }),
                &["!spec.initContainers[0].restartPolicy"],
            ),
            (
                "its own limits",
                json!({
                    "containers": with("env", json!([
                        { "name": "N", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                        { "name": "L", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } },
                    ])),
                    "volumes": [
                        { "name": "d", "downwardAPI": { "items": [
                            { "path": "n", "fieldRef": { "fieldPath": "metadata.name" } },
                            { "path": "l", "resourceFieldRef": { "resource": "limits.cpu" } },
                        ] } },
                        { "name": "p", "projected": { "sources": [{ "downwardAPI": { "items": [
                            { "path": "l", "resourceFieldRef": { "resource": "limits.cpu" } },
                        ] } }] } },
                    ],
                }),
                &[
                    "!spec.volumes[0].downwardAPI.items[1].resourceFieldRef",
                    "!spec.volumes[1].projected.sources[0].downwardAPI.items[0].resourceFieldRef",
                    "!spec.containers[0].env[1].valueFrom.resourceFieldRef",
                ],
            ),
        ];
        verify(rows);
    }

    #[test]
    fn a_disk_is_limited_where_the_engine_can() {
        let limits = json!({ "limits": { "ephemeral-storage": "1Gi", "hugepages-2Mi": "2Mi" } });
        let spec = json!({ "containers": [{ "name": "a", "resources": limits }] });
        let template = serde_json::from_value(json!({ "spec": spec })).unwrap();
        let found = check(&template, Path::new("/run/docker.sock"), true);
        let found: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(found, ["spec.containers[0].resources.limits.hugepages-2Mi"]);
    }
}
