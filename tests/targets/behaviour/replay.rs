//! A scenario from its first step to its last.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use knative_core::store::{ListOptions, codec};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    compare::differences,
    normal::{Names, loosen},
    platform::Platform,
    step::{KINDS, kind, perform, store},
    until,
};

/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(300);
/// For how long nothing may change before a snapshot.
const QUIET: Duration = Duration::from_secs(2);
/// Kinds that are compared exactly.
const COMPARED: [&str; 8] = [
    "ksvc",
    "configuration",
    "revision",
    "route",
    "domainmapping",
    "kpa",
    "metric",
    "image",
];
/// Kinds whose events are compared.
const TOLD: [&str; 4] = ["Service", "Configuration", "Revision", "Route"];

/// Refusals of others than Knative: Kubernetes' of a pod that is created on trial, and those that print Go's types.
const NOT_REFUSED: [&str; 2] = ["dry run failed with Pod", "json: cannot unmarshal"];
/// Reasons of events that races cause.
const RACES: [&str; 2] = ["InternalError", "FinalizerUpdateFailed"];

type Snapshot = BTreeMap<String, Value>;

/// Replays a scenario and answers with what differs.
pub(crate) async fn replay(scenario: &Value) -> Vec<String> {
    let platform = Platform::start().await;
    let namespace = scenario["namespace"].as_str().unwrap_or("default");
    platform.configure(&scenario["config"], namespace).await;
    let (mut names, mut found, mut recorded) = (Names::default(), Vec::new(), Snapshot::new());
    let mut events = BTreeSet::new();
    for (index, step) in scenario["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("step {index}");
        events.extend(told(step));
        if let Err(problem) = one(&platform, step, namespace, &at, &mut found).await {
            found.push(format!("{at}: {problem}"));
            return found;
        }
        update(&mut recorded, step);
        let snapshot = snapshot(&platform, namespace, &mut names).await;
        if step["snapshot"].is_null() {
            continue;
        }
        compare_snapshots(&at, &recorded, &snapshot, scenario, &mut found);
    }
    compare_events(&platform, namespace, &events, &mut found).await;
    found
}

async fn one(
    platform: &Platform,
    step: &Value,
    namespace: &str,
    at: &str,
    found: &mut Vec<String>,
) -> Result<(), String> {
    let answer = perform(platform, &step["do"], namespace).await;
    let answer = answer.ok_or_else(|| format!("cannot be done: {}", step["do"]))?;
    compare_refusal(
        &format!("{at} refused"),
        &step["refused"],
        answer.refused,
        found,
    );
    if step["refused"].is_null() {
        let warnings = json!(answer.warnings);
        let want = step.get("warnings").cloned().unwrap_or_else(|| json!([]));
        differences(&format!("{at} warnings"), &want, &warnings, found);
    }
    if let Some(until) = step["until"].as_str() {
        let met = wait(platform, until, namespace).await?;
        let want = step["until_met"].as_bool().unwrap_or(true);
        if met != want {
            let objects = ["ksvc", "kpa", "pod"].map(|short| objects(platform, short, namespace));
            let objects = futures::future::join_all(objects).await.concat();
            let statuses: Vec<&Value> = objects.iter().map(|object| &object["status"]).collect();
            return Err(format!(
                "{until}: want {want}, got {met}: {}",
                json!(statuses)
            ));
        }
    }
    quiet(platform, namespace).await;
    Ok(())
}

/// A refusal by admission is compared to the letter, others by what machines read.
fn compare_refusal(at: &str, want: &Value, got: Option<Value>, found: &mut Vec<String>) {
    let got = got.unwrap_or(Value::Null);
    let mut want = want.clone();
    let message = want["message"].as_str().unwrap_or_default();
    if NOT_REFUSED.iter().any(|text| message.contains(text)) {
        return;
    }
    if let (Some(want), Some(got)) = (want.as_object_mut(), got.as_object()) {
        want.retain(|name, _| got.contains_key(name));
    }
    differences(at, &want, &got, found);
}

async fn wait(platform: &Platform, until: &str, namespace: &str) -> Result<bool, String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let holds = until::holds(platform, until, namespace).await;
        if holds.ok_or_else(|| format!("cannot be read: {until}"))? {
            return Ok(true);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(false)
}

/// Waits until no object of Knative has changed for a while.
async fn quiet(platform: &Platform, namespace: &str) {
    let mut before = versions(platform, namespace).await;
    for _ in 0..30 {
        sleep(QUIET).await;
        let now = versions(platform, namespace).await;
        if now == before {
            return;
        }
        before = now;
    }
}

async fn objects(platform: &Platform, short: &str, namespace: &str) -> Vec<Value> {
    let Some(kind) = kind(short) else {
        return Vec::new();
    };
    let list = store(platform)
        .list(&kind, &ListOptions::within(namespace))
        .await;
    let items = list.map(|list| list.items).unwrap_or_default();
    items
        .iter()
        .filter_map(|object| codec::object_to_value(object).ok())
        .collect()
}

