//! What containers print.

use bollard::query_parameters::LogsOptionsBuilder;
use futures::{StreamExt as _, future};
use jiff::Timestamp;
use knative_core::runtime::{InstanceId, LogOptions, LogStream, RuntimeError};

use crate::{engine::gone, member::Held, runtime::Shared};

impl Shared {
    /// The output of one of an instance's containers.
    pub(crate) fn logs(
        &self,
        id: &InstanceId,
        options: &LogOptions,
    ) -> Result<LogStream, RuntimeError> {
        if options.previous {
            return Err(RuntimeError::Unsupported {
                what: "the log of the run before the last restart",
            });
        }
        let held = self.held(id, options.container.as_deref())?;
        let since = options.since.map_or(0, Timestamp::as_second);
        let query = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(options.follow)
            .since(i32::try_from(since).unwrap_or(i32::MAX))
            .tail(
                &options
                    .tail_lines
                    .map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            )
            .build();
        let pieces = self.engine.docker().logs(&held.id, Some(query));
        let pieces = pieces.map(|piece| match piece {
            Ok(piece) => Ok(piece.into_bytes()),
            Err(error) => Err(gone("reading a log", error)),
        });
        Ok(match options.limit_bytes {
            None => pieces.boxed(),
            Some(limit) => limited(pieces.boxed(), limit),
        })
    }

    /// One of an instance's containers.
    pub(crate) fn held(
        &self,
        id: &InstanceId,
        container: Option<&str>,
    ) -> Result<Held, RuntimeError> {
        let member = self
            .member(id)
            .ok_or_else(|| RuntimeError::NotFound { id: id.clone() })?;
        member
            .container(container)
            .ok_or_else(|| RuntimeError::NoContainer {
                id: id.clone(),
                container: container.unwrap_or_default().to_owned(),
            })
    }
}

/// Ends a log after so many bytes.
fn limited(pieces: LogStream, limit: u64) -> LogStream {
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    pieces
        .map(move |piece| {
            piece.map(|mut bytes| {
                bytes.truncate(left);
                left -= bytes.len();
                bytes
            })
        })
        .take_while(|piece| future::ready(piece.as_ref().map_or(true, |bytes| !bytes.is_empty())))
        .boxed()
}
