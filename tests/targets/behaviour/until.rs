//! What is waited for before a snapshot.

use knative_core::{
    object::ObjectExt as _,
    store::{ListOptions, StoreExt as _, codec},
};
use serde_json::Value;

use crate::{
    platform::Platform,
    step::{key, kind},
};

/// Whether all parts of `until` hold; none if one of them cannot be read.
pub(crate) async fn holds(platform: &Platform, until: &str, namespace: &str) -> Option<bool> {
    for part in until.split(" & ") {
        if !part_holds(platform, part, namespace).await? {
            return Some(false);
        }
    }
    Some(true)
}

async fn part_holds(platform: &Platform, part: &str, namespace: &str) -> Option<bool> {
    let words: Vec<&str> = part.split_whitespace().collect();
    match words.as_slice() {
        ["gone", target] => {
            let key = key(target, namespace)?;
            Some(platform.store.find(&key).await.ok()?.is_none())
        }
        ["nopods"] => Some(pods(platform, None, namespace).await.0 == 0),
        ["pods", revision, count] => {
            let (all, _) = pods(platform, Some(revision), namespace).await;
            let count: usize = count.parse().ok()?;
            Some(all == count)
        }
        ["pods", revision, count, "ready"] => {
            let count: usize = count.parse().ok()?;
            Some(pods(platform, Some(revision), namespace).await == (count, count))
        }
        [target, facts @ ..] => {
            let object = platform.store.find(&key(target, namespace)?).await.ok()?;
            let object = object.map(|object| codec::object_to_value(&object));
            let Some(Ok(object)) = object else {
                return Some(false);
            };
            Some(facts.iter().all(|fact| is_fact(&object, fact)))
        }
        [] => None,
    }
}

/// `.status.x=y`, or `Type=Status[/Reason]` of a status that speaks of the current generation.
fn is_fact(object: &Value, fact: &str) -> bool {
    let Some((name, wanted)) = fact.split_once('=') else {
        return false;
    };
    if let Some(path) = name.strip_prefix('.') {
        let pointer = format!("/{}", path.replace('.', "/"));
        let value = object.pointer(&pointer);
        return value.is_some_and(|value| match value {
            Value::String(text) => text == wanted,
            other => other.to_string() == wanted,
        });
    }
    if object["metadata"]["generation"] != object["status"]["observedGeneration"] {
        return false;
    }
    let (status, reason) = wanted.split_once('/').unwrap_or((wanted, ""));
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == name
            && condition["status"] == status
            && (reason.is_empty() || condition["reason"] == reason)
    })
}

/// How many pods there are, and how many of them are ready.
async fn pods(platform: &Platform, revision: Option<&str>, namespace: &str) -> (usize, usize) {
    let pods = kind("pod").expect("a known kind");
    let list = platform
        .store
        .list(&pods, &ListOptions::within(namespace))
        .await;
    let Ok(list) = list else {
        return (0, 0);
    };
    let of_revision = list.items.iter().filter(|pod| {
        revision.is_none_or(|revision| pod.label("serving.knative.dev/revision") == Some(revision))
    });
    let ready = |pod: &&std::sync::Arc<knative_core::object::Object>| {
        let conditions = pod.data["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let all: Vec<_> = of_revision.collect();
    let ready = all.iter().copied().filter(ready).count();
    (all.len(), ready)
}
