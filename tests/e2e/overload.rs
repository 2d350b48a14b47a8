//! More requests than the platform may hold.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header::RETRY_AFTER};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use libtest_mimic::{Failed, Trial};
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{
    Outcome, ensure,
    platform::{Platform, service, until},
    trials as part,
};

/// As many streams as a connection may have, on so many connections, is more than the queue of a revision holds.
const CONNECTIONS: usize = 42;
const STREAMS: usize = 250;
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    part(
        "overload",
        [("a_full_queue_answers_503_with_retry_after", full_queue)],
    )
}

fn full_queue() -> Outcome {
    let platform = Platform::start()?;
    let one = json!({ "autoscaling.knative.dev/max-scale": "1" });
    let mut busy = service("busy", "example.local/hello", &[], &one);
    busy["spec"]["template"]["spec"]["containerConcurrency"] = json!(1);
    platform.apply(&busy)?;
    platform.ready("busy")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let refused = runtime.block_on(async { timeout(DEADLINE, first_refusal(&platform)).await })?;
    runtime.shutdown_background();
    let retry_after = refused?;
    ensure(retry_after.is_some_and(|seconds| seconds > 0), || {
        "no Retry-After".to_owned()
    })?;
    // The clients are gone: their places are free again.
    until("the queue to have room again", || {
        Ok(platform.call("busy.default.localhost", "/")?.status == 200)
    })
}

/// Sends until a request is refused, and answers with its `Retry-After`.
async fn first_refusal(platform: &Platform) -> Result<Option<u64>, Failed> {
    let mut requests = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(platform.gateway()).await?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        requests.spawn(async move {
            connection.await?;
            Ok(None)
        });
        for _ in 0..STREAMS {
            let mut sender = sender.clone();
            requests.spawn(async move {
                let request = Request::get("http://busy.default.localhost/?sleep=10000");
                let request = request
                    .body(Empty::<Bytes>::new())
                    .map_err(std::io::Error::other);
                let request = request.expect("a constant request is well formed");
                sender.send_request(request).await.map(Some)
            });
        }
    }
    while let Some(answered) = requests.join_next().await {
        if let Ok(Ok(Some(response))) = answered
            && response.status() == StatusCode::SERVICE_UNAVAILABLE
        {
            let value = response.headers().get(RETRY_AFTER);
            return Ok(value.and_then(|value| value.to_str().ok()?.parse().ok()));
        }
    }
    Err("no request was refused".into())
}
