//! What runtimes do with instances and platforms that misbehave, by what they can do.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{ExecAction, Probe};
use libtest_mimic::Failed;

use super::{Case, Role, Run, cases::environment, ensure};
use crate::runtime::{Capabilities, ExecOptions, InstanceState, LogOptions};

/// More than a log may keep, in bytes: what the flooding role prints.
const FLOOD: usize = 64 * 1024 * 1024;
/// What it prints after that.
const OVER: &[u8] = b"flooded";
/// How long after one look at the log the next one is.
const LOOK: Duration = Duration::from_millis(500);

pub(super) fn all(capabilities: Capabilities) -> Vec<(&'static str, Run)> {
    let mut cases: Vec<(&'static str, Run)> = Vec::new();
    if capabilities.processes {
        cases.extend::<[(&str, Run); 6]>([
            ("environment_reaches_the_instance", |case| {
                environment(case).boxed()
            }),
            ("exit_is_reported_with_its_last_words", |case| {
                exits(case).boxed()
            }),
            ("instance_that_never_listens_times_out", |case| {
                never_listens(case).boxed()
            }),
            (
                "instance_that_ignores_sigterm_is_killed_after_its_grace",
                |case| ignores_sigterm(case).boxed(),
            ),
            ("leaked_children_are_ended", |case| {
                leaks_children(case).boxed()
            }),
            ("restarted_after_an_exit_when_ready", |case| {
                restarts(case).boxed()
            }),
        ]);
    }
    if capabilities.processes && capabilities.logs {
        cases.push(("flooded_log_is_bounded", |case| floods_log(case).boxed()));
    }
    if capabilities.logs {
        cases.push(("log_is_readable", |case| log(case).boxed()));
    }
    if capabilities.exec {
        cases.push(("exec_probe_decides_readiness", |case| {
            exec_probe(case).boxed()
        }));
    }
    if capabilities.exec && capabilities.processes {
        cases.push(("command_that_is_missing_ends_with_126_or_127", |case| {
            missing_command(case).boxed()
        }));
    }
    if capabilities.adoption {
        cases.push(("crash_and_adoption_run_nothing_twice", |case| {
            adoption(case).boxed()
        }));
        cases.push(("unclaimed_after_a_crash_is_reaped", |case| {
            reap(case).boxed()
        }));
    }
    cases
}

async fn exits(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("exits", Role::Exits, 1);
    case.apply(&workload).await?;
    let failed = case
        .until(&workload, "an exit", |now| {
            now.iter().any(|instance| instance.last_exit.is_some())
        })
        .await?;
    let exit = failed[0].last_exit.clone().unwrap_or_default();
    ensure(
        exit.code == Some(7) && exit.message == "last words\n",
        || format!("the exit is {exit:?}"),
    )
}

async fn never_listens(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = case.workload("never", Role::NeverListens, 1);
    workload.start_timeout = Duration::from_secs(1);
    case.apply(&workload).await?;
    let failed = case.until(&workload, "a time-out", backing_off).await?;
    let InstanceState::BackingOff { error, .. } = &failed[0].state else {
        return Err("it is not backing off".into());
    };
    ensure(error.reason() == "ProgressDeadlineExceeded", || {
        format!("the error is {error}")
    })
}

async fn ignores_sigterm(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload_with("stubborn", Role::IgnoresSigterm, 1, |spec| {
        spec.termination_grace_period_seconds = Some(1);
    });
    case.apply(&workload).await?;
    case.until_ready(&workload, 1).await?;
    case.runtime().delete(&workload.id).await?;
    case.until_gone(&workload).await?;
    no_leftovers(case).await
}

async fn leaks_children(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("leaks", Role::LeaksChildren, 1);
    case.apply(&workload).await?;
    case.until_ready(&workload, 1).await?;
    case.runtime().delete(&workload.id).await?;
    case.until_gone(&workload).await?;
    no_leftovers(case).await
}

async fn restarts(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload_with("liveness", Role::Hello, 1, |spec| {
        // The probe asks a port where nobody listens: the instance is alive for one period only.
        spec.containers[0].liveness_probe = Some(Probe {
            tcp_socket: Some(k8s_openapi::api::core::v1::TCPSocketAction {
                port: k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::String(
                    "1".to_owned(),
                ),
                ..Default::default()
            }),
            period_seconds: Some(1),
            failure_threshold: Some(1),
            ..Probe::default()
        });
    });
    case.apply(&workload).await?;
    let first = case.until_ready(&workload, 1).await?;
    let again = case
        .until(&workload, "a restart", |now| {
            now.iter().any(|instance| instance.restarts > 0)
        })
        .await?;
    ensure(again[0].id == first[0].id, || {
        format!("{} became {}", first[0].id, again[0].id)
    })
}

async fn floods_log(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("flood", Role::FloodsLog, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let bounded = async {
        loop {
            let text = read_log(case, &ready[0]).await?;
            // Before its end, a log that is never cut is small as well.
            if text.windows(OVER.len()).any(|words| words == OVER) && text.len() < FLOOD / 2 {
                return Ok::<(), Failed>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(super::DEADLINE, bounded)
        .await
        .map_err(|_| "the log was never cut")??;
    case.get(&ready[0], "/").await.map(drop)
}

async fn log(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("log", Role::Hello, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let text = read_log(case, &ready[0]).await?;
    let text = String::from_utf8_lossy(&text);
    ensure(
        text.contains("listening") || text.contains("started"),
        || format!("the log is {text:?}"),
    )
}

async fn read_log(case: &Case<'_>, instance: &crate::runtime::Instance) -> Result<Vec<u8>, Failed> {
    let mut stream = case
        .runtime()
        .logs(&instance.id, &LogOptions::default())
        .await?;
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk?);
    }
    Ok(text)
}

async fn exec_probe(case: &mut Case<'_>) -> Result<(), Failed> {
    let probe = |code: u8| Probe {
        exec: Some(ExecAction {
            command: Some(case.harness.command(code)),
        }),
        period_seconds: Some(1),
        ..Probe::default()
    };
    let unready = case.workload_with("exec-no", Role::Hello, 1, |spec| {
        spec.containers[0].readiness_probe = Some(probe(1));
    });
    let ready = case.workload_with("exec-yes", Role::Hello, 1, |spec| {
        spec.containers[0].readiness_probe = Some(probe(0));
    });
    case.apply(&unready).await?;
    case.apply(&ready).await?;
    case.until_ready(&ready, 1).await?;
    let now = case.instances(&unready).await?;
    ensure(now.len() == 1 && !now[0].state.is_ready(), || {
        format!("a failing probe counted: {now:?}")
    })
}

async fn missing_command(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("no-command", Role::Hello, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let options = ExecOptions::command(["/no/such/command"]);
    let session = case.runtime().exec(&ready[0].id, &options).await?;
    // As a shell answers: POSIX.1-2017, Shell Command Language 2.8.2.
    let code = session.finish().await?;
    ensure(matches!(code, 126 | 127), || {
        format!("it ended with {code}")
    })
}

async fn adoption(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("adopt", Role::Hello, 2);
    case.apply(&workload).await?;
    let before = case.until_ready(&workload, 2).await?;
    let mut pids = Vec::new();
    for instance in &before {
        pids.push((instance.id.clone(), case.get(instance, "/pid").await?));
    }
    case.world.crash().await;
    case.apply(&workload).await?;
    let after = case.until_ready(&workload, 2).await?;
    for instance in &after {
        let pid = case.get(instance, "/pid").await?;
        ensure(pids.contains(&(instance.id.clone(), pid)), || {
            format!("{} was started anew", instance.id)
        })?;
    }
    Ok(())
}

async fn reap(case: &mut Case<'_>) -> Result<(), Failed> {
    let kept = case.workload("kept", Role::Hello, 1);
    let dropped = case.workload("dropped", Role::Hello, 1);
    case.apply(&kept).await?;
    case.apply(&dropped).await?;
    case.until_ready(&kept, 1).await?;
    case.until_ready(&dropped, 1).await?;
    case.world.crash().await;
    case.apply(&kept).await?;
    case.until_ready(&kept, 1).await?;
    case.world.reap().await;
    let left = case.world.leftovers().await;
    ensure(left.len() == 1, || {
        format!("one instance was claimed, but there are {left:?}")
    })
}

async fn no_leftovers(case: &Case<'_>) -> Result<(), Failed> {
    let left = case.world.leftovers().await;
    ensure(left.is_empty(), || format!("left behind: {left:?}"))
}

fn backing_off(now: &[std::sync::Arc<crate::runtime::Instance>]) -> bool {
    now.iter()
        .any(|instance| matches!(instance.state, InstanceState::BackingOff { .. }))
}
