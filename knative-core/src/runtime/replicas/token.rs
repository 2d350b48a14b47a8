//! What stands in for a service account's token. Pure.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::ServiceAccountTokenProjection;
use serde_json::json;

use super::render::{Identity, account};

/// How long a token is valid unless the volume says, as in Kubernetes.
const DEFAULT_LIFE: Duration = Duration::from_secs(3600);
/// The issuer, and the audience unless the volume names one.
const ISSUER: &str = "https://kubernetes.default.svc";

/// A token that says whose the instance is. It is not signed (RFC 7519 §6): it proves nothing, and no API takes it.
pub(super) fn token(identity: &Identity<'_>, asked: &ServiceAccountTokenProjection) -> String {
    let life = asked
        .expiration_seconds
        .unwrap_or(i64::try_from(DEFAULT_LIFE.as_secs()).unwrap_or(i64::MAX));
    let (namespace, account) = (&identity.workload.namespace, account(identity.template));
    let issued = identity.now.as_second();
    let claims = json!({
        "aud": [asked.audience.as_deref().unwrap_or(ISSUER)],
        "exp": issued.saturating_add(life),
        "iat": issued,
        "iss": ISSUER,
        "kubernetes.io": {
            "namespace": namespace,
            "pod": { "name": identity.id.as_str() },
            "serviceaccount": { "name": account },
        },
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
    });
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        encoded(&json!({ "alg": "none" })),
        encoded(&claims)
    )
}
