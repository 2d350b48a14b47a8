use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use knative_core::runtime::{ImageStore as _, StartError};
use serde_json::json;

use super::*;
use crate::image::testing::{Answer, images};

const ID: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn container(image: &str, pull_policy: PullPolicy) -> ContainerSpec {
    let mut container = ContainerSpec::default();
    container.image = image.to_owned();
    container.pull_policy = pull_policy;
    container
}

fn ok(body: &serde_json::Value) -> Answer {
    (200, body.to_string())
}

fn missing() -> Answer {
    (404, json!({"message": "no such image"}).to_string())
}

fn pinned() -> String {
    format!("r.dev/app@{ID}")
}

#[tokio::test]
async fn a_pinned_image_that_is_here_costs_one_call_and_then_none() {
    let (images, calls) = images(|_| ok(&json!({"Id": ID}))).await;
    let container = container(&pinned(), PullPolicy::Always);
    for _ in 0..2 {
        let image = images.ensure(&container, &[]).await.unwrap();
        assert_eq!(image, pinned());
    }
    assert_eq!(calls.take(), [format!("GET /images/{}/json", pinned())]);
    images.forget(&pinned());
    images.ensure(&container, &[]).await.unwrap();
    assert_eq!(calls.take().len(), 1);
}

#[tokio::test]
async fn an_image_that_only_the_engine_has_starts_by_its_id() {
    let by_id = format!("GET /images/{ID}/json");
    let (images, calls) = images(move |call| {
        if call == by_id {
            ok(&json!({"Id": ID}))
        } else {
            missing()
        }
    })
    .await;
    let container = container(&pinned(), PullPolicy::IfNotPresent);
    for _ in 0..2 {
        assert_eq!(images.ensure(&container, &[]).await.unwrap(), ID);
    }
    assert_eq!(calls.take().len(), 2);
}

#[tokio::test]
async fn never_does_not_pull() {
    let (images, calls) = images(|_| missing()).await;
    let never = container("dev.local/none:1", PullPolicy::Never);
    let error = images.ensure(&never, &[]).await.unwrap_err();
    assert_eq!(error.reason(), "ErrImageNeverPull");
    assert_eq!(
        error.to_string(),
        "Container image \"dev.local/none:1\" is not present with pull policy of Never"
    );
    assert_eq!(calls.take(), ["GET /images/dev.local/none:1/json"]);
}

#[tokio::test]
async fn always_pulls_a_tag_that_is_here() {
    let (images, calls) = images(|_| ok(&json!({"Id": ID}))).await;
    let always = container("r.dev/app:1", PullPolicy::Always);
    for _ in 0..2 {
        images.ensure(&always, &[]).await.unwrap();
    }
    let calls = calls.take();
    let pulls = calls.iter().filter(|call| call.starts_with("POST"));
    assert_eq!((calls.len(), pulls.count()), (2, 2));
}

#[tokio::test]
async fn starts_that_need_one_image_wait_for_one_pull() {
    let (images, calls) = images(|call| {
        if call.starts_with("POST") {
            // As long as a pull takes: who reads credentials meanwhile is no later than it.
            std::thread::sleep(Duration::from_millis(100));
            ok(&json!({"status": "Pulling from app", "id": "1"}))
        } else {
            missing()
        }
    })
    .await;
    let container = container("r.dev/app:1", PullPolicy::Always);
    let starts = join_all((0..25).map(|_| images.ensure(&container, &[]))).await;
    assert!(starts.iter().all(Result::is_ok));
    assert_eq!(calls.take().len(), 1);
}

