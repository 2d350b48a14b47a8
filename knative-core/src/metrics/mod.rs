//! Numbers for whoever watches over a platform, in the text format of Prometheus.
//!
//! Parts keep atomics of their own and are asked for them when somebody reads: counting costs no more than an addition. What
//! a part counts it tells by [`Collect`], once it is in the [`Registry`] of its platform's
//! [`Context`](crate::platform::Context).
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//!
//! use knative_core::metrics::{Collect, Exposition, Registry};
//!
//! #[derive(Debug, Default)]
//! struct Greetings(AtomicU64);
//!
//! impl Collect for Greetings {
//!     fn collect(&self, exposition: &mut Exposition) {
//!         let said = self.0.load(Ordering::Relaxed);
//!         exposition
//!             .counter("greetings_total", "Greetings that were said.")
//!             .number(&[("tone", "warm")], said);
//!     }
//! }
//!
//! let registry = Registry::new();
//! let greetings = Arc::new(Greetings::default());
//! registry.register(greetings.clone());
//! greetings.0.fetch_add(1, Ordering::Relaxed);
//! assert!(registry.render().ends_with("greetings_total{tone=\"warm\"} 1\n"));
//! ```

mod exposition;
mod histogram;
mod registry;

pub use exposition::{CONTENT_TYPE, Exposition, Samples};
pub use histogram::Histogram;
pub use registry::{Collect, Registry};
