//! What Revisions and Configurations say about the Routes that refer to them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use knative_core::object::ObjectExt;
use serde_json::{Map, Value, json};

use crate::api::keys::serving;

/// Whether `object` says that `route` refers to it.
pub(super) fn is_listed(object: &impl ObjectExt, route: &str) -> bool {
    routes(object).contains(route)
}

fn routes(object: &impl ObjectExt) -> BTreeSet<&str> {
    let listed = object.annotation(serving::ROUTES).unwrap_or_default();
    listed
        .split(',')
        .filter(|route| !route.is_empty())
        .collect()
}

/// The merge patch that adds `route` to what refers to `object`, or removes it; none if nothing changes. A Revision
/// (`has_state`) also says whether any Route refers to it, and since when.
pub(super) fn patch(
    object: &impl ObjectExt,
    route: &str,
    listed: bool,
    has_state: bool,
    now: Timestamp,
) -> Option<Value> {
    let mut routes = routes(object);
    let mut annotations = Map::new();
    let changed = if listed {
        routes.insert(route)
    } else {
        routes.remove(route)
    };
    if changed {
        let joined: Vec<&str> = routes.iter().copied().collect();
        let value = if joined.is_empty() {
            Value::Null
        } else {
            json!(joined.join(","))
        };
        annotations.insert(serving::ROUTES.to_owned(), value);
    }
    let mut labels = Map::new();
    let state = if routes.is_empty() {
        serving::ROUTING_STATE_RESERVE
    } else {
        serving::ROUTING_STATE_ACTIVE
    };
    if has_state && object.label(serving::ROUTING_STATE) != Some(state) {
        labels.insert(serving::ROUTING_STATE.to_owned(), json!(state));
        let modified = format!("{now:.0}");
        annotations.insert(serving::ROUTING_STATE_MODIFIED.to_owned(), json!(modified));
    }
    let mut metadata = Map::new();
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), labels.into());
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), annotations.into());
    }
    (!metadata.is_empty()).then(|| json!({ "metadata": metadata }))
}

#[cfg(test)]
mod tests {
    use crate::api::Revision;

    use super::*;

    fn revision(routes: Option<&str>, state: &str) -> Revision {
        let mut revision = Revision::default();
        revision.metadata.labels =
            Some([(serving::ROUTING_STATE.to_owned(), state.to_owned())].into());
        revision.metadata.annotations =
            routes.map(|routes| [(serving::ROUTES.to_owned(), routes.to_owned())].into());
        revision
    }

    #[test]
    fn routes_and_state() {
        let now = Timestamp::UNIX_EPOCH;
        let (routes, state) = (serving::ROUTES, serving::ROUTING_STATE);
        let modified = serving::ROUTING_STATE_MODIFIED;
        let time = "1970-01-01T00:00:00Z";
        let rows = [
            (Some("a"), "active", true, None),
            (
                Some("b"),
                "active",
                true,
                Some(json!({"annotations": {routes: "a,b"}})),
            ),
            (
                None,
                "pending",
                true,
                Some(
                    json!({"labels": {state: "active"}, "annotations": {routes: "a", modified: time}}),
                ),
            ),
            (
                Some("a"),
                "active",
                false,
                Some(
                    json!({"labels": {state: "reserve"}, "annotations": {routes: null, modified: time}}),
                ),
            ),
            (
                Some("a,b"),
                "active",
                false,
                Some(json!({"annotations": {routes: "b"}})),
            ),
        ];
        for (before, state, listed, metadata) in rows {
            let patch = patch(&revision(before, state), "a", listed, true, now);
            let want = metadata.map(|metadata| json!({ "metadata": metadata }));
            assert_eq!(patch, want, "{before:?} {state} {listed}");
        }
    }
}
