//! `serving-resources/conditions.json`: sequences of changes to the status of an object, one second apart.

mod calls;
mod go_format;

use std::path::Path;

use jiff::Timestamp;
use knative_core::{Condition, Conditioned};
use knative_serving::api::autoscaling::{Metric, MetricStatus, PodAutoscaler, PodAutoscalerStatus};
use knative_serving::api::networking::{
    Certificate, CertificateStatus, Ingress, IngressStatus, ServerlessService,
    ServerlessServiceStatus,
};
use knative_serving::api::{
    Configuration, ConfigurationStatus, DomainMapping, DomainMappingStatus, Revision,
    RevisionStatus, Route, RouteStatus, Service, ServiceStatus,
};
use libtest_mimic::{Failed, Trial};
use serde::Serialize;
use serde_json::{Value, json};

use self::calls::Call;
use crate::compare;

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    crate::load::trials(dir, "serving-resources/conditions.json", run)
}

fn run(case: &Value) -> Result<(), Failed> {
    match case["type"].as_str().unwrap_or_default() {
        "Text" => calls::text(case),
        "Certificate" => replay::<Certificate>(case, calls::certificate),
        "Configuration" => replay::<Configuration>(case, calls::configuration),
        "DomainMapping" => replay::<DomainMapping>(case, calls::domain_mapping),
        "Ingress" => replay::<Ingress>(case, calls::ingress),
        "Metric" => replay::<Metric>(case, calls::metric),
        "PodAutoscaler" => replay::<PodAutoscaler>(case, calls::pod_autoscaler),
        "Revision" => replay::<Revision>(case, calls::revision),
        "Route" => replay::<Route>(case, calls::route),
        "ServerlessService" => replay::<ServerlessService>(case, calls::serverless_service),
        "Service" => replay::<Service>(case, calls::service),
        other => Err(format!("no kind {other}").into()),
    }
}

/// An object whose status is being changed.
trait Object: Default {
    type Status: Conditioned + Default + Serialize;
    fn status(&mut self) -> &mut Self::Status;
    fn is_ready(&self) -> bool;
    fn is_failed(&self) -> bool;
}

macro_rules! objects {
    ($($kind:ident: $status:ident),* $(,)?) => {$(
        impl Object for $kind {
            type Status = $status;
            fn status(&mut self) -> &mut $status {
                self.status.get_or_insert_default()
            }
            fn is_ready(&self) -> bool {
                self.is_ready()
            }
            fn is_failed(&self) -> bool {
                self.is_failed()
            }
        }
    )*};
}
objects!(
    Certificate: CertificateStatus,
    Configuration: ConfigurationStatus,
    DomainMapping: DomainMappingStatus,
    Ingress: IngressStatus,
    Metric: MetricStatus,
    PodAutoscaler: PodAutoscalerStatus,
    Revision: RevisionStatus,
    Route: RouteStatus,
    ServerlessService: ServerlessServiceStatus,
    Service: ServiceStatus,
);

fn replay<K: Object>(
    case: &Value,
    apply: fn(&mut K::Status, &Call<'_>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut object = K::default();
    for (index, call) in case["calls"].as_array().into_iter().flatten().enumerate() {
        let second = i64::try_from(index)? + 1;
        let call = Call::new(call, Timestamp::from_second(second)?);
        if call.name() == "InitializeConditions" {
            object.status().initialize_conditions(call.now);
        } else {
            apply(object.status(), &call)?;
        }
        check(&mut object, &call).map_err(|error| {
            let message = error.message().unwrap_or_default().to_owned();
            Failed::from(format!("call {second}, {}: {message}", call.name()))
        })?;
    }
    Ok(())
}

fn check<K: Object>(object: &mut K, call: &Call<'_>) -> Result<(), Failed> {
    let Some(want) = call.want() else {
        return Ok(());
    };
    let got: Vec<Value> = object
        .status()
        .conditions()
        .iter()
        .map(as_recorded)
        .collect();
    let got = Value::Array(got);
    let want_conditions = go_format::undo(&want["conditions"], &got);
    compare::same("conditions", &got, &want_conditions)?;
    check_fields(&serde_json::to_value(object.status())?, &want["fields"])?;
    same_answer("ready", object.is_ready(), &want["ready"])?;
    same_answer("failed", object.is_failed(), &want["failed"])
}

fn check_fields(status: &Value, fields: &Value) -> Result<(), Failed> {
    for (name, want) in fields.as_object().into_iter().flatten() {
        compare::same(name, &json!({ name: status[name] }), &json!({ name: want }))?;
    }
    Ok(())
}

fn same_answer(what: &str, got: bool, want: &Value) -> Result<(), Failed> {
    match want.as_bool() {
        Some(want) if want != got => Err(format!("{what}: {got}, want {want}").into()),
        _ => Ok(()),
    }
}

fn as_recorded(condition: &Condition) -> Value {
    let time = condition.last_transition_time;
    let severity = condition.severity.map(|severity| format!("{severity:?}"));
    json!({
        "type": condition.r#type,
        "status": condition.status.as_str(),
        "severity": severity.unwrap_or_default(),
        "reason": condition.reason,
        "message": condition.message,
        "last_transition_t_s": time.map(Timestamp::as_second),
    })
}
