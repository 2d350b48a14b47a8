//! `/metrics`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::Method;
use knative_core::metrics::{Collect, Exposition};
use serde_json::json;

use crate::harness::Harness;

#[derive(Debug, Default)]
struct Calls(AtomicU64);

impl Collect for Calls {
    fn collect(&self, exposition: &mut Exposition) {
        exposition
            .counter("calls_total", "Calls.")
            .number(&[], self.0.load(Ordering::Relaxed));
    }
}

#[tokio::test]
async fn tells_the_numbers_of_now() {
    let api = Harness::new();
    let calls = Arc::new(Calls::default());
    api.metrics.register(calls.clone());
    for count in 0..2 {
        // What kubectl accepts of `get --raw`.
        let answer = api.get_as("/metrics", "application/json, */*").await;
        let answer = answer.expect(200);
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let want =
            format!("# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total {count}\n");
        assert_eq!(answer.text(), want);
        calls.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn is_only_read() {
    let api = Harness::new();
    let answer = api.write(Method::POST, "/metrics", &json!({})).await;
    answer.refusal(405, "MethodNotAllowed");
}
