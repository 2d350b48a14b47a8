//! Waiting until a process accepts connections, on the port that it was given or on one of its own.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    render::INSTANCE_VARIABLE,
    sys::{proc, timer::Timer},
};

/// The wait between tries at first.
const FIRST_WAIT: Duration = Duration::from_micros(200);
/// How long a process is looked at that often.
const HASTE: Duration = Duration::from_millis(20);
/// The wait between tries afterwards.
const SECOND_WAIT: Duration = Duration::from_millis(1);
/// The longest wait between tries.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// How long a process is given to use its own port before it is searched for other ones.
const PATIENCE: Duration = Duration::from_millis(150);
/// The wait between searches.
const SEARCH_WAIT: Duration = Duration::from_millis(100);
/// How long another port has to be all that a process listens on until it counts: one for metrics often comes first.
const SETTLED: Duration = Duration::from_millis(500);

/// Whose sockets count.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) pid: u32,
    pub(super) mark: String,
}

/// Answers with the address at which the process, or one that it started, accepts connections.
pub(super) async fn accepting(owner: &Owner, port: u16) -> io::Result<SocketAddr> {
    let given = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let began = Instant::now();
    // Without one the waits are longer.
    let timer = Timer::new().ok();
    let mut wait = FIRST_WAIT;
    let mut next_search = began + PATIENCE;
    let mut other: Option<(SocketAddr, Instant)> = None;
    loop {
        if TcpStream::connect(given).await.is_ok() && owns(owner, port).await? {
            return Ok(given);
        }
        let now = Instant::now();
        if now >= next_search {
            let found = search(owner).await?;
            other = found.map(|found| match other {
                Some((known, since)) if known == found => (known, since),
                _ => (found, now),
            });
            if let Some((found, since)) = other
                && now - since >= SETTLED
            {
                return Ok(found);
            }
            next_search = now + SEARCH_WAIT;
        }
        match &timer {
            Some(timer) if wait < SECOND_WAIT => timer.sleep(wait).await?,
            _ => sleep(wait).await,
        }
        wait = next_wait(wait, began.elapsed());
    }
}

/// Where the process, or one that it started, listens at this moment.
pub(super) async fn listening(owner: &Owner, port: u16) -> io::Result<Option<SocketAddr>> {
    if owns(owner, port).await? {
        return Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
    }
    search(owner).await
}

/// Tries often while a fast program may come up, ever more rarely afterwards.
fn next_wait(wait: Duration, waited: Duration) -> Duration {
    if waited < HASTE {
        FIRST_WAIT
    } else if waited < PATIENCE {
        SECOND_WAIT
    } else {
        (wait * 2).min(LONGEST_WAIT)
    }
}

/// Whether the socket on `port` belongs to the process or to one that it started.
async fn owns(owner: &Owner, port: u16) -> io::Result<bool> {
    let pid = owner.pid;
    let at_port =
        move |addresses: Vec<SocketAddr>| addresses.iter().any(|address| address.port() == port);
    let own = spawn_blocking(move || proc::listening_addresses(&[pid])).await??;
    if at_port(own) {
        return Ok(true);
    }
    Ok(at_port(of_tree(owner).await?))
}

/// An address that the process or one that it started listens on.
async fn search(owner: &Owner) -> io::Result<Option<SocketAddr>> {
    let mut addresses = of_tree(owner).await?;
    addresses.sort_by_key(|address| (address.ip().is_ipv6(), address.port()));
    Ok(addresses
        .first()
        .map(|address| SocketAddr::new(reachable(address.ip()), address.port())))
}

async fn of_tree(owner: &Owner) -> io::Result<Vec<SocketAddr>> {
    let owner = owner.clone();
    spawn_blocking(move || {
        let all = proc::processes(INSTANCE_VARIABLE)?.into_iter();
        let tree = all.filter(|process| process.belongs(Some(owner.pid), &owner.mark));
        let pids: Vec<u32> = tree.map(|process| process.pid).collect();
        proc::listening_addresses(&pids)
    })
    .await?
}

/// A socket that listens everywhere is reached on loopback.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        // Linux gives IPv4 connections to `[::]` too.
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    }
}
