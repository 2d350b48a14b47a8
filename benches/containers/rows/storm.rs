//! Many services that wake at the same time.

use futures::future::{join_all, try_join_all};
use knative_benches::{
    args::Effort, at_zero::AtZero, load::Client, measure::Latencies, table::Line,
};

use super::POOL;
use crate::{
    by_hand::{ByHand, Floor},
    ground::Ground,
};

/// How many.
const AT_ONCE: usize = 25;

pub(crate) async fn run(effort: Effort) -> anyhow::Result<Vec<Line>> {
    let storms = effort.pick(6, 2);
    let mut ground = Ground::prepare(POOL, &[], storms * AT_ONCE).await?;
    let network = &ground.network;
    let mut all = try_join_all((0..AT_ONCE).map(|_| ByHand::on(network))).await?;
    let storms = measure(&mut ground, &mut all).await;
    try_join_all(all.into_iter().map(ByHand::close)).await?;

    let Storms {
        answers,
        floors,
        failed,
    } = storms?;
    let (answers, floors) = (answers.quantiles(), floors.quantiles());
    Ok(vec![
        Line::times("p95, starts on a bridge", answers.p95, floors.p95, 2.0),
        Line::failed(failed),
    ])
}

struct Storms {
    answers: Latencies,
    floors: Latencies,
    failed: u64,
}

/// The platform and the engine by itself, in turns.
async fn measure(ground: &mut Ground, all: &mut [ByHand]) -> anyhow::Result<Storms> {
    let mut storms = Storms {
        answers: Latencies::new(),
        floors: Latencies::new(),
        failed: 0,
    };
    let names = ground.at_zero.names.clone();
    for (round, names) in names.chunks(AT_ONCE).enumerate() {
        for turn in 0..2 {
            ground.quiet().await?;
            if (round + turn) % 2 == 0 {
                storms.call(ground, names).await?;
            } else {
                storms.start(all).await?;
            }
        }
    }
    Ok(storms)
}

impl Storms {
    async fn call(&mut self, ground: &mut Ground, names: &[String]) -> anyhow::Result<()> {
        let gateway = ground.at_zero.platform.gateway;
        let mut clients = try_join_all(names.iter().map(|_| Client::connect(gateway))).await?;
        let hosts = names.iter().map(|name| AtZero::host(name));
        let calls = clients.iter_mut().zip(hosts);
        let calls = calls.map(|(client, host)| async move { client.time(&host).await });
        for answer in join_all(calls).await {
            match answer {
                Ok(latency) => self.answers.add(latency),
                Err(_) => self.failed += 1,
            }
        }
        for name in names {
            ground.delete(name).await?;
        }
        Ok(())
    }

    async fn start(&mut self, all: &mut [ByHand]) -> anyhow::Result<()> {
        let starts = all.iter_mut().map(|one| one.time(Floor::Bridge));
        for latency in try_join_all(starts).await? {
            self.floors.add(latency);
        }
        try_join_all(all.iter_mut().map(ByHand::clean)).await?;
        Ok(())
    }
}
