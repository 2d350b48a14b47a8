//! What commands do in a fake instance.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::{io, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::ReaderStream;

use crate::runtime::{ExecOptions, ExecOutput, ExecSession, RuntimeError, TerminalSize};

/// How many bytes of a command's input are on their way to it.
const PIPE: usize = 64 * 1024;

/// Runs a command:
/// - `cat` copies its input to its output,
/// - `size` prints the size that its terminal gets,
/// - `flood` prints for ever,
/// - `wait` prints nothing and never ends, and reads nothing,
/// - `exit 3` complains and ends with 3,
/// - whatever else ends with 0. Of a shell its script counts.
///
/// `running` is held until the session is dropped or has ended.
pub(super) fn run(options: &ExecOptions, running: Arc<()>) -> ExecSession {
    let script = options.command.iter().flat_map(|word| word.split(' '));
    let script: Vec<&str> = script
        .skip_while(|word| matches!(*word, "/bin/sh" | "-c"))
        .collect();
    match script.as_slice() {
        ["cat"] => cat(running),
        ["size"] => size(running),
        ["flood"] => flood(running),
        ["wait"] => wait(running),
        ["exit", code] => {
            let complaint = ExecOutput::Stderr(Bytes::from(format!("exit {code}\n")));
            let code = code.parse().unwrap_or(1);
            ended(stream::iter([complaint]), code, running)
        }
        _ => ended(stream::empty(), 0, running),
    }
}

fn ended(
    output: impl futures::Stream<Item = ExecOutput> + Send + 'static,
    code: i32,
    running: Arc<()>,
) -> ExecSession {
    let exit = async move {
        drop(running);
        Ok(code)
    };
    ExecSession::new(output.map(Ok).boxed(), exit.boxed())
}

fn cat(running: Arc<()>) -> ExecSession {
    let (input, output) = io::duplex(PIPE);
    let output = ReaderStream::with_capacity(output, PIPE).filter_map(async |read| read.ok());
    let mut session = ended(output.map(ExecOutput::Stdout), 0, running);
    session.input = Some(Box::pin(input));
    session
}

fn size(running: Arc<()>) -> ExecSession {
    let (sizes, said) = mpsc::channel::<TerminalSize>(1);
    let lines = ReceiverStream::new(said).take(1).map(|size| {
        let line = format!("{}x{}\n", size.columns, size.rows);
        ExecOutput::Stdout(Bytes::from(line))
    });
    let mut session = ended(lines, 0, running);
    session.resize = Some(sizes);
    session
}

fn flood(running: Arc<()>) -> ExecSession {
    let line = ExecOutput::Stdout(Bytes::from_static(&[b'x'; 4096]));
    ended(stream::repeat(line), 0, running)
}

fn wait(running: Arc<()>) -> ExecSession {
    let (input, unread) = io::duplex(PIPE);
    let exit = async move {
        let _waiting = (running, unread);
        std::future::pending::<Result<i32, RuntimeError>>().await
    };
    let mut session = ExecSession::new(stream::pending().boxed(), exit.boxed());
    session.input = Some(Box::pin(input));
    session
}
