//! What an object goes through before it is stored: defaults, validation, and the words for what is wrong with it.

mod field_error;

pub use field_error::{FieldErrors, Level};
