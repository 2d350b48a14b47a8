//! How far those have got who read a kind's history.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

/// Up to which version one reader has read.
#[derive(Debug)]
pub(super) struct Cursor(Arc<AtomicU64>);

impl Cursor {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, version: u64) {
        self.0.store(version, Ordering::Relaxed);
    }
}

/// The readers of one kind; those that are dropped are none any more.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<Vec<Weak<AtomicU64>>>);

impl Readers {
    /// A reader that has read up to a version.
    pub(super) fn begin(&self, version: u64) -> Cursor {
        let cursor = Arc::new(AtomicU64::new(version));
        let mut readers = self.0.lock();
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(Arc::downgrade(&cursor));
        Cursor(cursor)
    }

    /// Up to which version all have read; as far as there is where nobody reads.
    pub(super) fn slowest(&self) -> u64 {
        let readers = self.0.lock();
        let cursors = readers.iter().filter_map(Weak::upgrade);
        let versions = cursors.map(|cursor| cursor.load(Ordering::Relaxed));
        versions.min().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_holds_nobody_up() {
        let readers = Readers::default();
        assert_eq!(readers.slowest(), u64::MAX);
        let (slow, quick) = (readers.begin(3), readers.begin(3));
        quick.set(9);
        assert_eq!(readers.slowest(), 3);
        drop(slow);
        assert_eq!((readers.slowest(), quick.get()), (9, 9));
        drop(readers.begin(1));
        assert_eq!(readers.slowest(), 9);
    }
}
