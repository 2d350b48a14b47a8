//! The short names that the recordings use for kinds.

use knative_core::object::GroupKind;

/// How a kind is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// In every place.
    Exact,
    /// Its names, labels, annotations, specs and conditions; counts and addresses depend on the platform.
    Kept,
    /// Not at all: it is Kubernetes' own.
    Never,
}

const SERVING: &str = "serving.knative.dev";
const NETWORKING: &str = "networking.internal.knative.dev";
const AUTOSCALING: &str = "autoscaling.internal.knative.dev";

/// Short name, kind and how it is compared.
const KINDS: &[(&str, GroupKind, Care)] = &[
    ("ksvc", GroupKind::new(SERVING, "Service"), Care::Exact),
    (
        "configuration",
        GroupKind::new(SERVING, "Configuration"),
        Care::Exact,
    ),
    ("revision", GroupKind::new(SERVING, "Revision"), Care::Exact),
    ("route", GroupKind::new(SERVING, "Route"), Care::Exact),
    (
        "domainmapping",
        GroupKind::new(SERVING, "DomainMapping"),
        Care::Exact,
    ),
    (
        "cdc",
        GroupKind::new(NETWORKING, "ClusterDomainClaim"),
        Care::Exact,
    ),
    (
        "kpa",
        GroupKind::new(AUTOSCALING, "PodAutoscaler"),
        Care::Kept,
    ),
    ("metric", GroupKind::new(AUTOSCALING, "Metric"), Care::Kept),
    (
        "sks",
        GroupKind::new(NETWORKING, "ServerlessService"),
        Care::Kept,
    ),
    ("king", GroupKind::new(NETWORKING, "Ingress"), Care::Kept),
    (
        "certificate",
        GroupKind::new(NETWORKING, "Certificate"),
        Care::Kept,
    ),
    (
        "image",
        GroupKind::new("caching.internal.knative.dev", "Image"),
        Care::Kept,
    ),
    (
        "deployment",
        GroupKind::new("apps", "Deployment"),
        Care::Never,
    ),
    ("service", GroupKind::new("", "Service"), Care::Never),
    ("pod", GroupKind::new("", "Pod"), Care::Never),
    ("namespace", GroupKind::new("", "Namespace"), Care::Never),
    ("secret", GroupKind::new("", "Secret"), Care::Never),
    ("configmap", GroupKind::new("", "ConfigMap"), Care::Never),
    (
        "serviceaccount",
        GroupKind::new("", "ServiceAccount"),
        Care::Never,
    ),
    (
        "resourcequota",
        GroupKind::new("", "ResourceQuota"),
        Care::Never,
    ),
];

/// The kind that a short name stands for.
pub(crate) fn kind(short: &str) -> Option<GroupKind> {
    let known = KINDS.iter().find(|(name, ..)| *name == short);
    known.map(|(_, kind, _)| kind.clone())
}

/// The short name of a kind.
pub(crate) fn name(kind: &GroupKind) -> Option<&'static str> {
    let known = KINDS.iter().find(|(_, known, _)| known == kind);
    known.map(|(name, ..)| *name)
}

/// How objects named like `ksvc/hello` are compared.
pub(crate) fn care(object: &str) -> Care {
    let short = object.split('/').next().unwrap_or_default();
    let known = KINDS.iter().find(|(name, ..)| *name == short);
    known.map_or(Care::Never, |(.., care)| *care)
}

/// The kinds that are compared.
pub(crate) fn compared() -> impl Iterator<Item = &'static GroupKind> {
    let compared = KINDS.iter().filter(|(.., care)| *care != Care::Never);
    compared.map(|(_, kind, _)| kind)
}
