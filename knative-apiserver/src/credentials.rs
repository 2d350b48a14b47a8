//! Who may call: the platform's own certificate authority, and a token.

use std::{
    fmt, fs,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use knative_core::store::UserInfo;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use thiserror::Error;

use crate::{
    der,
    impersonate::{AUTHENTICATED, MASTERS},
};

/// The user of the kubeconfig.
const ADMIN: &str = "admin";
const AUTHORITY_NAME: &str = "knative-ca";
const AUTHORITY_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 365;
/// How long before its end a certificate is made anew.
const MARGIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why credentials could not be read or made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file could not be read or written.
    #[error("cannot use {path:?}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path:?} is damaged; remove it to make a new one")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl From<rcgen::Error> for CredentialsError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The certificate, in PEM.
    pub(crate) certificate_pem: String,
    /// The certificate.
    pub(crate) certificate: CertificateDer<'static>,
    /// The key.
    pub(crate) key: KeyPair,
    /// When it should be made anew.
    pub(crate) renew_at: Timestamp,
}

/// A certificate authority and a token: whoever has either's proof may call the API.
pub struct Credentials {
    authority_pem: String,
    authority: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those kept in `directory` (which is made if it is not there), or new ones that are kept there from now on. Only
    /// the user can read them. An authority that ends within a month is replaced.
    ///
    /// # Errors
    /// The directory cannot be used, or a file in it is damaged.
    pub fn load_or_create(directory: &Path, now: Timestamp) -> Result<Self, CredentialsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CredentialsError::File { path, source }
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory).map_err(failed(directory))?;
        let path = |name: &str| directory.join(name);
        let stored = (
            read(&path("ca.crt"))?,
            read(&path("ca.key"))?,
            read(&path("token"))?,
        );
        if let (Some(certificate), Some(key), Some(token)) = stored {
            let (credentials, end) =
                Self::load(certificate, &key, token.trim(), now).ok_or_else(|| {
                    CredentialsError::Damaged {
                        path: directory.to_owned(),
                    }
                })?;
            if end.duration_since(now) >= MARGIN {
                return Ok(credentials);
            }
        }
        let credentials = Self::ephemeral(now)?;
        for (name, text) in [
            ("ca.key", credentials.issuer.key().serialize_pem()),
            ("token", credentials.token.clone()),
            ("ca.crt", credentials.authority_pem.clone()),
        ] {
            let path = path(name);
            write_private(&path, &text).map_err(failed(&path))?;
        }
        Ok(credentials)
    }

    /// New ones that are kept in memory only.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn ephemeral(now: Timestamp) -> Result<Self, CredentialsError> {
        let key = KeyPair::generate()?;
        let params = authority_params(now);
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            authority_pem: certificate.pem(),
            authority: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            token: random_token()?,
        })
    }

    /// Those in the files and when their authority ends; `None` if the files are damaged.
    fn load(
        certificate_pem: String,
        key: &str,
        token: &str,
        now: Timestamp,
    ) -> Option<(Self, Timestamp)> {
        let authority = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).ok()?;
        let end = der::facts(&authority)?.not_after;
        let key = KeyPair::from_pem(key).ok()?;
        let credentials = Self {
            authority_pem: certificate_pem,
            authority,
            issuer: Issuer::new(authority_params(now), key),
            token: token.to_owned(),
        };
        (!token.is_empty()).then_some((credentials, end))
    }

    /// The authority's certificate, in PEM: what clients trust.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// The token by which `admin` may call.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub(crate) const fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The user that the token stands for; `None` for another token.
    pub(crate) fn user_of_token(&self, token: &str) -> Option<UserInfo> {
        same(token.as_bytes(), self.token.as_bytes()).then(admin)
    }

    /// A certificate by which a server on this machine is known, by the address that it listens on too.
    pub(crate) fn server(&self, address: IpAddr, now: Timestamp) -> Result<Leaf, CredentialsError> {
        let mut params = leaf_params(now, "knative-apiserver", &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::DnsName("kubernetes.default.svc".try_into()?),
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        ];
        if !address.is_loopback() && !address.is_unspecified() {
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        self.issue(&params, now)
    }

    /// A certificate by which `admin` is known.
    pub(crate) fn client(&self, now: Timestamp) -> Result<Leaf, CredentialsError> {
        let mut params = leaf_params(now, ADMIN, &[MASTERS]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params, now)
    }

    fn issue(&self, params: &CertificateParams, now: Timestamp) -> Result<Leaf, CredentialsError> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let end = now.saturating_add(SignedDuration::from_hours(LEAF_DAYS * 24));
        let end = end.unwrap_or(Timestamp::MAX);
        Ok(Leaf {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
            renew_at: end.saturating_sub(MARGIN).unwrap_or(end),
        })
    }
}

