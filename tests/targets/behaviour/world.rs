//! A platform in memory: the API, the gateway and the controllers over the fake machine.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use knative_apiserver::ApiServer;
use knative_core::{
    Clock, Ids, Kinds, PlatformBuilder, TokioClock,
    admission::Admitted,
    platform::{Component, PlatformError},
    runtime::{Replicas, WorkloadRuntime},
    store::{MemoryStore, Store},
};
use knative_serving::{Serving, gateway::Gateway};
use libtest_mimic::Failed;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{Answer, Call, send},
    images::Machine,
    observe::Observer,
    scenario::{How, Scenario},
};

/// When all scenarios begin.
const EPOCH: Timestamp = Timestamp::constant(1_790_000_000, 0);
/// What every run draws its names from.
const SEED: u64 = 1;
/// How long the platform gets to take in what was written.
const SETTLE: Duration = Duration::from_secs(1);
/// How often a map that is not there yet is written.
const SEED_TRIES: usize = 10;

/// The platform until its end.
type Running = JoinHandle<Result<(), PlatformError>>;

/// A running platform and what watches it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) namespace: String,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) api: ApiServer,
    pub(crate) gateway: Gateway,
    pub(crate) workloads: Arc<dyn WorkloadRuntime>,
    pub(crate) machine: Machine,
    pub(crate) observer: Observer,
    pub(crate) tasks: TaskTracker,
    shutdown: CancellationToken,
    running: Arc<Mutex<Option<Running>>>,
}

impl World {
    /// A platform with the scenario's configuration, watched in the scenario's namespace.
    pub(crate) async fn start(scenario: &Scenario) -> Result<Self, Failed> {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(EPOCH));
        let ids = Arc::new(Ids::seeded(SEED));
        let serving = Serving::builder().build(Arc::clone(&ids));
        let mut kinds = Kinds::new();
        knative_core::kinds::core::register(&mut kinds);
        serving.register(&mut kinds);
        let kinds = Arc::new(kinds);
        let memory = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock), Arc::clone(&ids));
        let store: Arc<dyn Store> = Arc::new(Admitted::new(memory, Arc::clone(&kinds)));
        let machine = Machine::new();
        let replicas = Replicas::builder(Arc::new(machine.clone())).store(Arc::clone(&store));
        let replicas = Arc::new(replicas.build(Arc::clone(&clock), Arc::clone(&ids)));
        let api = ApiServer::builder(Arc::clone(&kinds), Arc::clone(&store))
            .clock(Arc::clone(&clock))
            .runtime(Arc::clone(&replicas) as Arc<dyn WorkloadRuntime>)
            .build();
        let builder = PlatformBuilder::new()
            .clock(clock)
            .ids(ids)
            .component(Arc::clone(&replicas) as Arc<dyn Component>);
        let workloads: Arc<dyn WorkloadRuntime> = replicas;
        let images = Arc::new(machine.clone());
        let platform = serving
            .install(builder, Arc::clone(&workloads), images)
            .build(Arc::clone(&kinds), Arc::clone(&store))?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let running = tasks.spawn(platform.run(shutdown.clone()));
        configure(&api, scenario).await?;
        let observer = Observer::start(&store, &scenario.namespace, &tasks).await;
        Ok(Self {
            namespace: scenario.namespace.clone(),
            kinds,
            api,
            gateway: serving.gateway().clone(),
            workloads,
            machine,
            observer,
            tasks,
            shutdown,
            running: Arc::new(Mutex::new(Some(running))),
        })
    }

    /// Stops the platform.
    pub(crate) async fn stop(self) -> Result<(), Failed> {
        self.shutdown.cancel();
        let running = self.running.lock().take();
        if let Some(running) = running {
            running.await??;
        }
        Ok(())
    }

    /// A host whose requests all go to a revision.
    pub(crate) fn host_of(&self, revision: &str) -> Result<String, Failed> {
        let host = self.observer.look(|seen| {
            let objects = seen.objects.iter();
            let ingresses = objects.filter(|(name, _)| name.starts_with("king/"));
            let rules = ingresses.filter_map(|(_, object)| object["spec"]["rules"].as_array());
            let mut rules = rules.flatten();
            let rule = rules.find(|rule| leads_to(rule, revision))?;
            rule["hosts"][0].as_str().map(str::to_owned)
        });
        host.ok_or_else(|| format!("no host leads to {revision}").into())
    }
}

fn leads_to(rule: &Value, revision: &str) -> bool {
    let paths = rule["http"]["paths"].as_array();
    let mut paths = paths.map(Vec::as_slice).unwrap_or_default().iter();
    paths.any(|path| {
        let plain = path["headers"].is_null();
        let split = &path["splits"][0];
        plain && split["serviceName"] == revision && split["percent"] == 100
    })
}

/// Makes the namespace and, once the platform has seeded them, writes the maps.
async fn configure(api: &ApiServer, scenario: &Scenario) -> Result<(), Failed> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scenario.namespace},
    });
    written(&write(api, Method::POST, "/api/v1/namespaces", namespace).await?)?;
    for (map, data) in &scenario.config {
        let path = format!("/api/v1/namespaces/knative-serving/configmaps/{map}");
        let body = config_map(map, data);
        let mut answer = write(api, Method::PUT, &path, body.clone()).await?;
        for _ in 0..SEED_TRIES {
            if answer.status != StatusCode::NOT_FOUND {
                break;
            }
            sleep(SETTLE).await;
            answer = write(api, Method::PUT, &path, body.clone()).await?;
        }
        written(&answer)?;
    }
    // The configuration in force follows the maps.
    sleep(SETTLE).await;
    Ok(())
}

fn config_map(name: &str, data: &BTreeMap<String, String>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "knative-serving"},
        "data": data,
    })
}

async fn write(api: &ApiServer, method: Method, path: &str, body: Value) -> Result<Answer, Failed> {
    let call = Call {
        method,
        path: path.to_owned(),
        content_type: "application/json",
        how: &How::default(),
        body: Some(body),
    };
    send(api, call).await
}

fn written(answer: &Answer) -> Result<(), Failed> {
    if answer.status.is_success() {
        return Ok(());
    }
    Err(answer.body.to_string().into())
}
