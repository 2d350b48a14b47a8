//! Disks that fill.

use serde_json::json;

use super::{HOST, IMAGE, OwnEngine, recovers};
use crate::{
    Outcome, ensure,
    load::Load,
    platform::{Platform, condition, service, until},
    traffic::config,
};

/// The whole disk of an engine, in bytes.
const DISK: u64 = 1 << 30;

/// Writes until there is no more room, and serves on; `/file/dev/shm/told` says what it was told.
const FILLS: &str = "dd if=/dev/zero of=/fill bs=1M count=4096 2>/dev/shm/told; exec $HELLO";

pub(super) fn of_container() -> Outcome {
    let engine = OwnEngine::start_with_disk(DISK, "loop")?;
    let platform = Platform::on_engine(&engine.host())?;
    let mut fills = service("fills", &platform.script("fills", FILLS)?, &[], &json!({}));
    fills["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({ "limits": { "ephemeral-storage": "64Mi" } });
    platform.apply(&fills)?;
    platform.ready("fills")?;
    let told = platform.body("fills.default.localhost", "/file/dev/shm/told")?;
    ensure(told.contains("quota exceeded"), || told)?;
    // There is room for others.
    platform.apply(&service("hello", IMAGE, &[], &json!({})))?;
    platform.ready("hello").map(drop)
}

pub(super) fn of_engine() -> Outcome {
    // What was removed is given back with the next commit: in a second, not in half a minute.
    let engine = OwnEngine::start_with_disk(DISK, "loop,commit=1")?;
    let platform = Platform::on_engine(&engine.host())?;
    config(&platform)?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "1" });
    platform.apply(&service("hello", IMAGE, &[], &always))?;
    platform.ready("hello")?;
    let image = platform.script("fills", FILLS)?;
    let load = Load::new(platform.gateway(), HOST);
    load.during(2, || {
        let mut fills = service("fills", &image, &[], &always);
        // Its program does not end by itself: it is given so long.
        fills["spec"]["template"]["spec"]["timeoutSeconds"] = json!(3);
        platform.apply(&fills)?;
        platform.ready("fills")?;
        let deadline = json!({ "serving.knative.dev/progress-deadline": "5s" });
        platform.apply(&service("late", IMAGE, &[], &deadline))?;
        let late = platform.service_when("late", "told that the disk is full", |service| {
            condition(service, "Ready")["status"] == "False"
        })?;
        let conditions = late["status"]["conditions"].to_string();
        ensure(conditions.contains("no space left"), || conditions)?;
        let path = "/apis/serving.knative.dev/v1/namespaces/default/services/fills";
        platform.expect_api("DELETE", path, "application/json", &json!({}))?;
        until("the room to be given back", || {
            Ok(platform.running()?.len() == 1)
        })?;
        recovers(&platform, &["late"])
    })?;
    load.lost_nothing()
}
