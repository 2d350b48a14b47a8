//! `serving/service-to-children.json`, `configuration-to-revision.json` and `revision-to-objects.json`: objects that
//! are made for others, and their names.

use std::path::Path;

use jiff::Timestamp;
use knative_serving::api::{Configuration, Service};
use knative_serving::reconcile::{configuration, names, service};
use libtest_mimic::{Failed, Trial};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::compare::same;
use crate::load;

const NOW: &str = "2026-01-02T03:04:05Z";

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let mut trials = load::trials(dir, "serving/service-to-children.json", service_to_children);
    let revisions = "serving/configuration-to-revision.json";
    trials.extend(load::trials(dir, revisions, configuration_to_revision));
    trials.extend(load::trials(
        dir,
        "serving/revision-to-objects.json",
        object_names,
    ));
    trials
}

fn service_to_children(case: &Value) -> Result<(), Failed> {
    let input: Service = read(&case["input"])?;
    let existing: Option<Configuration> = read(&case["existing"])?;
    let configuration = service::plan::configuration(&input, existing.as_ref());
    same_object("configuration", &configuration, &case["configuration"])?;
    same_object("route", &service::plan::route(&input), &case["route"])
}

fn configuration_to_revision(case: &Value) -> Result<(), Failed> {
    let input: Configuration = read(&case["input"])?;
    let revision = configuration::plan::revision(&input, NOW.parse::<Timestamp>()?);
    let want = case["revision"].to_string().replace("<time>", NOW);
    same_object("revision", &revision, &serde_json::from_str(&want)?)
}

fn object_names(case: &Value) -> Result<(), Failed> {
    let input = &case["input"];
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let (name, uid) = (text("name"), text("uid"));
    let got = match text("kind") {
        "Revision" => of_revision(name, &input["containers"]),
        "Route" => of_route(name, text("namespace"), uid, &input["tags"]),
        "DomainMapping" => json!({
            "certificate": names::domain_mapping_certificate(name),
            "ingress": names::domain_mapping_ingress(name),
        }),
        "WildcardCertificate" => json!({ "certificate": names::wildcard_certificate(name) }),
        other => return Err(format!("no kind {other}").into()),
    };
    same("names", &got, &case["names"])
}

fn of_revision(name: &str, containers: &Value) -> Value {
    let containers = containers
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let images: Vec<String> = containers
        .map(|container| names::image(name, container))
        .collect();
    let pod_autoscaler = names::pod_autoscaler(name);
    let serverless_service = names::serverless_service(&pod_autoscaler);
    json!({
        "deployment": names::deployment(name),
        "imageCache": names::image_cache(name),
        "images": images,
        "podAutoscaler": pod_autoscaler,
        "privateService": names::private_service(&serverless_service),
        "publicService": names::public_service(&serverless_service),
        "serverlessService": serverless_service,
    })
}

fn of_route(name: &str, namespace: &str, uid: &str, tags: &Value) -> Value {
    let by_tag = |named: fn(&str, &str) -> String| -> Map<String, Value> {
        let tags = tags
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        tags.map(|tag| (tag.to_owned(), named(uid, tag).into()))
            .collect()
    };
    json!({
        "certificate": names::route_certificate(uid, ""),
        "certificateByTag": by_tag(names::route_certificate),
        "clusterLocalCertificateByTag": by_tag(names::route_cluster_local_certificate),
        "ingress": names::route_ingress(name),
        "service": names::route_service(name),
        "serviceHost": names::route_service_host(name, namespace, "cluster.local"),
    })
}

pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failed> {
    Ok(serde_json::from_value(value.clone())?)
}

/// Compares an object with a recorded one, which lacks `apiVersion` and `kind`.
pub(crate) fn same_object(what: &str, got: &impl Serialize, want: &Value) -> Result<(), Failed> {
    let mut got = serde_json::to_value(got)?;
    if let Some(members) = got.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
    }
    same(what, &got, want)
}
