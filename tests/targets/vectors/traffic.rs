//! `serving-resources/traffic.json`: the targets of a Route resolved among the objects that exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use knative_core::Conditioned as _;
use knative_serving::api::{Configuration, Revision, Route, RouteStatus};
use knative_serving::config::{Config, Map};
use knative_serving::traffic::{
    Lookup, Resolution, Rollout, Traffic, resolve, status_traffic, visibility,
};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::children::read;
use crate::compare::same;

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    crate::load::trials(dir, "serving-resources/traffic.json", run)
}

/// A Route and all that exists around it.
pub(crate) struct Fixture {
    pub(crate) route: Route,
    pub(crate) config: Config,
    services: Vec<v1::Service>,
    configurations: Vec<Arc<Configuration>>,
    revisions: Vec<Arc<Revision>>,
}

impl Fixture {
    pub(crate) fn new(case: &Value) -> Result<Self, Failed> {
        Ok(Self {
            route: read(&case["route"])?,
            config: config(&case["config"])?,
            services: read::<Option<_>>(&case["services"])?.unwrap_or_default(),
            configurations: read::<Option<_>>(&case["configurations"])?.unwrap_or_default(),
            revisions: read::<Option<_>>(&case["revisions"])?.unwrap_or_default(),
        })
    }

    pub(crate) fn resolve(&self) -> Resolution {
        resolve(&self.route, self)
    }

    pub(crate) fn visibility(
        &self,
    ) -> Result<BTreeMap<String, knative_serving::traffic::Visibility>, Failed> {
        Ok(visibility(&self.route, &self.config, &self.services)?)
    }
}

impl Lookup for Fixture {
    fn configuration(&self, name: &str) -> Option<Arc<Configuration>> {
        let meta = |found: &&Arc<Configuration>| {
            found.metadata.namespace == self.route.metadata.namespace
                && found.metadata.name.as_deref() == Some(name)
        };
        self.configurations.iter().find(meta).cloned()
    }

    fn revision(&self, name: &str) -> Option<Arc<Revision>> {
        let meta = |found: &&Arc<Revision>| {
            found.metadata.namespace == self.route.metadata.namespace
                && found.metadata.name.as_deref() == Some(name)
        };
        self.revisions.iter().find(meta).cloned()
    }
}

/// The config maps of a case.
pub(crate) fn config(maps: &Value) -> Result<Config, Failed> {
    let mut config = Config::default();
    let of = |name: &str| read::<Option<BTreeMap<String, String>>>(&maps[name]);
    config.set(Map::Domain, &of("config-domain")?.unwrap_or_default())?;
    config.set(Map::Network, &of("config-network")?.unwrap_or_default())?;
    config.set(Map::Features, &of("config-features")?.unwrap_or_default())?;
    Ok(config)
}

fn run(case: &Value) -> Result<(), Failed> {
    let fixture = Fixture::new(case)?;
    let want = &case["want"];
    let resolution = fixture.resolve();
    same_references(&resolution, want)?;
    same("conditions", &conditions(&resolution)?, &want["conditions"])?;
    match &resolution.outcome {
        Ok(traffic) => same_traffic(&fixture, traffic, want),
        Err(error) => {
            let got = json!({ "text": error.to_string(), "is_failure": error.is_failure() });
            same("error", &got, &want["error"])
        }
    }
}

fn same_references(resolution: &Resolution, want: &Value) -> Result<(), Failed> {
    let references = &resolution.references;
    let configurations: Vec<_> = references.configurations.keys().collect();
    let revisions: Vec<_> = references.revisions.keys().collect();
    same(
        "configurations",
        &json!(configurations),
        &want["configurations"],
    )?;
    same("revisions", &json!(revisions), &want["revisions"])?;
    same("missing", &json!(references.missing), &want["missing"])
}

/// The conditions of a fresh status after this result alone; the recorded ones have no times.
fn conditions(resolution: &Resolution) -> Result<Value, Failed> {
    let mut status = RouteStatus::default();
    status.initialize_conditions(Timestamp::UNIX_EPOCH);
    match &resolution.outcome {
        Ok(_) => status.mark_traffic_assigned(Timestamp::UNIX_EPOCH),
        Err(error) => error.mark(&mut status, Timestamp::UNIX_EPOCH),
    }
    let mut conditions = serde_json::to_value(status.conditions)?;
    for condition in conditions.as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = Value::Null;
    }
    Ok(conditions)
}

fn same_traffic(fixture: &Fixture, traffic: &Traffic, want: &Value) -> Result<(), Failed> {
    if !want["error"].is_null() {
        return Err(format!("resolved, want {}", want["error"]).into());
    }
    let visibility = fixture.visibility()?;
    let status = status_traffic(&fixture.route, traffic, &visibility, &fixture.config)?;
    same(
        "targets",
        &absent_if_empty(json!(traffic.targets)),
        &want["targets"],
    )?;
    same("visibility", &json!(visibility), &want["visibility"])?;
    same(
        "status traffic",
        &absent_if_empty(json!(status)),
        &want["status_traffic"],
    )?;
    same("rollout", &json!(Rollout::goal(traffic)), &want["rollout"])
}

fn absent_if_empty(value: Value) -> Value {
    match &value {
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(members) if members.is_empty() => Value::Null,
        _ => value,
    }
}
