//! Structs as their generated `String` methods print them.

use std::fmt::Write as _;

use serde_json::Value;

use super::print::{bare, plain_v};
use super::{Field, Shape, fields};

/// `&Name{Field:value,…,}`, or `nil`.
pub(super) fn text_of(name: &str, value: Option<&Value>) -> String {
    value.map_or_else(
        || "nil".to_owned(),
        |value| format!("&{}", body(name, value)),
    )
}

fn body(name: &str, value: &Value) -> String {
    let mut ordered: Vec<&Field> = fields(name).iter().collect();
    ordered.sort_by_key(|field| field.number);
    let mut text = format!("{name}{{");
    for field in ordered {
        let member = member(&field.shape, field.of(Some(value)));
        let _ = write!(text, "{}:{member},", field.name);
    }
    text + "}"
}

fn member(shape: &Shape, value: Option<&Value>) -> String {
    match (shape, value) {
        (Shape::Ptr(inner), value) => pointer(inner, value),
        (Shape::Struct("ObjectMeta"), value) => plain_v(shape, value),
        (Shape::Struct(name), value) => body(name, value.unwrap_or(&Value::Null)),
        (Shape::List(item), value) => list(item, value),
        (Shape::Map(name, item), value) => map(name, item, value),
        (shape, value) => plain_v(shape, value),
    }
}

/// Structs of another package are printed with it.
fn pointer(inner: &Shape, value: Option<&Value>) -> String {
    match (inner, value) {
        (Shape::Struct("LabelSelector"), Some(value)) => {
            format!("&v1.{}", body("LabelSelector", value))
        }
        (Shape::Struct(name), value) => text_of(name, value),
        (Shape::Quantity | Shape::IntOrString | Shape::Time, value) => {
            value.map_or_else(|| "<nil>".to_owned(), bare)
        }
        (_, None) => "nil".to_owned(),
        (_, Some(value)) => format!("*{}", bare(value)),
    }
}

fn list(item: &Shape, value: Option<&Value>) -> String {
    let Shape::Struct(name) = item else {
        return plain_v(&Shape::List(Box::new(item.clone())), value);
    };
    let items = value.and_then(Value::as_array).into_iter().flatten();
    let items: String = items.map(|value| body(name, value) + ",").collect();
    format!("[]{name}{{{items}}}")
}

fn map(name: &str, item: &Shape, value: Option<&Value>) -> String {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    let mut text = format!("{name}{{");
    for (key, value) in members {
        let _ = write!(text, "{key}: {},", plain_v(item, Some(value)));
    }
    text + "}"
}
