//! The object model: what every kind has in common, and the small values that objects are made of.

mod duration;
mod image_ref;
mod key;
mod meta;
pub mod name;
mod quantity;
mod quote;

pub use duration::{ParseDurationError, format_duration, parse_duration};
pub use image_ref::{ImageReference, ParseImageError};
pub use key::{GroupKind, ObjectKey};
pub use kube_core::DynamicObject as Object;
pub use meta::{ObjectExt, controller_of, owner_reference};
pub use quantity::{Format, ParseQuantityError, Quantity};
pub use quote::quote;
