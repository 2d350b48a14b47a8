//! Structural schemas: what an object may hold, checked on JSON before it is decoded.

/// The shape of a kind's objects.
#[derive(Clone, Debug, Default)]
pub struct Schema {}
