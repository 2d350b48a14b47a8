//! Does what a step did.

use std::time::Duration;

use futures::future::join_all;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use knative_core::{Kind, http::Body, object::GroupKind};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    client::{Answer, Call, collection, send},
    scenario::{Action, How},
    short,
    world::World,
};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
/// How long a request may take unless the step says.
const CALL_TIMEOUT: u64 = 60;

/// Does it; answers with what the API said, if it was asked.
pub(crate) async fn act(world: &World, action: &Action) -> Result<Option<Answer>, Failed> {
    let answer = match action {
        Action::Create { object, how } => create(world, object, how).await?,
        Action::Apply { object, how } => apply(world, object, how).await?,
        Action::Replace { object, how } => {
            let path = path_of(world, object)?;
            write(world, Method::PUT, path, JSON, object, how).await?
        }
        Action::Patch {
            target,
            patch,
            sub,
            how,
        } => {
            let mut path = target_path(world, target)?;
            if let Some(sub) = sub {
                path = format!("{path}/{sub}");
            }
            let content_type = if patch.is_array() {
                JSON_PATCH
            } else {
                MERGE_PATCH
            };
            write(world, Method::PATCH, path, content_type, patch, how).await?
        }
        Action::Delete {
            target,
            propagation,
            selector,
            how,
        } => {
            delete(
                world,
                target,
                propagation.as_deref(),
                selector.as_deref(),
                how,
            )
            .await?
        }
        Action::Config { map, data, how } => {
            let map = format!("/api/v1/namespaces/knative-serving/configmaps/{map}");
            let patch = json!({"data": data});
            write(world, Method::PATCH, map, MERGE_PATCH, &patch, how).await?
        }
        Action::Wait { seconds } => {
            tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0))).await;
            return Ok(None);
        }
        Action::Call { .. } => return Ok(None),
        Action::Ingress {} | Action::Certificate {} => {
            return Err("the step needs the recorder's stand-ins".into());
        }
    };
    Ok(Some(answer))
}

async fn write(
    world: &World,
    method: Method,
    path: String,
    content_type: &'static str,
    body: &Value,
    how: &How,
) -> Result<Answer, Failed> {
    let call = Call {
        method,
        path,
        content_type,
        how,
        body: Some(body.clone()),
    };
    send(&world.api, call).await
}

async fn create(world: &World, object: &Value, how: &How) -> Result<Answer, Failed> {
    if object["kind"] == "ResourceQuota" {
        return quota(
            world,
            object["spec"]["hard"]["pods"].as_str(),
            StatusCode::CREATED,
        );
    }
    let path = collection(&kind_of(world, object)?, &world.namespace);
    write(world, Method::POST, path, JSON, object, how).await
}

/// A quota is not a kind of ours: the machine keeps it.
fn quota(world: &World, pods: Option<&str>, status: StatusCode) -> Result<Answer, Failed> {
    let pods = pods.map(str::parse).transpose()?;
    world.machine.set_quota(pods.unwrap_or(usize::MAX));
    Ok(Answer {
        status,
        warnings: Vec::new(),
        body: Value::Null,
    })
}

/// Server-side apply by a single manager: what it names is merged.
async fn apply(world: &World, object: &Value, how: &How) -> Result<Answer, Failed> {
    let path = path_of(world, object)?;
    let exists = Call {
        method: Method::GET,
        path: path.clone(),
        content_type: JSON,
        how: &How::default(),
        body: None,
    };
    if send(&world.api, exists).await?.status == StatusCode::NOT_FOUND {
        return create(world, object, how).await;
    }
    write(world, Method::PATCH, path, MERGE_PATCH, object, how).await
}

async fn delete(
    world: &World,
    target: &str,
    propagation: Option<&str>,
    selector: Option<&str>,
    how: &How,
) -> Result<Answer, Failed> {
    if target.starts_with("resourcequota/") {
        return quota(world, None, StatusCode::OK);
    }
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    if let Some(propagation) = propagation {
        options["propagationPolicy"] = propagation.into();
    }
    let path = match selector {
        Some(selector) => {
            let short = target.split('/').next().unwrap_or_default();
            let path = collection(&named(world, short)?, &world.namespace);
            format!("{path}?labelSelector={}", selector.replace('=', "%3D"))
        }
        None => target_path(world, target)?,
    };
    write(world, Method::DELETE, path, JSON, &options, how).await
}

fn kind_of(world: &World, object: &Value) -> Result<Kind, Failed> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = GroupKind::owned(group, object["kind"].as_str().unwrap_or_default());
    registered(world, &kind)
}

fn named(world: &World, short: &str) -> Result<Kind, Failed> {
    let kind = short::kind(short).ok_or_else(|| format!("what is a {short}?"))?;
    registered(world, &kind)
}

fn registered(world: &World, kind: &GroupKind) -> Result<Kind, Failed> {
    let known = world.kinds.get(kind);
    let known = known.ok_or_else(|| format!("{kind} is not served"))?;
    Ok(known.as_ref().clone())
}

fn path_of(world: &World, object: &Value) -> Result<String, Failed> {
    let path = collection(&kind_of(world, object)?, &world.namespace);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Ok(format!("{path}/{name}"))
}

fn target_path(world: &World, target: &str) -> Result<String, Failed> {
    let (short, name) = target.split_once('/').ok_or("a target without a name")?;
    let path = collection(&named(world, short)?, &world.namespace);
    Ok(format!("{path}/{name}"))
}

/// Sends the requests of a `call` step, all at once; what they were answered, as it is recorded.
pub(crate) async fn call(world: World, action: Action) -> Result<Option<Value>, Failed> {
    let Action::Call {
        revision,
        path,
        count,
        timeout,
    } = action
    else {
        return Ok(None);
    };
    let host = world.host_of(&revision)?;
    let uri = format!("http://{host}{}", path.as_deref().unwrap_or("/"));
    let timeout = Duration::from_secs(timeout.unwrap_or(CALL_TIMEOUT));
    let calls = (0..count.unwrap_or(1)).map(|_| request(&world, &uri, timeout));
    let mut answers = join_all(calls)
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match count {
        None => answers.pop(),
        Some(_) => Some(answers.into()),
    })
}

async fn request(world: &World, uri: &str, timeout: Duration) -> Result<Value, Failed> {
    let request = http::Request::get(uri).body(Body::empty())?;
    let answered = tokio::time::timeout(timeout, world.gateway.clone().oneshot(request)).await;
    let Ok(Ok(response)) = answered else {
        return Err(format!("{uri} did not answer within {timeout:?}").into());
    };
    let code = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok(json!({"code": code, "body": String::from_utf8_lossy(&body.to_bytes())}))
}
