//! Tasks that a gateway's end waits for.

use tokio_util::task::TaskTracker;

/// Runs hyper's tasks on a tracker.
#[derive(Clone, Debug)]
pub(super) struct Executor(TaskTracker);

impl Executor {
    pub(super) fn new(tasks: &TaskTracker) -> Self {
        Self(tasks.clone())
    }

    pub(super) fn spawn<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn(future);
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
