//! Values against a schema, with the messages of the API server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::node::{Node, Rules};
use super::number::show;
use super::violation::Violation;
use super::{item, member};

/// Up to here a floating-point number holds every integer.
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// From how many violations on the rest of a value is not looked at: more help nobody, and each is far larger than the
/// item that it is about.
const ENOUGH: usize = 1000;

pub(super) fn check(node: &Node, value: &Value, path: &str, wrong: &mut Vec<Violation>) {
    if wrong.len() >= ENOUGH {
        return;
    }
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
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() <= LARGEST_EXACT;
    let whole = value.as_f64().as_ref().is_some_and(exact);
    if is == "number" && has("integer") && whole || is == "integer" && has("number") {
        return None;
    }
    match &node.format {
        // A text that has a format: the message names formats instead of types.
        Some(want) if has("string") && !matches!(value, Value::Null | Value::Array(_)) => {
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
        let rule = format!("should have at least {limit} properties");
        wrong.push(Violation::invalid(path, &count.into(), &rule));
    }
    for (name, value) in members {
        if let Some(node) = node.property(name) {
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
        wrong.push(Violation::invalid(path, &count.into(), &rule));
    }
    let Some(node) = node.items.as_deref() else {
        return;
    };
    for (i, value) in items.iter().enumerate() {
        check(node, value, &item(path, i), wrong);
    }
}

fn string(node: &Node, text: &str, path: &str, wrong: &mut Vec<Violation>) {
    wrong.extend(broken_rule(&node.rules, text, path));
    let fits = match node.format.as_deref() {
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        Some("byte") => STANDARD.decode(text).is_ok(),
        _ => true,
    };
    if let Some(format) = node.format.as_deref().filter(|_| !fits) {
        wrong.push(Violation::wrong_type(path, format, text));
    }
}

/// The first rule of a text that is broken.
fn broken_rule(rules: &Rules, text: &str, path: &str) -> Option<Violation> {
    let count = text.chars().count();
    if let Some(limit) = rules.max_length.filter(|limit| exceeds(count, *limit)) {
        return Some(Violation::too_long(path, limit));
    }
    let breaks = |rule: &str| Some(Violation::invalid(path, &text.into(), rule));
    if let Some(limit) = rules.min_length.filter(|limit| falls_short(count, *limit)) {
        return breaks(&format!("should be at least {limit} chars long"));
    }
    let pattern = rules.pattern.as_ref()?;
    if pattern.is_match(text) {
        return None;
    }
    breaks(&format!("should match '{pattern}'"))
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
    // Beside an integer a whole limit is printed as one.
    let show = |limit: f64| {
        let whole = number.is_i64() && limit.fract() == 0.0;
        if whole {
            format!("{limit:.0}")
        } else {
            show(limit)
        }
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
    let outcome = |node: &Node| {
        let mut wrong = Vec::new();
        check(node, value, path, &mut wrong);
        wrong
    };
    let any: Vec<_> = node.any_of.iter().map(outcome).collect();
    if accepted(&any) == 0 && !any.is_empty() {
        wrong.push(Violation::mismatch(
            path,
            "validate at least one schema (anyOf)",
        ));
        wrong.extend(nearest(any));
    }
    let one: Vec<_> = node.one_of.iter().map(outcome).collect();
    let rule = "validate one and only one schema (oneOf). Found";
    match accepted(&one) {
        0 if one.is_empty() => {}
        0 => {
            wrong.push(Violation::mismatch(path, &format!("{rule} none valid")));
            wrong.extend(nearest(one));
        }
        1 => {}
        many => wrong.push(Violation::mismatch(
            path,
            &format!("{rule} {many} valid alternatives"),
        )),
    }
    let all: Vec<_> = node.all_of.iter().map(outcome).collect();
    let (accepted, asked) = (accepted(&all), all.len());
    wrong.extend(all.into_iter().flatten());
    if accepted < asked {
        let remark = if accepted == 0 {
            ". None validated"
        } else {
            ""
        };
        let rule = format!("validate all the schemas (allOf){remark}");
        wrong.push(Violation::mismatch(path, &rule));
    }
    if node
        .not
        .as_deref()
        .is_some_and(|node| outcome(node).is_empty())
    {
        wrong.push(Violation::mismatch(path, "not validate the schema (not)"));
    }
}

fn accepted(outcomes: &[Vec<Violation>]) -> usize {
    outcomes.iter().filter(|wrong| wrong.is_empty()).count()
}

/// What is wrong by the alternative that comes nearest.
fn nearest(outcomes: Vec<Vec<Violation>>) -> Vec<Violation> {
    outcomes
        .into_iter()
        .min_by_key(Vec::len)
        .unwrap_or_default()
}
