//! Strategic merge patches: merge patches that know the keys of lists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::keys::{ListMerge, list_merge, retains_keys};
use crate::status::Failure;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_ITEMS: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// Applies a patch.
pub(super) fn merge(target: &mut Value, patch: &Value) -> Result<(), Failure> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    let mut around = Vec::new();
    merge_object(target, patch, &mut around)
}

fn merge_object<'a>(
    target: &mut Value,
    patch: &'a Map<String, Value>,
    around: &mut Vec<&'a str>,
) -> Result<(), Failure> {
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *target = Value::Object(without_directives(patch));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some(other) => return Err(unknown_directive(other)),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return Ok(());
    };
    if let Some(kept) = patch.get(RETAIN_KEYS).and_then(Value::as_array) {
        target.retain(|name, _| kept.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        if !name.starts_with('$') {
            merge_field(target, name, value, patch, around)?;
        }
    }
    delete_items(target, patch);
    order_left(target, patch, around);
    Ok(())
}

fn merge_field<'a>(
    target: &mut Map<String, Value>,
    name: &'a str,
    value: &'a Value,
    patch: &'a Map<String, Value>,
    around: &mut Vec<&'a str>,
) -> Result<(), Failure> {
    match value {
        Value::Null => {
            target.remove(name);
        }
        Value::Object(inner) => {
            let slot = target.entry(name).or_insert(Value::Null);
            around.push(name);
            merge_object(slot, inner, around)?;
            around.pop();
        }
        Value::Array(items) => {
            let slot = target.entry(name).or_insert(Value::Null);
            let how = list_merge(around, name);
            around.push(name);
            merge_list(slot, items, how, around)?;
            around.pop();
            let order = patch.get(&format!("{SET_ORDER}{name}"));
            order_list(slot, how, order);
        }
        scalar => {
            target.insert(name.to_owned(), scalar.clone());
        }
    }
    Ok(())
}

fn merge_list<'a>(
    slot: &mut Value,
    patch: &'a [Value],
    how: ListMerge,
    around: &mut Vec<&'a str>,
) -> Result<(), Failure> {
    let replaces = patch.iter().any(|item| item[DIRECTIVE] == "replace");
    let Value::Array(target) = slot else {
        *slot = Value::Array(Vec::new());
        return merge_list(slot, patch, how, around);
    };
    match how {
        _ if replaces => *target = without_directive_items(patch),
        ListMerge::Replace => *target = patch.to_vec(),
        ListMerge::Set => {
            let mut known: BTreeSet<String> = target.iter().map(Value::to_string).collect();
            let new = patch.iter().filter(|item| known.insert(item.to_string()));
            target.extend(new.cloned());
        }
        ListMerge::ByKey(key) => {
            let mut keyed = Keyed::new(std::mem::take(target), key);
            for item in patch {
                keyed.merge(item, around)?;
            }
            *target = keyed.items.into_iter().flatten().collect();
        }
    }
    Ok(())
}

/// A list that is merged by key: lists may be long, so that items are looked up and not searched for.
struct Keyed<'a> {
    key: &'a str,
    /// `None` where one was deleted.
    items: Vec<Option<Value>>,
    /// By the JSON of the key; of several items with the same one the first.
    positions: BTreeMap<String, usize>,
}

impl<'a> Keyed<'a> {
    fn new(items: Vec<Value>, key: &'a str) -> Self {
        let mut positions = BTreeMap::new();
        for (position, item) in items.iter().enumerate() {
            if let Some(id) = item.get(key) {
                positions.entry(id.to_string()).or_insert(position);
            }
        }
        Self {
            key,
            items: items.into_iter().map(Some).collect(),
            positions,
        }
    }

    fn merge<'p>(&mut self, patch: &'p Value, around: &mut Vec<&'p str>) -> Result<(), Failure> {
        let Value::Object(fields) = patch else {
            return Err(Failure::bad_request(
                "a list that is merged by key holds objects only",
            ));
        };
        let key = self.key;
        let Some(id) = fields.get(key).map(Value::to_string) else {
            return Err(Failure::bad_request(format!(
                "map: {patch} does not contain declared merge key: {key}"
            )));
        };
        if patch[DIRECTIVE] == "delete" {
            if let Some(position) = self.positions.remove(&id) {
                self.items[position] = None;
            }
            return Ok(());
        }
        let next = self.items.len();
        let position = *self.positions.entry(id).or_insert(next);
        if position == next {
            self.items.push(None);
        }
        let item = self.items[position].get_or_insert_default();
        merge_object(item, fields, around)?;
        let field = around.last().copied().unwrap_or_default();
        if retains_keys(field) && fields.len() > 1 && !fields.contains_key(RETAIN_KEYS) {
            keep_one_source(item, fields);
        }
        Ok(())
    }
}

/// A volume has a name and one source: a patch that brings a source replaces the other one.
fn keep_one_source(item: &mut Value, patch: &Map<String, Value>) {
    if let Value::Object(fields) = item {
        let brings_source = patch
            .iter()
            .any(|(name, value)| name != "name" && !name.starts_with('$') && !value.is_null());
        if brings_source {
            fields.retain(|name, _| name == "name" || patch.contains_key(name));
        }
    }
}

/// `$deleteFromPrimitiveList/finalizers: [a]`.
fn delete_items(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, items) in patch {
        if let Some(field) = name.strip_prefix(DELETE_ITEMS)
            && let (Some(Value::Array(list)), Value::Array(items)) = (target.get_mut(field), items)
        {
            list.retain(|item| !items.contains(item));
        }
    }
}

/// Lists whose order alone is patched.
fn order_left<'a>(
    target: &mut Map<String, Value>,
    patch: &'a Map<String, Value>,
    around: &[&'a str],
) {
    for (name, order) in patch {
        if let Some(field) = name.strip_prefix(SET_ORDER)
            && !patch.contains_key(field)
            && let Some(list) = target.get_mut(field)
        {
            order_list(list, list_merge(around, field), Some(order));
        }
    }
}

/// Orders a merged list: as `$setElementOrder` says, items that it does not name behind those before which they stood.
fn order_list(list: &mut Value, how: ListMerge, order: Option<&Value>) {
    let (Value::Array(items), Some(Value::Array(order))) = (list, order) else {
        return;
    };
    let identity = |item: &Value| match how {
        ListMerge::ByKey(key) => item.get(key).unwrap_or(&Value::Null).to_string(),
        _ => item.to_string(),
    };
    let mut ranks = BTreeMap::new();
    for (rank, named) in order.iter().enumerate() {
        ranks.entry(identity(named)).or_insert(rank);
    }
    let mut behind = 0;
    let mut ranked: Vec<(usize, bool, Value)> = items
        .drain(..)
        .map(|item| {
            let rank = ranks.get(&identity(&item)).copied();
            behind = rank.unwrap_or(behind);
            (behind, rank.is_none(), item)
        })
        .collect();
    ranked.sort_by_key(|(rank, unnamed, _)| (*rank, *unnamed));
    items.extend(ranked.into_iter().map(|(_, _, item)| item));
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    let fields = patch.iter().filter(|(name, _)| !name.starts_with('$'));
    fields
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn without_directive_items(patch: &[Value]) -> Vec<Value> {
    let items = patch.iter().filter(|item| item.get(DIRECTIVE).is_none());
    items.cloned().collect()
}

fn unknown_directive(directive: &str) -> Failure {
    Failure::bad_request(format!("unknown patch type found: {directive}"))
}
