//! How the lists of Kubernetes' own kinds are merged.

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListMerge {
    /// The new list replaces the old one.
    Replace,
    /// Items are added unless they are there.
    Set,
    /// Items with the same value of this field are merged.
    ByKey(&'static str),
}

/// How the list at a field is merged, by its name and the names of the fields around it (the innermost last); these are
/// the `patchMergeKey`s and `patchStrategy`s of Kubernetes' types.
pub(super) fn list_merge(around: &[&str], field: &str) -> ListMerge {
    let parent = around.last().copied().unwrap_or_default();
    let in_container = matches!(
        parent,
        "containers" | "initContainers" | "ephemeralContainers"
    );
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets"
        | "schedulingGates"
        | "resourceClaims" => ListMerge::ByKey("name"),
        "ports" if in_container => ListMerge::ByKey("containerPort"),
        "ports" if parent == "spec" => ListMerge::ByKey("port"),
        "volumeMounts" => ListMerge::ByKey("mountPath"),
        "volumeDevices" => ListMerge::ByKey("devicePath"),
        "hostAliases" | "podIPs" | "hostIPs" => ListMerge::ByKey("ip"),
        "topologySpreadConstraints" => ListMerge::ByKey("topologyKey"),
        "conditions" => ListMerge::ByKey("type"),
        "ownerReferences" => ListMerge::ByKey("uid"),
        "finalizers" => ListMerge::Set,
        _ => ListMerge::Replace,
    }
}

/// Whether the object at a field is one of alternatives, of which only the named one is kept (`retainKeys`).
pub(super) fn retains_keys(field: &str) -> bool {
    matches!(field, "volumes" | "strategy")
}
