//! What remains of an object after it went through the Go types: zero values that are left out are gone, quantities
//! have their canonical spelling, and a quantity that is not behind a pointer is always written.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Field, Shape, fields};

/// Brings a value of the Go struct `name` into canonical form.
pub(crate) fn canonicalize<T: Serialize + DeserializeOwned>(name: &str, value: &mut T) {
    if let Ok(canonical) = serde_json::from_value(canonical(name, value)) {
        *value = canonical;
    }
}

/// The canonical JSON of a value of the Go struct `name`.
pub(crate) fn canonical<T: Serialize>(name: &str, value: &T) -> Value {
    let mut json = serde_json::to_value(value).unwrap_or_default();
    if let Value::Object(object) = &mut json {
        clean_object(name, object);
    }
    json
}

fn clean_object(name: &str, object: &mut Map<String, Value>) {
    for field in fields(name) {
        match (field.json, &field.shape) {
            (None, Shape::Struct(inlined)) => clean_object(inlined, object),
            (Some(json), shape) => clean_member(object, json, field, shape),
            (None, _) => {}
        }
    }
}

fn clean_member(object: &mut Map<String, Value>, json: &str, field: &Field, shape: &Shape) {
    if *shape == Shape::Quantity {
        object.entry(json).or_insert_with(|| "0".into());
    }
    let Some(value) = object.get_mut(json) else {
        return;
    };
    clean(shape, value);
    if value.is_null() || (field.omit && is_zero(shape, value)) {
        object.remove(json);
    }
}

fn clean(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Ptr(inner), value) => clean(inner, value),
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                clean(item, value);
            }
        }
        (Shape::Map(_, item), Value::Object(members)) => {
            for value in members.values_mut() {
                clean(item, value);
            }
        }
        (Shape::Struct(name), Value::Object(object)) => clean_object(name, object),
        (Shape::Quantity, Value::String(text)) => {
            if let Ok(quantity) = knative_core::object::Quantity::from_json(text) {
                *text = quantity.to_string();
            }
        }
        _ => {}
    }
}

fn is_zero(shape: &Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Str, Value::String(text)) => text.is_empty(),
        (Shape::Bool, Value::Bool(flag)) => !flag,
        (Shape::Int, Value::Number(number)) => number.as_i64() == Some(0),
        (Shape::List(_), Value::Array(items)) => items.is_empty(),
        (Shape::Map(..) | Shape::Struct(_), Value::Object(members)) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn zero_values_go_and_pointers_to_them_stay() {
        let spec = json!({
            "hostNetwork": false,
            "hostname": "",
            "volumes": [],
            "enableServiceLinks": false,
            "timeoutSeconds": 0,
            "containers": [{
                "name": "",
                "image": "a",
                "stdin": false,
                "resources": {},
                "securityContext": {},
                "readinessProbe": {"periodSeconds": 0, "tcpSocket": {"port": 0}},
                "env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}],
            }],
        });
        let want = json!({
            "enableServiceLinks": false,
            "timeoutSeconds": 0,
            "containers": [{
                "name": "",
                "image": "a",
                "securityContext": {},
                "readinessProbe": {"tcpSocket": {"port": 0}},
                "env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}}],
            }],
        });
        assert_eq!(canonical("RevisionSpec", &spec), want);
    }
}
