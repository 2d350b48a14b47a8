//! What all reconcilers share.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use knative_core::Clock;
use knative_core::controller::EventRecorder;
use knative_core::object::ObjectExt as _;
use knative_core::store::{Api, ApiObject, Cache, Store, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::autoscaling::{Metric, PodAutoscaler};
use crate::api::caching::Image;
use crate::api::networking::{Ingress, ServerlessService};
use crate::api::{Configuration, Revision, Route, Service};
use crate::config::{Config, Live};
use crate::reconcile::common::Pairs;

/// Store, clock, configuration, events and caches. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Arc<Live>,
    pub(crate) events: EventRecorder,
    pub(crate) caches: Caches,
}

impl Shell {
    /// The same, telling events as another controller.
    pub(crate) fn named(&self, component: &'static str) -> Self {
        Self {
            events: self.events.named(component),
            ..self.clone()
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn config(&self) -> Config {
        self.live.get()
    }

    pub(crate) fn api<K: ApiObject>(&self) -> Api<K> {
        Api::new(Arc::clone(&self.store))
    }

    /// The object of that name, which may be younger than what the cache knows.
    pub(crate) async fn create_or_get<K: ApiObject>(
        &self,
        object: &K,
    ) -> Result<(K, Made), StoreError> {
        let api = self.api::<K>();
        match api.create(object).await {
            Err(error) if error.is_already_exists() => {
                let found = api.get(object.namespace(), object.name()).await?;
                Ok((found, Made::Before))
            }
            created => created.map(|created| (created, Made::Now)),
        }
    }
}

/// When an object was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// By this call.
    Now,
    /// Earlier.
    Before,
}

/// Every kind that controllers read.
#[derive(Clone, Debug)]
pub(crate) struct Caches {
    pub(crate) services: Cache<Service>,
    pub(crate) configurations: Cache<Configuration>,
    pub(crate) revisions: Cache<Revision>,
    pub(crate) routes: Cache<Route>,
    pub(crate) pod_autoscalers: Cache<PodAutoscaler>,
    pub(crate) metrics: Cache<Metric>,
    pub(crate) serverless_services: Cache<ServerlessService>,
    pub(crate) ingresses: Cache<Ingress>,
    pub(crate) images: Cache<Image>,
    pub(crate) core_services: Cache<v1::Service>,
}

macro_rules! each {
    ($caches:expr, |$cache:ident| $act:expr) => {{
        let caches = $caches;
        {
            let $cache = &caches.services;
            $act;
        }
        {
            let $cache = &caches.configurations;
            $act;
        }
        {
            let $cache = &caches.revisions;
            $act;
        }
        {
            let $cache = &caches.routes;
            $act;
        }
        {
            let $cache = &caches.pod_autoscalers;
            $act;
        }
        {
            let $cache = &caches.metrics;
            $act;
        }
        {
            let $cache = &caches.serverless_services;
            $act;
        }
        {
            let $cache = &caches.ingresses;
            $act;
        }
        {
            let $cache = &caches.images;
            $act;
        }
        {
            let $cache = &caches.core_services;
            $act;
        }
    }};
}

impl Caches {
    pub(crate) fn new(store: &Arc<dyn Store>) -> Self {
        Self {
            services: Cache::new(Arc::clone(store)),
            configurations: Cache::new(Arc::clone(store)),
            revisions: Cache::new(Arc::clone(store)),
            routes: Cache::new(Arc::clone(store)),
            pod_autoscalers: Cache::new(Arc::clone(store)),
            metrics: Cache::new(Arc::clone(store)),
            serverless_services: Cache::new(Arc::clone(store)),
            ingresses: Cache::new(Arc::clone(store)),
            images: Cache::new(Arc::clone(store)),
            core_services: Cache::new(Arc::clone(store)),
        }
    }

    /// Keeps them up to date until `shutdown`.
    pub(crate) fn run(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        each!(self, |cache| tasks
            .spawn(cache.clone().run(shutdown.clone())));
    }

    pub(crate) async fn wait_synced(&self) {
        each!(self, |cache| cache.wait_synced().await);
    }
}

/// Whether labels or annotations are the same, absent ones being none.
pub(crate) fn same_pairs(a: Option<&Pairs>, b: Option<&Pairs>) -> bool {
    let none = |pairs: Option<&Pairs>| pairs.is_none_or(Pairs::is_empty);
    a == b || none(a) && none(b)
}
