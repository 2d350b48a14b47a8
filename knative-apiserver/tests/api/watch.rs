//! Watches: facts 4 and 5 of what clients demand, and what `kubectl get -w` shows.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Harness, SERVICES, TABLE, ksvc};

const MERGE: &str = "application/merge-patch+json";

async fn version(api: &Harness) -> String {
    let list = api.get(SERVICES).await.expect(200).json();
    list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn pair(r#type: &str, name: &str) -> (String, String) {
    (r#type.to_owned(), name.to_owned())
}

/// Fact 4: what happened between the read and the watch is replayed.
#[tokio::test(start_paused = true)]
async fn replays_from_a_version() {
    let api = Harness::new();
    let created = api.create(SERVICES, &ksvc("one")).await.expect(201).json();
    let version = created["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    let ready = json!({"status": {"url": "http://x"}});
    api.patch(&format!("{SERVICES}/one/status"), MERGE, &ready)
        .await
        .expect(200);
    api.create(SERVICES, &ksvc("two")).await.expect(201);

    let path = format!(
        "{SERVICES}?watch=true&fieldSelector=metadata.name%3Done&resourceVersion={version}&timeoutSeconds=630&timeout=10m30s"
    );
    let mut events = api.watch(&path, "application/json, */*").await;
    let event = events.next().await.expect("an event");
    assert_eq!(event["type"], "MODIFIED");
    assert_eq!(event["object"]["status"], json!({"url": "http://x"}));
    api.write(Method::DELETE, &format!("{SERVICES}/one"), &json!({}))
        .await
        .expect(200);
    assert_eq!(events.brief().await, Some(pair("DELETED", "one")));
}

#[tokio::test(start_paused = true)]
async fn begins_with_what_exists() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    for start in ["", "&resourceVersion=0", "&resourceVersion="] {
        let mut events = api
            .watch(&format!("{SERVICES}?watch=1{start}"), "application/json")
            .await;
        assert_eq!(events.brief().await, Some(pair("ADDED", "one")));
    }
    let mut one = api
        .watch(&format!("{SERVICES}/one?watch=true"), "application/json")
        .await;
    assert_eq!(one.brief().await, Some(pair("ADDED", "one")));
}

#[tokio::test(start_paused = true)]
async fn ends_in_time() {
    let api = Harness::new();
    let version = version(&api).await;
    let path = format!("{SERVICES}?watch=true&resourceVersion={version}&timeoutSeconds=5");
    let mut events = api.watch(&path, "application/json").await;
    let begun = tokio::time::Instant::now();
    assert_eq!(events.next().await, None);
    assert_eq!(begun.elapsed().as_secs(), 5);

    let mut events = api
        .watch(&format!("{SERVICES}?watch=true"), "application/json")
        .await;
    api.server.end_watches();
    assert_eq!(
        events.next().await,
        None,
        "a server that drains ends its watches"
    );
}

#[tokio::test(start_paused = true)]
async fn says_when_history_is_lost() {
    let api = Harness::new();
    for i in 0..5_000 {
        let mut patch = ksvc("one");
        patch["metadata"]["labels"] = json!({"i": i.to_string()});
        if i == 0 {
            api.create(SERVICES, &patch).await.expect(201);
        } else {
            api.patch(&format!("{SERVICES}/one"), MERGE, &patch)
                .await
                .expect(200);
        }
    }
    let mut events = api
        .watch(
            &format!("{SERVICES}?watch=true&resourceVersion=1"),
            "application/json",
        )
        .await;
    let event = events.next().await.expect("an event");
    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(event["object"]["code"], 410);
    assert_eq!(events.next().await, None);
}

/// Fact 5: informers wait for the bookmark that ends what exists.
#[tokio::test(start_paused = true)]
async fn initial_events_end_with_a_bookmark() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let version = version(&api).await;
    let path = format!(
        "{SERVICES}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut events = api.watch(&path, "application/json").await;
    assert_eq!(events.brief().await, Some(pair("ADDED", "one")));
    let bookmark = events.next().await.expect("a bookmark");
    assert_eq!(
        bookmark,
        json!({"type": "BOOKMARK", "object": {
            "kind": "Service", "apiVersion": "serving.knative.dev/v1",
            "metadata": {
                "resourceVersion": version, "creationTimestamp": null,
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        }})
    );
    api.create(SERVICES, &ksvc("two")).await.expect(201);
    assert_eq!(events.brief().await, Some(pair("ADDED", "two")));

    let none = "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    let mut events = api
        .watch(&format!("{SERVICES}?{none}"), "application/json")
        .await;
    api.create(SERVICES, &ksvc("three")).await.expect(201);
    assert_eq!(
        events.brief().await,
        Some(pair("ADDED", "three")),
        "what exists is not told"
    );
}

#[tokio::test(start_paused = true)]
async fn plain_bookmarks_have_no_annotation() {
    let api = Harness::new();
    let path = format!("{SERVICES}?watch=true&allowWatchBookmarks=true");
    let mut events = api.watch(&path, "application/json").await;
    let bookmark = events.next().await.expect("a bookmark");
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"].get("annotations"), None);
}

#[tokio::test(start_paused = true)]
async fn objects_come_and_go_with_their_labels() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let version = version(&api).await;
    let path = format!("{SERVICES}?watch=true&labelSelector=on&resourceVersion={version}");
    let mut events = api.watch(&path, "application/json").await;
    let one = format!("{SERVICES}/one");
    let label = |value: Value| json!({"metadata": {"labels": {"on": value}}});
    api.patch(&one, MERGE, &label(json!("1"))).await.expect(200);
    assert_eq!(events.brief().await, Some(pair("ADDED", "one")));
    api.patch(&one, MERGE, &label(json!("2"))).await.expect(200);
    assert_eq!(events.brief().await, Some(pair("MODIFIED", "one")));
    api.patch(&one, MERGE, &label(Value::Null))
        .await
        .expect(200);
    assert_eq!(events.brief().await, Some(pair("DELETED", "one")));
}

#[tokio::test(start_paused = true)]
async fn tables_bring_their_columns_once() {
    let api = Harness::new();
    api.create(SERVICES, &ksvc("one")).await.expect(201);
    let mut events = api.watch(&format!("{SERVICES}?watch=true"), TABLE).await;
    let first = events.next().await.expect("an event");
    assert_eq!(first["object"]["kind"], "Table");
    assert_eq!(
        first["object"]["columnDefinitions"]
            .as_array()
            .map(Vec::len),
        Some(6)
    );
    assert_eq!(first["object"]["rows"][0]["cells"][0], "one");
    api.create(SERVICES, &ksvc("two")).await.expect(201);
    let second = events.next().await.expect("an event");
    assert_eq!(second["object"]["columnDefinitions"], Value::Null);
    assert_eq!(second["object"]["rows"][0]["cells"][0], "two");
}
