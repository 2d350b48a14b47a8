//! A command and the client that waits for it.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use knative_core::runtime::{
    ExecOptions, ExecOutput, ExecSession, InstanceId, RuntimeError, TerminalSize, WorkloadRuntime,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;

use super::channel::{self, Said};

/// How many bytes a client's message may have; the API server's number.
const MESSAGE_LIMIT: usize = 32 * 1024 * 1024;
/// How often a client is asked whether it is there. One that is gone may leave input behind that hides its leaving for
/// as long as the command does not read.
const PING_PERIOD: Duration = Duration::from_secs(10);
/// How long a client may take to read the end and to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Sink = SplitSink<Socket, Message>;
type Stream = SplitStream<Socket>;
type Input = Option<Pin<Box<dyn AsyncWrite + Send>>>;
type Resize = Option<mpsc::Sender<TerminalSize>>;

/// The client is gone: nobody is left to be told.
struct Left;

/// One client's command.
#[derive(Debug)]
pub(super) struct Session {
    /// Who runs it.
    pub(super) runtime: Arc<dyn WorkloadRuntime>,
    /// Where it runs.
    pub(super) id: InstanceId,
    /// What runs.
    pub(super) options: ExecOptions,
    /// Whether the client wants its output.
    pub(super) stdout: bool,
    /// Whether the client wants its complaints.
    pub(super) stderr: bool,
    /// Ends it early.
    pub(super) shutdown: CancellationToken,
}

impl Session {
    /// Runs the command until it or its client ends. Nothing is read from the client that the command has no room for,
    /// and nothing of the command that the client has no room for.
    pub(super) async fn run(self, connection: Upgraded) {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let connection = TokioIo::new(connection);
        let socket = WebSocketStream::from_raw_socket(connection, Role::Server, Some(limits)).await;
        let (mut sink, mut stream) = socket.split();
        let ended = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Ok(channel::shut_down()),
            ended = self.command(&mut sink, &mut stream) => ended,
        };
        let Ok(status) = ended else {
            return tracing::debug!(id = %self.id, "a client left its command");
        };
        if timeout(CLOSE_TIMEOUT, close(sink, stream, &status))
            .await
            .is_err()
        {
            tracing::debug!(id = %self.id, "a client does not close");
        }
    }

    async fn command(&self, sink: &mut Sink, stream: &mut Stream) -> Result<Status, Left> {
        let started = self.runtime.exec(&self.id, &self.options).await;
        let ExecSession {
            output,
            input,
            resize,
            exit,
            ..
        } = match started {
            Ok(session) => session,
            Err(error) => return Ok(channel::failed(&error)),
        };
        let input = input.filter(|_| self.options.stdin);
        let answers = async {
            let ended = match self.send(sink, output).await? {
                Ok(()) => exit.await,
                Err(error) => Err(error),
            };
            Ok(ended.map_or_else(|error| channel::failed(&error), channel::exited))
        };
        // What the client says comes first: an endless output that it reads fast enough must not hide its Ctrl-C.
        tokio::select! {
            biased;
            left = receive(stream, input, resize) => Err(left),
            status = answers => status,
        }
    }

    /// Sends all output; the inner error is the command's.
    async fn send(
        &self,
        sink: &mut Sink,
        mut output: impl futures::Stream<Item = Result<ExecOutput, RuntimeError>> + Unpin,
    ) -> Result<Result<(), RuntimeError>, Left> {
        let mut pings = interval_at(Instant::now() + PING_PERIOD, PING_PERIOD);
        loop {
            let message = tokio::select! {
                biased;
                piece = output.next() => match piece {
                    None => return Ok(Ok(())),
                    Some(Err(error)) => return Ok(Err(error)),
                    Some(Ok(piece)) if self.wants(&piece) => Message::Binary(channel::output(&piece)),
                    Some(Ok(_)) => continue,
                },
                _ = pings.tick() => Message::Ping(Bytes::new()),
            };
            sink.send(message).await.map_err(|_| Left)?;
        }
    }

    const fn wants(&self, piece: &ExecOutput) -> bool {
        match piece {
            ExecOutput::Stdout(_) => self.stdout,
            ExecOutput::Stderr(_) => self.stderr,
        }
    }
}

/// Hands on what the client says until it leaves.
async fn receive(stream: &mut Stream, mut input: Input, resize: Resize) -> Left {
    while let Some(Ok(message)) = stream.next().await {
        if !matches!(message, Message::Binary(_) | Message::Text(_)) {
            continue;
        }
        match Said::parse(message.into_data()) {
            Some(Said::Input(bytes)) => {
                if let Some(open) = &mut input
                    && write(open, &bytes).await.is_err()
                {
                    // The command reads no more; what is still sent goes nowhere.
                    input = None;
                }
            }
            Some(Said::InputEnd) => input = None,
            Some(Said::Size(size)) => {
                if let Some(resize) = &resize {
                    // A command that has ended has no terminal.
                    let _ = resize.send(size).await;
                }
            }
            None => {}
        }
    }
    Left
}

async fn write(input: &mut Pin<Box<dyn AsyncWrite + Send>>, bytes: &[u8]) -> std::io::Result<()> {
    input.write_all(bytes).await?;
    input.flush().await
}

/// Says how it ended, and closes. What the client still sends is read, as a connection that is closed over unread data
/// is reset, and the client's last answers with it.
async fn close(mut sink: Sink, mut stream: Stream, status: &Status) {
    let normal = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    let messages = [
        Message::Binary(channel::end(status)),
        Message::Close(Some(normal)),
    ];
    for message in messages {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = stream.next().await {}
    if let Ok(mut socket) = stream.reunite(sink) {
        // TLS has an end of its own, without which a client takes the stream for cut off.
        let _ = socket.get_mut().shutdown().await;
    }
}
