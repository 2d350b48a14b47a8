//! The records of a journal, and how they lie in a file: length, CRC-32 of the payload, payload (JSON).

use serde::{Deserialize, Serialize};
use serde_json::Error;

use crate::{
    object::{GroupKind, ObjectKey},
    store::packed::Packed,
};

/// Length and checksum.
const FRAME_HEADER: usize = 8;
/// How a record begins that is the state of an object; a bracket ends it.
const PUT: &[u8] = br#"{"put":"#;
/// No record is longer; a longer length is damage.
const MAX_RECORD: usize = 256 << 20;

/// One thing that a journal remembers.
#[derive(Clone, Debug)]
pub(in crate::store) enum Record {
    /// The state of an object; its `resourceVersion` is the version of the write.
    Put(Packed),
    /// The removal of an object.
    Removed { key: ObjectKey, version: u64 },
    /// Versions up to this one may have been handed out.
    Reserved(u64),
    /// The end of a snapshot, and the version that it shows.
    End(u64),
}

#[derive(Serialize)]
enum Written<'a> {
    #[serde(rename = "removed")]
    Removed(Removal<'a>),
    #[serde(rename = "reserved")]
    Reserved(u64),
    #[serde(rename = "end")]
    End(u64),
}

#[derive(Serialize)]
struct Removal<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    version: u64,
}

#[derive(Deserialize)]
enum Read {
    #[serde(rename = "removed")]
    Removed {
        group: String,
        kind: String,
        namespace: String,
        name: String,
        version: u64,
    },
    #[serde(rename = "reserved")]
    Reserved(u64),
    #[serde(rename = "end")]
    End(u64),
}

impl Record {
    fn encode(&self) -> Result<Vec<u8>, Error> {
        let written = match self {
            Self::Put(object) => return Ok([PUT, object.text(), b"}"].concat()),
            Self::Removed { key, version } => Written::Removed(Removal {
                group: &key.kind.group,
                kind: &key.kind.kind,
                namespace: &key.namespace,
                name: &key.name,
                version: *version,
            }),
            Self::Reserved(version) => Written::Reserved(*version),
            Self::End(version) => Written::End(*version),
        };
        serde_json::to_vec(&written)
    }

    /// A record that was acknowledged is read, however deep its object is.
    fn decode(payload: &[u8]) -> Result<Self, Error> {
        let object = payload.strip_prefix(PUT);
        if let Some(object) = object.and_then(|rest| rest.strip_suffix(b"}")) {
            return Packed::read(object).map(Self::Put);
        }
        Ok(match serde_json::from_slice(payload)? {
            Read::Removed {
                group,
                kind,
                namespace,
                name,
                version,
            } => Self::Removed {
                key: ObjectKey::new(GroupKind::owned(group, kind), namespace, name),
                version,
            },
            Read::Reserved(version) => Self::Reserved(version),
            Read::End(version) => Self::End(version),
        })
    }

    /// Adds the framed record to `buffer`.
    ///
    /// # Errors
    /// The record cannot be written as JSON, or is too long.
    pub(super) fn frame(&self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let payload = self.encode()?;
        let length = u32::try_from(payload.len()).ok();
        let length = length.filter(|_| payload.len() <= MAX_RECORD);
        let length = length.ok_or_else(|| serde::ser::Error::custom("the object is too large"))?;
        buffer.extend(length.to_le_bytes());
        buffer.extend(crc32fast::hash(&payload).to_le_bytes());
        buffer.extend(payload);
        Ok(())
    }
}

/// Reads the records of a file's content one by one, up to the first that is not whole.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Records<'a> {
    pub(super) const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// Where the next record begins: after the last whole one.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether nothing follows.
    pub(super) const fn at_end(&self) -> bool {
        self.offset == self.bytes.len()
    }

    fn read(&self) -> Option<(Record, usize)> {
        let rest = self.bytes.get(self.offset..)?;
        let (header, rest) = rest.split_at_checked(FRAME_HEADER)?;
        let (length, crc) = header.split_at(4);
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let crc = u32::from_le_bytes(crc.try_into().ok()?);
        // An empty payload has the checksum 0, so that a stretch of zeros would look like records.
        let payload = rest.get(..length).filter(|payload| !payload.is_empty())?;
        if crc32fast::hash(payload) != crc {
            return None;
        }
        let record = Record::decode(payload).ok()?;
        Some((record, self.offset + FRAME_HEADER + length))
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (record, end) = self.read()?;
        self.offset = end;
        Some(record)
    }
}
