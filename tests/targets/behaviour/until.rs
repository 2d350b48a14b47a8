//! What a step waits for.

use knative_core::runtime::{InstanceState, StartError, WorkloadRuntime};
use libtest_mimic::Failed;
use serde_json::Value;

use crate::observe::Seen;

/// Conditions that hold together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Until(Vec<Clause>);

#[derive(Clone, Debug, PartialEq)]
enum Clause {
    /// `kind/name check…`
    Object { name: String, checks: Vec<Check> },
    /// `gone kind/name`
    Gone(String),
    /// `pods revision n [ready]`
    Pods {
        revision: String,
        count: usize,
        ready: bool,
    },
    /// `nopods`
    NoPods,
}

#[derive(Clone, Debug, PartialEq)]
enum Check {
    /// `exists`
    Exists,
    /// `Type=Status[/Reason]`, of the object's current generation.
    Condition {
        r#type: String,
        status: String,
        reason: Option<String>,
    },
    /// `.status.x=y`
    Field { pointer: String, value: String },
}

impl Until {
    /// Reads clauses that ` & ` joins.
    pub(crate) fn parse(text: &str) -> Result<Self, Failed> {
        let clauses = text.split(" & ").map(clause);
        clauses
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| format!("until what? {text}").into())
    }

    /// Whether all hold.
    pub(crate) fn holds(&self, seen: &Seen, pods: &[Pod]) -> bool {
        self.0.iter().all(|clause| clause.holds(seen, pods))
    }
}

fn clause(text: &str) -> Option<Clause> {
    let mut words = text.split_whitespace();
    match words.next()? {
        "gone" => Some(Clause::Gone(words.next()?.to_owned())),
        "nopods" => Some(Clause::NoPods),
        "pods" => Some(Clause::Pods {
            revision: words.next()?.to_owned(),
            count: words.next()?.parse().ok()?,
            ready: words.next() == Some("ready"),
        }),
        name => Some(Clause::Object {
            name: name.to_owned(),
            checks: words.map(check).collect::<Option<_>>()?,
        }),
    }
}

fn check(text: &str) -> Option<Check> {
    if text == "exists" {
        return Some(Check::Exists);
    }
    let (place, value) = text.split_once('=')?;
    if place.starts_with('.') {
        return Some(Check::Field {
            pointer: place.replace('.', "/"),
            value: value.to_owned(),
        });
    }
    let (status, reason) = match value.split_once('/') {
        Some((status, reason)) => (status, Some(reason.to_owned())),
        None => (value, None),
    };
    Some(Check::Condition {
        r#type: place.to_owned(),
        status: status.to_owned(),
        reason,
    })
}

impl Clause {
    fn holds(&self, seen: &Seen, pods: &[Pod]) -> bool {
        match self {
            Self::Object { name, checks } => {
                let object = seen.objects.get(name);
                object.is_some_and(|object| checks.iter().all(|check| check.holds(object)))
            }
            Self::Gone(name) => !seen.objects.contains_key(name),
            Self::NoPods => pods.is_empty(),
            Self::Pods {
                revision,
                count,
                ready,
            } => {
                let of_revision = || pods.iter().filter(|pod| pod.revision == *revision);
                let all_ready = !ready || of_revision().all(|pod| pod.ready);
                of_revision().count() == *count && all_ready
            }
        }
    }
}

impl Check {
    fn holds(&self, object: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::Field { pointer, value } => object
                .pointer(pointer)
                .is_some_and(|found| found == value.as_str()),
            Self::Condition {
                r#type,
                status,
                reason,
            } => {
                let current =
                    object["status"]["observedGeneration"] == object["metadata"]["generation"];
                let conditions = object["status"]["conditions"].as_array();
                let mut conditions = conditions.map(Vec::as_slice).unwrap_or_default().iter();
                let condition = conditions.find(|condition| condition["type"] == r#type.as_str());
                current
                    && condition.is_some_and(|condition| {
                        let right = |reason: &String| condition["reason"] == reason.as_str();
                        condition["status"] == status.as_str() && reason.as_ref().is_none_or(right)
                    })
            }
        }
    }
}

/// An instance, as a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    revision: String,
    ready: bool,
}

/// The instances that exist. One that a quota keeps out does not.
pub(crate) async fn pods(runtime: &dyn WorkloadRuntime) -> Vec<Pod> {
    let instances = runtime.list().await.unwrap_or_default();
    let instances = instances.iter().filter(|instance| {
        !matches!(&instance.state, InstanceState::BackingOff { error, .. } if matches!(**error, StartError::Unschedulable { .. }))
    });
    let pod = instances.map(|instance| {
        let name: &str = &instance.workload.name;
        Pod {
            revision: name.strip_suffix("-deployment").unwrap_or(name).to_owned(),
            ready: instance.state.is_ready(),
        }
    });
    pod.collect()
}
