//! The foundation of Knative as Rust crates: objects, a store that keeps them, controllers that make them true, and the
//! traits by which a platform runs things, wherever that is.
//!
//! # What is where
//! - [`object`], [`condition`], [`duck`], [`selector`], [`schema`]: what objects are made of.
//! - [`Kinds`] and [`kinds`]: what a platform serves. [`admission`]: what is done to an object before it is stored.
//! - [`store`]: [`Store`](store::Store), [`MemoryStore`](store::MemoryStore) with its journal, typed [`Api`](store::Api)
//!   handles and [`Cache`](store::Cache)s.
//! - [`controller`]: [`Reconciler`](controller::Reconciler)s and what runs them.
//! - [`runtime`]: [`InstanceRuntime`](runtime::InstanceRuntime), the hundred lines that a backend needs;
//!   [`Replicas`](runtime::Replicas) makes a whole [`WorkloadRuntime`](runtime::WorkloadRuntime) of it.
//! - [`http`]: bodies, endpoints, and how parts of a platform call each other.
//! - [`metrics`]: what parts count, for Prometheus.
//! - [`Platform`]: all of it assembled, run, drained and stopped. Several fit in one process.
//!
//! # Ten minutes
//! Objects are Kubernetes objects, as types of `k8s-openapi` or of your own. A store keeps them:
//!
//! ```
//! use std::sync::Arc;
//!
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use knative_core::{
//!     Ids, Kinds, SystemClock, kinds,
//!     object::ObjectExt,
//!     store::{Api, MemoryStore, Store},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut registry = Kinds::new();
//! kinds::core::register(&mut registry);
//! let store = MemoryStore::new(Arc::new(registry), Arc::new(SystemClock), Arc::new(Ids::from_entropy()?));
//!
//! let maps: Api<ConfigMap> = Api::new(Arc::new(store));
//! let mut map = ConfigMap::default();
//! map.metadata.name = Some("greeting".to_owned());
//! map.metadata.namespace = Some("default".to_owned());
//! let stored = maps.create(&map).await?;
//! assert!(!stored.uid().is_empty());
//! # Ok(()) }
//! ```
//!
//! A controller follows a kind and brings the world closer to each object, as often as it takes:
//!
//! ```
//! use std::sync::Arc;
//!
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use knative_core::{
//!     controller::{Action, Controller, Reconciler},
//!     object::ObjectExt,
//!     store::{Cache, Store, StoreError},
//! };
//! use tokio_util::sync::CancellationToken;
//!
//! struct Greeter;
//!
//! impl Reconciler for Greeter {
//!     type Resource = ConfigMap;
//!     type Error = StoreError;
//!
//!     async fn reconcile(&self, map: Arc<ConfigMap>) -> Result<Action, StoreError> {
//!         println!("{} says {:?}", map.name(), map.data);
//!         Ok(Action::done())
//!     }
//! }
//!
//! async fn run(store: Arc<dyn Store>, shutdown: CancellationToken) {
//!     let maps: Cache<ConfigMap> = Cache::new(store);
//!     let controller = Controller::new("greeter", Greeter, maps.clone());
//!     tokio::join!(maps.run(shutdown.clone()), controller.run(shutdown));
//! }
//! ```
//!
//! A backend starts and stops instances; the conformance kit (feature `conformance`) says whether it keeps its promises:
//! see [`runtime::InstanceRuntime`].
//!
//! # Versions of Kubernetes' types
//! `k8s-openapi` wants exactly one version feature in each program. Libraries enable none; a program enables `latest`.

pub mod admission;
pub mod clock;
pub mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod controller;
pub mod duck;
mod fanout;
pub mod http;
mod ids;
mod kind;
pub mod kinds;
pub mod metrics;
pub mod object;
pub mod platform;
pub mod runtime;
pub mod schema;
pub mod selector;
pub mod store;

pub use self::{
    clock::{Clock, SystemClock, TokioClock},
    condition::{Condition, ConditionSet, ConditionSeverity, ConditionStatus, Conditioned},
    ids::Ids,
    kind::{Column, Kind, Kinds, Scope},
    platform::{Component, Platform, PlatformBuilder},
};
