//! Instances as containers of a Docker engine.

mod engine;
mod image;
mod infra;
mod label;
mod network;
mod pool;
mod sandbox;

pub use engine::{ConnectError, Engine};
pub use image::DockerImages;
