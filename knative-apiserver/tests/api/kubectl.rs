//! Real `kubectl`.
