//! Knative Serving: services with immutable revisions, traffic splits and tags, and scale to zero and back.
//!
//! [`Embedded`] is a platform inside of a program, in one call. [`Serving`] is the whole of it as a part of a platform of your
//! own; its page has the program that assembles one. Beneath:
//!
//! - [`api`]: the kinds as they are written, with their defaults, validation and conditions; [`kinds`] registers them.
//! - [`config`]: the `ConfigMap`s that users change, and the configuration in force.
//! - [`reconcile`]: what each object leads to. The plans are pure; the controllers around them belong to [`Serving`].
//! - [`traffic`]: which revisions a route's targets and tags mean, and in which shares. Pure.
//! - [`autoscaler`]: windows, decisions with their reasons, and the loop that scales by them. A
//!   [`ScalingPolicy`](autoscaler::ScalingPolicy) of your own fits in.
//! - [`gateway`]: routing, a bounded queue for each revision, and draining. It holds a request for a revision at zero until an
//!   instance takes it.

pub mod api;
pub mod autoscaler;
pub mod config;
pub mod gateway;
pub mod kinds;
mod projection;
pub mod reconcile;
mod serving;
mod system;
pub mod traffic;

pub use serving::{Embedded, Serving, ServingBuilder};
