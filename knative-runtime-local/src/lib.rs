//! Instances on this machine: executables as processes, registered services as functions.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{path::Path, sync::Arc};
//!
//! use knative_core::{Ids, SystemClock, runtime::Replicas};
//! use knative_runtime_local::{LocalImages, LocalRuntime};
//!
//! let data = Path::new(".knative");
//! let images = LocalImages::open(data.join("images"))?;
//! images.add("example.local/hello", Path::new("target/release/hello"), vec![], vec![])?;
//! let runtime = LocalRuntime::open(&data.join("local"), "my-platform", images)?;
//! let ids = Arc::new(Ids::from_entropy()?);
//! let replicas = Replicas::builder(Arc::new(runtime)).build(Arc::new(SystemClock), ids);
//! # drop(replicas);
//! # Ok(()) }
//! ```
//!
//! # What a process gets
//! Its own `PORT` whatever the container's port says, `K_SERVICE` and the like from its revision, standard input at its
//! end, a process group, a log that is cut at 10 MiB, and a memory limit where a cgroup of this machine is writable.
//! It is asked to end by SIGTERM and killed with everything it started after its grace period. It outlives a crash of
//! the platform and is adopted by the next one.
//!
//! # What it does not get
//! Isolation: processes run as the platform's user on the machine's network and file system. Fields that ask for more
//! are refused or, where they only ask for less, accepted with a warning: see [`knative_core::runtime::Unsupported`].

#[cfg(not(target_os = "linux"))]
compile_error!("processes are supported on Linux");

mod check;
mod image;
mod process;
mod render;
mod runtime;
mod sys;

pub use image::{ImageEntry, LocalImages};
pub use runtime::LocalRuntime;
