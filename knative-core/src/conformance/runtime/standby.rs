//! What runtimes do with instances in reserve, where they can keep any.

use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use libtest_mimic::Failed;

use super::{Case, Role, Run, ensure};
use crate::runtime::{Capabilities, Instance, InstanceState, Workload};

pub(super) fn all(capabilities: Capabilities) -> Vec<(&'static str, Run)> {
    if !capabilities.standby {
        return Vec::new();
    }
    let mut cases: Vec<(&'static str, Run)> = vec![
        ("paused_instance_goes_on_as_it_was", |case| {
            paused(case).boxed()
        }),
        ("made_instance_is_started_and_another_one_made", |case| {
            created(case).boxed()
        }),
        ("reserve_ends_with_its_workload", |case| {
            deleted(case).boxed()
        }),
    ];
    if capabilities.processes {
        cases.push(("what_an_instance_uses_is_measured", |case| {
            usage(case).boxed()
        }));
    }
    cases
}

async fn paused(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = reserved(case, "paused", "paused", 1);
    case.apply(&workload).await?;
    let before = case.until_ready(&workload, 1).await?;
    let identity = identity(case, &before[0]).await?;
    workload.replicas = 0;
    workload.retire = vec![before[0].id.clone()];
    case.apply(&workload).await?;
    case.until(&workload, "a pause", all_wait).await?;
    workload.replicas = 1;
    workload.retire = Vec::new();
    case.apply(&workload).await?;
    let after = case.until_ready(&workload, 1).await?;
    ensure(after[0].id == before[0].id, || {
        format!("{} became {}", before[0].id, after[0].id)
    })?;
    let now = self::identity(case, &after[0]).await?;
    ensure(now == identity, || "it was started anew".to_owned())
}

async fn created(case: &mut Case<'_>) -> Result<(), Failed> {
    let mut workload = reserved(case, "created", "created", 0);
    case.apply(&workload).await?;
    let made = case.until(&workload, "one made", all_wait).await?;
    workload.replicas = 1;
    case.apply(&workload).await?;
    let now = case
        .until(&workload, "one ready and one made", |now| {
            let ready = now.iter().filter(|instance| instance.state.is_ready());
            now.len() == 2 && ready.count() == 1 && now.iter().any(waits)
        })
        .await?;
    let ready = now.iter().find(|instance| instance.state.is_ready());
    ensure(ready.is_some_and(|ready| ready.id == made[0].id), || {
        format!("{} was made, and {now:?} is there", made[0].id)
    })
}

async fn deleted(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = reserved(case, "deleted", "created", 0);
    case.apply(&workload).await?;
    case.until(&workload, "one made", all_wait).await?;
    case.runtime().delete(&workload.id).await?;
    case.until_gone(&workload).await
}

fn waits(instance: &Arc<Instance>) -> bool {
    matches!(instance.state, InstanceState::Standby)
}

fn all_wait(now: &[Arc<Instance>]) -> bool {
    !now.is_empty() && now.iter().all(waits)
}

/// How much memory it takes decides whether it is paused.
async fn usage(case: &mut Case<'_>) -> Result<(), Failed> {
    let workload = case.workload("usage", Role::Hello, 1);
    case.apply(&workload).await?;
    let ready = case.until_ready(&workload, 1).await?;
    let before = case.runtime().usage(&ready[0].id).await?;
    ensure(before.memory > 0 && !before.cpu.is_zero(), || {
        format!("it uses {before:?}")
    })?;
    let busy = async {
        loop {
            case.get(&ready[0], "/").await?;
            if case.runtime().usage(&ready[0].id).await?.cpu > before.cpu {
                return Ok::<(), Failed>(());
            }
        }
    };
    tokio::time::timeout(super::DEADLINE, busy)
        .await
        .map_err(|_| "what calls cost is not counted")?
}

/// What tells a process from its successor; nothing where instances have none.
async fn identity(case: &Case<'_>, instance: &Instance) -> Result<String, Failed> {
    if case.harness.capabilities().processes {
        case.get(instance, "/pid").await
    } else {
        Ok(String::new())
    }
}

fn reserved(case: &Case<'_>, name: &str, kind: &str, replicas: u32) -> Workload {
    let mut workload = case.workload(name, Role::Hello, replicas);
    let mut template = (*workload.template).clone();
    template.metadata = Some(ObjectMeta {
        annotations: Some([("standby.knative.dev/kind".to_owned(), kind.to_owned())].into()),
        ..ObjectMeta::default()
    });
    workload.template = Arc::new(template);
    workload
}
