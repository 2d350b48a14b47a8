//! Serving as a part of a platform: kinds, controllers, scaler and gateway together.

mod controllers;
mod embedded;
mod plane;
mod reaper;

use std::sync::Arc;

use knative_core::platform::Component;
use knative_core::runtime::{ImageStore, Replicas, WorkloadRuntime};
use knative_core::{Ids, Kinds, PlatformBuilder};
use tokio::sync::watch;

pub use self::embedded::Embedded;
use self::plane::Plane;
use self::reaper::Reaper;
use crate::autoscaler::run::Scaler;
use crate::config::Live;
use crate::gateway::Gateway;
use crate::kinds;
use crate::projection::Workloads;
use crate::reconcile::route::UrlPort;
use crate::system::Seed;

/// Assembles a [`Serving`].
#[derive(Debug, Default)]
pub struct ServingBuilder {
    gateway: Option<Gateway>,
    address: Option<String>,
    url_port: Option<u16>,
    seed: Seed,
}

impl ServingBuilder {
    /// Replaces the gateway, for example by one with another way to dial.
    #[must_use]
    pub fn gateway(mut self, gateway: Gateway) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// Where the gateway listens, as `127.0.0.1:7080`: processes find it in `K_GATEWAY`, and `port` stands in URLs unless
    /// it is the scheme's. Default: nowhere; then services are reached through [`Serving::gateway`] alone.
    #[must_use]
    pub fn listening(mut self, address: impl Into<String>, port: u16) -> Self {
        self.address = Some(address.into());
        self.url_port = Some(port);
        self.seed.gateway_port = Some(port);
        self
    }

    /// The port that stands in URLs, where that is another than the gateway's.
    #[must_use]
    pub const fn url_port(mut self, port: u16) -> Self {
        self.url_port = Some(port);
        self
    }

    /// Writes this domain into `config-domain` at the start. Default: what is stored stays, at first `localhost`.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.seed.domain = Some(domain.into());
        self
    }

    /// `ids` picks between revisions that share a route.
    pub fn build(self, ids: Arc<Ids>) -> Serving {
        Serving {
            live: Arc::new(Live::default()),
            gateway: self.gateway.unwrap_or_else(|| Gateway::new(ids)),
            settings: Settings {
                address: self.address,
                url_port: UrlPort(self.url_port),
                seed: self.seed,
            },
            workloads: Arc::default(),
            handed_over: Arc::new(watch::Sender::new(false)),
        }
    }
}

/// What the owner of the platform says.
#[derive(Clone, Debug)]
struct Settings {
    address: Option<String>,
    url_port: UrlPort,
    seed: Seed,
}

/// Services, revisions, routes, autoscaler and gateway.
///
/// [`Embedded`] is a whole platform in memory. To assemble one yourself, first [`register`](Self::register) its kinds, then
/// make the store, then [`install`](Self::install) it on the platform:
///
/// ```
/// use std::sync::Arc;
/// use knative_core::{Clock, Ids, Kinds, PlatformBuilder, SystemClock};
/// use knative_core::admission::Admitted;
/// use knative_core::runtime::{Replicas, fake::{FakeImage, FakeRuntime}};
/// use knative_core::store::{MemoryStore, Store};
/// use knative_serving::Serving;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (clock, ids): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Ids::seeded(1)));
/// let serving = Serving::builder().domain("example.com").build(Arc::clone(&ids));
/// let mut kinds = Kinds::new();
/// knative_core::kinds::core::register(&mut kinds);
/// serving.register(&mut kinds);
/// let kinds = Arc::new(kinds);
/// let objects = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock), Arc::clone(&ids));
/// let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, Arc::clone(&kinds)));
///
/// let machine = FakeRuntime::new().with_image("example.local/hello", FakeImage::hello());
/// let replicas = Replicas::builder(Arc::new(machine.clone()));
/// let replicas = Arc::new(replicas.store(Arc::clone(&store)).build(Arc::clone(&clock), Arc::clone(&ids)));
/// let builder = PlatformBuilder::new().clock(clock).ids(ids).component(replicas.clone());
/// let builder = serving.install(builder, replicas, Arc::new(machine));
/// let platform = builder.build(kinds, store).unwrap();
/// # drop(platform);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Serving {
    live: Arc<Live>,
    gateway: Gateway,
    settings: Settings,
    workloads: Arc<Workloads>,
    handed_over: Arc<watch::Sender<bool>>,
}

impl Serving {
    /// Serving with default settings, to be changed.
    pub fn builder() -> ServingBuilder {
        ServingBuilder::default()
    }

    /// Adds its kinds, whose admission follows the configuration in force. Kubernetes' own kinds come before.
    pub fn register(&self, kinds: &mut Kinds) {
        kinds::register(kinds, &self.live);
    }

    /// Adds its parts to a platform. Instances run on `runtime`, and `images` says what references mean.
    #[must_use]
    pub fn install(
        &self,
        builder: PlatformBuilder,
        runtime: Arc<dyn WorkloadRuntime>,
        images: Arc<dyn ImageStore>,
    ) -> PlatformBuilder {
        let scaler = Arc::new(Scaler::new(self.gateway.handle(), Arc::clone(&runtime)));
        let plane = Plane {
            serving: self.clone(),
            scaler: scaler.handle(),
            runtime,
            images,
        };
        builder.component(scaler).component(Arc::new(plane))
    }

    /// The gateway: a tower service for a listener, a [`FrontDoor`](knative_core::http::FrontDoor) to mount at, and a
    /// [`Caller`](knative_core::http::Caller) that reaches services from zero.
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Arc<Live> {
        &self.live
    }

    /// A part that stops what an earlier run of the platform left and no revision claims, once
    /// [`Replicas::adopt`] has found it.
    pub fn reaper(&self, replicas: Arc<Replicas>) -> Arc<dyn Component> {
        let serving = self.clone();
        Arc::new(Reaper { serving, replicas })
    }

    /// Answers once every revision of an earlier run of the platform is handed to the runtime.
    pub async fn handed_over(&self) {
        let mut handed_over = self.handed_over.subscribe();
        // The sender lives as long as `self`.
        let _ = handed_over.wait_for(|done| *done).await;
    }
}

#[cfg(test)]
mod tests;
