//! The gateway as the control plane sees it.

use std::sync::Arc;

use knative_core::{
    metrics::{Collect, Exposition},
    runtime::{InstanceId, Observation},
};
use tokio::time::Instant;

use super::{
    ColdStart, IngressKey, MetricsSnapshot, Report, Retirement, RevisionConfig, RevisionKey,
    RoutingTable, matcher, shared::Shared,
};
use crate::api::networking::ingress::IngressSpec;

/// Tells a gateway what to serve, and asks it for load. Cheap to clone; no call waits for a request.
#[derive(Clone, Debug)]
pub struct GatewayHandle {
    pub(super) shared: Arc<Shared>,
}

impl GatewayHandle {
    /// The routing table in force.
    pub fn table(&self) -> Arc<RoutingTable> {
        self.shared.table.load_full()
    }

    /// Replaces the whole routing table.
    pub fn set_table(&self, table: RoutingTable) {
        self.shared.table.store(Arc::new(table));
    }

    /// Serves an Ingress, from the return of this call on.
    pub fn set_ingress(&self, key: &IngressKey, spec: &IngressSpec) {
        self.shared.table.rcu(|table| table.with(key, spec));
    }

    /// Stops serving an Ingress.
    pub fn remove_ingress(&self, key: &IngressKey) {
        self.shared.table.rcu(|table| table.without(key));
    }

    /// Whether callers from inside reach a host by a name of the cluster: one that an Ingress keeps local, or a mounted
    /// one. Takes no lock, so that a name server can ask it for every query.
    pub fn serves_locally(&self, host: &str) -> bool {
        self.shared.mounts.knows(&matcher::normalize(host))
            || self.shared.table.load().is_local(host)
    }

    /// Adds a revision, or changes how its requests are treated. To be called before an Ingress leads to it. Instances
    /// of its workload that were observed before take requests at once.
    pub fn set_revision(&self, key: &RevisionKey, config: RevisionConfig) {
        let Shared {
            registry, signals, ..
        } = &*self.shared;
        registry.set(key, config, signals);
    }

    /// Forgets a revision: whoever waits for it is refused, whoever is served stays.
    pub fn remove_revision(&self, key: &RevisionKey) {
        self.shared.registry.remove(key);
    }

    /// Takes over what a runtime tells of an instance: one that is ready takes requests, any other none.
    pub fn observe(&self, observation: &Observation) {
        self.shared.registry.observe(observation);
    }

    /// How many instances take requests.
    pub fn ready(&self, key: &RevisionKey) -> usize {
        let revision = self.shared.registry.get(key);
        revision.map_or(0, |revision| revision.routed())
    }

    /// How many requests wait for an instance.
    pub fn waiting(&self, key: &RevisionKey) -> usize {
        let revision = self.shared.registry.get(key);
        revision.map_or(0, |revision| revision.waiting())
    }

    /// How many requests are in the gateway, waiting or served.
    pub fn concurrency(&self, key: &RevisionKey) -> u32 {
        let revision = self.shared.registry.get(key);
        revision.map_or(0, |revision| revision.concurrency())
    }

    /// The load since the last report of this revision; `None` for an unknown one.
    pub fn report(&self, key: &RevisionKey) -> Option<Report> {
        let revision = self.shared.registry.get(key)?;
        Some(revision.report(Instant::now()))
    }

    /// Takes the `count` instances that can best be missed out of routing, so that they can be stopped once
    /// [`Retirement::drained`] answers. They take no request again.
    pub fn retire(&self, key: &RevisionKey, count: usize) -> Retirement {
        match self.shared.registry.get(key) {
            Some(revision) => revision.retire(count),
            None => Retirement::new(Vec::new(), std::time::Duration::ZERO),
        }
    }

    /// Routes requests again to an instance that [`GatewayHandle::retire`] took out and that is drained.
    pub fn restore(&self, key: &RevisionKey, instance: &InstanceId) {
        self.shared.registry.restore(key, instance);
    }

    /// The next revision with a request that waits because no instance has room. Told once until it is asked for again;
    /// for one consumer, the scaler.
    pub async fn demand(&self) -> RevisionKey {
        self.shared.signals.demand.next().await
    }

    /// The counters.
    pub fn metrics(&self) -> MetricsSnapshot {
        self.shared.signals.metrics.snapshot()
    }

    /// The latest wakes from zero, oldest first; some thousands are kept.
    pub fn cold_starts(&self) -> Vec<ColdStart> {
        self.shared.signals.metrics.cold_starts()
    }
}

impl Collect for GatewayHandle {
    fn collect(&self, exposition: &mut Exposition) {
        self.shared.signals.metrics.collect(exposition);
        exposition
            .gauge(
                "knative_gateway_requests_in_flight",
                "Requests to revisions, waiting or served.",
            )
            .number(&[], self.shared.registry.concurrency());
    }
}
