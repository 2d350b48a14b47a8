//! What all requests share.

use std::{fmt, sync::Arc};

use http::HeaderMap;
use jiff::Timestamp;
use knative_core::{
    Clock, Kind, Kinds,
    metrics::Registry,
    object::{GroupKind, Object, ObjectKey},
    runtime::WorkloadRuntime,
    store::{Store, StoreError, UserInfo, codec},
};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    crd::{self, Definitions},
    discovery::Discovery,
    ingest::Place,
    negotiate,
    openapi::OpenApi,
    path::ResourcePath,
    protobuf::Messages,
    query::Query,
    status::Failure,
};

/// The state behind the API's service.
pub(crate) struct Api {
    /// Every kind that is served.
    pub(crate) kinds: Kinds,
    store: Arc<dyn Store>,
    definitions: Arc<dyn Store>,
    /// The wall clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whose logs are read, and in whose instances commands run.
    pub(crate) runtime: Option<Arc<dyn WorkloadRuntime>>,
    /// What is counted.
    pub(crate) metrics: Registry,
    /// How protobuf bodies are read.
    pub(crate) messages: Messages,
    /// What is served, for clients.
    pub(crate) discovery: Discovery,
    /// The shapes of what is served.
    pub(crate) openapi: OpenApi,
    /// Ends the watches and the commands.
    pub(crate) shutdown: CancellationToken,
    /// The commands that run.
    pub(crate) sessions: TaskTracker,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// An API of `kinds` over `store`.
    pub(crate) fn new(
        kinds: &Kinds,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        runtime: Option<Arc<dyn WorkloadRuntime>>,
        metrics: Registry,
    ) -> Self {
        let definitions = Arc::new(Definitions::new(kinds, clock.now()));
        let mut kinds = kinds.clone();
        if kinds.get(&crd::KIND).is_none() {
            kinds.register(crd::kind());
        }
        Self {
            discovery: Discovery::new(&kinds),
            openapi: OpenApi::new(&kinds),
            kinds,
            store,
            definitions,
            clock,
            runtime,
            metrics,
            messages: Messages::new(),
            shutdown: CancellationToken::new(),
            sessions: TaskTracker::new(),
        }
    }

    /// The store that keeps a kind.
    pub(crate) fn store_of(&self, kind: &Kind) -> &Arc<dyn Store> {
        if kind.group_kind() == crd::KIND {
            &self.definitions
        } else {
            &self.store
        }
    }

    /// What a store says, in the words of the API.
    pub(crate) fn refused(&self, error: &StoreError) -> Failure {
        Failure::from_store(error, &self.kinds)
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A request for objects.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is asked for.
    pub(crate) path: ResourcePath,
    /// Its kind.
    pub(crate) kind: Arc<Kind>,
    /// Where it is kept.
    pub(crate) store: Arc<dyn Store>,
    /// How.
    pub(crate) query: Query,
    /// What else the client says.
    pub(crate) headers: HeaderMap,
    /// Who asks.
    pub(crate) user: UserInfo,
}

impl Call {
    /// The object that the path names.
    pub(crate) fn key(&self) -> Result<ObjectKey, Failure> {
        let name = self
            .path
            .name
            .as_deref()
            .ok_or_else(Failure::method_not_allowed)?;
        let namespace = self.path.namespace.as_deref().unwrap_or_default();
        Ok(ObjectKey::new(self.kind.group_kind(), namespace, name))
    }

    /// Its kind's identity.
    pub(crate) fn group_kind(&self) -> GroupKind {
        self.kind.group_kind()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The representation that the client takes.
    pub(crate) fn output(&self) -> Result<negotiate::Output, Failure> {
        negotiate::output(self.header(http::header::ACCEPT))
    }

    /// Whether the kind is one that Kubernetes itself has.
    pub(crate) fn is_builtin(&self) -> bool {
        is_builtin(&self.kind.group)
    }

    /// Where the object of this call belongs.
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            kind: &self.kind,
            namespace: self.path.namespace.as_deref(),
            name: self.path.name.as_deref(),
        }
    }
}

/// Whether a group is Kubernetes' own: those of custom resources must have a domain of somebody else.
pub(crate) fn is_builtin(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// Whether a kind is that of pods.
pub(crate) fn is_pod(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.kind == "Pod"
}

/// The JSON of an object.
pub(crate) fn to_value(object: &Object) -> Result<Value, Failure> {
    codec::object_to_value(object).map_err(|error| {
        Failure::new(
            http::StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            format!("Internal error occurred: {error}"),
        )
    })
}
