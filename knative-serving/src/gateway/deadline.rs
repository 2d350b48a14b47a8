//! The three timeouts of a request, on one timer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::RevisionConfig;

/// What comes later than this never comes. A timeout may be longer than any clock goes.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment when `timeout` is over.
pub(super) fn after(moment: Instant, timeout: Duration) -> Instant {
    moment + timeout.min(FOREVER)
}

/// When a request is given up: after its total time, without a response, or after silence.
#[derive(Debug)]
pub(super) struct Deadline {
    timer: Pin<Box<Sleep>>,
    total: Instant,
    start: Option<Instant>,
    idle: Option<Duration>,
    last_byte: Instant,
}

impl Deadline {
    pub(super) fn new(config: &RevisionConfig) -> Self {
        let now = Instant::now();
        let total = after(now, config.timeout);
        let start = config
            .response_start_timeout
            .map(|timeout| after(now, timeout));
        let idle = config.idle_timeout;
        let mut deadline = Self {
            timer: Box::pin(sleep_until(total)),
            total,
            start,
            idle,
            last_byte: now,
        };
        if deadline.start.is_some() || idle.is_some() {
            let limit = deadline.limit();
            deadline.timer.as_mut().reset(limit);
        }
        deadline
    }

    /// The response has begun.
    pub(super) fn begun(&mut self) {
        self.start = None;
        self.progress();
    }

    /// A part of the response came.
    pub(super) fn progress(&mut self) {
        if self.idle.is_some() {
            self.last_byte = Instant::now();
        }
    }

    /// Silence is not an end any more.
    pub(super) const fn ignore_idle(&mut self) {
        self.idle = None;
    }

    fn limit(&self) -> Instant {
        let silence = self.idle.map(|idle| after(self.last_byte, idle));
        let earlier = self.start.into_iter().chain(silence).min();
        earlier.map_or(self.total, |earlier| earlier.min(self.total))
    }

    /// Ready when the time is over. The timer is not moved at each byte: it looks again when it fires.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let limit = self.limit();
            if limit <= self.timer.deadline() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(limit);
        }
    }

    /// What `work` gives, or `None` when the time is over first.
    pub(super) async fn bound<F: Future>(&mut self, work: F) -> Option<F::Output> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.poll(cx).map(|()| None)
        })
        .await
    }
}
