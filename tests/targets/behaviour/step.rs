//! What a step does.

use std::sync::Arc;

use futures::future::join_all;
use knative_core::{
    http::Body,
    object::{GroupKind, Object, ObjectKey},
    store::{
        DeleteOptions, FieldValidation, Patch, Propagation, StoreError, StoreExt as _, UserInfo,
        WriteOptions, Written, codec,
    },
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::platform::Platform;

/// Short names of kinds, as the recordings use them.
pub(crate) const KINDS: [(&str, &str, &str); 15] = [
    ("ksvc", "serving.knative.dev", "Service"),
    ("configuration", "serving.knative.dev", "Configuration"),
    ("revision", "serving.knative.dev", "Revision"),
    ("route", "serving.knative.dev", "Route"),
    ("domainmapping", "serving.knative.dev", "DomainMapping"),
    ("kpa", "autoscaling.internal.knative.dev", "PodAutoscaler"),
    ("metric", "autoscaling.internal.knative.dev", "Metric"),
    (
        "sks",
        "networking.internal.knative.dev",
        "ServerlessService",
    ),
    ("king", "networking.internal.knative.dev", "Ingress"),
    (
        "certificate",
        "networking.internal.knative.dev",
        "Certificate",
    ),
    ("image", "caching.internal.knative.dev", "Image"),
    ("deployment", "apps", "Deployment"),
    ("service", "", "Service"),
    ("pod", "", "Pod"),
    ("configmap", "", "ConfigMap"),
];

/// The kind of a short name.
pub(crate) fn kind(short: &str) -> Option<GroupKind> {
    let (_, group, kind) = KINDS.iter().find(|(name, ..)| *name == short)?;
    Some(GroupKind::new(group, kind))
}

/// `kind/name` in a namespace.
pub(crate) fn key(target: &str, namespace: &str) -> Option<ObjectKey> {
    let (short, name) = target.split_once('/')?;
    Some(ObjectKey::new(kind(short)?, namespace, name))
}

/// How a step was answered.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) refused: Option<Value>,
    pub(crate) warnings: Vec<String>,
}

/// Does a step; none if it is of a sort that cannot be done here.
pub(crate) async fn perform(platform: &Platform, step: &Value, namespace: &str) -> Option<Answer> {
    let options = options(step);
    let answer = match step["op"].as_str()? {
        "create" => {
            let object = object(&step["object"], namespace)?;
            platform.store.create(object, &options).await
        }
        "replace" => {
            let object = object(&step["object"], namespace)?;
            platform.store.update(object, &options).await
        }
        "patch" => patch(platform, step, namespace, &options).await?,
        "delete" => return delete(platform, step, namespace).await,
        "call" => return call(platform, step, namespace).await,
        "wait" => {
            let seconds = step["seconds"].as_f64().unwrap_or_default();
            tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
            return Some(Answer::default());
        }
        _ => return None,
    };
    Some(match answer {
        Ok(Written { warnings, .. }) => Answer {
            warnings,
            refused: None,
        },
        Err(error) => Answer {
            refused: Some(status(&error)),
            warnings: Vec::new(),
        },
    })
}

fn options(step: &Value) -> WriteOptions {
    let user = step["as"].as_str().unwrap_or("admin");
    let mut options = WriteOptions::by(UserInfo::new(user));
    options.dry_run = step["query"]["dryRun"] == "All";
    options.field_validation = match step["query"]["fieldValidation"].as_str() {
        Some("Strict") => FieldValidation::Strict,
        Some("Ignore") => FieldValidation::Ignore,
        _ => FieldValidation::Warn,
    };
    options
}

fn object(value: &Value, namespace: &str) -> Option<Object> {
    let text = value.to_string().replace("NAMESPACE", namespace);
    let mut object = codec::object_from_value(serde_json::from_str(&text).ok()?).ok()?;
    object.metadata.namespace = Some(namespace.to_owned());
    Some(object)
}

async fn patch(
    platform: &Platform,
    step: &Value,
    namespace: &str,
    options: &WriteOptions,
) -> Option<Result<Written, StoreError>> {
    let key = key(step["target"].as_str()?, namespace)?;
    let body = serde_json::from_str(&step["patch"].to_string().replace("NAMESPACE", namespace));
    let body: Value = body.ok()?;
    let patch = if body.is_array() {
        Patch::json(body).ok()?
    } else {
        Patch::Merge(body)
    };
    Some(match step["sub"].as_str() {
        Some("status") => platform.store.patch_status(&key, &patch, options).await,
        Some(_) => return None,
        None => platform.store.patch(&key, &patch, options).await,
    })
}

async fn delete(platform: &Platform, step: &Value, namespace: &str) -> Option<Answer> {
    let key = key(step["target"].as_str()?, namespace)?;
    let mut options = DeleteOptions::default();
    options.user = UserInfo::new("admin");
    options.propagation = match step["propagation"].as_str() {
        Some("Foreground") => Propagation::Foreground,
        Some("Orphan") => Propagation::Orphan,
        _ => Propagation::Background,
    };
    let deleted = platform.store.delete(&key, &options).await;
    Some(Answer {
        refused: deleted.err().map(|error| status(&error)),
        warnings: Vec::new(),
    })
}

/// Calls the Service of a Revision: the recordings call the activator, which has no host names.
async fn call(platform: &Platform, step: &Value, namespace: &str) -> Option<Answer> {
    let revision = step["revision"].as_str()?;
    let (service, _) = revision.rsplit_once('-')?;
    let host = format!("{service}.{namespace}.svc.cluster.local");
    let path = step["path"].as_str().unwrap_or("/");
    let count = step["count"].as_u64().unwrap_or(1);
    let calls = (0..count).map(|_| {
        let request = http::Request::builder()
            .uri(path)
            .header("host", &host)
            .body(Body::empty())
            .expect("a request");
        platform.serving.gateway().clone().oneshot(request)
    });
    let expected = |status: u16| status == 200;
    let answers = join_all(calls).await;
    let failed = answers
        .into_iter()
        .filter_map(|answer| answer.ok().map(|answer| answer.status().as_u16()))
        .find(|status| !expected(*status));
    Some(Answer {
        refused: failed.map(|code| json!({ "code": code })),
        warnings: Vec::new(),
    })
}

/// The parts of a Status that recordings hold.
fn status(error: &StoreError) -> Value {
    match error {
        StoreError::Denied { message } => {
            json!({"code": 400, "reason": "BadRequest", "message": message})
        }
        StoreError::BadRequest { message } => {
            json!({"code": 400, "reason": "BadRequest", "message": message})
        }
        StoreError::Invalid { causes, .. } => {
            let causes: Vec<Value> = causes
                .iter()
                .map(|cause| {
                    json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
                })
                .collect();
            json!({"code": 422, "reason": "Invalid", "causes": causes})
        }
        StoreError::NotFound { .. } => json!({"code": 404, "reason": "NotFound"}),
        StoreError::AlreadyExists { .. } => json!({"code": 409, "reason": "AlreadyExists"}),
        StoreError::Conflict { .. } => json!({"code": 409, "reason": "Conflict"}),
        StoreError::Forbidden { .. } => json!({"code": 403, "reason": "Forbidden"}),
        other => json!({"code": 500, "message": other.to_string()}),
    }
}

/// The store of a platform.
pub(crate) fn store(platform: &Platform) -> &Arc<dyn knative_core::store::Store> {
    &platform.store
}
