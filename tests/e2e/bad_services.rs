//! Services that misbehave: their conditions say why, nothing else suffers, nothing is orphaned.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    Outcome, ensure, only,
    platform::{Platform, condition, service, until},
    program::Program,
    trials as part,
};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = part(
        "bad_services",
        [
            ("one_that_exits_says_how", exits),
            ("one_that_never_listens_says_so", never_listens),
            ("one_that_listens_late_becomes_ready", listens_late),
            ("one_that_ignores_sigterm_is_killed", ignores_sigterm),
        ],
    );
    // Of containers the engine keeps the logs, and ends what they leave.
    trials.extend(only(
        Program::Local,
        "bad_services",
        [
            ("one_that_floods_its_log_is_bounded", floods_log),
            ("one_that_leaks_children_leaves_none", leaks_children),
        ],
    ));
    trials
}

/// A platform with a good service and one that runs `script`.
fn with_script(script: &str, annotations: &Value) -> Result<Platform, libtest_mimic::Failed> {
    let platform = Platform::start()?;
    let image = platform.script("bad", script)?;
    platform.apply(&service("good", "example.local/hello", &[], &json!({})))?;
    let mut bad = service("bad", &image, &[], annotations);
    // The first process of a container gets no signal that it does not handle: it is killed when its time is up.
    bad["spec"]["template"]["spec"]["timeoutSeconds"] = json!(2);
    platform.apply(&bad)?;
    platform.ready("good")?;
    Ok(platform)
}

fn good_is_fine(platform: &Platform) -> Outcome {
    let body = platform.body("good.default.localhost", "/")?;
    ensure(body == "Hello World!\n", || body)
}

/// Deletes both services and waits until nothing of them runs.
fn nothing_left(platform: &Platform) -> Outcome {
    for name in ["good", "bad"] {
        let path = format!("/apis/serving.knative.dev/v1/namespaces/default/services/{name}");
        platform.expect_api("DELETE", &path, "application/json", &json!({}))?;
    }
    until("all instances to be gone", || {
        Ok(platform.running()?.is_empty())
    })
}

fn failed(platform: &Platform, expected: &[&str]) -> Outcome {
    let bad = platform.service_when("bad", "failed", |service| {
        condition(service, "Ready")["status"] == "False"
    })?;
    let conditions = bad["status"]["conditions"].to_string();
    for text in expected {
        ensure(conditions.contains(text), || {
            format!("{text:?} is not in {conditions}")
        })?;
    }
    good_is_fine(platform)?;
    nothing_left(platform)
}

fn exits() -> Outcome {
    // Until its deadline a revision may still come up.
    let soon = json!({ "serving.knative.dev/progress-deadline": "3s" });
    let platform = with_script("echo last words; exit 7", &soon)?;
    until("the revision to say how", || {
        let revision = platform.object("revisions", "bad-00001")?;
        Ok(condition(&revision, "ContainerHealthy")["reason"] == "ExitCode7")
    })?;
    failed(&platform, &["last words"])
}

fn never_listens() -> Outcome {
    let soon = json!({ "serving.knative.dev/progress-deadline": "3s" });
    let platform = with_script("exec sleep 1000", &soon)?;
    failed(&platform, &["\"False\""])
}

fn listens_late() -> Outcome {
    let platform = with_script("sleep 1; exec $HELLO", &json!({}))?;
    platform.ready("bad")?;
    platform.body("bad.default.localhost", "/")?;
    nothing_left(&platform)
}

fn ignores_sigterm() -> Outcome {
    let script = Program::TESTED.choose(
        "trap '' TERM; $HELLO & while :; do sleep 1; done",
        "exec /program ignores-sigterm",
    );
    let platform = Platform::start()?;
    let image = platform.script("bad", script)?;
    platform.apply(&service("good", "example.local/hello", &[], &json!({})))?;
    let mut bad = service("bad", &image, &[], &json!({}));
    bad["spec"]["template"]["spec"]["timeoutSeconds"] = json!(2);
    platform.apply(&bad)?;
    platform.ready("good")?;
    platform.ready("bad")?;
    good_is_fine(&platform)?;
    nothing_left(&platform)
}

fn floods_log() -> Outcome {
    let platform = with_script(
        "head -c 67108864 /dev/zero | tr '\\0' x & exec $HELLO",
        &json!({}),
    )?;
    platform.ready("bad")?;
    good_is_fine(&platform)?;
    let size = || -> Result<u64, libtest_mimic::Failed> {
        Ok(tree_size(&platform.data().join("runtime"))?)
    };
    until("the log to be cut", || Ok((1..32 << 20).contains(&size()?)))?;
    nothing_left(&platform)
}

fn tree_size(path: &std::path::Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut size = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // A file may go while it is looked at.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        size += if metadata.is_dir() {
            tree_size(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(size)
}

fn leaks_children() -> Outcome {
    let platform = with_script("sleep 3000 & setsid sleep 3000 & exec $HELLO", &json!({}))?;
    platform.ready("bad")?;
    until("the children to run", || Ok(platform.running()?.len() >= 4))?;
    good_is_fine(&platform)?;
    nothing_left(&platform)
}
