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

use crate::{
    api::{Api, Call},
    pod,
    query::Query,
    reply,
    status::{Failure, forbidden_field, invalid_value},
    verbs::Reply,
};

/// Answers with the log of the pod that the path names.
pub(crate) async fn logs(api: &Api, call: &Call) -> Reply {
    let key = call.key()?;
    let pod = pod::read(api, call).await?;
    let mut options = options(&call.query, &key.name, api.now())?;
    options.container = Some(pod::container(&call.query, &pod)?);
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

fn options(query: &Query, name: &str, now: Timestamp) -> Result<LogOptions, Failure> {
    if query.flag("timestamps") {
        return Err(Failure::bad_request(
            "timestamps: lines are kept without the time at which they were printed",
        ));
    }
    let mut causes = Vec::new();
    let mut at_least = |key, least, why| -> Result<Option<i64>, Failure> {
        let number = query.integer(key)?;
        if let Some(small) = number.filter(|number| *number < least) {
            causes.push(invalid_value(key, &small.to_string(), why));
        }
        Ok(number)
    };
    let mut options = LogOptions::all(query.flag("follow"));
    let lines = at_least("tailLines", 0, "must be greater than or equal to 0")?;
    let bytes = at_least("limitBytes", 1, "must be greater than 0")?;
    let seconds = at_least("sinceSeconds", 1, "must be greater than 0")?;
    let time = query.get("sinceTime").map(since_time).transpose()?;
    if time.is_some() && seconds.is_some() {
        let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        causes.push(forbidden_field("", why));
    }
    if !causes.is_empty() {
        return Err(Failure::invalid("PodLogOptions", "", name, causes));
    }
    options.tail_lines = lines.map(i64::unsigned_abs);
    options.limit_bytes = bytes.map(i64::unsigned_abs);
    options.since = time.or_else(|| seconds.map(|seconds| before(now, seconds)));
    options.previous = query.flag("previous");
    Ok(options)
}

fn since_time(text: &str) -> Result<Timestamp, Failure> {
    text.parse()
        .map_err(|_| Failure::bad_request(format!("sinceTime {} is not a time", quote(text))))
}

fn before(now: Timestamp, seconds: i64) -> Timestamp {
    let ago = SignedDuration::from_secs(seconds);
    now.saturating_sub(ago).unwrap_or(Timestamp::MIN)
}

fn refused(error: &RuntimeError, pod: &str) -> Failure {
    match error {
        RuntimeError::NotFound { .. } => Failure::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("no log is kept of pod {}", quote(pod)),
        ),
        error => pod::refused(error),
    }
}
