//! A recorded scenario as its file tells it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// How messages end that name a `ReplicaSet`.
const REPLICA_SET: &str = r#"-deployment-<rs>\""#;
/// How they name what runs here.
const DEPLOYMENT: &str = r#"-deployment\""#;

/// One file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Scenario {
    /// Its name, which is also the file's.
    pub(crate) name: String,
    /// Where everything happens.
    pub(crate) namespace: String,
    /// The ConfigMaps that differ from the release's defaults.
    #[serde(default)]
    pub(crate) config: BTreeMap<String, BTreeMap<String, String>>,
    /// Places that differed when the recording was repeated.
    #[serde(default)]
    pub(crate) varies: Option<Vec<String>>,
    /// What was done, and what came of it.
    pub(crate) steps: Vec<Step>,
}

impl Scenario {
    /// Reads a file. `NAMESPACE` in a name stands for the namespace. Here a Deployment has no `ReplicaSet` of another name.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        let named: Self = serde_json::from_str(text)?;
        let text = text.replace("NAMESPACE", &named.namespace);
        serde_json::from_str(&text.replace(REPLICA_SET, DEPLOYMENT))
    }

    /// The places that are not compared.
    pub(crate) fn varies(&self) -> &[String] {
        self.varies.as_deref().unwrap_or_default()
    }
}

/// Something done and all that was seen of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    /// What was done.
    #[serde(rename = "do")]
    pub(crate) action: Action,
    /// What was awaited.
    pub(crate) until: Option<String>,
    /// Whether it came true.
    pub(crate) until_met: Option<bool>,
    /// The HTTP status of the answer.
    pub(crate) code: Option<u16>,
    /// A refusal's code, reason, message and causes.
    pub(crate) refused: Option<Value>,
    /// Texts of the HTTP warnings.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    /// The object that a dry run answered.
    pub(crate) result: Option<Value>,
    /// What a call answered.
    pub(crate) response: Option<Value>,
    /// Every object once all was quiet.
    pub(crate) snapshot: Option<BTreeMap<String, Value>>,
    /// Per object, each change of its conditions.
    #[serde(default)]
    pub(crate) transitions: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
    /// The events.
    #[serde(default)]
    pub(crate) events: Vec<Event>,
}

impl Step {
    /// Whether nothing of it is stored.
    pub(crate) const fn leaves_nothing(&self) -> bool {
        self.refused.is_some() || self.result.is_some()
    }
}

/// What is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Action {
    /// POST.
    Create {
        object: Value,
        #[serde(flatten)]
        how: How,
    },
    /// Server-side apply.
    Apply {
        object: Value,
        #[serde(flatten)]
        how: How,
    },
    /// PUT.
    Replace {
        object: Value,
        #[serde(flatten)]
        how: How,
    },
    /// A merge patch, or a JSON patch if it is a list.
    Patch {
        target: String,
        patch: Value,
        sub: Option<String>,
        #[serde(flatten)]
        how: How,
    },
    /// Removal of one object, or of those that a selector names.
    Delete {
        target: String,
        propagation: Option<String>,
        selector: Option<String>,
        #[serde(flatten)]
        how: How,
    },
    /// A change of a ConfigMap in `knative-serving`.
    Config {
        map: String,
        data: Value,
        #[serde(flatten)]
        how: How,
    },
    /// Requests to a revision.
    Call {
        revision: String,
        path: Option<String>,
        count: Option<usize>,
        timeout: Option<u64>,
    },
    /// Nothing, for a while.
    Wait { seconds: Option<u64> },
    /// A change of the recorder's stand-in for an ingress.
    Ingress {},
    /// A change of the recorder's stand-in for an issuer of certificates.
    Certificate {},
}

/// Options of a write.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct How {
    /// URL parameters.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// The user, if it is not the administrator.
    #[serde(rename = "as")]
    pub(crate) user: Option<String>,
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) r#type: String,
    pub(crate) reason: String,
    /// `Kind/name`.
    pub(crate) object: String,
    pub(crate) api_version: String,
    pub(crate) message: String,
    /// Who tells it.
    pub(crate) from: String,
}
