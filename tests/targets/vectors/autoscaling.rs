//! Folder `autoscaling`: windows, decisions, bounds and the plan around them.

mod bounds;
mod decisions;
mod reconcile;
mod spec;
mod windows;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::load;

/// Times of the vectors count from 2000-01-01T00:00:00Z.
const START: i64 = 946_684_800;

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let files = [
        load::trials(dir, "autoscaling/windows.json", windows::run),
        load::trials(dir, "autoscaling/kpa-decisions.json", decisions::run),
        load::trials(dir, "autoscaling/pa-bounds.json", bounds::run),
        load::trials(dir, "autoscaling/kpa-reconcile.json", reconcile::run),
    ];
    files.into_iter().flatten().collect()
}

/// Decimal seconds, absent = 0.
fn seconds(value: &Value) -> SignedDuration {
    let nanos = value.as_f64().unwrap_or_default() * 1e9;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds of the vectors fit into nanoseconds of 64 bits"
    )]
    SignedDuration::from_nanos(nanos.round() as i64)
}

fn time(value: &Value) -> Result<Timestamp, Failed> {
    let start = Timestamp::from_second(START)?;
    Ok(start.checked_add(seconds(value))?)
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, want: &T) -> Result<(), Failed> {
    if got == want {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, want {want:?}").into())
}

/// Equal within 1e-9 relative.
fn close(what: &str, got: f64, want: f64) -> Result<(), Failed> {
    if (got - want).abs() <= 1e-9 * got.abs().max(want.abs()) {
        return Ok(());
    }
    Err(format!("{what}: got {got}, want {want}").into())
}

/// A map of texts.
fn strings(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(key, value)| (key.clone(), text(value).to_owned()))
        .collect()
}
