//! What becomes of objects: for each kind a pure plan of what should be, and the shell that makes it so.

mod common;
pub mod configuration;
mod failure;
pub(crate) mod ingress;
pub(crate) mod labeler;
pub(crate) mod metric;
pub mod names;
pub(crate) mod pod_autoscaler;
pub mod revision;
pub mod route;
pub(crate) mod serverless_service;
pub mod service;
pub(crate) mod shell;
pub(crate) mod signal;
pub(crate) mod status;

pub use self::common::with_desired;
pub(crate) use self::common::{owned_by, with};
pub use self::failure::Failure;
