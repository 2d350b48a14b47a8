//! Messages read into JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    DecodeError,
    schema::{Count, FieldType, Message, Messages, Type},
    wire::{Field, Reader},
};

/// Reads the fields of a message into `object`. Fields that are not known are left out, as protobuf demands.
pub(super) fn read(
    messages: &Messages,
    message: &Message,
    bytes: &[u8],
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), DecodeError> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next_field()? {
        let Some(known) = message.get(&number) else {
            continue;
        };
        let walk = Walk { messages, depth };
        match known.name {
            Some(name) => walk.add(*known, name, field, object)?,
            None => walk.inline(known.r#type, field, object)?,
        }
    }
    Ok(())
}

/// A text.
pub(super) fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::NotText)
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    messages: &'a Messages,
    depth: usize,
}

impl Walk<'_> {
    fn add(
        self,
        known: FieldType,
        name: &str,
        field: Field<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), DecodeError> {
        match known.count {
            Count::Once | Count::Pointer => {
                let value = self.value(known.r#type, field)?;
                // Go writes plain fields even when they are empty; JSON leaves them out.
                let meant = known.count == Count::Pointer || !is_empty_scalar(&value);
                if meant && !value.is_null() {
                    object.insert(name.to_owned(), value);
                }
            }
            Count::List => {
                let value = self.value(known.r#type, field)?;
                if let Value::Array(items) = object.entry(name).or_insert_with(|| json!([])) {
                    items.push(value);
                }
            }
            Count::Map => {
                let (key, value) = self.entry(known.r#type, field.bytes()?)?;
                if let Value::Object(entries) = object.entry(name).or_insert_with(|| json!({})) {
                    entries.insert(key, value);
                }
            }
        }
        Ok(())
    }

    fn inline(
        self,
        r#type: Type,
        field: Field<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), DecodeError> {
        if let Type::Message(name) = r#type
            && let Some(message) = self.messages.get(name)
        {
            read(self.messages, message, field.bytes()?, object, self.depth)?;
        }
        Ok(())
    }

    /// An entry of a map is a message of a key (1) and a value (2), either of which may be left out when empty.
    fn entry(self, r#type: Type, bytes: &[u8]) -> Result<(String, Value), DecodeError> {
        let (mut key, mut value) = (String::new(), empty(r#type));
        let mut reader = Reader::new(bytes);
        while let Some((number, field)) = reader.next_field()? {
            match number {
                1 => key = text(field.bytes()?)?,
                2 => value = self.value(r#type, field)?,
                _ => {}
            }
        }
        Ok((key, value))
    }

    fn value(self, r#type: Type, field: Field<'_>) -> Result<Value, DecodeError> {
        Ok(match r#type {
            Type::Text => Value::String(text(field.bytes()?)?),
            Type::Bytes => Value::String(STANDARD.encode(field.bytes()?)),
            Type::Bool => Value::Bool(field.varint()? != 0),
            Type::Int => json!(field.int()?),
            Type::Double => json!(field.double()?),
            Type::Time => time(field.bytes()?, Precision::Seconds)?,
            Type::MicroTime => time(field.bytes()?, Precision::Micros)?,
            Type::Quantity => quantity(field.bytes()?)?,
            Type::IntOrString => int_or_string(field.bytes()?)?,
            Type::Raw => raw(field.bytes()?)?,
            Type::Message(name) => {
                let mut object = Map::new();
                if let Some(message) = self.messages.get(name) {
                    let bytes = field.bytes()?;
                    read(self.messages, message, bytes, &mut object, self.depth)?;
                }
                Value::Object(object)
            }
        })
    }
}

fn is_empty_scalar(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

fn empty(r#type: Type) -> Value {
    match r#type {
        Type::Text | Type::Bytes | Type::Quantity => json!(""),
        Type::Bool => json!(false),
        Type::Int | Type::Double | Type::IntOrString => json!(0),
        Type::Time | Type::MicroTime | Type::Raw => Value::Null,
        Type::Message(_) => json!({}),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Seconds,
    Micros,
}

/// 1 the seconds, 2 the nanoseconds; the zero time is an empty message.
fn time(bytes: &[u8], precision: Precision) -> Result<Value, DecodeError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next_field()? {
        match number {
            1 => seconds = field.int()?,
            2 => nanos = i32::try_from(field.int()?).map_err(|_| DecodeError::Malformed)?,
            _ => {}
        }
    }
    let time = Timestamp::new(seconds, nanos).map_err(|_| DecodeError::Malformed)?;
    Ok(Value::String(match precision {
        Precision::Seconds => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Precision::Micros => time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
    }))
}

fn quantity(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut quantity = String::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next_field()? {
        if number == 1 {
            quantity = text(field.bytes()?)?;
        }
    }
    Ok(Value::String(quantity))
}

/// 1 which of both (0 a number), 2 the number, 3 the text.
fn int_or_string(bytes: &[u8]) -> Result<Value, DecodeError> {
    let (mut is_text, mut number, mut string) = (false, 0, String::new());
    let mut reader = Reader::new(bytes);
    while let Some((index, field)) = reader.next_field()? {
        match index {
            1 => is_text = field.varint()? == 1,
            2 => number = field.int()?,
            3 => string = text(field.bytes()?)?,
            _ => {}
        }
    }
    Ok(if is_text {
        Value::String(string)
    } else {
        json!(number)
    })
}

/// 1 the JSON.
fn raw(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next_field()? {
        if number == 1 {
            return serde_json::from_slice(field.bytes()?).map_err(|_| DecodeError::Malformed);
        }
    }
    Ok(Value::Null)
}
