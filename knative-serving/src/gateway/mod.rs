//! The way of a request to an instance.
//!
//! A [`Gateway`] routes by host, path and headers ([`RoutingTable`]), holds a request while its revision has no instance with
//! room, tells the scaler at once that one is needed, and forwards over HTTP/1.1, h2c or a call within the process. It
//! knows the load exactly, and which instance can be missed. The control plane drives it through a [`GatewayHandle`]:
//!
//! ```
//! use std::sync::Arc;
//! use knative_core::{Ids, runtime::WorkloadId};
//! use knative_serving::gateway::{Gateway, RevisionConfig, RevisionKey};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let gateway = Gateway::new(Arc::new(Ids::seeded(1)));
//! let handle = gateway.handle();
//! let revision = RevisionKey::new("default", "hello-00001");
//! let workload = WorkloadId::new("default", "hello-00001-deployment");
//! handle.set_revision(&revision, RevisionConfig::new(workload));
//! assert_eq!(handle.ready(&revision), 0);
//! # });
//! ```

mod access;
mod breaker;
mod deadline;
mod demand;
mod drain;
mod exchange;
mod front_door;
mod handle;
mod headers;
mod hold;
mod link;
mod live;
mod matcher;
mod member;
mod meter;
mod metrics;
mod mount;
mod peer;
mod pool;
mod probe;
mod proxy;
mod registry;
mod reply;
mod revision;
mod rule;
mod scope;
mod server;
mod service;
mod shards;
mod shared;
mod stream;
mod table;
mod task;
mod tunnel;
mod upstream;
mod visit;

#[cfg(test)]
mod tests;

pub use access::TARGET as ACCESS_LOG;
pub use drain::Retirement;
pub use handle::GatewayHandle;
pub use meter::Report;
pub use metrics::{ColdStart, MetricsSnapshot};
pub use peer::Peer;
pub use revision::{Protocol, QueueLimits, RevisionConfig, RevisionKey};
pub use scope::Scope;
pub use server::{Listener, ListenerOptions};
pub use service::Gateway;
pub use table::{IngressKey, RoutingTable};
