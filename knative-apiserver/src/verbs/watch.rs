//! Changes of objects as they happen.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use knative_core::{
    http::Body,
    object::Object,
    store::{ListOptions, StoreError, WatchEvent, WatchOptions, WatchStart, WatchStream},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Reply,
    list::{fields, refuse},
    printers,
};
use crate::{
    api::{Api, Call, to_value},
    negotiate::{Format, Shape},
    query::Query,
    reply,
    status::{Failure, forbidden_field, not_supported},
    table::{Printers, metadata_only},
};

/// How long a watch lasts if the client does not say; the API server's default lies between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// The annotation of the bookmark that ends the objects which existed when the watch began.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Answers with the changes of what the path and the selectors name.
pub(crate) async fn watch(api: &std::sync::Arc<Api>, call: &Call) -> Reply {
    let output = call.output()?;
    if output.format != Format::Json {
        return Err(Failure::not_acceptable(&["application/json"]));
    }
    check(&call.query)?;
    let timeout = call.query.seconds("timeoutSeconds")?;
    let timeout = timeout
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or(DEFAULT_TIMEOUT);
    let events = match call
        .store
        .watch(&call.group_kind(), &options(call).await?)
        .await
    {
        Ok(events) => events,
        // As in Kubernetes: who comes too late is told in the stream.
        Err(error @ StoreError::Expired { .. }) => stream::once(async { Err(error) }).boxed(),
        Err(error) => return Err(api.refused(&error)),
    };
    let renderer = Renderer::new(call, output.shape);
    let body = lines(std::sync::Arc::clone(api), events, renderer, timeout);
    Ok(reply::bytes_of(
        StatusCode::OK,
        "application/json",
        Body::new(StreamBody::new(body)),
    ))
}

fn lines(
    api: std::sync::Arc<Api>,
    events: WatchStream,
    mut renderer: Renderer,
    timeout: Duration,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let shutdown = api.shutdown.clone();
    let end = async move {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(timeout) => {}
        }
    };
    events.take_until(Box::pin(end)).map(move |event| {
        let mut line = renderer.render(&api, event);
        line.push('\n');
        Ok(Frame::data(Bytes::from(line)))
    })
}

async fn options(call: &Call) -> Result<WatchOptions, Failure> {
    let query = &call.query;
    let mut options = WatchOptions::default();
    options.namespace.clone_from(&call.path.namespace);
    options.labels = query.labels()?;
    options.fields = fields(query, &call.kind)?;
    // A watch of one object by its path is one with a selector.
    if let Some(name) = &call.path.name {
        let selector = format!("metadata.name={name}");
        options.fields = selector
            .parse()
            .map_err(|_| Failure::bad_request("invalid name"))?;
    }
    let initial = query.switch("sendInitialEvents");
    options.bookmarks = query.flag("allowWatchBookmarks") || initial == Some(true);
    options.start = match (initial, query.get("resourceVersion")) {
        (Some(true), _) | (None, None | Some("0")) => WatchStart::Existing,
        (Some(false), None | Some("0")) => now(call).await?,
        (_, Some(version)) => WatchStart::After(version.to_owned()),
    };
    Ok(options)
}

/// After all that exists.
async fn now(call: &Call) -> Result<WatchStart, Failure> {
    let mut first = ListOptions::default();
    first.limit = Some(1);
    let page = call.store.list(&call.group_kind(), &first).await;
    let page = page.map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(WatchStart::After(page.resource_version))
}

fn check(query: &Query) -> Result<(), Failure> {
    let field = "resourceVersionMatch";
    let word = query.get(field);
    let initial = query.switch("sendInitialEvents").is_some();
    let mut causes = Vec::new();
    if initial && word != Some("NotOlderThan") {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(forbidden_field(field, why));
    }
    if let Some(word) = word {
        if !initial {
            let why =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(forbidden_field(field, why));
        }
        if word != "NotOlderThan" {
            causes.push(not_supported(field, word, &["NotOlderThan"]));
        }
        if query.get("continue").is_some() {
            let why = "resourceVersionMatch is forbidden when continue is provided";
            causes.push(forbidden_field(field, why));
        }
    }
    refuse(causes)
}

/// Writes events down as the client wants them.
struct Renderer {
    api_version: String,
    kind: String,
    shape: Shape,
    printers: Option<Printers>,
    initial: bool,
    columns: bool,
}

impl Renderer {
    fn new(call: &Call, shape: Shape) -> Self {
        Self {
            api_version: call.kind.api_version(),
            kind: call.kind.kind.clone(),
            shape,
            printers: match shape {
                Shape::Table(version) => Some(printers(call, version)),
                _ => None,
            },
            initial: call.query.flag("sendInitialEvents"),
            columns: true,
        }
    }

    /// A line without its end.
    fn render(&mut self, api: &Api, event: Result<WatchEvent, StoreError>) -> String {
        match event {
            Ok(WatchEvent::Added(object)) => self.change(api, "ADDED", &object),
            Ok(WatchEvent::Modified(object)) => self.change(api, "MODIFIED", &object),
            Ok(WatchEvent::Deleted(object)) => self.change(api, "DELETED", &object),
            Ok(WatchEvent::Bookmark {
                resource_version,
                initial_events_end,
            }) => self.bookmark(api, &resource_version, initial_events_end),
            // A kind of event that is not known here says nothing that a client could use.
            Ok(_) => String::new(),
            Err(error) => failure(api.refused(&error)),
        }
    }

    fn change(&mut self, api: &Api, r#type: &str, object: &Object) -> String {
        if self.shape == Shape::Whole {
            return line(r#type, object);
        }
        let object = match to_value(object) {
            Ok(object) => object,
            Err(error) => return failure(error),
        };
        if let Shape::Metadata(version) = self.shape {
            return line(r#type, &metadata_only(&object, version));
        }
        let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        line(r#type, &self.table(api, &[object], &metadata))
    }

    fn bookmark(&mut self, api: &Api, version: &str, initial_events_end: bool) -> String {
        let mut metadata = json!({"resourceVersion": version, "creationTimestamp": null});
        if initial_events_end && self.initial {
            metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        let whole = json!({
            "kind": self.kind, "apiVersion": self.api_version, "metadata": metadata,
        });
        let object = match self.shape {
            Shape::Whole => whole,
            Shape::Metadata(version) => metadata_only(&whole, version),
            Shape::Table(_) => self.table(api, &[], &json!({"resourceVersion": version})),
        };
        line("BOOKMARK", &object)
    }

    /// Only the first table of a stream brings its columns.
    fn table(&mut self, api: &Api, objects: &[Value], metadata: &Value) -> Value {
        let columns = std::mem::take(&mut self.columns);
        self.printers.as_ref().map_or(Value::Null, |printers| {
            printers.table(objects, metadata, columns, api.now())
        })
    }
}

/// An event as it is sent.
#[derive(Serialize)]
struct Line<'a, T> {
    r#type: &'a str,
    object: &'a T,
}

fn line<T: Serialize>(r#type: &str, object: &T) -> String {
    serde_json::to_string(&Line { r#type, object })
        .unwrap_or_else(|error| failure(Failure::bad_request(error.to_string())))
}

fn failure(failure: Failure) -> String {
    json!({"type": "ERROR", "object": failure.into_status()}).to_string()
}
