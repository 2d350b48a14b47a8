//! What a fake image does when it is run.

use std::{convert::Infallible, time::Duration};

use crate::{
    http::{Body, HttpService, Request, Response, boxed},
    runtime::Exit,
};

/// How instances of one image behave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FakeImage {
    /// How long a start takes.
    pub start_delay: Duration,
    /// How a start ends.
    pub start: FakeStart,
    /// How long an instance takes to end after it was asked to; longer than the grace period means that it is killed.
    pub stop_delay: Duration,
    /// When a started instance ends by itself.
    pub exit: Option<(Duration, Exit)>,
    pub(super) service: HttpService,
}

/// How a start ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FakeStart {
    /// The instance takes requests.
    Ready,
    /// The instance never accepts a connection.
    Never,
    /// The instance ends with this code and these last words.
    Exit(i32, String),
    /// There is no room.
    Unschedulable(String),
}

impl FakeImage {
    /// Answers every request with `Hello World!`.
    pub fn hello() -> Self {
        let answer =
            |_: Request| async { Ok::<_, Infallible>(Response::new(Body::from("Hello World!\n"))) };
        Self::serving(boxed(tower::service_fn(answer)))
    }

    /// Answers with a service.
    pub fn serving(service: HttpService) -> Self {
        Self {
            start_delay: Duration::ZERO,
            start: FakeStart::Ready,
            stop_delay: Duration::ZERO,
            exit: None,
            service,
        }
    }

    /// Takes so long to start.
    #[must_use]
    pub const fn start_delay(mut self, delay: Duration) -> Self {
        self.start_delay = delay;
        self
    }

    /// Takes so long to end.
    #[must_use]
    pub const fn stop_delay(mut self, delay: Duration) -> Self {
        self.stop_delay = delay;
        self
    }

    /// Ends its start like this.
    #[must_use]
    pub fn start(mut self, start: FakeStart) -> Self {
        self.start = start;
        self
    }

    /// Ends by itself a while after it was ready.
    #[must_use]
    pub fn exit_after(mut self, after: Duration, exit: Exit) -> Self {
        self.exit = Some((after, exit));
        self
    }
}
