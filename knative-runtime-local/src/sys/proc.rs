//! What `/proc` tells of processes and their sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::RawFd,
    path::PathBuf,
};

use rustix::{
    io::Errno,
    net::{getsockname, sockopt::socket_acceptconn},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The id of this boot: pids and start times of another boot mean nothing.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// When a process started, in clock ticks since boot; with its pid that is its identity.
pub(crate) fn start_time(pid: u32) -> io::Result<u64> {
    stat_field(pid, 22)
}

/// Whether a process has ended and waits to be reaped.
pub(crate) fn is_zombie(pid: u32) -> bool {
    stat_text(pid, 3).is_ok_and(|state| state == "Z" || state == "X")
}

fn stat_field(pid: u32, field: usize) -> io::Result<u64> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    stat_text(pid, field)?.parse().map_err(|_| invalid())
}

/// A field of `/proc/PID/stat`, counted from 1 as in proc(5). The second one, the name, may hold spaces and brackets.
fn stat_text(pid: u32, field: usize) -> io::Result<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat
        .rsplit_once(") ")
        .map(|(_, after)| after)
        .unwrap_or_default();
    let text = after.split_ascii_whitespace().nth(field - 3);
    text.map(str::to_owned)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The value of a variable in a process' environment, as it was when the process began.
pub(crate) fn variable(pid: u32, name: &str) -> Option<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let found = environ.split(|byte| *byte == 0).find_map(|entry| {
        let entry = std::str::from_utf8(entry).ok()?;
        entry.strip_prefix(name)?.strip_prefix('=')
    });
    found.map(str::to_owned)
}

/// A process' environment, as it was when the process began; what is no text is left out.
pub(crate) fn environment(pid: u32) -> BTreeMap<String, String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let entries = environ
        .split(|byte| *byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='));
    entries
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The directory that a process works in.
pub(crate) fn cwd(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// All processes.
pub(crate) fn pids() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    group: u32,
    mark: Option<String>,
}

impl Process {
    /// Whether it carries a mark in its environment, or belongs to a process group.
    pub(crate) fn belongs(&self, group_leader: Option<u32>, mark: &str) -> bool {
        group_leader == Some(self.group) || self.mark.as_deref() == Some(mark)
    }
}

/// Every process that runs, with the value of the variable that marks it.
pub(crate) fn processes(variable_name: &str) -> io::Result<Vec<Process>> {
    let running = |pid| {
        // A process may end while it is looked at.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let group = fields.nth(1)?.parse().ok()?;
        (state != "Z" && state != "X").then(|| Process {
            pid,
            group,
            mark: variable(pid, variable_name),
        })
    };
    Ok(pids()?.into_iter().filter_map(running).collect())
}

/// The sockets that a process holds, by inode, and their descriptors in it.
fn sockets(pid: u32) -> io::Result<BTreeMap<u64, RawFd>> {
    let mut inodes = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let number = target
            .to_str()
            .and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'));
        let inode: Option<u64> = number.and_then(|number| number.parse().ok());
        let name = entry.file_name();
        let descriptor = name.to_str().and_then(|name| name.parse().ok());
        inodes.extend(inode.zip(descriptor));
    }
    Ok(inodes)
}

/// Asks the sockets of another process where they listen. Only a descendant's may be asked everywhere; the system's table
/// knows all sockets, but takes milliseconds to read where there is much memory.
fn ask(pid: u32, sockets: &BTreeMap<u64, RawFd>) -> rustix::io::Result<Vec<SocketAddr>> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = pidfd_open(raw.ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
    let mut found = Vec::new();
    for descriptor in sockets.values() {
        let socket = match pidfd_getfd(&process, *descriptor, PidfdGetfdFlags::empty()) {
            // It was closed in between.
            Err(Errno::BADF) => continue,
            socket => socket?,
        };
        if socket_acceptconn(&socket)? {
            // A Unix socket listens too, but nowhere that matters here.
            found.extend(SocketAddr::try_from(getsockname(&socket)?).ok());
        }
    }
    Ok(found)
}

/// A listening TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listening {
    address: SocketAddr,
    inode: u64,
}

fn listening() -> io::Result<Vec<Listening>> {
    let mut found = Vec::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        match fs::File::open(table) {
            Ok(file) => {
                let lines = io::BufReader::new(file)
                    .lines()
                    .skip(1)
                    .map_while(Result::ok);
                found.extend(lines.filter_map(|line| parse_listening(&line)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// A line of `/proc/net/tcp`: `sl local_address rem_address st … uid timeout inode`.
fn parse_listening(line: &str) -> Option<Listening> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    Some(Listening {
        address: parse_address(local)?,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: words of the address in the machine's byte order, the port in hex.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let words: Option<Vec<[u8; 4]>> = (0..address.len() / 8)
        .map(|word| {
            Some(
                u32::from_str_radix(address.get(word * 8..word * 8 + 8)?, 16)
                    .ok()?
                    .to_ne_bytes(),
            )
        })
        .collect();
    let bytes = words?.concat();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// The TCP addresses that these processes listen on.
pub(crate) fn listening_addresses(pids: &[u32]) -> io::Result<Vec<SocketAddr>> {
    let (mut found, mut unasked) = (Vec::new(), BTreeSet::new());
    for pid in pids {
        // A process may end while it is looked at.
        let sockets = sockets(*pid).unwrap_or_default();
        match ask(*pid, &sockets) {
            Ok(addresses) => found.extend(addresses),
            Err(_) => unasked.extend(sockets.into_keys()),
        }
    }
    if !unasked.is_empty() {
        found.extend(in_table(&unasked)?);
    }
    Ok(found)
}

/// Where sockets listen by the system's table.
fn in_table(inodes: &BTreeSet<u64>) -> io::Result<Vec<SocketAddr>> {
    let all = listening()?.into_iter();
    let known = all.filter(|socket| inodes.contains(&socket.inode));
    Ok(known.map(|socket| socket.address).collect())
}

/// The first port that the system gives to connections by itself; listeners below it are safe from those.
pub(crate) fn first_ephemeral_port() -> u16 {
    const DEFAULT: u16 = 32_768;
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range
        .split_ascii_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_listening_sockets_only() {
        let listen = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 ffff 100";
        let parsed = parse_listening(listen).unwrap();
        assert_eq!(
            (parsed.address.to_string().as_str(), parsed.inode),
            ("127.0.0.1:8080", 12345)
        );
        assert_eq!(parse_listening(&listen.replace(" 0A ", " 01 ")), None);
        assert_eq!(
            parse_address("00000000000000000000000001000000:0050")
                .unwrap()
                .to_string(),
            "[::1]:80"
        );
    }

    #[test]
    fn finds_the_sockets_of_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listening_addresses(&[std::process::id()]).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(found.contains(&address), "{found:?}");
        let held = sockets(std::process::id()).unwrap().into_keys().collect();
        assert!(in_table(&held).unwrap().contains(&address));
    }

    #[test]
    fn identity_of_this_process() {
        let pid = std::process::id();
        assert!(start_time(pid).unwrap() > 0 && !is_zombie(pid));
        assert!(!boot_id().unwrap().is_empty());
        assert_eq!(cwd(pid), std::env::current_dir().ok());
        assert_eq!(environment(pid).get("PATH").cloned(), variable(pid, "PATH"));
    }
}
