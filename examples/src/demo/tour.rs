//! What the demo shows, part by part.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use http::StatusCode;
use knative_serving::{
    Serving,
    config::Config,
    gateway::{ColdStart, GatewayHandle, RevisionKey},
};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    client::{Answer, Client},
    load::{Load, Outcome},
    objects::Objects,
    report::{Report, phases},
};
use crate::{assembly::Assembly, machine::HELLO};

/// Services that are called once each.
const COLD: usize = 100;
/// How many clients load a service.
const CLIENTS: usize = 64;
/// How long a loaded service may take to scale to zero.
const TO_ZERO: Duration = Duration::from_secs(60);
/// Answers that are counted after a change of traffic.
const SAMPLES: u64 = 400;

/// A visitor of a platform.
#[derive(Debug)]
pub(super) struct Tour {
    objects: Objects,
    serving: Serving,
    handle: GatewayHandle,
    gateway: SocketAddr,
    domain: String,
    client: Client,
    tasks: TaskTracker,
    report: Report,
}

impl Tour {
    pub(super) fn new(assembly: &Assembly, tasks: TaskTracker) -> Self {
        Self {
            objects: Objects::new(assembly.store()),
            handle: assembly.serving().gateway().handle(),
            serving: assembly.serving().clone(),
            gateway: assembly.gateway_address(),
            domain: assembly.domain().to_owned(),
            client: Client::new(assembly.gateway_address(), tasks.clone()),
            tasks,
            report: Report::new(),
        }
    }

    pub(super) async fn run(mut self) -> Result<Report> {
        let quick = json!({
            "stable-window": "6s",
            "scale-to-zero-grace-period": "6s",
            "allow-zero-initial-scale": "true",
        });
        self.serving.handed_over().await;
        self.objects.configure(quick).await?;
        let mut config = self.serving.config().subscribe();
        let allowed = |config: &Config| config.autoscaler.allow_zero_initial_scale;
        config.wait_for(allowed).await?;
        self.hello_from_zero().await?;
        self.cold_starts().await?;
        self.warm().await?;
        self.out_and_back().await?;
        self.update().await?;
        self.split().await?;
        self.rollback().await?;
        Ok(self.report)
    }

    async fn hello_from_zero(&mut self) -> Result<()> {
        title("Hello from zero");
        self.create("hello", json!({}), json!({})).await?;
        let answer = self.call("hello from zero", "hello").await?;
        let start = self.woken("hello-00001")?;
        println!("  {}", answer.body);
        println!("{}", phases(&start, answer.took));
        Ok(())
    }

    async fn cold_starts(&mut self) -> Result<()> {
        title("100 cold starts");
        let names: Vec<String> = (0..COLD).map(|index| format!("cold-{index:03}")).collect();
        let template = template(&json!({}), &json!({}));
        let began = Instant::now();
        let created = names
            .iter()
            .map(|name| self.objects.create(name, &template));
        try_join_all(created).await?;
        self.objects.ready(names.iter().cloned().collect()).await?;
        println!(
            "  {COLD} services ready in {:.0} ms",
            began.elapsed().as_secs_f64() * 1e3
        );
        for name in names {
            let answer = self.call("cold starts", &name).await?;
            let start = self.woken(&format!("{name}-00001"))?;
            self.report.cold_start(&start, answer.took)?;
        }
        println!("  each called once, each from zero");
        Ok(())
    }

    async fn warm(&mut self) -> Result<()> {
        title("Warm requests");
        let outcome = self.load("hello", "/", Duration::from_secs(3)).await?;
        println!("  {:.0} requests per second", outcome.per_second());
        self.count("warm requests", &outcome);
        self.report.warm = Some(outcome);
        Ok(())
    }

    async fn out_and_back(&mut self) -> Result<()> {
        title("Load that scales out and back to zero");
        let annotations = json!({ "autoscaling.knative.dev/target": "10" });
        self.create("load", annotations, json!({})).await?;
        let revision = RevisionKey::new("default", "load-00001");
        let (samples, stop) = self.sample(revision.clone());
        let outcome = self
            .load("load", "/?sleep=50", Duration::from_secs(10))
            .await?;
        self.count("load", &outcome);
        let zero = self.await_zero(&revision).await;
        drop(stop);
        self.report.instances = samples.await?;
        let most = self.report.instances.iter().map(|(_, count)| *count).max();
        println!(
            "  {} requests, up to {} instances, zero again after {:.0} s",
            outcome.latency.len(),
            most.unwrap_or(0),
            zero?.as_secs_f64()
        );
        Ok(())
    }

    async fn update(&mut self) -> Result<()> {
        title("An update under load");
        let spec = json!({ "template": template(&json!({}), &json!({ "TARGET": "Update" })) });
        let objects = self.objects.clone();
        let outcome = self.during("hello", objects.change("hello", spec)).await?;
        self.count("update", &outcome);
        let answer = self.call("update", "hello").await?;
        println!("  {}", answer.body);
        ensure!(
            answer.body == "Hello Update!",
            "the update is not in force: {}",
            answer.body
        );
        Ok(())
    }

