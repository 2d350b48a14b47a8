//! What drivers and callers do together: who runs, who is missing, who is told.

use std::sync::Arc;

use futures::{StreamExt, stream::BoxStream};

use super::{
    Shared,
    driver::Driver,
    state::{Member, State, Want},
};
use crate::runtime::{
    Instance, InstanceEvent, InstanceId, InstanceState, Observation, Running, WorkloadId,
};

impl Shared {
    /// Hands exits to the drivers of their instances.
    pub(super) async fn dispatch(self: Arc<Self>, mut events: BoxStream<'static, InstanceEvent>) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = self.detached.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                None => return,
                Some(InstanceEvent::Exited { id, exit }) => self.state.lock().exited(&id, exit),
            }
        }
    }

    /// Starts and stops what is needed to get to a workload's replicas.
    pub(super) fn settle(
        self: &Arc<Self>,
        state: &mut State,
        id: &WorkloadId,
        retire: &[InstanceId],
    ) {
        if self.shutdown.is_cancelled() {
            return;
        }
        for running in state.found.remove(id).unwrap_or_default() {
            self.drive(state, id, running.id.clone(), Want::Run, Some(running));
        }
        for _ in 0..state.missing(id) {
            if !state.wake(id) {
                let instance = self.backend.claim(id);
                let instance = instance.unwrap_or_else(|| self.new_id(state, id));
                self.drive(state, id, instance, Want::Run, None);
            }
        }
        for _ in 0..state.missing_in_reserve(id) {
            let instance = self.new_id(state, id);
            self.drive(state, id, instance, Want::Wait, None);
        }
        state.stop_surplus(id, retire);
    }

    pub(super) fn new_id(&self, state: &State, workload: &WorkloadId) -> InstanceId {
        loop {
            let id = InstanceId::new(format!("{}-{}", workload.name, self.ids.suffix()));
            if !state.members.contains_key(&id) {
                return id;
            }
        }
    }

    pub(super) fn drive(
        self: &Arc<Self>,
        state: &mut State,
        workload: &WorkloadId,
        id: InstanceId,
        want: Want,
        adopted: Option<Running>,
    ) {
        let Some(wanted) = state.workloads.get_mut(workload) else {
            return;
        };
        let group = match want {
            Want::Wait => &mut wanted.reserve,
            Want::Run | Want::Stop => &mut wanted.members,
        };
        group.insert(id.clone());
        let mut instance = Instance::starting(id.clone(), workload.clone(), self.clock.now());
        if want == Want::Wait {
            instance.state = InstanceState::Standby;
        }
        let (member, exits) = Member::new(instance, Arc::clone(&wanted.template), want);
        let driver = Driver::new(
            Arc::clone(self),
            &member,
            Arc::clone(&wanted.template),
            wanted.start_timeout,
            exits,
        );
        self.watchers
            .tell(&id, &Observation::Instance(Arc::clone(&member.instance)));
        state.members.insert(id, member);
        self.tasks.spawn(driver.run(adopted));
    }

    /// Changes what is known of an instance and tells everybody.
    pub(super) fn update(&self, id: &InstanceId, change: impl FnOnce(&mut Instance)) {
        let mut state = self.state.lock();
        if let Some(member) = state.members.get_mut(id) {
            let mut instance = Instance::clone(&member.instance);
            change(&mut instance);
            member.instance = Arc::new(instance);
            self.watchers
                .tell(id, &Observation::Instance(Arc::clone(&member.instance)));
        }
    }

    /// An instance is about to end: it counts no more for its workload, which may want another one.
    pub(super) fn leave(self: &Arc<Self>, id: &InstanceId, workload: &WorkloadId) {
        let mut state = self.state.lock();
        state.leave(id, workload);
        self.settle(&mut state, workload, &[]);
    }

    /// Forgets an instance that runs no more, and replaces it if its workload wants as many.
    pub(super) fn forget(self: &Arc<Self>, id: &InstanceId, workload: &WorkloadId) {
        let mut state = self.state.lock();
        state.forget(id, workload);
        self.watchers.tell(
            id,
            &Observation::Gone {
                id: id.clone(),
                workload: workload.clone(),
            },
        );
        self.settle(&mut state, workload, &[]);
    }
}
