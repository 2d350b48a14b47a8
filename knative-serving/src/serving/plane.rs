//! The control plane as a component: seeds, reads the configuration, and runs everything until the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use knative_core::controller::EventWriter;
use knative_core::platform::{Component, ComponentError, Context};
use knative_core::runtime::{ImageStore, WorkloadRuntime};
use knative_core::store::NamespacedName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Serving;
use super::controllers::{Parts, controllers};
use crate::autoscaler::run::ScalerHandle;
use crate::projection::Projection;
use crate::reconcile::pod_autoscaler::Registry;
use crate::reconcile::revision::Resolver;
use crate::reconcile::shell::{Caches, Shell};
use crate::reconcile::signal::Signal;
use crate::system::{ConfigReader, seed};

#[derive(Debug)]
pub(super) struct Plane {
    pub(super) serving: Serving,
    pub(super) scaler: ScalerHandle,
    pub(super) runtime: Arc<dyn WorkloadRuntime>,
    pub(super) images: Arc<dyn ImageStore>,
}

#[async_trait]
impl Component for Plane {
    fn name(&self) -> &'static str {
        "serving"
    }

    async fn run(
        self: Arc<Self>,
        context: Context,
        shutdown: CancellationToken,
    ) -> Result<(), ComponentError> {
        context
            .metrics
            .register(Arc::new(self.serving.gateway.handle()));
        let (writer, events) = EventWriter::new(
            "serving",
            Arc::clone(&context.store),
            Arc::clone(&context.clock),
            Arc::clone(&context.ids),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run(shutdown.clone()));
        seed(&context.store, &self.serving.settings.seed).await?;
        let reader = ConfigReader {
            store: Arc::clone(&context.store),
            live: Arc::clone(&self.serving.live),
            events: events.named("config-controller"),
        };
        let version = reader.read().await?;
        tasks.spawn(reader.follow(version, shutdown.clone()));

        let shell = Shell {
            store: Arc::clone(&context.store),
            clock: Arc::clone(&context.clock),
            live: Arc::clone(&self.serving.live),
            events,
            caches: Caches::new(&context.store),
        };
        shell.caches.run(&mut tasks, &shutdown);
        let synced = shell.caches.wait_synced();
        if shutdown.run_until_cancelled(synced).await.is_some() {
            let parts = self.parts(&context, shell);
            self.start(&parts, &mut tasks, &shutdown);
        }
        // A panic of a task is one of the component.
        while let Some(ended) = tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

impl Plane {
    fn parts(&self, context: &Context, shell: Shell) -> Parts {
        let workloads = Arc::clone(&self.serving.workloads);
        let registry = Registry::new(
            self.serving.gateway.handle(),
            self.scaler.clone(),
            Arc::clone(&workloads),
            self.serving.settings.address.clone(),
        );
        let scalers = shell.caches.pod_autoscalers.list();
        let known: BTreeSet<NamespacedName> = scalers
            .iter()
            .map(|scaler| NamespacedName::of(&**scaler))
            .collect();
        registry.expect(known);
        Parts {
            shell,
            metrics: context.metrics.clone(),
            gateway: self.serving.gateway.handle(),
            runtime: Arc::clone(&self.runtime),
            resolver: Arc::new(Resolver::new(
                Arc::clone(&self.images),
                Arc::clone(&context.store),
                context.tasks.clone(),
            )),
            workloads,
            registry: Arc::new(registry),
            url_port: self.serving.settings.url_port,
            scaled: Arc::new(Signal::default()),
            measured: Arc::new(Signal::default()),
        }
    }

    fn start(&self, parts: &Parts, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let runtime = Arc::clone(&self.runtime);
        tasks.spawn(Arc::clone(&parts.workloads).follow(runtime, shutdown.clone()));
        tasks.spawn(dispatch(
            self.scaler.clone(),
            [Arc::clone(&parts.scaled), Arc::clone(&parts.measured)],
            shutdown.clone(),
        ));
        let projection = Arc::new(Projection {
            shell: parts.shell.named("runtime"),
            runtime: Arc::clone(&self.runtime),
            workloads: Arc::clone(&parts.workloads),
            registry: Arc::clone(&parts.registry),
        });
        tasks.spawn(Arc::clone(&projection).run(shutdown.clone()));
        tasks.spawn(projection.evict(shutdown.clone()));
        tasks.spawn(announce(
            Arc::clone(&parts.registry),
            self.serving.clone(),
            shutdown.clone(),
        ));
        controllers(parts, tasks, shutdown);
    }
}

/// Turns changes of scale into work for the controllers that show it.
async fn dispatch(
    scaler: ScalerHandle,
    readers: [Arc<Signal<NamespacedName>>; 2],
    shutdown: CancellationToken,
) {
    while let Some(key) = shutdown.run_until_cancelled(scaler.changed()).await {
        let name = NamespacedName::new(&*key.namespace, &*key.name);
        for reader in &readers {
            reader.tell(name.clone());
        }
    }
}

/// Says when everything that is known from an earlier run is handed over.
async fn announce(registry: Arc<Registry>, serving: Serving, shutdown: CancellationToken) {
    if shutdown
        .run_until_cancelled(registry.complete())
        .await
        .is_some()
    {
        serving.handed_over.send_replace(true);
    }
}
