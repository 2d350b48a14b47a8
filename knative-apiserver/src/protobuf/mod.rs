//! Protobuf bodies of Kubernetes' own kinds, which Go clients send without asking. Only reading is needed: such
//! clients take JSON as an answer.
//!
//! The messages are described in `messages.txt`, and read into the JSON that the same client would have sent.

mod schema;
mod value;
mod wire;

use serde_json::{Map, Value, json};
use thiserror::Error;

use self::wire::Reader;

pub(crate) use self::schema::Messages;

/// What every protobuf body of Kubernetes begins with.
const MAGIC: [u8; 4] = *b"k8s\0";
/// How deep messages may lie in each other; no kind comes near it.
const MAX_DEPTH: usize = 64;

/// Why a body could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// It is no envelope.
    #[error("the body does not begin with the envelope of Kubernetes' protobuf")]
    NoEnvelope,
    /// It ends within a value, or a value is malformed.
    #[error("the body is not well-formed protobuf")]
    Malformed,
    /// A text is not UTF-8.
    #[error("a text in the body is not UTF-8")]
    NotText,
    /// Messages lie too deep in each other.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// The kind has no message here.
    #[error("no kind {kind:?} is registered for version {api_version:?} in protobuf")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// Its version.
        api_version: String,
    },
}

impl From<wire::WireError> for DecodeError {
    fn from(_: wire::WireError) -> Self {
        Self::Malformed
    }
}

/// What the envelope says of the object in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Envelope<'a> {
    api_version: String,
    kind: String,
    raw: &'a [u8],
}

/// Reads a body into the JSON of its object.
pub(crate) fn decode(messages: &Messages, bytes: &[u8]) -> Result<Value, DecodeError> {
    let envelope = envelope(bytes)?;
    let message = messages
        .of_kind(&envelope.api_version, &envelope.kind)
        .ok_or_else(|| DecodeError::UnknownKind {
            kind: envelope.kind.clone(),
            api_version: envelope.api_version.clone(),
        })?;
    let mut object = Map::new();
    value::read(messages, message, envelope.raw, &mut object, MAX_DEPTH)?;
    object.insert("apiVersion".to_owned(), json!(envelope.api_version));
    object.insert("kind".to_owned(), json!(envelope.kind));
    Ok(Value::Object(object))
}

/// `runtime.Unknown`: 1 the type, 2 the object.
fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(DecodeError::NoEnvelope)?;
    let mut envelope = Envelope::default();
    let mut reader = Reader::new(rest);
    while let Some((number, field)) = reader.next_field()? {
        match number {
            1 => types(field.bytes()?, &mut envelope)?,
            2 => envelope.raw = field.bytes()?,
            _ => {}
        }
    }
    Ok(envelope)
}

/// `TypeMeta`: 1 the version, 2 the kind.
fn types(bytes: &[u8], envelope: &mut Envelope<'_>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, field)) = reader.next_field()? {
        match number {
            1 => envelope.api_version = value::text(field.bytes()?)?,
            2 => envelope.kind = value::text(field.bytes()?)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
