//! Columns of Kubernetes' own kinds, whose cells are counted rather than looked up.

use jiff::Timestamp;
use knative_core::Kind;
use serde_json::{Value, json};

use super::age::age;

/// A column that is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computed {
    /// Its heading.
    pub(super) name: &'static str,
    /// Its type.
    pub(super) r#type: &'static str,
    /// 0 is always shown.
    pub(super) priority: i32,
    /// The cell of an object.
    pub(super) cell: fn(&Value, Timestamp) -> Value,
}

const fn text(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Computed {
    Computed {
        name,
        r#type: "string",
        priority: 0,
        cell,
    }
}

const fn wide(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Computed {
    Computed {
        priority: 1,
        ..text(name, cell)
    }
}

const AGE: Computed = text("Age", created);

/// The columns beside the name; `None` for a kind that brings its own.
pub(super) fn columns(group: &str, kind: &str) -> Option<&'static [Computed]> {
    Some(match (group, kind) {
        ("", "Namespace") => const { &[text("Status", |o, _| at(o, "/status/phase")), AGE] },
        ("", "ConfigMap") => const { &[text("Data", data), AGE] },
        ("", "Secret") => const { &[text("Type", |o, _| at(o, "/type")), text("Data", data), AGE] },
        ("", "ServiceAccount") => const { &[text("Secrets", |o, _| count(o, "/secrets")), AGE] },
        ("", "Service") => SERVICE,
        ("", "Endpoints") => const { &[text("Endpoints", endpoints), AGE] },
        ("", "Pod") => POD,
        ("", "Event") => EVENT,
        ("apps", "Deployment") => DEPLOYMENT,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            const {
                &[text("Created At", |o, _| {
                    at(o, "/metadata/creationTimestamp")
                })]
            }
        }
        _ => return None,
    })
}

/// Whether a kind is that of Events.
pub(super) fn is_event(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.kind == "Event"
}

const SERVICE: &[Computed] = &[
    text("Type", |o, _| at(o, "/spec/type")),
    text("Cluster-IP", |o, _| or(at(o, "/spec/clusterIP"), "<none>")),
    text("External-IP", external),
    text("Port(s)", ports),
    AGE,
    wide("Selector", |o, _| pairs(o, "/spec/selector")),
];

const POD: &[Computed] = &[
    text("Ready", ready),
    text("Status", pod_status),
    text("Restarts", restarts),
    AGE,
    wide("IP", |o, _| or(at(o, "/status/podIP"), "<none>")),
    wide("Node", |o, _| or(at(o, "/spec/nodeName"), "<none>")),
    wide("Nominated Node", |_, _| json!("<none>")),
    wide("Readiness Gates", |_, _| json!("<none>")),
];

const EVENT: &[Computed] = &[
    text("Last Seen", last_seen),
    text("Type", |o, _| at(o, "/type")),
    text("Reason", |o, _| at(o, "/reason")),
    text("Object", involved),
    wide("Subobject", |o, _| at(o, "/involvedObject/fieldPath")),
    wide("Source", |o, _| {
        or(
            at(o, "/source/component"),
            &string(o, "/reportingComponent"),
        )
    }),
    text("Message", |o, _| at(o, "/message")),
    wide("First Seen", first_seen),
    wide("Count", |o, _| {
        json!(number(o, "/count").max(1).to_string())
    }),
    wide("Name", |o, _| at(o, "/metadata/name")),
];

const DEPLOYMENT: &[Computed] = &[
    text("Ready", |o, _| {
        let wanted = o
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(1);
        json!(format!("{}/{wanted}", number(o, "/status/readyReplicas")))
    }),
    text("Up-to-date", |o, _| {
        json!(number(o, "/status/updatedReplicas"))
    }),
    text("Available", |o, _| {
        json!(number(o, "/status/availableReplicas"))
    }),
    AGE,
    wide("Containers", |o, _| containers(o, "/name")),
    wide("Images", |o, _| containers(o, "/image")),
    wide("Selector", |o, _| pairs(o, "/spec/selector/matchLabels")),
];

fn at(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        None | Some(Value::Null) => json!(""),
        Some(found) => found.clone(),
    }
}

