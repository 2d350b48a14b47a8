//! `serving/KIND-{create,update}.json` of Service, Configuration, Revision, Route and DomainMapping.

use std::collections::BTreeMap;
use std::path::Path;

use knative_core::admission::FieldErrors;
use knative_serving::api::admission::{AdmissionConfig, Admit, Context, Operation};
use knative_serving::api::{Configuration, DomainMapping, Revision, Route, Service};
use knative_serving::config::{Autoscaler, Defaults, Features};
use libtest_mimic::{Failed, Trial};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{compare, load};

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    kind::<Service>(dir, "service", &mut trials);
    kind::<Configuration>(dir, "configuration", &mut trials);
    kind::<Revision>(dir, "revision", &mut trials);
    kind::<Route>(dir, "route", &mut trials);
    kind::<DomainMapping>(dir, "domainmapping", &mut trials);
    trials
}

/// The trials of one kind.
pub(crate) fn kind<K: Admit + Serialize + DeserializeOwned + 'static>(
    dir: &Path,
    name: &str,
    trials: &mut Vec<Trial>,
) {
    trials.extend(load::trials(
        dir,
        &format!("serving/{name}-create.json"),
        create::<K>,
    ));
    trials.extend(load::trials(
        dir,
        &format!("serving/{name}-update.json"),
        update::<K>,
    ));
}

fn create<K: Admit + Serialize + DeserializeOwned>(case: &Value) -> Result<(), Failed> {
    let config = config(&case["config"])?;
    let context = Context {
        config: &config,
        user: Some("alice"),
        operation: Operation::Create,
    };
    let mut object: K = decode(&case["input"])?;
    if case["panics"] == "defaulting" {
        object.set_defaults(&context);
        return refused(&object.validate(&context));
    }
    object.set_defaults(&context);
    compare::same(
        "defaulted",
        &serde_json::to_value(&object)?,
        &case["defaulted"],
    )?;
    texts(&object.validate(&context), case)
}

fn update<K: Admit + Serialize + DeserializeOwned>(case: &Value) -> Result<(), Failed> {
    let config = config(&case["config"])?;
    let old: K = decode(&case["old"])?;
    let context = Context {
        config: &config,
        user: case["user"].as_str(),
        operation: Operation::Update {
            old: &old,
            subresource: case["subresource"].as_str(),
        },
    };
    let mut object: K = decode(&case["new"])?;
    object.set_defaults(&context);
    compare::same(
        "defaulted",
        &serde_json::to_value(&object)?,
        &case["defaulted"],
    )?;
    texts(&object.validate(&context), case)
}

fn decode<K: DeserializeOwned>(object: &Value) -> Result<K, Failed> {
    serde_json::from_value(object.clone()).map_err(|error| format!("{error}: {object:#}").into())
}

fn config(maps: &Value) -> Result<AdmissionConfig, Failed> {
    let map = |name: &str| -> Result<BTreeMap<String, String>, Failed> {
        let data = maps.get(name).cloned().unwrap_or_default();
        Ok(serde_json::from_value::<Option<_>>(data)?.unwrap_or_default())
    };
    Ok(AdmissionConfig {
        defaults: Defaults::parse(&map("config-defaults")?)?.into(),
        features: Features::parse(&map("config-features")?)?.into(),
        autoscaler: Autoscaler::parse(&map("config-autoscaler")?)?.into(),
        ..AdmissionConfig::default()
    })
}

fn refused(findings: &FieldErrors) -> Result<(), Failed> {
    match findings.clone().into_result() {
        Ok(()) => Err("accepted, but should be refused".into()),
        Err(_) => Ok(()),
    }
}

fn texts(findings: &FieldErrors, case: &Value) -> Result<(), Failed> {
    let errors = findings
        .clone()
        .into_result()
        .err()
        .map(|errors| errors.to_string());
    text("error", &errors.unwrap_or_default(), &case["error"])?;
    text(
        "warnings",
        &findings.warnings().join("\n"),
        &case["warnings"],
    )
}

/// Lines with a memory address cannot be compared.
fn text(what: &str, got: &str, want: &Value) -> Result<(), Failed> {
    let want = want.as_str().unwrap_or_default();
    let (got_lines, want_lines) = (got.split('\n'), want.split('\n'));
    let same = got_lines.clone().count() == want_lines.clone().count()
        && got_lines
            .zip(want_lines)
            .all(|(got, want)| want.contains("<pointer>") || got == want);
    if same {
        Ok(())
    } else {
        Err(format!("{what} differs\n got: {got}\nwant: {want}").into())
    }
}
