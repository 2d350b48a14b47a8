//! The engine's events: which containers ended.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::{
    engine::text,
    label::{self, Role},
    list,
    shared::Shared,
};

/// How long after the engine's events broke off they are asked for again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How much of the past is asked for again: events carry the engine's clock.
const OVERLAP: SignedDuration = SignedDuration::from_secs(2);

impl Shared {
    /// Follows the engine's events until the end. Where they break off they are taken up again, and what ended in
    /// between is found by a list.
    pub(crate) async fn follow_events(self: Arc<Self>, mut since: Timestamp) {
        let mut pause = PAUSE.0;
        loop {
            let followed = self.follow_once(since).await;
            if self.end.is_cancelled() {
                return;
            }
            if let Err(error) = followed {
                tracing::warn!(%error, "the engine's events broke off");
            }
            since = self.clock.now();
            self.end.run_until_cancelled(sleep(pause)).await;
            pause = match self.find_ended().await {
                Ok(()) => {
                    // What the engine was asked for and did not answer may be made by now.
                    self.tasks.spawn(Arc::clone(&self).sweep_later());
                    PAUSE.0
                }
                Err(error) => {
                    tracing::debug!(%error, "the engine does not answer");
                    (pause * 2).min(PAUSE.1)
                }
            };
        }
    }

    async fn follow_once(self: &Arc<Self>, since: Timestamp) -> Result<(), String> {
        let since = since.saturating_sub(OVERLAP).unwrap_or(since);
        let filter = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            // Podman before version 5 tells what it calls `die` to who asks for `died`.
            (
                "event".to_owned(),
                vec!["die".to_owned(), "died".to_owned()],
            ),
            (
                "label".to_owned(),
                vec![format!("{}={}", label::PLATFORM, self.platform)],
            ),
        ]);
        let options = EventsOptionsBuilder::default()
            .since(&since.as_second().to_string())
            .filters(&filter)
            .build();
        let mut events = self.engine.docker().events(Some(options));
        loop {
            let event = tokio::select! {
                biased;
                () = self.end.cancelled() => return Ok(()),
                event = events.next() => event,
            };
            match event {
                None => return Err("the engine closed them".to_owned()),
                Some(Err(error)) => return Err(text(&error)),
                Some(Ok(event)) => self.on_event(event),
            }
        }
    }

    fn on_event(self: &Arc<Self>, event: EventMessage) {
        if let Some(container) = event.actor.and_then(|actor| actor.id) {
            self.died(&container);
        }
    }

    /// Compares what is known with what the engine runs.
    async fn find_ended(self: &Arc<Self>) -> Result<(), String> {
        // What is started while the list is on its way may not be in it.
        let expected = self.expected();
        let listed = self.containers().await.map_err(|error| text(&error))?;
        let alive = listed.into_iter().filter(list::lives);
        let alive: HashSet<String> = alive.filter_map(|container| container.id).collect();
        for container in expected.iter().filter(|id| !alive.contains(*id)) {
            self.died(container);
        }
        Ok(())
    }

    /// Looks at what is there whenever the engine answers again after a hang, which no stream of events tells.
    pub(crate) async fn look_after_hangs(self: Arc<Self>) {
        let hang = || async {
            self.pulse.lost().await;
            self.pulse.found().await;
        };
        while self.end.run_until_cancelled(hang()).await.is_some() {
            while let Err(error) = self.find_ended().await {
                tracing::debug!(%error, "the engine does not answer");
                if self.end.run_until_cancelled(sleep(PAUSE.1)).await.is_none() {
                    return;
                }
            }
            // What it was asked for and did not answer may be made by now.
            self.tasks.spawn(Arc::clone(&self).sweep_later());
        }
    }

    /// The containers that are to run.
    fn expected(&self) -> Vec<String> {
        let members = self.members();
        let held = members.iter().flat_map(|member| {
            let state = member.state.lock();
            let needed = state.containers.iter();
            let needed = needed.filter(|held| held.started && held.role != Role::Init);
            needed.map(|held| held.id.clone()).collect::<Vec<_>>()
        });
        held.chain(self.pool.waiting()).collect()
    }
}
