//! What the gateway is told about a revision.

use std::{fmt, sync::Arc, time::Duration};

use knative_core::runtime::WorkloadId;

/// How many requests of one revision may wait, as in Knative's activator.
const QUEUE_ITEMS: usize = 10_000;
/// How many bytes of bodies may wait with them.
const QUEUE_BYTES: usize = 64 << 20;
/// `timeoutSeconds` where a revision does not say.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The name of a revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name, as `hello-00001`.
    pub name: Arc<str>,
}

impl RevisionKey {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for RevisionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What instances of a revision speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1 (port name `http1` or none).
    #[default]
    Http1,
    /// HTTP/2 without TLS, by prior knowledge (port name `h2c`); gRPC needs it.
    H2c,
}

/// How much may wait for a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Requests. Default 10 000, as in Knative's activator.
    pub items: usize,
    /// Bytes of their bodies that are held in memory. Default 64 MiB.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            items: QUEUE_ITEMS,
            bytes: QUEUE_BYTES,
        }
    }
}

/// How requests of a revision are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevisionConfig {
    /// The workload whose instances serve it.
    pub workload: WorkloadId,
    /// Requests that one instance takes at a time, `containerConcurrency`; 0 = any number.
    pub container_concurrency: u32,
    /// What its instances speak.
    pub protocol: Protocol,
    /// Time from a request's arrival to the end of its response, `timeoutSeconds`. Default 300 s.
    pub timeout: Duration,
    /// Time until the response begins, `responseStartTimeoutSeconds`.
    pub response_start_timeout: Option<Duration>,
    /// Time without a byte of the response, `idleTimeoutSeconds`.
    pub idle_timeout: Option<Duration>,
    /// How much may wait.
    pub queue: QueueLimits,
}

impl RevisionConfig {
    /// Defaults for a revision that `workload` serves.
    pub fn new(workload: WorkloadId) -> Self {
        Self {
            workload,
            container_concurrency: 0,
            protocol: Protocol::Http1,
            timeout: TIMEOUT,
            response_start_timeout: None,
            idle_timeout: None,
            queue: QueueLimits::default(),
        }
    }
}