async fn versions(platform: &Platform, namespace: &str) -> Vec<Value> {
    let mut versions = Vec::new();
    for (short, ..) in KINDS {
        for object in objects(platform, short, namespace).await {
            versions.push(object["metadata"]["resourceVersion"].clone());
        }
    }
    versions
}

async fn snapshot(platform: &Platform, namespace: &str, names: &mut Names) -> Snapshot {
    let mut snapshot = Snapshot::new();
    for (short, ..) in KINDS {
        for object in objects(platform, short, namespace).await {
            names.learn(&object);
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            snapshot.insert(format!("{short}/{name}"), object);
        }
    }
    snapshot
        .into_iter()
        .map(|(key, object)| (key, names.normalise(object)))
        .collect()
}

/// Takes over what a step's snapshot says; `"="` is what was said before.
fn update(recorded: &mut Snapshot, step: &Value) {
    for (key, object) in step["snapshot"].as_object().into_iter().flatten() {
        if *object != "=" {
            let mut object = object.clone();
            loosen(&mut object);
            recorded.insert(key.clone(), object);
        }
    }
    for key in step["removed"].as_array().into_iter().flatten() {
        recorded.remove(key.as_str().unwrap_or_default());
    }
}

fn compare_snapshots(
    at: &str,
    want: &Snapshot,
    got: &Snapshot,
    scenario: &Value,
    found: &mut Vec<String>,
) {
    let keys: BTreeSet<&String> = want.keys().chain(got.keys()).collect();
    for key in keys {
        let short = key.split('/').next().unwrap_or_default();
        if !COMPARED.contains(&short) {
            continue;
        }
        let (want, got) = (want.get(key), got.get(key));
        let mut differs = Vec::new();
        differences(
            key,
            want.unwrap_or(&Value::Null),
            got.unwrap_or(&Value::Null),
            &mut differs,
        );
        let varies = |line: &String| varies(scenario, at, key, line);
        let lines = differs.into_iter().filter(|line| !varies(line));
        found.extend(lines.map(|line| format!("{at}: {line}")));
    }
}

/// Whether two recordings of the scenario differed there.
fn varies(scenario: &Value, at: &str, key: &str, line: &str) -> bool {
    let varies = scenario["varies"].as_array().into_iter().flatten();
    let mut places = varies.filter_map(Value::as_str);
    places.any(|place| {
        let Some(place) = place.strip_prefix(&format!("{at}: ")) else {
            return false;
        };
        let path = line.split(": want").next().unwrap_or_default();
        let path = path
            .strip_prefix(key)
            .unwrap_or(path)
            .replace(['.', '['], "/");
        place.contains(key)
            && (place.ends_with(key) || place.replace(['.', '['], "/").contains(&path))
    })
}

/// The events of a step on Knative's kinds, but for those that races cause.
fn told(step: &Value) -> Vec<String> {
    let events = step["events"].as_array().into_iter().flatten();
    events
        .filter(|event| event["apiVersion"] == "serving.knative.dev/v1")
        .filter(|event| !is_race(&event["reason"]))
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            line(
                &text("type"),
                &text("reason"),
                &text("object"),
                &text("message"),
                &text("from"),
            )
        })
        .collect()
}

fn is_race(reason: &Value) -> bool {
    reason
        .as_str()
        .is_some_and(|reason| RACES.contains(&reason))
}

fn line(r#type: &str, reason: &str, object: &str, message: &str, from: &str) -> String {
    format!("{type} {reason} {object} {message} [{from}]")
}

async fn compare_events(
    platform: &Platform,
    namespace: &str,
    want: &BTreeSet<String>,
    found: &mut Vec<String>,
) {
    let kind = knative_core::object::GroupKind::new("", "Event");
    let list = store(platform)
        .list(&kind, &ListOptions::within(namespace))
        .await;
    let items = list.map(|list| list.items).unwrap_or_default();
    let got: BTreeSet<String> = items
        .iter()
        .filter(|event| {
            let kind = event.data["involvedObject"]["kind"].as_str();
            event.data["involvedObject"]["apiVersion"] == "serving.knative.dev/v1"
                && !is_race(&event.data["reason"])
                && TOLD.contains(&kind.unwrap_or_default())
        })
        .map(|event| {
            let data = &event.data;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let of = &data["involvedObject"];
            let object = format!("{}/{}", text(&of["kind"]), text(&of["name"]));
            let from = text(&data["source"]["component"]);
            line(
                &text(&data["type"]),
                &text(&data["reason"]),
                &object,
                &text(&data["message"]),
                &from,
            )
        })
        .collect();
    found.extend(
        want.difference(&got)
            .map(|event| format!("no event: {event}")),
    );
    found.extend(
        got.difference(want)
            .map(|event| format!("event too many: {event}")),
    );
}