fn string(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(object: &Value, pointer: &str) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn or(value: Value, default: &str) -> Value {
    if value.as_str() == Some("") {
        json!(default)
    } else {
        value
    }
}

fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn count(object: &Value, pointer: &str) -> Value {
    json!(items(object, pointer).len().to_string())
}

/// An age; one that is not known is shown as such.
fn created(object: &Value, now: Timestamp) -> Value {
    json!(age(&string(object, "/metadata/creationTimestamp"), now))
}

fn data(object: &Value, _: Timestamp) -> Value {
    let fields = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    };
    json!((fields("data") + fields("binaryData")).to_string())
}

fn pairs(object: &Value, pointer: &str) -> Value {
    let pairs: Vec<String> = object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    or(json!(pairs.join(",")), "<none>")
}

fn containers(object: &Value, field: &str) -> Value {
    let names: Vec<String> = items(object, "/spec/template/spec/containers")
        .iter()
        .map(|container| string(container, field))
        .collect();
    json!(names.join(","))
}

fn external(object: &Value, _: Timestamp) -> Value {
    let ingress = items(object, "/status/loadBalancer/ingress").iter();
    let mut names: Vec<String> = ingress
        .map(|point| or(at(point, "/ip"), &string(point, "/hostname")))
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if string(object, "/spec/type") == "ExternalName" {
        names.push(string(object, "/spec/externalName"));
    }
    let addresses = items(object, "/spec/externalIPs").iter();
    names.extend(addresses.filter_map(Value::as_str).map(str::to_owned));
    or(json!(names.join(",")), "<none>")
}

fn ports(object: &Value, _: Timestamp) -> Value {
    let ports: Vec<String> = items(object, "/spec/ports")
        .iter()
        .map(|port| {
            let (own, node) = (number(port, "/port"), number(port, "/nodePort"));
            let protocol = or(at(port, "/protocol"), "TCP");
            let protocol = protocol.as_str().unwrap_or_default().to_owned();
            if node > 0 {
                format!("{own}:{node}/{protocol}")
            } else {
                format!("{own}/{protocol}")
            }
        })
        .collect();
    or(json!(ports.join(",")), "<none>")
}

fn endpoints(object: &Value, _: Timestamp) -> Value {
    let mut shown = Vec::new();
    for subset in items(object, "/subsets") {
        for address in items(subset, "/addresses") {
            for port in items(subset, "/ports") {
                shown.push(format!(
                    "{}:{}",
                    string(address, "/ip"),
                    number(port, "/port")
                ));
            }
        }
    }
    let more = shown.len().saturating_sub(3);
    shown.truncate(3);
    let text = shown.join(",");
    or(
        json!(if more > 0 {
            format!("{text} + {more} more...")
        } else {
            text
        }),
        "<none>",
    )
}

fn ready(object: &Value, _: Timestamp) -> Value {
    let ready = items(object, "/status/containerStatuses")
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    json!(format!(
        "{ready}/{}",
        items(object, "/spec/containers").len()
    ))
}

fn pod_status(object: &Value, _: Timestamp) -> Value {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return json!("Terminating");
    }
    let waiting = items(object, "/status/containerStatuses")
        .iter()
        .find_map(|status| {
            let state = status.get("state")?;
            let state = state.get("waiting").or_else(|| state.get("terminated"))?;
            state.get("reason").filter(|reason| !reason.is_null())
        });
    waiting.cloned().unwrap_or_else(|| {
        or(
            at(object, "/status/reason"),
            &string(object, "/status/phase"),
        )
    })
}

fn restarts(object: &Value, _: Timestamp) -> Value {
    let restarts: i64 = items(object, "/status/containerStatuses")
        .iter()
        .map(|status| number(status, "/restartCount"))
        .sum();
    json!(restarts.to_string())
}

fn involved(object: &Value, _: Timestamp) -> Value {
    let kind = string(object, "/involvedObject/kind").to_lowercase();
    json!(format!("{kind}/{}", string(object, "/involvedObject/name")))
}

fn last_seen(object: &Value, now: Timestamp) -> Value {
    let places = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime"];
    json!(age(&first_of(object, &places), now))
}

fn first_seen(object: &Value, now: Timestamp) -> Value {
    json!(age(
        &first_of(object, &["/firstTimestamp", "/eventTime"]),
        now
    ))
}

fn first_of(object: &Value, places: &[&str]) -> String {
    places
        .iter()
        .map(|place| string(object, place))
        .find(|time| !time.is_empty())
        .unwrap_or_default()
}
