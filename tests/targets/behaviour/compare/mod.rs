//! What was seen against what was recorded.

mod answer;
mod events;
mod snapshot;
mod transitions;

pub(crate) use self::{
    answer::answer,
    events::events,
    snapshot::{Snapshots, snapshot},
    transitions::{recorded, transitions},
};
