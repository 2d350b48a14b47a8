//! What `kubectl` reads to find and enter a platform.

use std::{fmt, io, net::SocketAddr, path::Path};

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
            server: format!("https://{address}"),
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