#[tokio::test]
async fn failed_pulls_have_a_kubelets_reason_and_the_engines_words() {
    let rows = [
        (
            404,
            "manifest for r.dev/app:1 not found: manifest unknown: manifest unknown",
            "Back-off pulling image \"r.dev/app:1\": ErrImagePull: it is not known: neither the engine nor its registry has it",
        ),
        (
            500,
            "Get \"https://r.dev/v2/\": dial tcp: lookup r.dev: no such host",
            "Back-off pulling image \"r.dev/app:1\": ErrImagePull: failed to pull image \"r.dev/app:1\": Get \"https://r.dev/v2/\": dial tcp: lookup r.dev: no such host",
        ),
    ];
    for (status, message, want) in rows {
        let (images, _) = images(move |call| {
            if call.starts_with("POST") {
                (status, json!({"message": message}).to_string())
            } else {
                missing()
            }
        })
        .await;
        let container = container("r.dev/app:1", PullPolicy::IfNotPresent);
        let error = images.ensure(&container, &[]).await.unwrap_err();
        assert_eq!(error.reason(), "ImagePullBackOff");
        assert!(error.to_string().starts_with(want), "{error}");
    }
}

#[tokio::test]
async fn a_malformed_reference_is_refused_without_asking() {
    let (images, calls) = images(|_| missing()).await;
    let container = container("r.dev/../../containers", PullPolicy::IfNotPresent);
    let error = images.ensure(&container, &[]).await.unwrap_err();
    assert!(matches!(
        error,
        StartError::Config {
            reason: "InvalidImageName",
            ..
        }
    ));
    assert_eq!(calls.take(), Vec::<String>::new());
}

#[tokio::test]
async fn an_engine_that_cannot_ask_registries_pulls_to_resolve() {
    let pulled = Arc::new(AtomicBool::new(false));
    let (images, _) = images(move |call| match call {
        call if call.contains("/distribution/") => (404, "Not Found\n".to_owned()),
        call if call.starts_with("POST /images/create") => {
            pulled.store(true, SeqCst);
            ok(&json!({"status": "Pulling from app"}))
        }
        _ if pulled.load(SeqCst) => ok(&json!({"Id": ID, "RepoDigests": [pinned()]})),
        _ => missing(),
    })
    .await;
    let resolved = images
        .resolve("r.dev/app:1", &[], Duration::from_secs(10))
        .await;
    assert_eq!(resolved.unwrap().digest, Some(pinned()));
}

#[tokio::test]
async fn a_registry_is_asked_without_a_pull() {
    let (images, calls) = images(|call| {
        if call.contains("/distribution/") {
            ok(&json!({"Descriptor": {"digest": ID, "size": 1}, "Platforms": []}))
        } else {
            missing()
        }
    })
    .await;
    let resolved = images
        .resolve("r.dev/app:1", &[], Duration::from_secs(10))
        .await;
    assert_eq!(resolved.unwrap().digest, Some(pinned()));
    let want = [
        "GET /images/r.dev/app:1/json",
        "GET /distribution/r.dev/app:1/json",
    ];
    assert_eq!(calls.take(), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_outlasts_a_resolution_serves_the_next() {
    let (finish, finished) = std::sync::mpsc::channel::<()>();
    let (finished, pulled) = (Mutex::new(finished), AtomicBool::new(false));
    let (images, calls) = images(move |call| match call {
        call if call.contains("/distribution/") => (404, "Not Found\n".to_owned()),
        call if call.starts_with("POST /images/create") => {
            // Whoever is served by the same worker goes on.
            tokio::task::block_in_place(|| finished.lock().recv().unwrap());
            pulled.store(true, SeqCst);
            ok(&json!({"status": "Pulling from app"}))
        }
        _ if pulled.load(SeqCst) => ok(&json!({"Id": ID, "RepoDigests": [pinned()]})),
        _ => missing(),
    })
    .await;
    let resolve = async |timeout| images.resolve("r.dev/app:1", &[], timeout).await;
    resolve(Duration::from_millis(200)).await.unwrap_err();
    finish.send(()).unwrap();
    let resolved = resolve(Duration::from_secs(10)).await;
    assert_eq!(resolved.unwrap().digest, Some(pinned()));
    let calls = calls.take();
    let pulls = calls.iter().filter(|call| call.starts_with("POST"));
    assert_eq!(pulls.count(), 1, "{calls:?}");
}
