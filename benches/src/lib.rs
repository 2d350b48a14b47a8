//! What the tables of figures share: a platform under test, its services, loads, and the table itself.
//!
//! Each table is a bench target of the package whose program it measures: `speed` of `knative-examples`, `containers` of
//! `knative-examples-docker`.

pub mod args;
pub mod at_zero;
pub mod client;
pub mod first_byte;
pub mod load;
pub mod measure;
pub mod platform;
pub mod process;
pub mod row;
pub mod table;
