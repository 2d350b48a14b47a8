//! The API as a service that is called in process.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use knative_core::{
    Clock, Kinds, SystemClock,
    http::{Request, Response},
    metrics::Registry,
    runtime::WorkloadRuntime,
    store::Store,
};
use tower::Service;

use crate::{api::Api, router};

/// The Kubernetes API over a store. Cheap to clone.
///
/// A request must carry a [`UserInfo`](knative_core::store::UserInfo) in its extensions, which says who asks; one
/// without is answered with 401. [`BoundApiServer`](crate::BoundApiServer) puts it there from a client certificate or a
/// token.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) api: Arc<Api>,
}

impl ApiServer {
    /// An API that serves `kinds` from `store` (which is behind admission).
    pub fn builder(kinds: Arc<Kinds>, store: Arc<dyn Store>) -> ApiServerBuilder {
        ApiServerBuilder {
            kinds,
            store,
            clock: Arc::new(SystemClock),
            runtime: None,
            metrics: Registry::new(),
        }
    }

    /// The service, for calls in process. It answers every request.
    #[must_use]
    pub fn service(&self) -> Self {
        self.clone()
    }

    /// Ends all watches, followed logs, commands and waits for bodies, as a draining server does.
    pub fn end_watches(&self) {
        self.api.shutdown.cancel();
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}

impl Service<Request> for ApiServer {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let api = Arc::clone(&self.api);
        Box::pin(async move { Ok(router::serve(&api, request).await) })
    }
}

/// Assembles an [`ApiServer`].
#[derive(Debug)]
pub struct ApiServerBuilder {
    kinds: Arc<Kinds>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    runtime: Option<Arc<dyn WorkloadRuntime>>,
    metrics: Registry,
}

impl ApiServerBuilder {
    /// Replaces the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whose logs `kubectl logs` shows, where `kubectl exec` runs commands, and whose instances end when their pods are deleted.
    #[must_use]
    pub fn runtime(mut self, runtime: Arc<dyn WorkloadRuntime>) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What `/metrics` shows: the registry of the platform, which its builder takes too. Default: nothing.
    #[must_use]
    pub fn metrics(mut self, metrics: Registry) -> Self {
        self.metrics = metrics;
        self
    }

    /// The API.
    pub fn build(self) -> ApiServer {
        let api = Api::new(
            &self.kinds,
            self.store,
            self.clock,
            self.runtime,
            self.metrics,
        );
        ApiServer { api: Arc::new(api) }
    }
}
