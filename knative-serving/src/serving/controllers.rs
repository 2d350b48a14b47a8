//! Which controller looks at what.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use knative_core::controller::{Controller, Reconciler, Tracker};
use knative_core::metrics::Registry as MetricsRegistry;
use knative_core::object::controller_of;
use knative_core::runtime::WorkloadRuntime;
use knative_core::store::{Change, NamespacedName};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::Revision;
use crate::config::Config;
use crate::gateway::GatewayHandle;
use crate::projection::Workloads;
use crate::reconcile::configuration::ConfigurationReconciler;
use crate::reconcile::ingress::IngressReconciler;
use crate::reconcile::labeler::{Labeler, Listed};
use crate::reconcile::metric::MetricReconciler;
use crate::reconcile::pod_autoscaler::{PodAutoscalerReconciler, Registry};
use crate::reconcile::revision::{Resolver, RevisionReconciler};
use crate::reconcile::route::{RouteReconciler, UrlPort};
use crate::reconcile::serverless_service::ServerlessServiceReconciler;
use crate::reconcile::service::ServiceReconciler;
use crate::reconcile::shell::Shell;
use crate::reconcile::signal::Signal;

/// What controllers are made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) shell: Shell,
    pub(super) metrics: MetricsRegistry,
    pub(super) gateway: GatewayHandle,
    pub(super) runtime: Arc<dyn WorkloadRuntime>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) workloads: Arc<Workloads>,
    pub(super) registry: Arc<Registry>,
    pub(super) url_port: UrlPort,
    /// Revisions whose scale changed, for their `PodAutoscaler`.
    pub(super) scaled: Arc<Signal<NamespacedName>>,
    /// The same, for their `ServerlessService`.
    pub(super) measured: Arc<Signal<NamespacedName>>,
}

/// Starts all controllers.
pub(super) fn controllers(parts: &Parts, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
    let metrics = &parts.metrics;
    let mut start = Start {
        metrics,
        tasks,
        shutdown,
    };
    start.run(service(parts));
    start.run(configuration(parts));
    start.run(revision(parts));
    start.run(pod_autoscaler(parts));
    start.run(serverless_service(parts));
    start.run(metric(parts));
    start.run(route(parts));
    start.run(labeler(parts));
    // Hosts are served once the gateway knows all revisions that an earlier run made.
    let ingress = ingress(parts);
    metrics.register(Arc::new(ingress.metrics()));
    let (registry, shutdown) = (Arc::clone(&parts.registry), shutdown.clone());
    start.tasks.spawn(async move {
        let complete = registry.complete();
        if shutdown.run_until_cancelled(complete).await.is_some() {
            ingress.run(shutdown).await;
        }
    });
}

struct Start<'a> {
    metrics: &'a MetricsRegistry,
    tasks: &'a mut JoinSet<()>,
    shutdown: &'a CancellationToken,
}

impl Start<'_> {
    fn run<R: Reconciler>(&mut self, controller: Controller<R>) {
        self.metrics.register(Arc::new(controller.metrics()));
        self.tasks.spawn(controller.run(self.shutdown.clone()));
    }
}

fn service(parts: &Parts) -> Controller<ServiceReconciler> {
    let shell = parts.shell.named("service-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    Controller::new(
        "service",
        ServiceReconciler { shell },
        caches.services.clone(),
    )
    .owns(&caches.configurations)
    .owns(&caches.routes)
    .events(events)
}

