//! The gateway as a whole: in process under paused time, and over real sockets.

mod access;
mod memory;
mod outage;
mod scope;
mod socket;

use std::{convert::Infallible, sync::Arc};

use http::StatusCode;
use http_body_util::BodyExt;
use jiff::Timestamp;
use knative_core::{
    Ids,
    http::{Body, Endpoint, HttpService, Request, Response, boxed},
    runtime::{Instance, InstanceId, InstanceState, Observation, WorkloadId},
};
use tower::ServiceExt;

use super::{Gateway, GatewayHandle, IngressKey, RevisionConfig, RevisionKey};
use crate::api::networking::ingress::{
    HttpIngressPath, HttpIngressRuleValue, IngressBackendSplit, IngressRule, IngressSpec,
};

pub(super) fn key(name: &str) -> RevisionKey {
    RevisionKey::new("default", name)
}

fn workload(name: &str) -> WorkloadId {
    WorkloadId::new("default", format!("{name}-deployment"))
}

/// An Ingress of one host whose only path leads to some revisions.
pub(super) fn ingress(host: &str, splits: &[(&str, i64)]) -> IngressSpec {
    let split = |(name, percent): &(&str, i64)| IngressBackendSplit {
        service_namespace: "default".to_owned(),
        service_name: (*name).to_owned(),
        percent: *percent,
        ..IngressBackendSplit::default()
    };
    let path = HttpIngressPath {
        splits: splits.iter().map(split).collect(),
        ..HttpIngressPath::default()
    };
    IngressSpec {
        rules: vec![IngressRule {
            hosts: vec![host.to_owned()],
            http: Some(HttpIngressRuleValue { paths: vec![path] }),
            ..IngressRule::default()
        }],
        ..IngressSpec::default()
    }
}

/// A gateway with one revision `hello` at host `hello`.
fn gateway(change: impl FnOnce(&mut RevisionConfig)) -> (Gateway, GatewayHandle) {
    let gateway = Gateway::new(Arc::new(Ids::seeded(1)));
    let handle = gateway.handle();
    let mut config = RevisionConfig::new(workload("hello"));
    change(&mut config);
    handle.set_revision(&key("hello"), config);
    handle.set_ingress(
        &IngressKey::new("default", "hello"),
        &ingress("hello", &[("hello", 100)]),
    );
    (gateway, handle)
}

fn instance(id: &str, state: InstanceState) -> Observation {
    let id = InstanceId::new(id);
    let mut instance = Instance::starting(id, workload("hello"), Timestamp::UNIX_EPOCH);
    instance.state = state;
    Observation::Instance(Arc::new(instance))
}

fn ready(id: &str, endpoint: Endpoint) -> Observation {
    instance(id, InstanceState::Ready { endpoint })
}

fn gone(id: &str) -> Observation {
    Observation::Gone {
        id: InstanceId::new(id),
        workload: workload("hello"),
    }
}

/// Answers every request by its own text.
fn says(text: &'static str) -> HttpService {
    let answer =
        move |_request| async move { Ok::<_, Infallible>(Response::new(Body::from(text))) };
    boxed(tower::service_fn(answer))
}

fn get(host: &str) -> Request {
    let uri = format!("http://{host}/");
    http::Request::get(uri).body(Body::empty()).unwrap()
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Calls the gateway in process; answers with status and body.
async fn call(gateway: &Gateway, request: Request) -> (StatusCode, String) {
    let response = gateway.clone().oneshot(request).await.unwrap();
    (response.status(), text(response).await)
}
