//! What becomes of objects: for each kind a pure plan of what should be, and the shell that makes it so.

mod common;
pub mod configuration;
pub mod names;
pub mod revision;
pub mod route;
pub mod service;

pub use self::common::with_desired;
