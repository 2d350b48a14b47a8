//! Instances as containers of a Docker engine.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{path::Path, sync::Arc};
//!
//! use knative_core::{Clock, Ids, SystemClock, runtime::Replicas};
//! use knative_runtime_docker::{DockerImages, DockerNetwork, DockerOptions, DockerRuntime, Engine};
//!
//! let (clock, ids): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Ids::from_entropy()?));
//! let engine = Engine::connect(None).await?;
//! let network = DockerNetwork::ensure(&engine, "my-platform").await?;
//! let images = DockerImages::new(engine);
//! let runtime = DockerRuntime::open(
//!     Path::new(".knative/runtime"),
//!     network,
//!     images,
//!     DockerOptions::default(),
//!     Arc::clone(&clock),
//!     Arc::clone(&ids),
//! )
//! .await?;
//! let replicas = Replicas::builder(Arc::new(runtime)).build(clock, ids);
//! # drop(replicas);
//! # Ok(()) }
//! ```
//!
//! # An instance is a small pod
//! Its containers share a network with an address of its own on the platform's bridge, a loopback address, a host name
//! and shared memory. A container that does nothing holds these, the *sandbox*; its image is a few hundred bytes that are
//! part of this crate, so that nothing has to be fetched. Init containers run before in their order, volumes are
//! directories of this machine (`configMap`, `secret`, `projected`, `downwardAPI`, `hostPath`) or volumes of the engine
//! (`emptyDir`, `persistentVolumeClaim`). What an engine cannot do is refused by
//! [`check`](knative_core::runtime::InstanceRuntime::check), which names the field.
//!
//! # Starts are quick
//! Most of what a container costs at its start is its network. A few sandboxes are kept ready
//! ([`DockerOptions::pool`]), and an instance joins one, whose name it takes. Instances can also wait in reserve, paused
//! or made and not started: see [`Standby`](knative_core::runtime::Standby).
//!
//! # Everything is found again
//! All that is made carries the platform's name as a label. A platform that starts takes over the instances that it finds
//! whole and removes the rest; several platforms share an engine and do not touch each other's. Engine events say which
//! containers end; where they break off, a list tells what was missed. An engine that does not answer is no failure of
//! its instances: those that run go on, and starts are tried until it is back.
//!
//! # Who can use it
//! Whoever may use the socket of a Docker engine, or the compatible one of Podman from version 5 on. The engine has to be on
//! this machine, because its containers' addresses are called from here; one elsewhere is refused with that sentence, and so
//! is a Podman that is not root's. Containers never see the socket.

mod check;
mod control;
mod disk;
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
mod place;
mod pool;
mod pulse;
mod render;
mod restart;
mod runtime;
mod sandbox;
mod shared;
mod socket;
mod start;
mod stop;
mod volume;

pub use engine::{ConnectError, Engine};
pub use image::DockerImages;
pub use network::{DockerNetwork, Subnet};
pub use runtime::{DockerOptions, DockerRuntime};
