//! In process, under paused time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::future::join_all;
use knative_core::metrics::Registry;
use tokio::{sync::Semaphore, time::Instant};

use super::*;
use crate::gateway::QueueLimits;

/// Changes a revision's defaults.
type Change = fn(&mut RevisionConfig);

fn local(id: &str, service: HttpService) -> Observation {
    ready(id, Endpoint::Service(service))
}

/// Answers after `time`; counts how many requests it has at most.
fn slow(time: Duration, most: &Arc<AtomicUsize>) -> HttpService {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::clone(most));
    boxed(tower::service_fn(move |_request: Request| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(time).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Infallible>(Response::new(Body::from("slow")))
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn hosts_lead_to_services() {
    let (gateway, handle) = gateway(|_| {});
    handle.observe(&local("a", says("hi")));
    assert_eq!(
        call(&gateway, get("hello:80")).await,
        (StatusCode::OK, "hi".to_owned())
    );
    assert_eq!(call(&gateway, get("other")).await.0, StatusCode::NOT_FOUND);
    let nowhere = http::Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(call(&gateway, nowhere).await.0, StatusCode::BAD_REQUEST);
    handle.remove_revision(&key("hello"));
    assert_eq!(
        call(&gateway, get("hello")).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    handle.remove_ingress(&IngressKey::new("default", "hello"));
    assert_eq!(call(&gateway, get("hello")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_instance_and_tells_the_scaler() {
    let (gateway, handle) = gateway(|_| {});
    let waking = async {
        assert_eq!(handle.demand().await, key("hello"));
        assert_eq!(
            (handle.waiting(&key("hello")), handle.ready(&key("hello"))),
            (2, 0)
        );
        tokio::time::sleep(Duration::from_millis(40)).await;
        handle.observe(&local("a", says("awake")));
    };
    let start = Instant::now();
    let (one, two, ()) = tokio::join!(
        call(&gateway, get("hello")),
        call(&gateway, get("hello")),
        waking
    );
    assert_eq!((one.1.as_str(), two.1.as_str()), ("awake", "awake"));
    assert_eq!(start.elapsed(), Duration::from_millis(40));
    let starts = handle.cold_starts();
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0].waited, Duration::from_millis(40));
    assert_eq!(handle.metrics().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn what_requests_met_is_told() {
    let (gateway, handle) = gateway(|_| {});
    let registry = Registry::new();
    registry.register(Arc::new(handle.clone()));
    let tells = |lines: &[&str]| {
        let text = registry.render();
        for line in lines {
            assert!(text.lines().any(|told| told == *line), "{line} in {text}");
        }
    };
    let waking = async {
        handle.demand().await;
        tells(&[
            "knative_gateway_requests_waiting 1",
            "knative_gateway_requests_in_flight 1",
        ]);
        tokio::time::sleep(Duration::from_millis(40)).await;
        handle.observe(&local("a", says("awake")));
    };
    tokio::join!(call(&gateway, get("hello")), waking);
    call(&gateway, get("other")).await;
    tells(&[
        "knative_gateway_responses_total{code=\"200\"} 1",
        "knative_gateway_responses_total{code=\"404\"} 1",
        "knative_gateway_requests_waiting 0",
        "knative_gateway_requests_in_flight 0",
        "knative_gateway_retries_total 0",
        "knative_gateway_cold_start_duration_seconds_count 1",
        "knative_gateway_cold_start_duration_seconds_sum 0.04",
    ]);
}

#[tokio::test(start_paused = true)]
async fn instances_that_were_seen_before_their_revision_serve_it() {
    let (gateway, handle) = gateway(|_| {});
    handle.remove_revision(&key("hello"));
    handle.observe(&local("a", says("early")));
    handle.set_revision(&key("hello"), RevisionConfig::new(workload("hello")));
    assert_eq!(call(&gateway, get("hello")).await.1, "early");
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let (gateway, handle) = gateway(|config| config.timeout = Duration::from_secs(5));
    let start = Instant::now();
    let (status, text) = call(&gateway, get("hello")).await;
    assert_eq!(
        (status, text.as_str()),
        (StatusCode::GATEWAY_TIMEOUT, "activator request timeout")
    );
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(
        (
            handle.waiting(&key("hello")),
            handle.concurrency(&key("hello"))
        ),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_response_has_an_end() {
    let limits: [(&str, Change); 3] = [
        ("total", |config| config.timeout = Duration::from_secs(5)),
        ("start", |config| {
            config.response_start_timeout = Some(Duration::from_secs(5));
        }),
        ("idle", |config| {
            config.idle_timeout = Some(Duration::from_secs(5));
        }),
    ];
    for (name, limit) in limits {
        let (gateway, handle) = gateway(limit);
        handle.observe(&local("a", slow(Duration::from_secs(60), &Arc::default())));
        let start = Instant::now();
        let (status, text) = call(&gateway, get("hello")).await;
        assert_eq!(
            (status, text.as_str()),
            (StatusCode::GATEWAY_TIMEOUT, "request timeout"),
            "{name}"
        );
        assert_eq!(start.elapsed(), Duration::from_secs(5), "{name}");
        assert_eq!(handle.concurrency(&key("hello")), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_may_be_longer_than_any_clock_goes() {
    let (gateway, handle) = gateway(|config| {
        config.timeout = Duration::MAX;
        config.response_start_timeout = Some(Duration::MAX);
        config.idle_timeout = Some(Duration::MAX);
    });
    handle.observe(&local("a", slow(Duration::from_secs(60), &Arc::default())));
    assert_eq!(call(&gateway, get("hello")).await.0, StatusCode::OK);
    assert_eq!(handle.retire(&key("hello"), 1).drained().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_not_ready_for_a_while_keeps_its_requests() {
    let (gateway, handle) = gateway(|config| config.container_concurrency = 1);
    let most = Arc::default();
    let endpoint = || Endpoint::Service(slow(Duration::from_secs(10), &most));
    let again = ready("a", endpoint());
    handle.observe(&again);
    let busy = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let message = "too busy for a probe".to_owned();
        handle.observe(&instance("a", InstanceState::NotReady { message }));
        assert_eq!(handle.ready(&key("hello")), 0);
        handle.observe(&again);
        assert_eq!(handle.ready(&key("hello")), 1);
        let start = Instant::now();
        let second = call(&gateway, get("hello"));
        assert_eq!(second.await.0, StatusCode::OK);
        assert_eq!(start.elapsed(), Duration::from_secs(9 + 10));
    };
    tokio::join!(call(&gateway, get("hello")), busy);
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

/// A body of three parts, one each second.
fn ticking() -> HttpService {
    boxed(tower::service_fn(|_request: Request| async {
        let frames = futures::stream::unfold(0, |count| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let frame = http_body::Frame::data(bytes::Bytes::from_static(b"tick"));
            (count < 3).then_some((Ok::<_, Infallible>(frame), count + 1))
        });
        let body = http_body_util::StreamBody::new(frames);
        Ok::<_, Infallible>(Response::new(Body::new(body)))
    }))
}

#[tokio::test(start_paused = true)]
async fn a_body_is_cut_by_the_total_and_the_idle_time_only() {
    let rows: [(Change, bool); 4] = [
        (
            |config| config.response_start_timeout = Some(Duration::from_secs(1)),
            true,
        ),
        (
            |config| config.idle_timeout = Some(Duration::from_millis(1500)),
            true,
        ),
        (
            |config| config.idle_timeout = Some(Duration::from_millis(500)),
            false,
        ),
        (|config| config.timeout = Duration::from_millis(2500), false),
    ];
    for (limit, whole) in rows {
        let (gateway, handle) = gateway(limit);
        handle.observe(&local("a", ticking()));
        let response = gateway.oneshot(get("hello")).await.unwrap();
        let body = response.into_body().collect().await;
        assert_eq!(body.is_ok(), whole);
        assert_eq!(handle.concurrency(&key("hello")), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_limited_per_instance_and_nobody_starves() {
    let (gateway, handle) = gateway(|config| config.container_concurrency = 2);
    let most = [Arc::default(), Arc::default()];
    for (id, most) in ["a", "b"].into_iter().zip(&most) {
        handle.observe(&local(id, slow(Duration::from_secs(1), most)));
    }
    let start = Instant::now();
    let calls = (0..20).map(|_| call(&gateway, get("hello")));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert!(most.iter().all(|most| most.load(Ordering::SeqCst) == 2));
    let report = handle.report(&key("hello")).unwrap();
    // 20, 16, 12, 8 and 4 requests for a second each.
    assert_eq!((report.requests, report.average_concurrency), (20, 12.0));
}

#[tokio::test(start_paused = true)]
async fn overload_is_turned_away() {
    let (gateway, handle) = gateway(|config| {
        config.queue = QueueLimits {
            items: 1,
            bytes: 1 << 20,
        };
    });
    let first = call(&gateway, get("hello"));
    let second = async {
        assert_eq!(handle.demand().await, key("hello"));
        let response = gateway.clone().oneshot(get("hello")).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        handle.observe(&local("a", says("served")));
    };
    let (first, ()) = tokio::join!(biased; first, second);
    assert_eq!(first.1, "served");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_keeps_its_whole_body() {
    let (gateway, handle) = gateway(|_| {});
    let echo = boxed(tower::service_fn(|request: Request| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let part = "0123456789abcdef".repeat(1024);
    let parts = vec![part; 20];
    let sent: String = parts.concat();
    let frames = parts
        .into_iter()
        .map(|part| Ok::<_, Infallible>(http_body::Frame::data(part.into())));
    let body = Body::new(http_body_util::StreamBody::new(futures::stream::iter(
        frames,
    )));
    let request = http::Request::post("http://hello/").body(body).unwrap();
    let wake = async {
        handle.demand().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        handle.observe(&local("a", echo));
    };
    let ((_, got), ()) = tokio::join!(call(&gateway, request), wake);
    assert_eq!(got, sent);
}

#[tokio::test(start_paused = true)]
async fn a_retired_instance_ends_its_requests_and_takes_none() {
    let (gateway, handle) = gateway(|_| {});
    handle.observe(&local("a", slow(Duration::from_secs(3), &Arc::default())));
    handle.observe(&local("b", says("b")));
    let start = Instant::now();
    let busy = call(&gateway, get("hello"));
    let retire = async {
        // `b` is idle, so it goes first; `a` then has to end its request.
        let first = handle.retire(&key("hello"), 1);
        assert_eq!(first.instances(), [InstanceId::new("b")]);
        first.drained().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        let second = handle.retire(&key("hello"), 5);
        assert_eq!(handle.ready(&key("hello")), 0);
        // What a runtime says of it meanwhile does not bring it back.
        handle.observe(&local("a", says("again")));
        assert_eq!(handle.ready(&key("hello")), 0);
        assert_eq!(second.drained().await, [InstanceId::new("a")]);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        handle.restore(&key("hello"), &InstanceId::new("b"));
        assert_eq!(handle.ready(&key("hello")), 1);
        assert_eq!(call(&gateway, get("hello")).await.1, "b");
    };
    let (busy, ()) = tokio::join!(biased; busy, retire);
    assert_eq!(busy.1, "slow");
    handle.observe(&gone("a"));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_ready_takes_no_requests() {
    let (gateway, handle) = gateway(|_| {});
    handle.observe(&local("a", says("a")));
    let message = "probe failed".to_owned();
    handle.observe(&instance("a", InstanceState::NotReady { message }));
    assert_eq!(handle.ready(&key("hello")), 0);
    let wake = async {
        handle.demand().await;
        handle.observe(&local("a", says("back")));
    };
    let (answer, ()) = tokio::join!(call(&gateway, get("hello")), wake);
    assert_eq!(answer.1, "back");
}

#[tokio::test(start_paused = true)]
async fn dropped_requests_leave_the_queue_and_their_turn_to_others() {
    let (gateway, handle) = gateway(|config| config.container_concurrency = 1);
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let service = boxed(tower::service_fn(move |_request: Request| {
        let gate = Arc::clone(&held);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, Infallible>(Response::new(Body::from("passed")))
        }
    }));
    handle.observe(&local("a", service));
    let mut served = Box::pin(call(&gateway, get("hello")));
    let mut leaver = Box::pin(call(&gateway, get("hello")));
    let mut waiter = Box::pin(call(&gateway, get("hello")));
    for request in [&mut served, &mut leaver, &mut waiter] {
        assert!(futures::poll!(request).is_pending());
    }
    assert_eq!(handle.waiting(&key("hello")), 2);
    drop(leaver);
    assert_eq!(handle.waiting(&key("hello")), 1);
    gate.add_permits(1);
    assert_eq!(served.await.1, "passed");
    assert_eq!(handle.waiting(&key("hello")), 0);
    gate.add_permits(1);
    assert_eq!(waiter.await.1, "passed");
}

#[tokio::test(start_paused = true)]
async fn mounted_services_go_before_routes_until_they_are_dropped() {
    use knative_core::http::{Caller, FrontDoor, MountError};

    let (gateway, handle) = gateway(|_| {});
    handle.observe(&local("a", says("route")));
    let mounted = gateway.mount("Hello", "/broker", says("mount")).unwrap();
    let taken = gateway.mount("hello", "/broker", says("mount")).map(drop);
    assert!(matches!(taken, Err(MountError::Taken { .. })));
    let ask = async |path: &str| {
        let url = path.parse().unwrap();
        let response = gateway
            .call(&url, Request::new(Body::empty()))
            .await
            .unwrap();
        text(response).await
    };
    assert_eq!(ask("http://hello/broker/x").await, "mount");
    assert_eq!(ask("http://hello/").await, "route");
    drop(mounted);
    assert_eq!(ask("http://hello/broker/x").await, "route");
}
