//! The object model: what every kind has in common, and the small values that objects are made of.

mod key;
mod meta;
mod quote;

pub use key::{GroupKind, ObjectKey};
pub use kube_core::DynamicObject as Object;
pub use meta::{ObjectExt, controller_of, owner_reference};
pub use quote::quote;
