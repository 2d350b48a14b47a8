//! Kubernetes' `v5.channel.k8s.io`: each message of a WebSocket begins with the number of a channel. Pure.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use knative_core::runtime::{ExecOutput, RuntimeError, TerminalSize};
use serde::Deserialize;

use crate::{pod, status::Failure};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// For the command to read.
    Input(Bytes),
    /// There is no more to read.
    InputEnd,
    /// The terminal has this size.
    Size(TerminalSize),
}

/// As Go's clients write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

impl Said {
    /// Reads a message; what is not known is `None`.
    pub(super) fn parse(mut message: Bytes) -> Option<Self> {
        match message.try_get_u8().ok()? {
            STDIN => Some(Self::Input(message)),
            CLOSE if message[..] == [STDIN] => Some(Self::InputEnd),
            RESIZE => {
                let size: Size = serde_json::from_slice(&message).ok()?;
                Some(Self::Size(TerminalSize {
                    columns: size.width,
                    rows: size.height,
                }))
            }
            _ => None,
        }
    }
}

/// The message with a piece of output.
pub(super) fn output(piece: &ExecOutput) -> Bytes {
    match piece {
        ExecOutput::Stdout(bytes) => on(STDOUT, bytes),
        ExecOutput::Stderr(bytes) => on(STDERR, bytes),
    }
}

/// The message that says how it ended.
pub(super) fn end(status: &Status) -> Bytes {
    // A status is plain data, which is always written.
    on(ERROR, &serde_json::to_vec(status).unwrap_or_default())
}

fn on(channel: u8, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel);
    message.put_slice(bytes);
    message.freeze()
}

/// How a command ended. Clients end with its exit code, which they read as one byte.
pub(super) fn exited(code: i32) -> Status {
    if code == 0 {
        return Status {
            status: Some("Success".to_owned()),
            ..Status::default()
        };
    }
    let cause = StatusCause {
        reason: Some("ExitCode".to_owned()),
        message: Some(u8::try_from(code).unwrap_or(u8::MAX).to_string()),
        field: None,
    };
    Status {
        status: Some("Failure".to_owned()),
        reason: Some("NonZeroExitCode".to_owned()),
        message: Some(format!(
            "command terminated with non-zero exit code: exit status {code}"
        )),
        details: Some(StatusDetails {
            causes: Some(vec![cause]),
            ..StatusDetails::default()
        }),
        ..Status::default()
    }
}

/// Why a command could not run, or how it is known no longer.
pub(super) fn failed(error: &RuntimeError) -> Status {
    pod::refused(error).into_status()
}

/// Why a command ends before its time.
pub(super) fn shut_down() -> Status {
    let message = "the server is shutting down";
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        message,
    )
    .into_status()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_clients() {
        let size = TerminalSize {
            columns: 80,
            rows: 24,
        };
        let rows: [(&'static [u8], Option<Said>); 9] = [
            (b"\x00ab", Some(Said::Input(Bytes::from_static(b"ab")))),
            (b"\x00", Some(Said::Input(Bytes::new()))),
            (b"\xff\x00", Some(Said::InputEnd)),
            (b"\xff\x01", None),
            (b"\xff", None),
            (b"\x04{\"Width\":80,\"Height\":24}", Some(Said::Size(size))),
            (b"\x04{\"Width\":-1,\"Height\":24}", None),
            (b"\x01x", None),
            (b"", None),
        ];
        for (message, want) in rows {
            assert_eq!(
                Said::parse(Bytes::from_static(message)),
                want,
                "{message:?}"
            );
        }
    }

    #[test]
    fn exit_codes_fit_a_byte() {
        let code = |code| {
            let details = exited(code).details?;
            details.causes?.first()?.message.clone()
        };
        assert_eq!(code(0), None);
        assert_eq!(code(3).as_deref(), Some("3"));
        assert_eq!(code(-1).as_deref(), Some("255"));
        assert_eq!(code(256).as_deref(), Some("255"));
    }
}