/// The user of the kubeconfig.
fn admin() -> UserInfo {
    let mut user = UserInfo::new(ADMIN);
    user.groups = vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()];
    user
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(AUTHORITY_NAME, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    span(&mut params, now, AUTHORITY_DAYS);
    params
}

fn leaf_params(now: Timestamp, common_name: &str, groups: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_name, groups);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    span(&mut params, now, LEAF_DAYS);
    params
}

fn name(common_name: &str, groups: &[&str]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for group in groups {
        name.push(DnType::OrganizationName, *group);
    }
    name.push(DnType::CommonName, common_name);
    name
}

/// From the day before (clocks differ) for so many days.
fn span(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let day = |offset: i64| {
        let time = now.saturating_add(SignedDuration::from_hours(offset * 24));
        let date = time.unwrap_or(now).to_zoned(TimeZone::UTC).date();
        date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(-1);
    params.not_after = day(days + 1);
}

fn random_token() -> Result<String, CredentialsError> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| CredentialsError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn read(path: &Path) -> Result<Option<String>, CredentialsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CredentialsError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a file that only the user can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    // A file left behind by a crash keeps its mode.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

    #[test]
    fn are_kept_and_private() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("pki");
        let first = Credentials::load_or_create(&path, NOW)?;
        let second = Credentials::load_or_create(&path, NOW)?;
        assert_eq!(first.authority_pem(), second.authority_pem());
        assert_eq!(first.token(), second.token());
        for file in fs::read_dir(&path)? {
            let mode = file?.metadata()?.permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let nine_years = NOW + SignedDuration::from_hours(24 * 3640);
        let later = Credentials::load_or_create(&path, nine_years)?;
        assert_ne!(
            first.authority_pem(),
            later.authority_pem(),
            "it would end soon"
        );
        Ok(())
    }

    #[test]
    fn damage_is_said() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        Credentials::load_or_create(directory.path(), NOW)?;
        fs::write(directory.path().join("ca.key"), "x")?;
        let damaged = Credentials::load_or_create(directory.path(), NOW);
        assert!(matches!(damaged, Err(CredentialsError::Damaged { .. })));
        Ok(())
    }

    #[test]
    fn certificates_name_users() -> Result<(), Box<dyn std::error::Error>> {
        let credentials = Credentials::ephemeral(NOW)?;
        let leaf = credentials.client(NOW)?;
        let facts = der::facts(&leaf.certificate).ok_or("no certificate")?;
        assert_eq!(facts.user.username, "admin");
        assert_eq!(facts.user.groups, ["system:masters"]);
        assert!(facts.not_after > leaf.renew_at);
        Ok(())
    }

    #[test]
    fn tokens_are_compared_whole() -> Result<(), CredentialsError> {
        let credentials = Credentials::ephemeral(NOW)?;
        assert_eq!(
            credentials.user_of_token(credentials.token()),
            Some(admin())
        );
        assert_eq!(credentials.user_of_token(""), None);
        assert_eq!(credentials.user_of_token(&credentials.token()[1..]), None);
        Ok(())
    }
}
