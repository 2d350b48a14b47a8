//! Tells many readers of changes by key, merging what one key went through while a reader was slow.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Weak},
};

use futures::stream::{self, Stream};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Values by key, told to every reader. A reader holds at most one value a key: the latest.
pub(crate) struct Fanout<K, V> {
    readers: Mutex<Vec<Weak<Reader<K, V>>>>,
}

struct Reader<K, V> {
    unread: Mutex<Unread<K, V>>,
    changed: Notify,
}

/// What one reader has not read yet, in the order of first change.
struct Unread<K, V> {
    order: VecDeque<K>,
    latest: BTreeMap<K, V>,
}

impl<K: Ord + Clone, V> Unread<K, V> {
    fn push(&mut self, key: &K, value: V) {
        if self.latest.insert(key.clone(), value).is_none() {
            self.order.push_back(key.clone());
        }
    }

    fn pop(&mut self) -> Option<V> {
        let key = self.order.pop_front()?;
        self.latest.remove(&key)
    }
}

impl<K, V> Default for Fanout<K, V> {
    fn default() -> Self {
        Self {
            readers: Mutex::default(),
        }
    }
}

impl<K, V> fmt::Debug for Fanout<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("readers", &self.readers.lock().len())
            .finish()
    }
}

impl<K: Ord + Clone, V: Clone> Fanout<K, V> {
    /// Tells all readers.
    pub(crate) fn tell(&self, key: &K, value: &V) {
        self.readers.lock().retain(|reader| {
            let Some(reader) = reader.upgrade() else {
                return false;
            };
            reader.unread.lock().push(key, value.clone());
            reader.changed.notify_one();
            true
        });
    }

    /// Every change from now on. A caller that wants to start from a state takes it under the lock that it holds
    /// while it tells.
    pub(crate) fn subscribe(&self) -> impl Stream<Item = V> + use<K, V> {
        let reader = Arc::new(Reader {
            unread: Mutex::new(Unread {
                order: VecDeque::new(),
                latest: BTreeMap::new(),
            }),
            changed: Notify::new(),
        });
        self.readers.lock().push(Arc::downgrade(&reader));
        stream::unfold(reader, |reader| async move {
            loop {
                let next = reader.unread.lock().pop();
                if let Some(value) = next {
                    return Some((value, reader));
                }
                reader.changed.notified().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_slow_reader_sees_the_latest_of_each_key_in_order() {
        let fanout = Fanout::default();
        let reader = fanout.subscribe();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            fanout.tell(&key, &value);
        }
        assert_eq!(reader.take(2).collect::<Vec<_>>().await, [3, 2]);
        assert_eq!(fanout.readers.lock().len(), 1);
        fanout.tell(&"a", &4);
        assert!(
            fanout.readers.lock().is_empty(),
            "readers that left are forgotten"
        );
    }
}
