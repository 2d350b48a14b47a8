//! What is served, for clients that ask before they act.

use http::{HeaderMap, StatusCode, header};
use knative_core::{Kind, Kinds, http::Response};
use serde_json::{Value, json};

use crate::{
    api::is_pod,
    etag::cacheable,
    negotiate::{self, DiscoveryShape},
    path::GroupVersion,
    reply,
    reviews::REVIEWS,
    status::Failure,
};

/// What can be done with objects that users write.
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
/// What can be done with objects that are derived from what runs.
const VOLATILE_VERBS: [&str; 3] = ["get", "list", "watch"];
/// What can be done with pods.
const POD_VERBS: [&str; 5] = ["delete", "deletecollection", "get", "list", "watch"];

/// A resource or a part of one.
#[derive(Clone, Debug, Default)]
struct Resource {
    plural: String,
    singular: String,
    kind: String,
    namespaced: bool,
    verbs: Vec<&'static str>,
    short_names: Vec<String>,
    categories: Vec<String>,
    subresources: Vec<Self>,
}

impl Resource {
    fn of_kind(kind: &Kind) -> Self {
        let verbs: &[&'static str] = if is_pod(kind) {
            &POD_VERBS
        } else if kind.volatile {
            &VOLATILE_VERBS
        } else {
            &VERBS
        };
        Self {
            plural: kind.plural.clone(),
            singular: kind.singular.clone(),
            kind: kind.kind.clone(),
            namespaced: kind.is_namespaced(),
            verbs: verbs.to_vec(),
            short_names: kind.short_names.clone(),
            categories: kind.categories.clone(),
            subresources: subresources(kind),
        }
    }

    fn part(kind: &Kind, name: &str, verbs: &[&'static str]) -> Self {
        Self {
            plural: name.to_owned(),
            kind: kind.kind.clone(),
            namespaced: kind.is_namespaced(),
            verbs: verbs.to_vec(),
            ..Self::default()
        }
    }
}

fn subresources(kind: &Kind) -> Vec<Resource> {
    let mut parts = Vec::new();
    if is_pod(kind) {
        parts.push(Resource {
            kind: "PodExecOptions".to_owned(),
            ..Resource::part(kind, "exec", &["create", "get"])
        });
        parts.push(Resource::part(kind, "log", &["get"]));
    }
    if kind.status {
        let verbs: &[_] = if kind.volatile {
            &["get"]
        } else {
            &["get", "patch", "update"]
        };
        parts.push(Resource::part(kind, "status", verbs));
    }
    parts
}

/// A group's version and its resources.
#[derive(Clone, Debug)]
struct Served {
    at: GroupVersion,
    resources: Vec<Resource>,
}

/// What is served.
#[derive(Clone, Debug)]
pub(crate) struct Discovery {
    served: Vec<Served>,
}

impl Discovery {
    /// What is known of `kinds`, in their order, and of the reviews.
    pub(crate) fn new(kinds: &Kinds) -> Self {
        let mut discovery = Self { served: Vec::new() };
        for kind in kinds.iter() {
            let at = GroupVersion::new(&kind.group, &kind.version);
            discovery.add(at, Resource::of_kind(kind));
        }
        for review in &REVIEWS {
            let resource = Resource {
                plural: review.plural.to_owned(),
                singular: review.kind.to_lowercase(),
                kind: review.kind.to_owned(),
                verbs: vec!["create"],
                ..Resource::default()
            };
            discovery.add(GroupVersion::new(review.group, "v1"), resource);
        }
        discovery
    }

    fn add(&mut self, at: GroupVersion, resource: Resource) {
        match self.served.iter_mut().find(|served| served.at == at) {
            Some(served) => served.resources.push(resource),
            None => self.served.push(Served {
                at,
                resources: vec![resource],
            }),
        }
    }

    /// The versions that are served.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &GroupVersion> {
        self.served.iter().map(|served| &served.at)
    }

    /// `/api`.
    pub(crate) fn core(&self, headers: &HeaderMap) -> Result<Response, Failure> {
        self.root(headers, true)
    }

    /// `/apis`.
    pub(crate) fn groups(&self, headers: &HeaderMap) -> Result<Response, Failure> {
        self.root(headers, false)
    }

