//! Which Kubernetes the API is like.

use http::StatusCode;
use knative_core::http::Response;
use serde_json::json;

use crate::{negotiate::Format, reply};

const MAJOR: &str = "1";
const MINOR: &str = "34";
/// The release whose API is answered.
pub(crate) const GIT_VERSION: &str = "v1.34.0";

/// `/version`.
pub(crate) fn version() -> Response {
    let version = json!({
        "major": MAJOR,
        "minor": MINOR,
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    reply::value(StatusCode::OK, Format::Json, &version)
}
