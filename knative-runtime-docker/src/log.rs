//! What containers print.

use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
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

/// Ends a log after so many bytes, without a look at what follows: a log that is followed may not go on for long.
fn limited(pieces: LogStream, limit: u64) -> LogStream {
    let left = usize::try_from(limit).unwrap_or(usize::MAX);
    stream::unfold((pieces, left), |(mut pieces, left)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = pieces.next().await?;
        if let Ok(bytes) = &mut piece {
            bytes.truncate(left);
        }
        let told = piece.as_ref().map_or(0, Bytes::len);
        Some((piece, (pieces, left - told)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_log_ends_with_the_last_byte_of_its_limit() {
        for (limit, want) in [(4, "abcd"), (6, "abcdef")] {
            let pieces = ["abc", "def"].map(|piece| Ok(Bytes::from(piece)));
            let followed = stream::iter(pieces).chain(stream::pending()).boxed();
            let told = limited(followed, limit).collect::<Vec<_>>().now_or_never();
            let told = told.expect("it does not wait for more");
            let told: Vec<Bytes> = told.into_iter().collect::<Result<_, _>>().unwrap();
            assert_eq!(told.concat(), want.as_bytes(), "{limit}");
        }
    }
}
