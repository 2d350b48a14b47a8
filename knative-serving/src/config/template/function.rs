//! The built-in functions.

use std::cmp::Ordering;

use super::{
    Value, escape,
    format::{print, print_all, printf, println},
};

const NAMES: &[&str] = &[
    "and", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

/// Whether there is a function of this name.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The value of `name` for `arguments`, or what is wrong with them.
pub(super) fn call(name: &str, arguments: Vec<Value>) -> Result<Value, String> {
    match name {
        "and" => deciding(name, arguments, false),
        "or" => deciding(name, arguments, true),
        "not" => one(name, &arguments).map(|value| Value::Bool(!value.is_true())),
        "len" => len(one(name, &arguments)?),
        "index" => index(&arguments),
        "slice" => slice(&arguments),
        "print" => Ok(Value::Text(print_all(&arguments))),
        "println" => Ok(Value::Text(println(&arguments))),
        "html" => Ok(Value::Text(escape::html(&print_all(&arguments)))),
        "js" => Ok(Value::Text(escape::js(&print_all(&arguments)))),
        "urlquery" => Ok(Value::Text(escape::urlquery(&print_all(&arguments)))),
        "printf" => printf(&arguments).map(Value::Text),
        "eq" => equal(&arguments),
        _ => compare(name, &arguments),
    }
}

fn wrong(name: &str, want: &str, got: usize) -> String {
    format!("wrong number of args for {name}: want {want} got {got}")
}

fn one<'a>(name: &str, arguments: &'a [Value]) -> Result<&'a Value, String> {
    match arguments {
        [only] => Ok(only),
        _ => Err(wrong(name, "1", arguments.len())),
    }
}

/// The first argument that is `stop`, else the last.
fn deciding(name: &str, arguments: Vec<Value>, stop: bool) -> Result<Value, String> {
    let found = arguments.iter().position(|value| value.is_true() == stop);
    let at = found.unwrap_or(arguments.len().wrapping_sub(1));
    arguments
        .into_iter()
        .nth(at)
        .ok_or_else(|| wrong(name, "at least 1", 0))
}

fn len(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(arguments: &[Value]) -> Result<Value, String> {
    let (value, keys) = arguments
        .split_first()
        .ok_or_else(|| wrong("index", "at least 1", 0))?;
    keys.iter()
        .try_fold(value.clone(), |value, key| match (&value, key) {
            // A key that a map lacks yields the zero value of its elements, unlike a field.
            (Value::Map(entries), Value::Text(key)) => {
                Ok(entries.get(key).cloned().unwrap_or_else(|| Value::from("")))
            }
            (Value::Map(_), other) => Err(format!(
                "value has type {}; should be string",
                other.type_name()
            )),
            (Value::List(items), Value::Int(at)) => {
                position(*at, items.len()).map(|at| items[at].clone())
            }
            (Value::Text(text), Value::Int(at)) => {
                position(*at, text.len()).map(|at| Value::Int(i64::from(text.as_bytes()[at])))
            }
            (Value::List(_) | Value::Text(_), other) => Err(format!(
                "cannot index slice/array with type {}",
                other.type_name()
            )),
            (Value::Missing | Value::Nil, _) => Err("index of untyped nil".to_owned()),
            (other, _) => Err(format!("can't index item of type {}", other.type_name())),
        })
}

fn position(at: i64, length: usize) -> Result<usize, String> {
    usize::try_from(at)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| format!("index out of range: {at}"))
}

fn slice(arguments: &[Value]) -> Result<Value, String> {
    let (value, bounds) = arguments
        .split_first()
        .ok_or_else(|| wrong("slice", "at least 1", 0))?;
    let Value::Text(text) = value else {
        return Err(format!("can't slice item of type {}", value.type_name()));
    };
    if bounds.len() > 2 {
        return Err("cannot 3-index slice a string".to_owned());
    }
    let bound = |at: usize, default: usize| match bounds.get(at) {
        None => Ok(default),
        Some(Value::Int(at)) => position(*at, text.len() + 1),
        Some(other) => Err(format!(
            "cannot index slice/array with type {}",
            other.type_name()
        )),
    };
    let (from, to) = (bound(0, 0)?, bound(1, text.len())?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    let cut = text
        .get(from..to)
        .ok_or_else(|| "slice cuts a character".to_owned())?;
    Ok(Value::from(cut))
}

fn equal(arguments: &[Value]) -> Result<Value, String> {
    let (first, rest) = arguments
        .split_first()
        .ok_or_else(|| wrong("eq", "at least 1", 0))?;
    if rest.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in rest {
        if same(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

#[expect(
    clippy::float_cmp,
    reason = "the language compares floating-point numbers exactly"
)]
fn same(left: &Value, right: &Value) -> Result<bool, String> {
    match (left, right) {
        (Value::Missing | Value::Nil, _) | (_, Value::Missing | Value::Nil) => Ok(matches!(
            (left, right),
            (Value::Missing | Value::Nil, Value::Missing | Value::Nil)
        )),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        _ => Err(incomparable(left, right)),
    }
}

fn incomparable(left: &Value, right: &Value) -> String {
    let basic =
        |value: &Value| !matches!(value, Value::List(_) | Value::Map(_) | Value::Object(..));
    if basic(left) && basic(right) {
        return "incompatible types for comparison".to_owned();
    }
    format!("non-comparable type {}: {}", print(left), left.type_name())
}

fn compare(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let [left, right] = arguments else {
        return Err(wrong(name, "2", arguments.len()));
    };
    if name == "ne" {
        return same(left, right).map(|same| Value::Bool(!same));
    }
    let order = match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(_), Value::Bool(_)) => return Err("invalid type for comparison".to_owned()),
        _ => return Err(incomparable(left, right)),
    };
    Ok(Value::Bool(match name {
        "lt" => order == Some(Ordering::Less),
        "le" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        "gt" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }))
}
