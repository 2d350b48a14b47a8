//! What `kubectl` reads to find and enter a platform.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use crate::credentials::{Credentials, CredentialsError, write_private};

/// A kubeconfig of the user `admin` (group `system:masters`), with a client certificate and a token.
#[derive(Clone)]
pub struct Kubeconfig {
    server: String,
    authority: String,
    certificate: String,
    key: String,
    token: String,
}

impl Kubeconfig {
    /// For the API at `address`, with a certificate that is valid for a year from `now`.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn new(
        credentials: &Credentials,
        address: SocketAddr,
        now: Timestamp,
    ) -> Result<Self, CredentialsError> {
        let leaf = credentials.client(now)?;
        Ok(Self {
            server: format!("https://{}", reachable(address)),
            authority: STANDARD.encode(credentials.authority_pem()),
            certificate: STANDARD.encode(leaf.certificate_pem),
            key: STANDARD.encode(leaf.key.serialize_pem()),
            token: credentials.token().to_owned(),
        })
    }

    /// The API's address, as `https://127.0.0.1:7443`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Writes it to a file that only the user can read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_private(path, &self.to_string())
    }
}

/// Who listens on all addresses is reached on this machine's own.
const fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubeconfig")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The file's text, secrets included.
impl fmt::Display for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server,
            authority,
            certificate,
            key,
            token,
        } = self;
        write!(
            f,
            "apiVersion: v1
kind: Config
clusters:
- name: knative
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
    token: {token}
contexts:
- name: knative
  context:
    cluster: knative
    user: admin
    namespace: default
current-context: knative
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn servers_are_reached() {
        let rows = [
            ("127.0.0.1:7443", "127.0.0.1:7443"),
            ("0.0.0.0:7443", "127.0.0.1:7443"),
            ("[::]:7443", "[::1]:7443"),
            ("10.0.0.7:1", "10.0.0.7:1"),
        ];
        for (address, want) in rows {
            let address = address.parse().expect("an address");
            assert_eq!(reachable(address).to_string(), want);
        }
    }
}
