//! The descriptions of messages.

use std::collections::BTreeMap;

/// Field numbers as in the `generated.proto` files of Kubernetes' API. A message's name, then per field its number,
/// its name in JSON (`.` for fields that JSON shows in the enclosing object) and its type; `*` marks a field that Go
/// holds as a pointer, so that an empty value in it was meant.
const DESCRIPTIONS: &str = include_str!("messages.txt");

/// The messages of `discovery.k8s.io` and `events.k8s.io` whose names the core group has too.
const QUALIFIED: [(&str, &str); 1] = [("events.k8s.io/v1", "Event")];

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text.
    Text,
    /// Bytes, which JSON shows in base64.
    Bytes,
    /// A switch.
    Bool,
    /// A whole number.
    Int,
    /// A floating-point number.
    Double,
    /// Seconds and nanoseconds; JSON shows seconds.
    Time,
    /// Seconds and nanoseconds; JSON shows microseconds.
    MicroTime,
    /// A quantity, whose message holds its text.
    Quantity,
    /// A number or a text.
    IntOrString,
    /// JSON in a message.
    Raw,
    /// A message.
    Message(&'static str),
}

/// How often a value may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Once; an empty value was not meant.
    Once,
    /// Once; an empty value was meant.
    Pointer,
    /// Many times.
    List,
    /// Under keys.
    Map,
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldType {
    /// Its name in JSON; `None` for one that JSON shows in the enclosing object.
    pub(crate) name: Option<&'static str>,
    /// How often it may be there.
    pub(crate) count: Count,
    /// What it holds.
    pub(crate) r#type: Type,
}

/// A message: its fields by number.
pub(crate) type Message = BTreeMap<u32, FieldType>;

/// All messages that are known.
#[derive(Clone, Debug)]
pub(crate) struct Messages(BTreeMap<&'static str, Message>);

impl Messages {
    /// The messages of Kubernetes' own kinds.
    pub(crate) fn new() -> Self {
        let mut messages = BTreeMap::new();
        let mut current = "";
        for line in DESCRIPTIONS.lines() {
            match line.strip_prefix("  ") {
                None => current = line,
                Some(field) => {
                    if let Some((number, field)) = field_type(field) {
                        messages
                            .entry(current)
                            .or_insert_with(Message::new)
                            .insert(number, field);
                    }
                }
            }
        }
        Self(messages)
    }

    /// The message of that name; one without fields is not listed.
    pub(crate) fn get(&self, name: &str) -> Option<&Message> {
        self.0.get(name)
    }

    /// The message of a kind.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Message> {
        let qualified = QUALIFIED.contains(&(api_version, kind));
        let group = api_version.split('.').next().unwrap_or_default();
        if qualified {
            self.get(&format!("{group}.{kind}"))
        } else {
            self.get(kind)
                .or_else(|| self.get(&format!("{group}.{kind}")))
        }
    }
}

fn field_type(line: &'static str) -> Option<(u32, FieldType)> {
    let mut words = line.splitn(3, ' ');
    let number = words.next()?.parse().ok()?;
    let name = words.next().filter(|name| *name != ".");
    let kind = words.next()?;
    let (count, kind) = if let Some(kind) = kind.strip_prefix('*') {
        (Count::Pointer, kind)
    } else if let Some(kind) = kind.strip_prefix("list ") {
        (Count::List, kind)
    } else if let Some(kind) = kind.strip_prefix("map ") {
        (Count::Map, kind)
    } else {
        (Count::Once, kind)
    };
    let r#type = match kind {
        "string" => Type::Text,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "double" => Type::Double,
        "time" => Type::Time,
        "microtime" => Type::MicroTime,
        "quantity" => Type::Quantity,
        "intorstring" => Type::IntOrString,
        "raw" => Type::Raw,
        message => Type::Message(message),
    };
    Some((
        number,
        FieldType {
            name,
            count,
            r#type,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_complete() {
        let messages = Messages::new();
        let lines = DESCRIPTIONS.lines().filter(|line| line.starts_with("  "));
        let fields: usize = messages.0.values().map(BTreeMap::len).sum();
        assert_eq!(
            fields,
            lines.count(),
            "every line is read, no number is given twice"
        );
        for (name, message) in &messages.0 {
            for field in message.values() {
                if let Type::Message(inner) = field.r#type {
                    assert!(
                        DESCRIPTIONS.lines().any(|line| line == inner),
                        "{name} names {inner}"
                    );
                }
            }
        }
    }
}
