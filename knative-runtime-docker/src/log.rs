//! What containers print.

use std::io;

use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use knative_core::runtime::{InstanceId, LogOptions, LogStream, RuntimeError};

use tokio::fs;

use crate::{engine::gone, member::Held, shared::Shared};

impl Shared {
    /// The output of one of an instance's containers.
    pub(crate) async fn logs(
        &self,
        id: &InstanceId,
        options: &LogOptions,
    ) -> Result<LogStream, RuntimeError> {
        let held = self.held(id, options.container.as_deref())?;
        if options.previous {
            return self.previous(id, &held, options).await;
        }
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

    /// What a container printed before it was started again.
    async fn previous(
        &self,
        id: &InstanceId,
        held: &Held,
        options: &LogOptions,
    ) -> Result<LogStream, RuntimeError> {
        let text = match fs::read(self.directories.previous_log(id, &held.name)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RuntimeError::NoPrevious {
                    id: id.clone(),
                    container: held.name.clone(),
                });
            }
            read => read.map_err(|error| RuntimeError::backend_gone("reading a log", error))?,
        };
        let text = Bytes::from(since(&text, options.since));
        let start = options.tail_lines.map_or(0, |lines| last(&text, lines));
        let pieces = stream::iter([Ok(text.slice(start..))]).boxed();
        Ok(match options.limit_bytes {
            None => pieces,
            Some(limit) => limited(pieces, limit),
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

/// What was printed from a time on, of lines that begin with theirs.
fn since(text: &[u8], since: Option<Timestamp>) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let printed = lines.filter_map(|line| {
        let end = line.iter().position(|byte| *byte == b' ')?;
        let time = std::str::from_utf8(&line[..end]).ok()?.parse::<Timestamp>();
        let wanted = since.is_none_or(|since| time.is_ok_and(|time| time >= since));
        wanted.then_some(&line[end + 1..])
    });
    printed.flatten().copied().collect()
}

/// Where the last `lines` lines begin.
fn last(text: &[u8], lines: u64) -> usize {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let breaks = (0..body.len()).rev().filter(|at| body[*at] == b'\n');
    match usize::try_from(lines).unwrap_or(usize::MAX).checked_sub(1) {
        None => text.len(),
        Some(before) => breaks.map(|at| at + 1).nth(before).unwrap_or(0),
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
    fn lines_lose_their_times_and_older_ones_are_left_out() {
        let text = b"2026-01-01T00:00:01.5Z a b\n2026-01-01T00:00:02Z\n2026-01-01T00:00:03Z c";
        let from = |time: &str| since(text, Some(time.parse().unwrap()));
        assert_eq!(since(text, None), b"a b\nc");
        assert_eq!(from("2026-01-01T00:00:01Z"), b"a b\nc");
        assert_eq!(from("2026-01-01T00:00:02Z"), b"c");
    }

    #[test]
    fn the_last_lines_begin_after_a_break() {
        let rows = [
            ("", 1, ""),
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 2, "a\nb\n"),
            ("a\nb\n", 9, "a\nb\n"),
        ];
        for (text, lines, want) in rows {
            assert_eq!(
                &text[last(text.as_bytes(), lines)..],
                want,
                "{lines} of {text:?}"
            );
        }
    }

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
