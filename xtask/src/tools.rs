//! The programs that the tests call.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::cargo;

/// The oldest kubectl whose validation the tests rely on.
const KUBECTL_MINOR: u32 = 30;

/// How to get one.
pub(crate) const KUBECTL_HINT: &str = "\
get it by: curl -Lo /usr/local/bin/kubectl https://dl.k8s.io/release/v1.34.0/bin/linux/amd64/kubectl \
&& chmod 755 /usr/local/bin/kubectl (arm64 for aarch64; Debian's package is too old)";

/// A program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 2] = [("cc", "gcc"), ("curl", "curl")];

/// The same for tests on containers, which are skipped where these cannot be had.
const FOR_CONTAINERS: [(&str, &str); 4] = [
    ("dockerd", "docker.io"),
    ("busybox", "busybox-static"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("docker-registry", "docker-registry"),
];

/// Fails where anything is missing that a part of the tests needs.
pub(crate) fn require() -> Result<()> {
    install()?;
    if !kubectl() {
        bail!("kubectl of at least 1.{KUBECTL_MINOR} is not on PATH; {KUBECTL_HINT}");
    }
    install_for_containers()?;
    let missing = missing(&FOR_CONTAINERS);
    if !missing.is_empty() {
        bail!(
            "missing for tests on containers, please install: {}",
            missing.join(" ")
        );
    }
    Ok(())
}

/// Installs what is missing, where that can be done without asking: as root on Debian.
pub(crate) fn install() -> Result<()> {
    let missing = missing(&PROGRAMS);
    if !missing.is_empty() && !installs() {
        bail!("missing, please install: {}", missing.join(" "));
    }
    apt(&missing)
}

/// The same for what tests on containers need.
pub(crate) fn install_for_containers() -> Result<()> {
    if installs() {
        apt(&missing(&FOR_CONTAINERS))?;
    }
    Ok(())
}

fn missing(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let missing = programs.iter().filter(|(name, _)| !exists(name));
    missing.map(|(_, package)| *package).collect()
}

fn installs() -> bool {
    root() && Path::new("/etc/debian_version").exists()
}

fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    cargo::finish(Command::new("apt-get").args(["update", "-q"]))?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-q", "-y", "--no-install-recommends"]);
    cargo::finish(apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether a kubectl is there that the tests can use.
pub(crate) fn kubectl() -> bool {
    let output = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        minor(&text).is_some_and(|minor| minor >= KUBECTL_MINOR)
    })
}

/// The minor number in `Client Version: v1.32.4`.
fn minor(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("Client Version: v1.")?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Whether a program is on PATH, or where only root looks.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    dirs.any(|dir| dir.join(program).is_file())
}

/// Whether this user is root, by the owner of its own entry in /proc.
pub(crate) fn root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_client_version_is_read() {
        for (text, expected) in [
            (
                "Client Version: v1.32.4-x\nKustomize Version: v5\n",
                Some(32),
            ),
            ("Client Version: v1.30.0", Some(30)),
            ("Client Version: version.Info{}", None),
            ("", None),
        ] {
            assert_eq!(minor(text), expected, "{text:?}");
        }
    }
}
