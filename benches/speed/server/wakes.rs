//! Gateway, scaler and a fake runtime with many revisions at zero; no store.

use std::{sync::Arc, time::Duration};

use knative_core::{
    Clock, Ids, SystemClock,
    runtime::{
        Replicas,
        fake::{FakeImage, FakeRuntime},
    },
};
use knative_serving::{
    autoscaler::run::Scaler,
    config::Autoscaler,
    gateway::{Gateway, Listener},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::gateway::Revision;

/// How long an instance takes to start.
pub(crate) const START: Duration = Duration::from_millis(40);
/// Where the services are called; `#` is a number.
pub(crate) const HOSTS: &str = "wake-#.default.example.com";

/// How often is looked whether the scaler knows all revisions.
const LOOK: Duration = Duration::from_millis(10);

pub(crate) async fn run(revisions: u64) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Arc::new(Ids::from_entropy()?);
    let image = FakeImage::hello().start_delay(START);
    let runtime = FakeRuntime::new().with_image("example.local/hello", image);
    let replicas = Replicas::builder(Arc::new(runtime)).build(Arc::clone(&clock), Arc::clone(&ids));
    let gateway = Gateway::new(ids);
    let scaler = Scaler::new(gateway.handle(), Arc::new(replicas));
    let statuses = scaler.handle();

    let at_zero = Autoscaler {
        allow_zero_initial_scale: true,
        initial_scale: 0,
        ..Autoscaler::default()
    };
    let revisions: Vec<Revision> = (0..revisions)
        .map(|number| Revision::new(&format!("wake-{number}")))
        .collect();
    for revision in &revisions {
        revision.add(&gateway, &scaler, 0, &at_zero)?;
    }
    let tasks = TaskTracker::new();
    tasks.spawn(async move { scaler.scale(clock, CancellationToken::new()).await });
    for revision in &revisions {
        while statuses.status(&revision.key).is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }
    let listener = Listener::new(gateway, super::listen().await?)?;
    listener.serve(CancellationToken::new()).await;
    Ok(())
}
