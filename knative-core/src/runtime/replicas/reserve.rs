//! The memory that paused instances keep, within a bound.

use std::sync::Arc;

use parking_lot::Mutex;

/// Counts what paused instances keep. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Reserve {
    bound: u64,
    used: Arc<Mutex<u64>>,
}

/// The place of one paused instance; dropping it frees it.
#[derive(Debug)]
pub(super) struct Kept {
    reserve: Reserve,
    bytes: u64,
}

impl Reserve {
    /// A reserve of at most `bound` bytes; any number if `None`.
    pub(super) fn new(bound: Option<u64>) -> Self {
        Self {
            bound: bound.unwrap_or(u64::MAX),
            used: Arc::default(),
        }
    }

    /// Takes a place, where there is room.
    pub(super) fn take(&self, bytes: u64) -> Option<Kept> {
        let mut used = self.used.lock();
        let sum = used.checked_add(bytes).filter(|sum| *sum <= self.bound)?;
        *used = sum;
        Some(Kept {
            reserve: self.clone(),
            bytes,
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        *self.reserve.used.lock() -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let reserve = Reserve::new(Some(10));
        let six = reserve.take(6).unwrap();
        assert!(reserve.take(5).is_none());
        drop(six);
        assert!(reserve.take(10).is_some());
        assert!(Reserve::new(None).take(u64::MAX).is_some());
    }
}
