//! A whole platform on a fake runtime, with its API and its journal.

use std::{path::Path, sync::Arc};

use knative_apiserver::{ApiServer, Credentials};
use knative_core::{
    Clock, Ids, Kinds, PlatformBuilder, SystemClock,
    admission::Admitted,
    runtime::{
        Replicas,
        fake::{FakeImage, FakeRuntime},
    },
    store::{JournalOptions, MemoryStore, Store},
};
use knative_serving::Serving;
use tokio_util::sync::CancellationToken;

use crate::task::say;

/// The image that the fake machine knows.
pub(crate) const IMAGE: &str = "example.local/fake";

/// Runs one in `data`, and tells the parent when its API answers: its kubeconfig is there.
pub(crate) async fn run(data: &Path) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Arc::new(Ids::from_entropy()?);
    let serving = Serving::builder().build(Arc::clone(&ids));
    let mut kinds = Kinds::new();
    knative_core::kinds::core::register(&mut kinds);
    serving.register(&mut kinds);
    let kinds = Arc::new(kinds);
    let objects = MemoryStore::open(
        &data.join("store"),
        JournalOptions::default(),
        Arc::clone(&kinds),
        Arc::clone(&clock),
        Arc::clone(&ids),
    )
    .await?;
    let store: Arc<dyn Store> = Arc::new(Admitted::new(objects, Arc::clone(&kinds)));

    let machine = FakeRuntime::new().with_image(IMAGE, FakeImage::hello());
    let replicas = Replicas::builder(Arc::new(machine.clone())).store(Arc::clone(&store));
    let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));

    let credentials = Credentials::load_or_create(&data.join("pki"), clock.now())?;
    let api = ApiServer::builder(Arc::clone(&kinds), Arc::clone(&store))
        .runtime(replicas.clone())
        .build();
    let api = api
        .bind("127.0.0.1:0".parse()?, Arc::new(credentials))
        .await?;
    let kubeconfig = data.join("kubeconfig");
    api.kubeconfig(clock.now())?.write(&kubeconfig)?;

    let builder = PlatformBuilder::new()
        .clock(clock)
        .ids(ids)
        .component(Arc::new(api))
        .component(replicas.clone());
    let platform = serving
        .install(builder, replicas, Arc::new(machine))
        .build(kinds, store)?;
    say(&kubeconfig.display().to_string())?;
    platform.run(CancellationToken::new()).await?;
    Ok(())
}
