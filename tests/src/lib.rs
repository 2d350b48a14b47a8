//! What test programs of this workspace share.

pub mod container;
pub mod engine;
pub mod image;