    fn root(&self, headers: &HeaderMap, core: bool) -> Result<Response, Failure> {
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        match negotiate::discovery(accept)? {
            DiscoveryShape::Aggregated("v2") => Ok(cacheable(
                headers,
                AGGREGATED_V2,
                &self.aggregated("v2", core),
            )),
            DiscoveryShape::Aggregated(_) => Ok(cacheable(
                headers,
                AGGREGATED_V2BETA1,
                &self.aggregated("v2beta1", core),
            )),
            DiscoveryShape::Legacy if core => {
                let versions: Vec<&str> = self.of_core().map(|at| at.version.as_str()).collect();
                Ok(plain(&json!({
                    "kind": "APIVersions", "versions": versions,
                    "serverAddressByClientCIDRs": [],
                })))
            }
            DiscoveryShape::Legacy => {
                let groups: Vec<Value> =
                    self.names().map(|group| self.legacy_group(group)).collect();
                Ok(plain(&json!({
                    "kind": "APIGroupList", "apiVersion": "v1", "groups": groups,
                })))
            }
        }
    }

    /// `/apis/<group>`.
    pub(crate) fn group(&self, group: &str) -> Option<Response> {
        let known = self.names().any(|name| name == group);
        known.then(|| {
            let mut document = self.legacy_group(group);
            document["kind"] = json!("APIGroup");
            document["apiVersion"] = json!("v1");
            plain(&document)
        })
    }

    /// `/api/v1`, `/apis/<group>/<version>`.
    pub(crate) fn resources(&self, at: &GroupVersion) -> Option<Response> {
        let served = self.served.iter().find(|served| served.at == *at)?;
        let mut resources = Vec::new();
        for resource in &served.resources {
            resources.push(legacy(resource, &resource.plural));
            for part in &resource.subresources {
                let name = format!("{}/{}", resource.plural, part.plural);
                resources.push(legacy(part, &name));
            }
        }
        Some(plain(&json!({
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": at.api_version(), "resources": resources,
        })))
    }

    fn of_core(&self) -> impl Iterator<Item = &GroupVersion> {
        self.versions().filter(|at| at.group.is_empty())
    }

    /// The groups beside the core, each once, in the order of their first kind.
    fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = Vec::new();
        for at in self.versions() {
            if !at.group.is_empty() && !names.contains(&at.group.as_str()) {
                names.push(&at.group);
            }
        }
        names.into_iter()
    }

    fn of_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Served> {
        self.served
            .iter()
            .filter(move |served| served.at.group == group)
    }

    fn legacy_group(&self, group: &str) -> Value {
        let versions: Vec<Value> = self
            .of_group(group)
            .map(|served| json!({"groupVersion": served.at.api_version(), "version": served.at.version}))
            .collect();
        json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
    }

    fn aggregated(&self, version: &str, core: bool) -> Value {
        let groups: Vec<&str> = if core {
            vec![""]
        } else {
            self.names().collect()
        };
        let items: Vec<Value> = groups
            .into_iter()
            .map(|group| {
                let versions: Vec<Value> = self.of_group(group).map(aggregated_version).collect();
                // The core group has no name, and no metadata at all.
                let metadata = if group.is_empty() {
                    json!({"creationTimestamp": null})
                } else {
                    json!({"name": group, "creationTimestamp": null})
                };
                json!({"metadata": metadata, "versions": versions})
            })
            .collect();
        json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": format!("apidiscovery.k8s.io/{version}"),
            "metadata": {},
            "items": items,
        })
    }
}

const AGGREGATED_V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const AGGREGATED_V2BETA1: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

fn aggregated_version(served: &Served) -> Value {
    let resources: Vec<Value> = served
        .resources
        .iter()
        .map(|resource| {
            let subresources: Vec<Value> = resource
                .subresources
                .iter()
                .map(|part| {
                    json!({
                        "subresource": part.plural,
                        "responseKind": response_kind(&served.at, part),
                        "verbs": part.verbs,
                    })
                })
                .collect();
            let mut value = json!({
                "resource": resource.plural,
                "responseKind": response_kind(&served.at, resource),
                "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
                "singularResource": resource.singular,
                "verbs": resource.verbs,
            });
            if !resource.short_names.is_empty() {
                value["shortNames"] = json!(resource.short_names);
            }
            if !resource.categories.is_empty() {
                value["categories"] = json!(resource.categories);
            }
            if !subresources.is_empty() {
                value["subresources"] = json!(subresources);
            }
            value
        })
        .collect();
    json!({"version": served.at.version, "freshness": "Current", "resources": resources})
}

fn response_kind(at: &GroupVersion, resource: &Resource) -> Value {
    json!({"group": at.group, "version": at.version, "kind": resource.kind})
}

fn legacy(resource: &Resource, name: &str) -> Value {
    let mut value = json!({
        "name": name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        value["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        value["categories"] = json!(resource.categories);
    }
    value
}

fn plain(value: &Value) -> Response {
    reply::value(StatusCode::OK, negotiate::Format::Json, value)
}
