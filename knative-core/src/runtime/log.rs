//! What instances print.

use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::RuntimeError;

/// Which part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// Which container; the serving one if `None`.
    pub container: Option<String>,
    /// Whether to go on with what is printed later.
    pub follow: bool,
    /// Only so many last lines.
    pub tail_lines: Option<u64>,
    /// At most so many bytes.
    pub limit_bytes: Option<u64>,
    /// The log of the run before the last restart.
    pub previous: bool,
    /// Only what was printed since.
    pub since: Option<Timestamp>,
}

impl LogOptions {
    /// The whole log so far, and what follows if `follow`.
    pub fn all(follow: bool) -> Self {
        Self {
            follow,
            ..Self::default()
        }
    }
}

/// A log as it is read. It ends with the instance, or at its current end unless it is followed.
pub type LogStream = BoxStream<'static, Result<Bytes, RuntimeError>>;
