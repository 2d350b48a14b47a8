//! The end of the engine, its start, and its full disk, under a running platform.

mod disk;
mod own;

use libtest_mimic::{Failed, Trial};
use rustix::process::Signal;
use serde_json::json;

use self::own::{OwnEngine, makes_disks, starts_engines};
use crate::{
    Outcome, ensure,
    load::Load,
    only,
    platform::{Platform, condition, service, until},
    program::Program,
    traffic::config,
};

const IMAGE: &str = "example.local/hello";
const HOST: &str = "hello.default.localhost";
const ZERO: &str = "zero.default.localhost";

pub(crate) fn trials() -> Vec<Trial> {
    let starts = starts_engines();
    let with_disks = starts && makes_disks();
    let ends = only(
        Program::Docker,
        "engine",
        [
            (
                "without_it_what_has_to_start_is_told_503_and_when_to_ask_again",
                refused,
            ),
            ("killed_and_started_again_it_is_told_and_recovers", killed),
            ("started_again_in_an_orderly_way_it_recovers", restarted),
            ("one_that_hangs_is_told_and_recovers", hangs),
        ],
    );
    let disks = only(
        Program::Docker,
        "engine",
        [
            (
                "a_container_that_fills_its_disk_is_bounded",
                disk::of_container,
            ),
            ("a_full_disk_is_told_and_recovers", disk::of_engine),
        ],
    );
    let runnable = |trials: Vec<Trial>, runs: bool| {
        let trials = trials.into_iter();
        trials.map(move |trial| trial.with_ignored_flag(!runs))
    };
    runnable(ends, starts)
        .chain(runnable(disks, with_disks))
        .collect()
}

/// A platform on it: a service with an instance, and one that waits at zero.
fn platform(engine: &OwnEngine) -> Result<Platform, Failed> {
    let platform = Platform::on_engine(&engine.host())?;
    config(&platform)?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "1" });
    platform.apply(&service("hello", IMAGE, &[], &always))?;
    let zero = json!({
        "autoscaling.knative.dev/initial-scale": "0",
        "serving.knative.dev/progress-deadline": "5s",
    });
    until("zero to be allowed", || {
        Ok(platform.apply(&service("zero", IMAGE, &[], &zero)).is_ok())
    })?;
    platform.ready("zero")?;
    platform.ready("hello")?;
    ensure(platform.call(HOST, "/")?.status == 200, || {
        "no answer".to_owned()
    })?;
    Ok(platform)
}

/// What runs answers on, and a new service says why it does not.
fn is_told(platform: &Platform) -> Outcome {
    let load = Load::new(platform.gateway(), HOST);
    load.during(2, || {
        let deadline = json!({ "serving.knative.dev/progress-deadline": "5s" });
        platform.apply(&service("late", IMAGE, &[], &deadline))?;
        let late = platform.service_when("late", "told that the engine is gone", |service| {
            condition(service, "Ready")["status"] == "False"
        })?;
        let conditions = late["status"]["conditions"].to_string();
        ensure(conditions.contains("does not answer"), || conditions)
    })?;
    load.lost_nothing()
}

fn recovers(platform: &Platform, names: &[&str]) -> Outcome {
    for name in names {
        platform.ready(name)?;
        until("it to answer", || {
            Ok(platform
                .call(&format!("{name}.default.localhost"), "/")?
                .status
                == 200)
        })?;
    }
    Ok(())
}

fn refused() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::KILL)?;
    let answer = platform.call(ZERO, "/");
    // What is left on it is removed by an engine only.
    engine.start_again()?;
    let answer = answer?;
    ensure(answer.status == 503 && answer.retry_after.is_some(), || {
        format!("{answer:?}")
    })
}

/// The containers of a killed engine run on until its successor ends them.
fn killed() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::KILL)?;
    let told = is_told(&platform);
    engine.start_again()?;
    told?;
    recovers(&platform, &["zero", "late", "hello"])
}

/// It keeps its connections, and answers nothing.
fn hangs() -> Outcome {
    let engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.signal(Signal::STOP)?;
    let load = Load::new(platform.gateway(), HOST);
    let told = load.during(2, || {
        until("a start to be refused", || {
            let answer = platform.call(ZERO, "/")?;
            Ok(answer.status == 503 && answer.retry_after.is_some())
        })
    });
    engine.signal(Signal::CONT)?;
    told?;
    load.lost_nothing()?;
    recovers(&platform, &["zero", "hello"])
}

fn restarted() -> Outcome {
    let mut engine = OwnEngine::start()?;
    let platform = platform(&engine)?;
    engine.end(Signal::TERM)?;
    engine.start_again()?;
    recovers(&platform, &["zero", "hello"])
}
