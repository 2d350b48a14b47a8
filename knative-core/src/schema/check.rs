//! Values against a schema, with the messages of the API server.

use serde_json::{Map, Number, Value};

use super::node::{Node, Rules};
use super::number::show;
use super::violation::Violation;
use super::{item, member};

pub(super) fn check(node: &Node, value: &Value, path: &str, wrong: &mut Vec<Violation>) {
    wrong.extend(wrong_type(node, value, path));
    if value.is_null() {
        return;
    }
    if let Some(choices) = &node.rules.choices
        && !choices.contains(value)
    {
        wrong.push(Violation::not_supported(path, value, choices));
    }
    match value {
        Value::Object(members) => object(node, members, path, wrong),
        Value::Array(items) => array(node, items, path, wrong),
        Value::String(text) => string(node, text, path, wrong),
        Value::Number(number) => numeric(&node.rules, number, path, wrong),
        Value::Null | Value::Bool(_) => {}
    }
    combinations(node, value, path, wrong);
}

/// The JSON type of a value and the format that goes with it.
fn type_of(value: &Value) -> (&'static str, &'static str) {
    match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(number) if number.is_i64() => ("integer", "int64"),
        Value::Number(_) => ("number", "double"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    }
}

/// A whole number may be written with a point, and an integer is a number.
fn wrong_type(node: &Node, value: &Value, path: &str) -> Option<Violation> {
    let (is, format) = type_of(value);
    let has = |name: &str| node.types.iter().any(|one| one == name);
    if node.types.is_empty() || has(is) || (value.is_null() && node.nullable) {
        return None;
    }
    let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    if is == "number" && has("integer") && whole || is == "integer" && has("number") {
        return None;
    }
    let numeric = has("integer") || has("number");
    match &node.format {
        // What is no text is compared with the format, and the message names that.
        Some(want)
            if numeric && !matches!(value, Value::Null | Value::String(_) | Value::Array(_)) =>
        {
            Some(Violation::wrong_type(path, want, format))
        }
        _ => Some(Violation::wrong_type(path, &node.types.join(","), is)),
    }
}

fn object(node: &Node, members: &Map<String, Value>, path: &str, wrong: &mut Vec<Violation>) {
    for name in &node.rules.required {
        if !members.contains_key(name) {
            wrong.push(Violation::required(&member(path, name)));
        }
    }
    let count = members.len();
    if let Some(limit) = node
        .rules
        .max_properties
        .filter(|limit| exceeds(count, *limit))
    {
        wrong.push(Violation::too_many(path, count, limit));
    }
    if let Some(limit) = node
        .rules
        .min_properties
        .filter(|limit| falls_short(count, *limit))
    {
        let value = Value::Object(members.clone());
        let rule = format!("should have at least {limit} properties");
        wrong.push(Violation::invalid(path, &value, &rule));
    }
    for (name, value) in members {
        if let Some(node) = node.properties.get(name).or(node.additional.as_deref()) {
            check(node, value, &member(path, name), wrong);
        }
    }
}

fn array(node: &Node, items: &[Value], path: &str, wrong: &mut Vec<Violation>) {
    let count = items.len();
    if let Some(limit) = node.rules.max_items.filter(|limit| exceeds(count, *limit)) {
        wrong.push(Violation::too_many(path, count, limit));
    }
    if let Some(limit) = node
        .rules
        .min_items
        .filter(|limit| falls_short(count, *limit))
    {
        let rule = format!("should have at least {limit} items");
        let count = Value::from(count);
        wrong.push(Violation::invalid(path, &count, &rule));
    }
    let Some(node) = node.items.as_deref() else {
        return;
    };
    for (i, value) in items.iter().enumerate() {
        check(node, value, &item(path, i), wrong);
    }
}

fn string(node: &Node, text: &str, path: &str, wrong: &mut Vec<Violation>) {
    let count = text.chars().count();
    if let Some(limit) = node.rules.max_length.filter(|limit| exceeds(count, *limit)) {
        wrong.push(Violation::too_long(path, limit));
    }
    let mut breaks = |rule: String| wrong.push(Violation::invalid(path, &text.into(), &rule));
    if let Some(limit) = node
        .rules
        .min_length
        .filter(|limit| falls_short(count, *limit))
    {
        breaks(format!("should be at least {limit} chars long"));
    }
    if let Some(pattern) = node
        .rules
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.is_match(text))
    {
        breaks(format!("should match '{pattern}'"));
    }
    if node.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        wrong.push(Violation::wrong_type(path, "date-time", text));
    }
}

fn exceeds(count: usize, limit: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count > limit)
}

fn falls_short(count: usize, limit: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count < limit)
}

fn numeric(rules: &Rules, number: &Number, path: &str, wrong: &mut Vec<Violation>) {
    let Some(value) = number.as_f64() else {
        return;
    };
    let mut breaks = |rule: String| {
        let value = Value::Number(number.clone());
        wrong.push(Violation::invalid(path, &value, &rule));
    };
    if let Some(factor) = rules
        .multiple_of
        .filter(|factor| (value / factor).fract() != 0.0)
    {
        breaks(format!("should be a multiple of {}", show(factor)));
    }
    match (rules.maximum, rules.exclusive_maximum) {
        (Some(limit), true) if value >= limit => {
            breaks(format!("should be less than {}", show(limit)));
        }
        (Some(limit), false) if value > limit => {
            breaks(format!("should be less than or equal to {}", show(limit)));
        }
        _ => {}
    }
    match (rules.minimum, rules.exclusive_minimum) {
        (Some(limit), true) if value <= limit => {
            breaks(format!("should be greater than {}", show(limit)));
        }
        (Some(limit), false) if value < limit => {
            breaks(format!(
                "should be greater than or equal to {}",
                show(limit)
            ));
        }
        _ => {}
    }
}

fn combinations(node: &Node, value: &Value, path: &str, wrong: &mut Vec<Violation>) {
    let accepts = |node: &Node| {
        let mut wrong = Vec::new();
        check(node, value, path, &mut wrong);
        wrong.is_empty()
    };
    for node in &node.all_of {
        check(node, value, path, wrong);
    }
    if !node.any_of.is_empty() && !node.any_of.iter().any(accepts) {
        wrong.push(Violation::mismatch(
            path,
            "validate at least one schema (anyOf)",
        ));
    }
    let matches = node.one_of.iter().filter(|node| accepts(node)).count();
    if !node.one_of.is_empty() && matches != 1 {
        let found = if matches == 0 {
            "none valid"
        } else {
            "multiple valid schemas"
        };
        let rule = format!("validate one and only one schema (oneOf). Found {found}");
        wrong.push(Violation::mismatch(path, &rule));
    }
    if node.not.as_deref().is_some_and(accepts) {
        wrong.push(Violation::mismatch(path, "not validate the schema (not)"));
    }
}
