//! What runs instances does not answer.

use std::{sync::Arc, time::Duration};

use http::header::RETRY_AFTER;
use knative_core::runtime::{Instance, InstanceState, StartError};

use super::*;

fn without_backend(failures: u32) -> Observation {
    let error = StartError::BackendGone {
        message: "connection refused".to_owned(),
        source: None,
    };
    let id = InstanceId::new("a");
    let mut instance = Instance::starting(id, workload("hello"), Timestamp::UNIX_EPOCH);
    instance.state = InstanceState::BackingOff {
        error: Arc::new(error),
        failures,
        until: Timestamp::UNIX_EPOCH,
        others_run: false,
    };
    Observation::Instance(Arc::new(instance))
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_told_to_come_again() {
    let (gateway, handle) = gateway(|_| {});
    let failing = async {
        handle.demand().await;
        handle.observe(&without_backend(1));
        assert_eq!(handle.waiting(&key("hello")), 1, "another try may succeed");
        tokio::time::sleep(Duration::from_secs(1)).await;
        handle.observe(&without_backend(2));
    };
    let (response, ()) = tokio::join!(gateway.clone().oneshot(get("hello")), failing);
    let response = response.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(RETRY_AFTER));
    handle.observe(&ready("b", Endpoint::Service(says("back"))));
    assert_eq!(call(&gateway, get("hello")).await.1, "back");
}
