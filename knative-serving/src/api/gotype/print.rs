//! Values as Go's `%+v` and `%v` print them.

use serde_json::Value;

use super::diff::{INT_OR_STRING, parts};
use super::stringer::text_of;
use super::{Shape, fields};

/// With the names of fields.
pub(super) fn plus_v(shape: &Shape, value: Option<&Value>) -> String {
    Printer { names: true }.value(shape, value)
}

/// Without the names of fields.
pub(super) fn plain_v(shape: &Shape, value: Option<&Value>) -> String {
    Printer { names: false }.value(shape, value)
}

struct Printer {
    names: bool,
}

impl Printer {
    fn value(&self, shape: &Shape, value: Option<&Value>) -> String {
        match shape {
            Shape::Ptr(inner) => self.pointer(inner, value),
            Shape::Struct(name) => self.members(fields(name).iter().map(|field| {
                let text = self.value(&field.shape, field.of(value));
                (field.name, text)
            })),
            Shape::IntOrString => self.members(
                INT_OR_STRING
                    .iter()
                    .zip(parts(value))
                    .map(|((name, shape), part)| (*name, self.value(shape, Some(&part)))),
            ),
            Shape::List(item) => self.list(item, value),
            Shape::Map(_, item) => self.map(item, value),
            Shape::Int => value.map_or_else(|| "0".to_owned(), Value::to_string),
            Shape::Bool => value.map_or_else(|| "false".to_owned(), Value::to_string),
            Shape::Quantity => self.quantity(value),
            Shape::Time => time(text(value)),
            Shape::Str | Shape::Bytes => text(value).to_owned(),
        }
    }

    /// Structs behind pointers print themselves; for anything else Go prints an address, which says nothing:
    /// here it is the value.
    fn pointer(&self, inner: &Shape, value: Option<&Value>) -> String {
        match (inner, value) {
            (Shape::Struct(name), value) => text_of(name, value),
            (_, None) => "<nil>".to_owned(),
            (Shape::Quantity | Shape::IntOrString, Some(value)) => bare(value),
            (inner, value) => self.value(inner, value),
        }
    }

    fn members<'a>(&self, members: impl Iterator<Item = (&'a str, String)>) -> String {
        let members: Vec<_> = members
            .map(|(name, text)| {
                if self.names {
                    format!("{name}:{text}")
                } else {
                    text
                }
            })
            .collect();
        format!("{{{}}}", members.join(" "))
    }

    fn list(&self, item: &Shape, value: Option<&Value>) -> String {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        let items: Vec<_> = items.map(|value| self.value(item, Some(value))).collect();
        format!("[{}]", items.join(" "))
    }

    fn map(&self, item: &Shape, value: Option<&Value>) -> String {
        let members = value.and_then(Value::as_object).into_iter().flatten();
        let members: Vec<_> = members
            .map(|(key, value)| format!("{key}:{}", self.value(item, Some(value))))
            .collect();
        format!("map[{}]", members.join(" "))
    }

    fn quantity(&self, value: Option<&Value>) -> String {
        super::quantity::internals(text(value), self.names)
    }
}

/// The text of a scalar, without quotes.
pub(super) fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// A time of RFC 3339 in UTC; the first of all times where there is none.
fn time(text: &str) -> String {
    if text.is_empty() {
        return "0001-01-01 00:00:00 +0000 UTC".to_owned();
    }
    text.replace('T', " ").replace('Z', " +0000 UTC")
}