fn configuration(parts: &Parts) -> Controller<ConfigurationReconciler> {
    let shell = parts.shell.named("configuration-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let reconciler = ConfigurationReconciler { shell };
    Controller::new("configuration", reconciler, caches.configurations.clone())
        .owns(&caches.revisions)
        .events(events)
}

fn revision(parts: &Parts) -> Controller<RevisionReconciler> {
    let shell = parts.shell.named("revision-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let config = changes(&shell, |config| Arc::clone(&config.deployment));
    let reconciler = RevisionReconciler {
        shell,
        runtime: Arc::clone(&parts.runtime),
        resolver: Arc::clone(&parts.resolver),
        workloads: Arc::clone(&parts.workloads),
    };
    Controller::new("revision", reconciler, caches.revisions.clone())
        .owns(&caches.pod_autoscalers)
        .owns(&caches.images)
        .also(Arc::clone(&parts.resolver.done).stream())
        .also(Arc::clone(&parts.workloads.revisions).stream())
        .resync_on(config)
        .events(events)
}

fn pod_autoscaler(parts: &Parts) -> Controller<PodAutoscalerReconciler> {
    let shell = parts.shell.named("kpa-class-podautoscaler-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let config = changes(&shell, |config| {
        (
            Arc::clone(&config.autoscaler),
            Arc::clone(&config.deployment),
        )
    });
    let reconciler = PodAutoscalerReconciler {
        shell,
        registry: Arc::clone(&parts.registry),
    };
    Controller::new("podautoscaler", reconciler, caches.pod_autoscalers.clone())
        .owns(&caches.serverless_services)
        .owns(&caches.metrics)
        .also(Arc::clone(&parts.scaled).stream())
        .resync_on(config)
        .events(events)
}

fn serverless_service(parts: &Parts) -> Controller<ServerlessServiceReconciler> {
    let shell = parts.shell.named("serverlessservice-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let reconciler = ServerlessServiceReconciler {
        shell,
        registry: Arc::clone(&parts.registry),
    };
    let cache = caches.serverless_services.clone();
    Controller::new("serverlessservice", reconciler, cache)
        .owns(&caches.core_services)
        .also(Arc::clone(&parts.measured).stream())
        .events(events)
}

fn metric(parts: &Parts) -> Controller<MetricReconciler> {
    let shell = parts.shell.named("metric-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    Controller::new("metric", MetricReconciler { shell }, caches.metrics.clone()).events(events)
}

fn route(parts: &Parts) -> Controller<RouteReconciler> {
    let shell = parts.shell.named("route-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let config = changes(&shell, |config| {
        (
            Arc::clone(&config.domain),
            Arc::clone(&config.network),
            Arc::clone(&config.features),
        )
    });
    let tracker = Tracker::new();
    let reconciler = RouteReconciler {
        shell,
        tracker: tracker.clone(),
        port: parts.url_port,
    };
    Controller::new("route", reconciler, caches.routes.clone())
        .owns(&caches.ingresses)
        .owns(&caches.core_services)
        .tracks(&caches.configurations, &tracker)
        .tracks(&caches.revisions, &tracker)
        .resync_on(config)
        .events(events)
}

fn labeler(parts: &Parts) -> Controller<Labeler> {
    let shell = parts.shell.named("route-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let listed = Arc::new(Listed::default());
    for configuration in caches.configurations.list() {
        listed.note(&configuration);
    }
    let reconciler = Labeler {
        shell,
        listed: Arc::clone(&listed),
    };
    Controller::new("labeler", reconciler, caches.routes.clone())
        .watches(&caches.configurations, move |change| {
            listed.note(change.object())
        })
        .watches(&caches.revisions, of_configuration)
        .events(events)
}

/// A Revision that appears may be one that the Route of its Configuration's name waits for.
fn of_configuration(change: &Change<Revision>) -> Vec<NamespacedName> {
    let revision = change.object();
    let namespace = revision.metadata.namespace.as_deref().unwrap_or_default();
    let owner = controller_of(&revision.metadata);
    owner
        .map(|owner| NamespacedName::new(namespace, owner.name.as_str()))
        .into_iter()
        .collect()
}

fn ingress(parts: &Parts) -> Controller<IngressReconciler> {
    let shell = parts.shell.named("ingress-controller");
    let caches = shell.caches.clone();
    let events = shell.events.clone();
    let config = changes(&shell, |config| Arc::clone(&config.network));
    let reconciler = IngressReconciler {
        shell,
        gateway: parts.gateway.clone(),
        served: parking_lot::Mutex::default(),
    };
    Controller::new("ingress", reconciler, caches.ingresses.clone())
        .resync_on(config)
        .events(events)
}

/// Speaks whenever the part of the configuration that `pick` names changes.
fn changes<T: PartialEq + Send + 'static>(
    shell: &Shell,
    pick: impl Fn(&Config) -> T + Send + 'static,
) -> BoxStream<'static, ()> {
    let receiver = shell.live.subscribe();
    let last = pick(&shell.config());
    let state = (receiver, pick, last);
    futures::stream::unfold(state, |(mut receiver, pick, mut last)| async move {
        loop {
            receiver.changed().await.ok()?;
            let next = pick(&receiver.borrow_and_update());
            if next != last {
                last = next;
                return Some(((), (receiver, pick, last)));
            }
        }
    })
    .boxed()
}
