//! The TLS of probes.

use std::{io, net::Ipv4Addr, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_rustls::TlsConnector;

use crate::http::Connection;

/// Secures the connections of probes: TLS 1.2 or 1.3, whatever the certificate, HTTP/1.1.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    pub(super) fn new() -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = AnyCertificate(provider.signature_verification_algorithms);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites of both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // Sessions are kept by the name of the server, which all instances of a machine share.
        config.resumption = Resumption::disabled();
        Self {
            config: Arc::new(config),
        }
    }

    /// Shakes hands on a connection with the server of this name.
    pub(super) async fn secure(
        &self,
        connection: Box<dyn Connection>,
        host: Option<&str>,
    ) -> io::Result<Box<dyn Connection>> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let secured = connector.connect(server_name(host), connection).await?;
        Ok(Box::new(secured))
    }
}

/// The name that a server is asked for: the probe's host, and not its `Host` header. As in Go none is sent for an address.
fn server_name(host: Option<&str>) -> ServerName<'static> {
    let name = host.and_then(|host| ServerName::try_from(host.to_owned()).ok());
    name.unwrap_or_else(|| Ipv4Addr::LOCALHOST.into())
}

/// Takes every certificate: a probe asks whether a server answers and not who it is, at an address that no certificate
/// names.
///
/// Source: kubernetes `pkg/probe/http/http.go` (`New`), serving `pkg/queue/health/probe.go` (`transport`), both with
/// `InsecureSkipVerify`.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

/// Signatures are not checked either: by a key that may be anybody's they prove nothing, and who checks them has to refuse
/// certificates that Go takes, as those of X.509 version 1.
impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
