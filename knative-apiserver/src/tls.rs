//! TLS with certificates of the platform's own authority.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use knative_core::{Clock, store::UserInfo};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::{
    credentials::{Credentials, CredentialsError},
    der,
    impersonate::AUTHENTICATED,
    server::ServeError,
};

/// How connections are secured: TLS 1.2 or 1.3, HTTP/2 or 1.1, a client certificate if the client has one.
pub(crate) fn config(
    credentials: &Arc<Credentials>,
    address: IpAddr,
    clock: Arc<dyn Clock>,
) -> Result<ServerConfig, ServeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(credentials.authority().clone())?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
    let resolver = Renewing::new(
        Arc::clone(credentials),
        address,
        clock,
        Arc::clone(&provider),
    )?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The user whose certificate the client has shown.
pub(crate) fn peer(connection: &ServerConnection) -> Option<UserInfo> {
    let certificate = connection.peer_certificates()?.first()?;
    let mut user = der::facts(certificate)?.user;
    user.groups.push(AUTHENTICATED.to_owned());
    Some(user)
}

/// A server's certificate that is made anew before it ends.
struct Renewing {
    credentials: Arc<Credentials>,
    address: IpAddr,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    renew_at: Timestamp,
}

impl Renewing {
    fn new(
        credentials: Arc<Credentials>,
        address: IpAddr,
        clock: Arc<dyn Clock>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, ServeError> {
        let current = make(&credentials, address, &provider, clock.now())?;
        Ok(Self {
            credentials,
            address,
            clock,
            provider,
            current: Mutex::new(current),
        })
    }
}

fn make(
    credentials: &Credentials,
    address: IpAddr,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<Current, ServeError> {
    let leaf = credentials.server(address, now).map_err(ServeError::from)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key.serialize_der()));
    let key = provider.key_provider.load_private_key(key)?;
    Ok(Current {
        key: Arc::new(CertifiedKey::new(vec![leaf.certificate], key)),
        renew_at: leaf.renew_at,
    })
}

impl ResolvesServerCert for Renewing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if now >= current.renew_at {
            match make(&self.credentials, self.address, &self.provider, now) {
                Ok(renewed) => *current = renewed,
                Err(error) => {
                    tracing::warn!(%error, "the API's certificate could not be renewed");
                }
            }
        }
        Some(Arc::clone(&current.key))
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewing").finish_non_exhaustive()
    }
}

impl From<CredentialsError> for ServeError {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}
