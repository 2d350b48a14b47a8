//! The gateway as a service.

use std::{convert::Infallible, fmt, sync::Arc};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use knative_core::{
    Ids,
    http::{Dial, Request, Response, TokioDial},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{GatewayHandle, RoutingTable, peer::Peer, registry::Registry, shared::Shared};

/// Routes requests to the instances of revisions, holds them while there is none, and counts them.
///
/// A tower service: a listener is one layer out, and tests call it without any socket.
/// Requests that come from a socket carry a [`Peer`] in their extensions. Clones share everything.
#[derive(Clone)]
pub struct Gateway {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway that knows no host. `ids` picks between revisions that share a route.
    pub fn new(ids: Arc<Ids>) -> Self {
        Self::with_dial(ids, Arc::new(TokioDial))
    }

    /// A gateway that opens connections by `dial`.
    pub fn with_dial(ids: Arc<Ids>, dial: Arc<dyn Dial>) -> Self {
        let shared = Shared {
            table: ArcSwap::from_pointee(RoutingTable::new()),
            mounts: Arc::default(),
            registry: Registry::default(),
            signals: Arc::default(),
            ids,
            dial,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What the control plane holds.
    pub fn handle(&self) -> GatewayHandle {
        GatewayHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Ends upgraded connections and waits for them. To be called when no request comes any more.
    pub async fn close(&self) {
        self.shared.ending.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Service<Request> for Gateway {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let gateway = self.clone();
        Box::pin(async move {
            let peer = request.extensions().get::<Peer>().cloned();
            Ok(gateway
                .handle_request(request, &peer.unwrap_or_default())
                .await)
        })
    }
}
