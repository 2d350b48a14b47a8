//! What a user may do, and who they are: objects that are answered and not kept.

use http::{HeaderMap, StatusCode, header};
use knative_core::{http::Response, store::UserInfo};
use serde_json::{Value, json};

use crate::{
    body::{self, Received},
    negotiate,
    path::ResourcePath,
    protobuf::Messages,
    reply,
    status::Failure,
};

/// A question about the asking user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Review {
    /// Its group; the version is `v1`.
    pub(crate) group: &'static str,
    /// Its resource.
    pub(crate) plural: &'static str,
    /// Its kind.
    pub(crate) kind: &'static str,
}

/// The questions that are answered.
pub(crate) const REVIEWS: [Review; 3] = [
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
    },
    Review {
        group: "authentication.k8s.io",
        plural: "selfsubjectreviews",
        kind: "SelfSubjectReview",
    },
];

/// The question that a path asks.
pub(crate) fn find(path: &ResourcePath) -> Option<&'static Review> {
    REVIEWS.iter().find(|review| {
        path.group_version.group == review.group
            && path.group_version.version == "v1"
            && path.plural == review.plural
            && path.name.is_none()
    })
}

/// Answers a question. Whoever has credentials may do everything.
pub(crate) fn review(
    review: &Review,
    messages: &Messages,
    headers: &HeaderMap,
    user: &UserInfo,
    body: Received,
) -> Result<Response, Failure> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|text| text.to_str().ok());
    let input = negotiate::input(content_type, true)?;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|text| text.to_str().ok());
    let output = negotiate::output(accept)?;
    let bytes = body?;
    let mut object = body::document(messages, input, &bytes)?.value;
    if !object.is_object()
        || object["kind"]
            .as_str()
            .is_some_and(|kind| kind != review.kind)
    {
        return Err(Failure::bad_request(format!(
            "the body cannot be handled as a {}",
            review.kind
        )));
    }
    object["kind"] = json!(review.kind);
    object["apiVersion"] = json!(format!("{}/v1", review.group));
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["status"] = status(review, user);
    Ok(reply::value(StatusCode::CREATED, output.format, &object))
}

fn status(review: &Review, user: &UserInfo) -> Value {
    match review.kind {
        "SelfSubjectAccessReview" => json!({"allowed": true}),
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        _ => json!({"userInfo": {"username": user.username, "groups": user.groups}}),
    }
}
