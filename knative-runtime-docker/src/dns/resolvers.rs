//! The machine's own resolvers.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// How many are asked, as many as the C library asks (`MAXNS` of resolv.conf(5)).
const MOST: usize = 3;

/// Whom a machine asks for names.
#[derive(Debug)]
pub(super) struct Resolvers {
    file: PathBuf,
    port: u16,
}

impl Resolvers {
    /// Those that a file in the form of resolv.conf(5) names, at a port.
    pub(super) const fn new(file: PathBuf, port: u16) -> Self {
        Self { file, port }
    }

    /// Those of this machine.
    pub(super) fn of_machine() -> Self {
        Self::new(PathBuf::from("/etc/resolv.conf"), 53)
    }

    /// Those in force, without `own`, which would ask itself. Read each time: a machine changes networks, and reading
    /// a small file costs little beside a question to another machine.
    pub(super) async fn current(&self, own: SocketAddr) -> Vec<SocketAddr> {
        let text = tokio::fs::read_to_string(&self.file).await;
        let text = text.unwrap_or_else(|error| {
            tracing::warn!(file = %self.file.display(), %error, "the machine's resolvers cannot be read");
            String::new()
        });
        let addresses = parse(&text).map(|address| SocketAddr::new(address, self.port));
        addresses
            .filter(|address| *address != own)
            .take(MOST)
            .collect()
    }
}

/// Lines that are no address of a server say nothing here.
fn parse(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_the_c_library_reads_them() {
        let rows: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("nameserver 10.0.0.1", &["10.0.0.1"]),
            (
                "nameserver\t10.0.0.1  # home\r\nnameserver ::1\n",
                &["10.0.0.1", "::1"],
            ),
            (
                "# nameserver 10.0.0.1\n;nameserver 10.0.0.2\nsearch a b\n",
                &[],
            ),
            ("nameserver\nnameserver x\nnameservers 10.0.0.1\n", &[]),
            (
                "nameserver fe80::1%eth0\nnameserver 10.0.0.2",
                &["10.0.0.2"],
            ),
        ];
        for (text, expected) in rows {
            let read: Vec<String> = parse(text).map(|address| address.to_string()).collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn it_is_none_of_its_own_resolvers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("resolv.conf");
        let lines = [1, 2, 3, 4, 5].map(|n| format!("nameserver 10.0.0.{n}\n"));
        std::fs::write(&file, lines.concat()).unwrap();
        let resolvers = Resolvers::new(file.clone(), 53);
        let own = SocketAddr::from(([10, 0, 0, 2], 53));
        let expected = [1, 3, 4].map(|n| SocketAddr::from(([10, 0, 0, n], 53)));
        assert_eq!(resolvers.current(own).await, expected);
        std::fs::remove_file(file).unwrap();
        assert!(resolvers.current(own).await.is_empty());
    }
}
