//! The kit for [`Store`].

mod delete;
mod fixture;
mod list;
mod namespace;
mod owner;
mod patch;
mod restart;
mod watch;
mod write;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use libtest_mimic::Trial;

use crate::{Kind, Kinds, kinds, schema::Schema, store::Store};

use self::fixture::Fixture;

/// The group of the kinds that the kit brings.
const GROUP: &str = "conformance.knative.dev";

/// What a store does beyond what every one must. Cases of what it does not are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It removes objects whose owners are gone.
    pub garbage_collection: bool,
    /// It keeps the life of namespaces.
    pub namespaces: bool,
    /// After so many changes of a kind a watch can no longer start before them; `None` if that cannot be said.
    pub history: Option<usize>,
    /// It can be opened again after a crash.
    pub restart: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            garbage_collection: true,
            namespaces: true,
            history: None,
            restart: false,
        }
    }
}

/// What an implementor gives the kit.
#[async_trait]
pub trait Harness: fmt::Debug + Send + Sync + 'static {
    /// The name of the backend in the names of cases.
    fn name(&self) -> &str;

    /// What the backend does beyond what every one must.
    fn capabilities(&self) -> Capabilities;

    /// A store that serves `kinds`, without admission. Every case asks for one of its own; its kinds may be shared with
    /// others, its namespace is not.
    async fn open(&self, kinds: Arc<Kinds>) -> Arc<dyn Store>;

    /// Ends a store as a crash would and opens what it left. Asked for only with [`Capabilities::restart`].
    async fn restart(&self, store: Arc<dyn Store>, kinds: Arc<Kinds>) -> Arc<dyn Store> {
        let _ = kinds;
        store
    }
}

/// The cases of the kit for a backend, as `store::<backend>::<behaviour>`.
pub fn trials(harness: &Arc<dyn Harness>) -> Vec<Trial> {
    let cases = [
        write::cases(),
        delete::cases(),
        list::cases(),
        watch::cases(),
        patch::cases(),
        owner::cases(),
        namespace::cases(),
        restart::cases(),
    ];
    let capabilities = harness.capabilities();
    let apply = cases
        .into_iter()
        .flatten()
        .filter(|case| (case.applies)(&capabilities));
    apply.map(|case| case.trial(Arc::clone(harness))).collect()
}

/// The kinds that the cases use: Kubernetes' own, `Thing` with a status and `Shadow`, which is volatile.
fn kit_kinds() -> Kinds {
    let open = Arc::new(Schema::default());
    let mut kinds = Kinds::new();
    kinds::core::register(&mut kinds);
    kinds.register(Kind {
        selectable_fields: vec!["spec.color".to_owned()],
        ..Kind::new(GROUP, "v1", "Thing", "things", Arc::clone(&open))
    });
    kinds.register(Kind {
        volatile: true,
        ..Kind::new(GROUP, "v1", "Shadow", "shadows", open)
    });
    kinds
}

type Run = Box<dyn FnOnce(Fixture) -> BoxFuture<'static, ()> + Send>;

/// One behaviour.
struct Case {
    name: &'static str,
    applies: fn(&Capabilities) -> bool,
    run: Run,
}

impl Case {
    fn new<R>(name: &'static str, run: fn(Fixture) -> R) -> Self
    where
        R: Future<Output = ()> + Send + 'static,
    {
        Self {
            name,
            applies: |_| true,
            run: Box::new(move |fixture| run(fixture).boxed()),
        }
    }

    fn only_if(mut self, applies: fn(&Capabilities) -> bool) -> Self {
        self.applies = applies;
        self
    }

    fn trial(self, harness: Arc<dyn Harness>) -> Trial {
        let name = format!("store::{}::{}", harness.name(), self.name);
        let (case, run) = (self.name, self.run);
        Trial::test(name, move || {
            let whole = async move { run(Fixture::open(harness, case).await).await };
            super::run(whole.boxed())
        })
    }
}
