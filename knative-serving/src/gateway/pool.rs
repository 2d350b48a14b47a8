//! Connections to one instance.

use std::{sync::Arc, time::Duration};

use hyper::client::conn::http2::SendRequest;
use knative_core::http::Body;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::link::Link;

/// Unused connections that are kept per instance, as in Knative's activator.
const IDLE_LINKS: usize = 100;
/// How long an unused connection is kept.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// Requests that share an HTTP/2 connection; servers allow at least as many (RFC 9113 §6.5.2 advises 100).
const STREAMS: usize = 100;

/// Connections that wait for their next request, and those that several requests share.
#[derive(Debug, Default)]
pub(super) struct Pool {
    links: Mutex<Vec<Resting>>,
    trunks: Mutex<Vec<Trunk>>,
    /// One HTTP/2 connection is opened at a time: those who wait for it then share it.
    pub(super) opening: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Resting {
    link: Box<Link>,
    since: Instant,
}

/// An HTTP/2 connection and the requests on it.
#[derive(Clone, Debug)]
pub(super) struct Trunk {
    pub(super) sender: SendRequest<Body>,
    requests: Arc<()>,
}

impl Trunk {
    pub(super) fn new(sender: SendRequest<Body>) -> Self {
        Self {
            sender,
            requests: Arc::new(()),
        }
    }
}

impl Pool {
    /// The connection that was used last and still works.
    pub(super) fn take(&self) -> Option<Box<Link>> {
        loop {
            let mut resting = self.links.lock().pop()?;
            if resting.link.is_usable() {
                return Some(resting.link);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, mut link: Box<Link>) {
        link.used = true;
        let since = Instant::now();
        let mut links = self.links.lock();
        let outlived = links
            .first()
            .is_some_and(|oldest| since - oldest.since > IDLE_TIME);
        let dropped = (outlived || links.len() >= IDLE_LINKS).then(|| links.remove(0));
        links.push(Resting { link, since });
        drop(links);
        drop(dropped);
    }

    /// A shared connection that has room for a request.
    pub(super) fn share(&self) -> Option<Trunk> {
        let mut trunks = self.trunks.lock();
        trunks.retain(|trunk| !trunk.sender.is_closed());
        let free = |trunk: &&Trunk| Arc::strong_count(&trunk.requests) <= STREAMS;
        trunks.iter().find(free).cloned()
    }

    pub(super) fn keep(&self, trunk: &Trunk) {
        self.trunks.lock().push(trunk.clone());
    }

    /// Closes what is not in use.
    pub(super) fn clear(&self) {
        let links = std::mem::take(&mut *self.links.lock());
        drop(links);
        let trunks = std::mem::take(&mut *self.trunks.lock());
        drop(trunks);
    }
}
