//! The end of a platform and the next one on the same directory.

use std::thread;

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    Outcome, ensure,
    platform::{Platform, service, until},
    program::Program,
    trials as part,
};

const HOST: &str = "hello.default.localhost";

pub(crate) fn trials() -> Vec<Trial> {
    part(
        "restart",
        [
            ("after_kill_9_state_is_back_and_nothing_runs_twice", kill_9),
            (
                "after_kill_9_all_that_was_acknowledged_with_sync_is_back",
                sync,
            ),
            ("after_kill_9_what_belongs_to_nobody_is_reaped", reaped),
            ("sigterm_answers_what_runs_and_leaves_nothing", drains),
            ("sigterm_ends_what_ignores_it", ends),
            ("ports_are_remembered", ports),
        ],
    )
}

fn hello(name: &str) -> serde_json::Value {
    service(
        name,
        "example.local/hello",
        &[],
        &json!({ "autoscaling.knative.dev/min-scale": "1" }),
    )
}

fn kill_9() -> Outcome {
    let mut platform = Platform::start()?;
    platform.apply(&hello("hello"))?;
    let before = platform.ready("hello")?;
    platform.body(HOST, "/")?;
    let running = platform.running()?;
    ensure(running.len() == 1, || format!("{running:?} run"))?;
    platform.crash()?;
    until("the service to answer again", || {
        Ok(platform.call(HOST, "/")?.status == 200)
    })?;
    let after = platform.ready("hello")?;
    ensure(
        after["metadata"]["uid"] == before["metadata"]["uid"],
        || "another object".to_owned(),
    )?;
    let adopted = platform.running()?;
    ensure(adopted == running, || {
        format!("{running:?} became {adopted:?}")
    })
}

fn sync() -> Outcome {
    const MAPS: &str = "/api/v1/namespaces/default/configmaps";
    let mut platform = Platform::start_with(&["--sync"])?;
    platform.apply(&hello("hello"))?;
    for number in 0..20 {
        let map = json!({ "metadata": { "name": format!("map-{number}") }, "data": { "a": "b" } });
        platform.expect_api("POST", MAPS, "application/json", &map)?;
    }
    platform.crash()?;
    let service = platform.object("services", "hello")?;
    ensure(service["metadata"]["name"] == "hello", || {
        service.to_string()
    })?;
    for number in 0..20 {
        let answer = platform.get_api(&format!("{MAPS}/map-{number}"))?;
        ensure(answer.status == 200, || format!("{number}: {answer:?}"))?;
    }
    Ok(())
}

fn reaped() -> Outcome {
    let mut platform = Platform::start()?;
    platform.apply(&hello("hello"))?;
    platform.ready("hello")?;
    platform.body(HOST, "/")?;
    // Without its objects, the next platform finds an instance that belongs to nobody.
    let store = platform.data().join("store");
    let away = platform.data().join("store-of-before");
    platform.crash_with(|| std::fs::rename(&store, &away))?;
    until("the instance to be gone", || {
        Ok(platform.running()?.is_empty())
    })
}

fn drains() -> Outcome {
    let mut platform = Platform::start()?;
    platform.apply(&hello("hello"))?;
    platform.ready("hello")?;
    platform.body(HOST, "/")?;
    let gateway = platform.gateway();
    let late = thread::spawn(move || crate::http::get(gateway, HOST, "/?sleep=1000"));
    until("the request to be on its way", || {
        Ok(connections(platform.gateway().port())? >= 1)
    })?;
    platform.ask_to_end()?;
    let answer = late.join().map_err(|_| "the client panicked")??;
    ensure(answer.status == 200, || format!("{answer:?}"))?;
    platform.terminate()?;
    let left = platform.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))
}

/// A call may take the default of five minutes; with the platform its program ends sooner.
fn ends() -> Outcome {
    let mut platform = Platform::start()?;
    let script = Program::TESTED.choose(
        "trap '' TERM; $HELLO & while :; do sleep 1; done",
        "exec /program ignores-sigterm",
    );
    let image = platform.script("stays", script)?;
    platform.apply(&service("stays", &image, &[], &json!({})))?;
    platform.ready("stays")?;
    platform.terminate()?;
    let left = platform.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))
}

/// Established connections at a local port.
fn connections(port: u16) -> Result<usize, libtest_mimic::Failed> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let local = format!(":{port:04X}");
    let rows = table.lines().filter(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        matches!(fields.as_slice(), [_, address, _, "01", ..] if address.ends_with(&local))
    });
    Ok(rows.count())
}

fn ports() -> Outcome {
    let mut platform = Platform::start()?;
    let before = platform.gateway();
    platform.terminate()?;
    platform.start_again()?;
    ensure(platform.gateway() == before, || {
        format!("{before} became {}", platform.gateway())
    })
}
