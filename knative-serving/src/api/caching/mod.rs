//! Kinds for those who pull images ahead.

pub mod image;

pub use image::{Image, ImageSpec, ImageStatus};
