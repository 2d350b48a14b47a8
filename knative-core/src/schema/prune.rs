//! Unknown fields go, defaults come.

use serde_json::Value;

use super::node::Node;
use super::{UnknownField, item, member};

/// How many unknown fields are told, as of Kubernetes' strict decoder; all are removed. A body of little more than one
/// long key could otherwise ask for a copy of that key for each of its other bytes.
const TOLD: usize = 100;

pub(super) fn prune(node: &Node, value: &mut Value, path: &str, unknown: &mut Vec<UnknownField>) {
    match value {
        Value::Object(members) => members.retain(|name, value| {
            if let Some(node) = node.property(name) {
                prune(node, value, &member(path, name), unknown);
                return true;
            }
            if !node.preserve && unknown.len() < TOLD {
                let path = member(path, name);
                unknown.push(UnknownField { path });
            }
            node.preserve
        }),
        Value::Array(items) => {
            let Some(node) = node.items.as_deref() else {
                return;
            };
            for (i, value) in items.iter_mut().enumerate() {
                prune(node, value, &item(path, i), unknown);
            }
        }
        _ => {}
    }
}

pub(super) fn apply_defaults(node: &Node, value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, value| {
                let node = node.property(name);
                !(value.is_null() && node.is_some_and(drops_null))
            });
            for (name, node) in &node.properties {
                if let Some(default) = &node.default {
                    members.entry(name).or_insert_with(|| default.clone());
                }
            }
            for (name, value) in members {
                if let Some(node) = node.property(name) {
                    apply_defaults(node, value);
                }
            }
        }
        Value::Array(items) => {
            let Some(node) = node.items.as_deref() else {
                return;
            };
            for value in items {
                match &node.default {
                    Some(default) if value.is_null() && !node.nullable => value.clone_from(default),
                    _ => apply_defaults(node, value),
                }
            }
        }
        _ => {}
    }
}

/// Null says no more than absence does, unless it is a value of the field, or the field may be anything.
fn drops_null(node: &Node) -> bool {
    let open = node.preserve && node.types.is_empty();
    !node.nullable && !open
}
