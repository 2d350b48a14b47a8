//! Pulls: one at a time for each image, given up when nothing comes.

use std::{fmt, sync::Arc, time::Duration};

use bollard::{
    Docker, errors::Error, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder,
};
use futures::{
    FutureExt as _, Stream, StreamExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use knative_core::runtime::PullSecret;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::{credential, refusal::Failure};

/// How long nothing may come of a pull: containerd's `image_pull_progress_timeout`.
pub(super) const STALL: Duration = Duration::from_secs(5 * 60);

type Pull = BoxFuture<'static, Result<(), Arc<Failure>>>;

/// Pulls that are under way. One ends early when nobody waits for it any more.
pub(super) struct Pulls {
    docker: Docker,
    running: Mutex<Vec<Running>>,
}

struct Running {
    name: String,
    credentials: Vec<PullSecret>,
    pull: WeakShared<Pull>,
}

impl Running {
    /// What is still under way. One that ended says nothing of the registry's state now.
    fn pull(&self) -> Option<Shared<Pull>> {
        self.pull.upgrade().filter(|pull| pull.peek().is_none())
    }
}

impl fmt::Debug for Pulls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulls")
            .field("running", &self.running.lock().len())
            .finish_non_exhaustive()
    }
}

impl Pulls {
    pub(super) fn new(docker: Docker) -> Self {
        Self {
            docker,
            running: Mutex::default(),
        }
    }

    /// Pulls an image, or waits for a pull of it with the same credentials.
    pub(super) async fn pull(
        &self,
        name: &str,
        credentials: Vec<PullSecret>,
    ) -> Result<(), Arc<Failure>> {
        self.join(name, credentials).await
    }

    fn join(&self, name: &str, credentials: Vec<PullSecret>) -> Shared<Pull> {
        let mut running = self.running.lock();
        running.retain(|running| running.pull().is_some());
        let same = |running: &&Running| running.name == name && running.credentials == credentials;
        if let Some(pull) = running.iter().find(same).and_then(Running::pull) {
            return pull;
        }
        let pull = pull(self.docker.clone(), name.to_owned(), credentials.clone());
        let pull = pull.boxed().shared();
        running.extend(pull.downgrade().map(|pull| Running {
            name: name.to_owned(),
            credentials,
            pull,
        }));
        pull
    }
}

async fn pull(
    docker: Docker,
    name: String,
    credentials: Vec<PullSecret>,
) -> Result<(), Arc<Failure>> {
    let began = Instant::now();
    tracing::info!(image = name, "an image is being pulled");
    let result = with_each(&credentials, |secret| attempt(&docker, &name, secret)).await;
    let seconds = began.elapsed().as_secs_f32();
    match &result {
        Ok(()) => tracing::info!(image = name, seconds, "an image was pulled"),
        Err(error) => tracing::info!(image = name, seconds, %error, "an image was not pulled"),
    }
    result.map_err(Arc::new)
}

/// Asks with each of the credentials until the answer is not about them; without any if there are none.
pub(super) async fn with_each<'a, T, F: Future<Output = Result<T, Failure>>>(
    credentials: &'a [PullSecret],
    ask: impl Fn(Option<&'a PullSecret>) -> F,
) -> Result<T, Failure> {
    let Some((last, others)) = credentials.split_last() else {
        return ask(None).await;
    };
    for secret in others {
        match ask(Some(secret)).await {
            Err(failure) if failure.is_about_credentials() => {}
            answer => return answer,
        }
    }
    ask(Some(last)).await
}

async fn attempt(docker: &Docker, name: &str, secret: Option<&PullSecret>) -> Result<(), Failure> {
    let options = CreateImageOptionsBuilder::default()
        .from_image(name)
        .build();
    let credentials = secret.map(credential::for_engine);
    let progress = docker.create_image(Some(options), None, credentials);
    follow(progress, STALL, |step| tell(name, step)).await
}

/// Reads what the engine says of its progress to the end.
pub(super) async fn follow<T>(
    mut progress: impl Stream<Item = Result<T, Error>> + Unpin,
    stall: Duration,
    tell: impl Fn(&T),
) -> Result<(), Failure> {
    loop {
        match timeout(stall, progress.next()).await {
            Ok(Some(Ok(step))) => tell(&step),
            Ok(Some(Err(error))) => return Err(Failure::Engine(error)),
            Ok(None) => return Ok(()),
            Err(_) => return Err(Failure::Stalled(stall)),
        }
    }
}

/// Tells of what a layer reached; the bytes on the way there are too many lines.
fn tell(image: &str, step: &CreateImageInfo) {
    let on_the_way = step
        .progress_detail
        .as_ref()
        .is_some_and(|detail| detail.current.is_some());
    if !on_the_way {
        let layer = step.id.as_deref().unwrap_or_default();
        let status = step.status.as_deref().unwrap_or_default();
        tracing::debug!(image, layer, status, "a pull goes on");
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pull_that_stalls_is_given_up() {
        let steps = stream::iter([Ok(1), Ok(2)]).chain(stream::pending());
        let began = Instant::now();
        let result = follow(steps, STALL, |_: &i32| {}).await;
        assert!(matches!(result, Err(Failure::Stalled(_))));
        assert_eq!(began.elapsed(), STALL);
    }

    #[tokio::test]
    async fn a_refusal_in_the_middle_ends_it() {
        let refusal = Error::DockerStreamError {
            error: "no".to_owned(),
        };
        let steps = stream::iter([Ok(1), Err(refusal)]).chain(stream::pending());
        let result = follow(steps, STALL, |_: &i32| {}).await;
        assert_eq!(result.unwrap_err().to_string(), "no");
    }
}
