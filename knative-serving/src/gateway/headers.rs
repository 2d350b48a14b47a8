//! placeholder
use http::HeaderName;
pub(super) fn is_routing(name: &HeaderName) -> bool {
    name == "knative-serving-revision" || name == "knative-serving-namespace"
}
