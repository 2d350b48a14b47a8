//! The access log.

use std::{
    fmt::{self, Write as _},
    sync::atomic::AtomicU64,
    time::Duration,
};

use parking_lot::Mutex;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::*;
use crate::gateway::ACCESS_LOG;

/// Keeps the events of one target.
#[derive(Default)]
struct Keep {
    lines: Arc<Mutex<Vec<String>>>,
    spans: AtomicU64,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Keep {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == ACCESS_LOG
    }

    fn new_span(&self, _attributes: &span::Attributes<'_>) -> span::Id {
        let next = self
            .spans
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        span::Id::from_u64(next + 1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().push(line.0);
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn each_request_is_one_line_once_its_response_ended() {
    let keep = Keep::default();
    let lines = Arc::clone(&keep.lines);
    let _listening = tracing::subscriber::set_default(keep);
    let (gateway, handle) = gateway(|_| {});
    let slow = boxed(tower::service_fn(|_request: Request| async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        Ok::<_, Infallible>(Response::new(Body::from("four")))
    }));
    handle.observe(&ready("a", Endpoint::Service(slow)));
    let mut request = get("hello");
    let agent = http::HeaderValue::from_static("test/1");
    request.headers_mut().insert("user-agent", agent);
    let response = gateway.clone().oneshot(request).await.unwrap();
    assert!(lines.lock().is_empty());
    text(response).await;
    let lines = lines.lock().clone();
    assert_eq!(lines.len(), 1);
    for part in [
        "requestMethod=GET",
        "requestUrl=http://hello/",
        "status=200",
        "responseSize=4",
        "userAgent=\"test/1\"",
        "revision=\"default/hello\"",
        "latency=\"1.5s\"",
        "protocol=HTTP/1.1",
    ] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
}
