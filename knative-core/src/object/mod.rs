//! Facts about objects, and the small values that they are made of.

mod quote;

pub use quote::quote;
