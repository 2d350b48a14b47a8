//! Namespaces, ConfigMaps, Secrets and the other kinds of Kubernetes that Knative stands on.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Endpoints, Event, Namespace, Pod, Secret, Service, ServiceAccount},
};
use kube_core::Resource;
use schemars::JsonSchema;

use crate::{Kind, Kinds, Scope, admission::Admission, schema::Schema};

use super::rules::{ConfigMapRules, NamespaceRules, SecretRules};

/// What of an Event a field selector may name.
const EVENT_FIELDS: [&str; 10] = [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
];
/// What of a Pod a field selector may name.
const POD_FIELDS: [&str; 8] = [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];

/// Adds the kinds. Cells of `kubectl get` are computed by the API server where Kubernetes computes them, so that these
/// kinds carry no columns.
///
/// Pods, Endpoints, Deployments and Events show what runs: they are volatile.
pub fn register(kinds: &mut Kinds) {
    for kind in inert().into_iter().chain(volatile()) {
        kinds.register(kind);
    }
}

/// Kinds that users write.
fn inert() -> [Kind; 5] {
    let namespace = Kind {
        scope: Scope::Cluster,
        selectable_fields: owned(&["status.phase"]),
        ..ruled(named::<Namespace>("namespaces", &["ns"]), NamespaceRules)
    };
    let config_map = ruled(named::<ConfigMap>("configmaps", &["cm"]), ConfigMapRules);
    let secret = Kind {
        selectable_fields: owned(&["type"]),
        ..ruled(named::<Secret>("secrets", &[]), SecretRules)
    };
    let service = Kind {
        categories: owned(&["all"]),
        selectable_fields: owned(&["spec.clusterIP", "spec.type"]),
        ..named::<Service>("services", &["svc"])
    };
    [
        namespace,
        without_status(config_map),
        without_status(secret),
        without_status(named::<ServiceAccount>("serviceaccounts", &["sa"])),
        service,
    ]
}

/// Kinds that show what runs.
fn volatile() -> [Kind; 4] {
    let endpoints = without_status(named::<Endpoints>("endpoints", &["ep"]));
    let event = Kind {
        selectable_fields: owned(&EVENT_FIELDS),
        ..without_status(named::<Event>("events", &["ev"]))
    };
    let pod = Kind {
        categories: owned(&["all"]),
        selectable_fields: owned(&POD_FIELDS),
        ..open::<Pod>("pods", &["po"])
    };
    let deployment = Kind {
        categories: owned(&["all"]),
        ..open::<Deployment>("deployments", &["deploy"])
    };
    [endpoints, event, pod, deployment].map(|kind| Kind {
        volatile: true,
        ..kind
    })
}

fn named<K: Resource<DynamicType = ()> + JsonSchema>(plural: &str, short_names: &[&str]) -> Kind {
    shaped::<K>(plural, short_names, Schema::of::<K>())
}

/// A kind whose shape is left open. What holds a pod's spec has a schema of megabytes, and only the platform, which is
/// typed, writes it.
fn open<K: Resource<DynamicType = ()>>(plural: &str, short_names: &[&str]) -> Kind {
    shaped::<K>(plural, short_names, Schema::default())
}

fn shaped<K: Resource<DynamicType = ()>>(
    plural: &str,
    short_names: &[&str],
    schema: Schema,
) -> Kind {
    let schema = Arc::new(schema);
    let (group, version, kind) = (K::group(&()), K::version(&()), K::kind(&()));
    let mut kind = Kind::new(&group, &version, &kind, plural, schema);
    kind.short_names = owned(short_names);
    kind
}

fn ruled(kind: Kind, rules: impl Admission) -> Kind {
    Kind {
        admission: Some(Arc::new(rules)),
        ..kind
    }
}

fn without_status(kind: Kind) -> Kind {
    Kind {
        status: false,
        ..kind
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
