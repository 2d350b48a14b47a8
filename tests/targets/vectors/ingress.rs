//! `serving-resources/ingress.json`: the Ingress of a Route, and the Services that make its names resolve.

use std::path::Path;

use knative_serving::api::networking::{Http01Challenge, Ingress, IngressTls};
use knative_serving::reconcile::route::plan::{
    IngressInput, PlanError, ingress, placeholder_service, service,
};
use knative_serving::traffic::Rollout;
use libtest_mimic::{Failed, Trial};
use serde::Serialize;
use serde_json::{Value, json};

use crate::children::read;
use crate::compare::same;
use crate::traffic::{Fixture, config};

/// Kinds of cases that are covered.
const KINDS: [&str; 3] = ["ingress", "placeholder-service", "service"];

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let keep = |case: &Value| KINDS.contains(&kind(case));
    crate::load::trials_where(dir, "serving-resources/ingress.json", keep, run)
}

fn kind(case: &Value) -> &str {
    case["kind"].as_str().unwrap_or_default()
}

fn run(case: &Value) -> Result<(), Failed> {
    match kind(case) {
        "ingress" => route_ingress(case),
        "placeholder-service" => route_placeholder(case),
        "service" => route_service(case),
        other => Err(format!("no kind {other}").into()),
    }
}

fn route_ingress(case: &Value) -> Result<(), Failed> {
    let fixture = Fixture::new(case)?;
    let traffic = fixture.resolve().outcome?;
    let goal = Rollout::goal(&traffic);
    let rollout: Option<Rollout> = read(&case["rollout"])?;
    let tls: Option<Vec<IngressTls>> = read(&case["tls"])?;
    let made = ingress(&IngressInput {
        route: &fixture.route,
        traffic: &traffic,
        visibility: &fixture.visibility()?,
        rollout: rollout.as_ref().unwrap_or(&goal),
        config: &fixture.config,
        class: case["ingress_class"].as_str().unwrap_or_default(),
        tls: &tls.unwrap_or_default(),
        challenges: &challenges(&case["acme_challenges"])?,
    });
    same_result("ingress", made, &case["want"])
}

fn challenges(recorded: &Value) -> Result<Vec<Http01Challenge>, Failed> {
    let challenge = |recorded: &Value| {
        read(&json!({
            "url": recorded["url"],
            "serviceName": recorded["service_name"],
            "serviceNamespace": recorded["service_namespace"],
            "servicePort": recorded["service_port"],
        }))
    };
    recorded
        .as_array()
        .into_iter()
        .flatten()
        .map(challenge)
        .collect()
}

fn route_placeholder(case: &Value) -> Result<(), Failed> {
    let route = read(&case["route"])?;
    let tag = case["tag"].as_str().unwrap_or_default();
    let made = placeholder_service(&route, tag, &config(&case["config"])?);
    same_result("service", made, &case["want"])
}

fn route_service(case: &Value) -> Result<(), Failed> {
    let route: knative_serving::api::Route = read(&case["route"])?;
    let tag = case["tag"].as_str().unwrap_or_default();
    let mut ingress = Ingress {
        status: read(&case["ingress_status"])?,
        ..Ingress::default()
    };
    ingress.metadata.name.clone_from(&route.metadata.name);
    let is_private = case["is_private"] == true;
    match service(&route, tag, &ingress, is_private, &config(&case["config"])?) {
        Ok(pair) => {
            let want = &case["want"];
            same_object("endpoints", &pair.endpoints, &want["endpoints"])?;
            same_object("service", &pair.service, &want["service"])
        }
        Err(error) => same("error", &json!(error.to_string()), &case["want"]["error"]),
    }
}

fn same_result(
    what: &str,
    made: Result<impl Serialize, PlanError>,
    want: &Value,
) -> Result<(), Failed> {
    match made {
        Ok(made) => same_object(what, &made, &want[what]),
        Err(error) => same("error", &json!(error.to_string()), &want["error"]),
    }
}

/// Go prints a target port that is not set as 0, and a status that is empty.
fn same_object(what: &str, got: &impl Serialize, want: &Value) -> Result<(), Failed> {
    let mut want = want.clone();
    if let Some(members) = want.as_object_mut() {
        members.remove("status");
    }
    let ports = want
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut);
    for port in ports
        .into_iter()
        .flatten()
        .filter(|port| port["targetPort"] == 0)
    {
        port["targetPort"] = Value::Null;
    }
    crate::children::same_object(what, got, &want)
}
