//! Instances as containers of a Docker engine.

mod check;
pub mod dns;
mod engine;
mod event;
mod exec;
mod exit;
mod image;
mod infra;
mod label;
mod list;
mod log;
mod member;
mod network;
mod pause;
mod pool;
mod render;
mod runtime;
mod sandbox;
mod start;
mod stop;
mod volume;

pub use engine::{ConnectError, Engine};
pub use image::DockerImages;
pub use network::{DockerNetwork, Subnet};
pub use runtime::{DockerOptions, DockerRuntime};
