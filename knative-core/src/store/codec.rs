//! Objects as JSON and as Rust types.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_core::{Resource, TypeMeta};
use serde::{
    Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor, value::MapDeserializer},
};
use serde_json::{Error, Map, Value};

use crate::object::Object;

/// Reads an object from JSON. Absent `apiVersion` and `kind` leave its `types` open.
///
/// # Errors
/// The value is no JSON object, or its metadata cannot be read.
pub fn object_from_value(value: Value) -> Result<Object, Error> {
    let Value::Object(mut fields) = value else {
        return Err(Error::custom("an object must be a JSON object"));
    };
    let metadata = match fields.remove("metadata") {
        None | Some(Value::Null) => ObjectMeta::default(),
        Some(metadata) => serde_json::from_value(metadata)?,
    };
    let types = TypeMeta {
        api_version: take_text(&mut fields, "apiVersion")?,
        kind: take_text(&mut fields, "kind")?,
    };
    Ok(Object {
        types: (types != TypeMeta::default()).then_some(types),
        metadata,
        data: Value::Object(fields),
    })
}

/// Reads an object from the JSON that it was written as, however deep it is.
///
/// # Errors
/// As [`object_from_value`].
pub(super) fn object_from_slice(text: &[u8]) -> Result<Object, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let object = Deserializer::deserialize_map(&mut deserializer, Fields)?;
    deserializer.end()?;
    Ok(object)
}

/// Takes in the fields of an object.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Object, A::Error> {
        let (mut types, mut data) = (TypeMeta::default(), Map::new());
        let mut metadata = ObjectMeta::default();
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "apiVersion" => types.api_version = fields.next_value()?,
                "kind" => types.kind = fields.next_value()?,
                "metadata" => metadata = fields.next_value()?,
                _ => {
                    data.insert(name, fields.next_value()?);
                }
            }
        }
        Ok(Object {
            types: (types != TypeMeta::default()).then_some(types),
            metadata,
            data: Value::Object(data),
        })
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<String, Error> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Error::custom(format!("{name} must be a string"))),
    }
}

/// The JSON of an object.
///
/// # Errors
/// Never for what was read from JSON.
pub fn object_to_value(object: &Object) -> Result<Value, Error> {
    let mut fields = Map::new();
    if let Some(types) = &object.types {
        fields.insert("apiVersion".to_owned(), types.api_version.clone().into());
        fields.insert("kind".to_owned(), types.kind.clone().into());
    }
    fields.insert(
        "metadata".to_owned(),
        serde_json::to_value(&object.metadata)?,
    );
    if let Value::Object(data) = &object.data {
        let data = data
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        fields.extend(data);
    }
    Ok(Value::Object(fields))
}

/// Reads an object as a Rust type.
///
/// # Errors
/// The object is not of the type's shape.
pub fn decode<K: DeserializeOwned>(object: &Object) -> Result<K, Error> {
    let types = object.types.clone().unwrap_or_default();
    let head = [
        ("apiVersion", Value::String(types.api_version)),
        ("kind", Value::String(types.kind)),
        ("metadata", serde_json::to_value(&object.metadata)?),
    ];
    let head = head.iter().map(|(name, value)| (*name, value));
    let data = object.data.as_object().into_iter().flatten();
    let fields = head.chain(data.map(|(name, value)| (name.as_str(), value)));
    K::deserialize(MapDeserializer::new(fields))
}

/// The object of a Rust value; its `types` are those of the Rust type.
///
/// # Errors
/// The value cannot be written as JSON.
pub fn encode<K: Resource<DynamicType = ()> + Serialize>(value: &K) -> Result<Object, Error> {
    let mut object = object_from_value(serde_json::to_value(value)?)?;
    object.types = Some(TypeMeta {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
    });
    Ok(object)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_round_trip() {
        let rows = [
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}),
            json!({"metadata": {}}),
            json!({"apiVersion": "a/v1", "kind": "X", "metadata": {"labels": {"l": "1"}}, "spec": {"n": 1.5, "i": 9_007_199_254_740_993_i64}}),
        ];
        for value in rows {
            let object = object_from_value(value.clone()).expect("an object");
            assert_eq!(object_to_value(&object).expect("JSON"), value);
            let text = serde_json::to_vec(&object).expect("JSON");
            assert_eq!(object_from_slice(&text).expect("an object"), object);
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for value in [
            json!([]),
            json!({"metadata": []}),
            json!({"metadata": {"labels": {"a": 1}}}),
            json!({"kind": 1}),
        ] {
            assert!(object_from_value(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn types_round_trip() {
        let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
        let object = object_from_value(value).expect("an object");
        let map: ConfigMap = decode(&object).expect("a ConfigMap");
        assert_eq!(encode(&map).expect("an object"), object);
    }
}
