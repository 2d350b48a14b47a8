//! Objects at rest: their JSON, which takes an eighth of the room of the tree that is read from it.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;

use super::codec;
use crate::object::Object;

/// How many objects are kept unpacked.
const WARM: usize = 128;

/// The JSON of one state of an object.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// The `resourceVersion` of the state, which no other one has; 0 if it has none.
    pub(super) version: u64,
    text: Arc<[u8]>,
}

impl Packed {
    pub(super) fn of(object: &Object) -> Self {
        let text = serde_json::to_vec(object).expect("an object consists of JSON");
        Self {
            version: version_of(object),
            text: text.into(),
        }
    }

    /// A state that was [packed](Self::text) by an earlier run.
    ///
    /// # Errors
    /// The text is not that of an object.
    pub(super) fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        let object = codec::object_from_slice(text)?;
        Ok(Self {
            version: version_of(&object),
            text: text.into(),
        })
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn unpack(&self) -> Object {
        codec::object_from_slice(&self.text).expect("it was packed from an object")
    }
}

fn version_of(object: &Object) -> u64 {
    let version = object.metadata.resource_version.as_deref();
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

/// The objects that were written or read last: most are read by several at the same time.
#[derive(Debug, Default)]
pub(super) struct Warm(Mutex<Newest>);

#[derive(Debug, Default)]
struct Newest {
    objects: HashMap<u64, Arc<Object>>,
    /// Their versions, in the order in which they came.
    order: VecDeque<u64>,
}

impl Warm {
    pub(super) fn unpack(&self, packed: &Packed) -> Arc<Object> {
        let kept = self.find(packed);
        kept.unwrap_or_else(|| {
            let object = Arc::new(packed.unpack());
            self.keep(packed, &object);
            object
        })
    }

    /// The same for one of many, which are not to drive out what others ask for.
    pub(super) fn look(&self, packed: &Packed) -> Arc<Object> {
        let kept = self.find(packed);
        kept.unwrap_or_else(|| Arc::new(packed.unpack()))
    }

    fn find(&self, packed: &Packed) -> Option<Arc<Object>> {
        self.0.lock().objects.get(&packed.version).cloned()
    }

    pub(super) fn pack(&self, object: &Arc<Object>) -> Packed {
        let packed = Packed::of(object);
        self.keep(&packed, object);
        packed
    }

    /// Keeps what was just read as well.
    pub(super) fn keep(&self, packed: &Packed, object: &Arc<Object>) {
        let version = packed.version;
        if version == 0 {
            return;
        }
        let mut newest = self.0.lock();
        if newest.objects.insert(version, Arc::clone(object)).is_none() {
            newest.order.push_back(version);
        }
        if newest.order.len() > WARM
            && let Some(oldest) = newest.order.pop_front()
        {
            newest.objects.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(version: usize) -> Arc<Object> {
        let value = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z"},
            "data": {"ratio": 0.1 + 0.2, "large": u64::MAX, "null": null, "text": "\u{1f980}\n"},
        });
        Arc::new(codec::object_from_value(value).unwrap())
    }

    #[test]
    fn what_was_packed_is_unpacked_as_it_was() {
        let object = state(7);
        let packed = Packed::of(&object);
        assert_eq!((packed.version, packed.unpack()), (7, (*object).clone()));
        assert_eq!(Packed::read(packed.text()).unwrap(), packed);
        assert!(Packed::read(b"[]").is_err());
    }

    #[test]
    fn the_newest_are_kept_unpacked_and_others_are_let_go() {
        let warm = Warm::default();
        let first = state(1);
        let packed = warm.pack(&first);
        assert!(Arc::ptr_eq(&warm.unpack(&packed), &first));
        for version in 2..=WARM + 1 {
            warm.pack(&state(version));
        }
        assert!(!Arc::ptr_eq(&warm.unpack(&packed), &first));
        assert_eq!(warm.0.lock().objects.len(), WARM);
    }
}
