//! Structural schemas: what an object may hold, checked on JSON before it is decoded.