    async fn split(&mut self) -> Result<()> {
        title("A 50/50 split with tags");
        let latest = self.objects.latest("hello").await?;
        let spec = json!({ "traffic": [
            { "revisionName": "hello-00001", "percent": 50, "tag": "old" },
            { "revisionName": latest, "percent": 50, "tag": "new" },
        ]});
        let objects = self.objects.clone();
        let outcome = self.during("hello", objects.change("hello", spec)).await?;
        self.count("split", &outcome);
        let mut old = 0_u64;
        for _ in 0..SAMPLES {
            old += u64::from(self.call("split", "hello").await?.body == "Hello World!");
        }
        println!("  {old} of {SAMPLES} answers by the old revision");
        ensure!(
            (SAMPLES / 4..SAMPLES * 3 / 4).contains(&old),
            "that is no 50/50 split"
        );
        for (name, expected) in [
            ("old-hello", "Hello World!"),
            ("new-hello", "Hello Update!"),
        ] {
            let answer = self.call("split", name).await?;
            println!("  {name}: {}", answer.body);
            ensure!(answer.body == expected, "tag {name} leads elsewhere");
        }
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        title("A rollback under load");
        let spec = json!({ "traffic": [{ "revisionName": "hello-00001", "percent": 100 }] });
        let objects = self.objects.clone();
        let outcome = self.during("hello", objects.change("hello", spec)).await?;
        self.count("rollback", &outcome);
        let answer = self.call("rollback", "hello").await?;
        println!("  {}", answer.body);
        ensure!(
            answer.body == "Hello World!",
            "the rollback is not in force: {}",
            answer.body
        );
        Ok(())
    }

    /// Creates a service at zero and waits until it is ready.
    async fn create(&self, name: &str, annotations: Value, env: Value) -> Result<()> {
        self.objects
            .create(name, &template(&annotations, &env))
            .await?;
        self.objects.ready([name.to_owned()].into()).await
    }

    async fn call(&mut self, part: &'static str, name: &str) -> Result<Answer> {
        let host = Objects::host(name, &self.domain);
        let answer = self.client.get(&host, "/").await;
        let good = answer
            .as_ref()
            .is_ok_and(|answer| answer.status == StatusCode::OK);
        self.report.count(part, u64::from(good), u64::from(!good));
        let answer = answer.with_context(|| format!("{name} does not answer"))?;
        ensure!(good, "{name} answers {}: {}", answer.status, answer.body);
        Ok(answer)
    }

    async fn load(&self, name: &str, path: &'static str, lasts: Duration) -> Result<Outcome> {
        let load = Load {
            host: Objects::host(name, &self.domain),
            path,
            clients: CLIENTS,
            lasts,
        };
        load.run(self.gateway, &self.tasks).await
    }

    /// Calls a service from a few clients while something happens to it, and a moment longer.
    async fn during(
        &self,
        name: &str,
        change: impl Future<Output = Result<()>>,
    ) -> Result<Outcome> {
        let load = Load {
            host: Objects::host(name, &self.domain),
            path: "/?sleep=5",
            clients: 8,
            lasts: Duration::from_secs(2),
        };
        let (outcome, changed) = tokio::join!(load.run(self.gateway, &self.tasks), change);
        changed?;
        outcome
    }

    fn count(&mut self, part: &'static str, outcome: &Outcome) {
        self.report
            .count(part, outcome.latency.len(), outcome.failed);
    }

    /// The latest cold start of a revision.
    fn woken(&self, revision: &str) -> Result<ColdStart> {
        let key = RevisionKey::new("default", revision);
        let mut starts = self.handle.cold_starts().into_iter().rev();
        let found = starts.find(|start| start.revision == key);
        found.with_context(|| format!("{revision} was not started from zero"))
    }

    /// Notes the number of instances until the guard is dropped.
    fn sample(
        &self,
        revision: RevisionKey,
    ) -> (tokio::task::JoinHandle<Vec<(Duration, usize)>>, DropGuard) {
        let (handle, stop) = (self.handle.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let samples = self.tasks.spawn(async move {
            let began = Instant::now();
            let mut samples = Vec::new();
            let mut ticks = interval(Duration::from_millis(100));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
                samples.push((began.elapsed(), handle.ready(&revision)));
            }
            samples
        });
        (samples, stop.drop_guard())
    }

    async fn await_zero(&self, revision: &RevisionKey) -> Result<Duration> {
        let began = Instant::now();
        let mut ticks = interval(Duration::from_millis(50));
        while self.handle.ready(revision) > 0 {
            if began.elapsed() > TO_ZERO {
                bail!("the service did not scale to zero within {TO_ZERO:?}");
            }
            ticks.tick().await;
        }
        Ok(began.elapsed())
    }
}

fn title(text: &str) {
    println!("\n{text}");
}

/// A template of the hello service that starts at zero.
fn template(annotations: &Value, env: &Value) -> Value {
    let mut annotations = annotations.clone();
    annotations["autoscaling.knative.dev/initial-scale"] = json!("0");
    let env: Vec<Value> = env
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "metadata": { "annotations": annotations },
        "spec": { "containers": [{ "image": HELLO, "env": env }] },
    })
}
