//! From where a machine's container engines are controlled: who calls them there owns the machine. Pure.

use std::path::{Path, PathBuf};

/// Where engines, and what they start containers with, have their sockets, beside the one that is used here.
const SOCKETS: [&str; 5] = [
    "/run/docker",
    "/run/docker.sock",
    "/run/containerd",
    "/run/crio",
    "/run/podman",
];

/// Whether a path of this machine shows a socket of an engine, of which `used` is one.
pub(crate) fn is_shown(path: &Path, used: &Path) -> bool {
    // By default the one is a link to the other.
    let led_to = match path.strip_prefix("/var/run") {
        Ok(rest) => Path::new("/run").join(rest),
        Err(_) => PathBuf::from(path),
    };
    let mut sockets = SOCKETS.iter().map(Path::new);
    used.starts_with(path)
        || used.starts_with(&led_to)
        || sockets.any(|socket| socket.starts_with(&led_to) || led_to.starts_with(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_what_holds_them_are_shown() {
        let used = Path::new("/srv/engine/docker.sock");
        let rows = [
            ("/", true),
            ("/srv", true),
            ("/srv/engine/docker.sock", true),
            ("/srv/engine2", false),
            ("/run", true),
            ("/run/docker.sock", true),
            ("/var/run/docker.sock", true),
            ("/run/docker/containerd", true),
            ("/run/containerd/containerd.sock", true),
            ("/run/podman", true),
            ("/run/user", false),
            ("/var", false),
            ("/var/log", false),
        ];
        for (path, shown) in rows {
            assert_eq!(is_shown(Path::new(path), used), shown, "{path}");
        }
        let elsewhere = Path::new("/var/run/engine/docker.sock");
        assert!(is_shown(Path::new("/var/run/engine"), elsewhere));
    }
}
