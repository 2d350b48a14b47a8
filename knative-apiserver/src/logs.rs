//! What pods print.

use futures::{StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use jiff::{SignedDuration, Timestamp};
use knative_core::{
    http::Body,
    object::quote,
    runtime::{InstanceId, LogOptions, RuntimeError},
};
use serde_json::Value;

use crate::{
    api::{Api, Call, to_value},
    query::Query,
    reply,
    status::Failure,
    verbs::Reply,
};

/// Answers with the log of the pod that the path names.
pub(crate) async fn logs(api: &Api, call: &Call) -> Reply {
    let key = call.key()?;
    let pod = call.store.get(&key).await;
    let pod = to_value(&*pod.map_err(|error| api.refused(&error))?)?;
    let mut options = options(&call.query, api.now())?;
    options.container = Some(container(&call.query, &key.name, &pod)?);
    let Some(runtime) = &api.runtime else {
        return Err(Failure::bad_request("this platform keeps no logs of pods"));
    };
    let lines = runtime
        .logs(&InstanceId::new(key.name.as_str()), &options)
        .await;
    let lines = lines.map_err(|error| refused(&error, &key.name))?;
    let frames = lines
        .map_ok(Frame::data)
        .take_until(api.shutdown.clone().cancelled_owned());
    Ok(reply::bytes_of(
        StatusCode::OK,
        "text/plain",
        Body::new(StreamBody::new(frames)),
    ))
}

fn options(query: &Query, now: Timestamp) -> Result<LogOptions, Failure> {
    if query.flag("timestamps") {
        return Err(Failure::bad_request(
            "timestamps: lines are kept without the time at which they were printed",
        ));
    }
    let mut options = LogOptions::all(query.flag("follow"));
    options.tail_lines = query.number("tailLines")?;
    options.limit_bytes = query.number("limitBytes")?;
    options.previous = query.flag("previous");
    options.since = since(query, now)?;
    Ok(options)
}

fn since(query: &Query, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    if let Some(time) = query.get("sinceTime") {
        return time
            .parse()
            .map(Some)
            .map_err(|_| Failure::bad_request(format!("sinceTime {} is not a time", quote(time))));
    }
    let Some(seconds) = query.number("sinceSeconds")? else {
        return Ok(None);
    };
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Some(now.saturating_sub(seconds).unwrap_or(Timestamp::MIN)))
}

/// The container that is asked for, or the only one.
fn container(query: &Query, name: &str, pod: &Value) -> Result<String, Failure> {
    let names: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect();
    match (query.get("container"), names.as_slice()) {
        (Some(asked), names) if names.contains(&asked) => Ok(asked.to_owned()),
        (Some(asked), _) => Err(Failure::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        ))),
        (None, [only]) => Ok((*only).to_owned()),
        (None, names) => Err(Failure::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

fn refused(error: &RuntimeError, pod: &str) -> Failure {
    match error {
        RuntimeError::NotFound { .. } => Failure::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("no log is kept of pod {}", quote(pod)),
        ),
        RuntimeError::Unsupported { .. } => Failure::bad_request(error.to_string()),
        _ => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            error.to_string(),
        ),
    }
}
