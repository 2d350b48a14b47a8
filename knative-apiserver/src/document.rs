//! Bodies read into values, with the fields that they name twice.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How many fields that are named twice are told, as of Kubernetes' strict decoder: each comes with its whole path.
const TOLD: usize = 100;

/// A body as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    /// What it says; of a field that it names twice, the last value.
    pub(crate) value: Value,
    /// The paths of fields that it names twice; of very many, the first.
    pub(crate) duplicates: Vec<String>,
}

impl Document {
    /// Reads JSON. Nesting is bounded by the parser (128 levels).
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let duplicates = RefCell::default();
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = Node::root(&duplicates)
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            value,
            duplicates: duplicates.into_inner(),
        })
    }

    /// Reads YAML, by the rules of YAML 1.1 that Kubernetes keeps: `0777` is octal, `yes` is true.
    pub(crate) fn from_yaml(bytes: &[u8]) -> Result<Self, String> {
        let duplicates = RefCell::default();
        let options = serde_saphyr::options! {
            legacy_octal_numbers: true,
            duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        };
        let value = serde_saphyr::with_deserializer_from_slice_with_options(
            bytes,
            options,
            |deserializer| Node::root(&duplicates).deserialize(deserializer),
        )
        .map_err(|error| error.to_string())?;
        Ok(Self {
            value,
            duplicates: duplicates.into_inner(),
        })
    }
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Node<'a> {
    path: Path<'a>,
    duplicates: &'a RefCell<Vec<String>>,
}

impl<'a> Node<'a> {
    const fn root(duplicates: &'a RefCell<Vec<String>>) -> Self {
        Self {
            path: Path::Root,
            duplicates,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let node = Node {
                path: Path::Item(&self.path, items.len()),
                duplicates: self.duplicates,
            };
            match access.next_element_seed(node)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(Key(name)) = access.next_key()? {
            let path = Path::Field(&self.path, &name);
            let value = access.next_value_seed(Node {
                path,
                duplicates: self.duplicates,
            })?;
            let mut duplicates = self.duplicates.borrow_mut();
            if duplicates.len() < TOLD && fields.contains_key(&name) {
                duplicates.push(path.to_string());
            }
            drop(duplicates);
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

/// A field's name. YAML knows numbers and switches as keys, which JSON spells as text.
struct Key(String);

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nothing = RefCell::default();
        let key = Node::root(&nothing).deserialize(deserializer)?;
        match key {
            Value::String(text) => Ok(Self(text)),
            Value::Number(_) | Value::Bool(_) => Ok(Self(key.to_string())),
            _ => Err(D::Error::custom("a field's name must be text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_duplicates() {
        let document =
            Document::from_json(br#"{"a":1,"spec":{"x":[{"n":1,"n":2}],"y":null},"a":{"b":-2.5}}"#);
        assert_eq!(
            document,
            Ok(Document {
                value: json!({"a":{"b":-2.5},"spec":{"x":[{"n":2}],"y":null}}),
                duplicates: vec!["spec.x[0].n".to_owned(), "a".to_owned()],
            })
        );
    }

    #[test]
    fn tells_the_first_of_very_many_duplicates() {
        let long = "k".repeat(1_000_000);
        let text = format!("{{\"{long}\":{{\"a\":0{}}}}}", ",\"a\":0".repeat(100_000));
        let document = Document::from_json(text.as_bytes());
        assert_eq!(document.map(|document| document.duplicates.len()), Ok(TOLD));
    }

    #[test]
    fn reads_yaml_as_kubernetes_does() {
        let document =
            Document::from_yaml(b"mode: 0777\non: yes\nlist:\n- {a: b}\ntext: \"1\"\nlist: []\n");
        let Ok(document) = document else {
            panic!("{document:?}")
        };
        assert_eq!(
            document.value,
            json!({"mode": 511, "true": true, "list": [], "text": "1"})
        );
        assert_eq!(document.duplicates, ["list"]);
    }

    #[test]
    fn refuses_depth_and_rests() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(Document::from_json(deep.as_bytes()).is_err());
        assert!(Document::from_yaml(deep.as_bytes()).is_err());
        for broken in ["", "{", "{} x", "{\"a\":}", "nul", "\u{1}"] {
            assert!(Document::from_json(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
