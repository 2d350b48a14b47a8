//! Answers that are not what was asked for: Kubernetes' `Status`.

use std::collections::BTreeSet;

use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use knative_core::{
    Kinds,
    object::{ObjectKey, quote},
    store::{Cause, StoreError},
};

/// What is answered where upstream's decoder has no better word.
pub(crate) const REJECTED: &str = "the server rejected our request due to an error in our request";
/// What is answered where a resource has no such verb.
pub(crate) const METHOD_NOT_ALLOWED: &str =
    "the server does not allow this method on the requested resource";

/// A request that is answered by a `Status`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Box<StatusDetails>>,
    warnings: Vec<String>,
}

impl Failure {
    /// A failure with a message of its own.
    pub(crate) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            warnings: Vec::new(),
        }
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 401.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 403.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// 404, of a resource that is not served.
    pub(crate) fn no_resource() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::not_supported(METHOD_NOT_ALLOWED)
    }

    /// 405, with a message of its own.
    pub(crate) fn not_supported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// 406.
    pub(crate) fn not_acceptable(accepted: &[&str]) -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            format!(
                "only the following media types are accepted: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 504, of a request that takes too long.
    pub(crate) fn too_slow() -> Self {
        let message = "Timeout: request did not complete within the allotted timeout";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
    }

    /// 503, of a server that ends.
    pub(crate) fn shutting_down() -> Self {
        let message = "the API is shutting down";
        let details = StatusDetails {
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        };
        Self {
            details: Some(Box::new(details)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                message,
            )
        }
    }

    /// 413.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            message,
        )
    }

    /// 415.
    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 422 that says nothing: how a JSON patch that does not fit is answered.
    pub(crate) fn unprocessable() -> Self {
        Self {
            details: Some(Box::default()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", REJECTED)
        }
    }

    /// 422 with findings, as `Kind.group "name" is invalid: field: message`.
    pub(crate) fn invalid(kind: &str, group: &str, name: &str, causes: Vec<Cause>) -> Self {
        let qualified = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}.{group}")
        };
        let message = format!(
            "{qualified} {} is invalid: {}",
            quote(name),
            aggregate(&causes)
        );
        Self {
            details: Some(Box::new(StatusDetails {
                name: some(name),
                group: some(group),
                kind: some(kind),
                causes: Some(causes.into_iter().map(status_cause).collect()),
                ..StatusDetails::default()
            })),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
        }
    }

    /// 422 about the options of a call, as `ListOptions.meta.k8s.io`.
    pub(crate) fn invalid_options(kind: &str, causes: Vec<Cause>) -> Self {
        Self::invalid(kind, "meta.k8s.io", "", causes)
    }

    /// What a store says, in the words of the API.
    pub(crate) fn from_store(error: &StoreError, kinds: &Kinds) -> Self {
        match error {
            StoreError::NotFound { key } => named(
                StatusCode::NOT_FOUND,
                "NotFound",
                kinds,
                key,
                |resource, name| format!("{resource} {name} not found"),
            ),
            StoreError::AlreadyExists { key } => named(
                StatusCode::CONFLICT,
                "AlreadyExists",
                kinds,
                key,
                |resource, name| format!("{resource} {name} already exists"),
            ),
            StoreError::Conflict { key, message } => named(
                StatusCode::CONFLICT,
                "Conflict",
                kinds,
                key,
                |resource, name| {
                    format!("Operation cannot be fulfilled on {resource} {name}: {message}")
                },
            ),
            StoreError::Invalid { key, causes } => {
                Self::invalid(&key.kind.kind, &key.kind.group, &key.name, causes.clone())
            }
            StoreError::UnknownKind { .. } => Self::no_resource(),
            StoreError::Denied { message, warnings } => {
                Self::bad_request(message.as_str()).warned(warnings.clone())
            }
            StoreError::BadRequest { message } => Self::bad_request(message.as_str()),
            StoreError::Forbidden { message } => Self::forbidden(message.as_str()),
            StoreError::NotAllowed { message } => Self::not_supported(message.as_str()),
            StoreError::Expired { message } => {
                Self::new(StatusCode::GONE, "Expired", message.as_str())
            }
            StoreError::TooLargeResourceVersion { wanted, current } => {
                too_large_version(wanted, current)
            }
            StoreError::Unavailable { message, .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                message.as_str(),
            ),
            other => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                format!("Internal error occurred: {other}"),
            ),
        }
    }

    /// Tells `warnings` first.
    #[must_use]
    pub(crate) fn warned(mut self, warnings: Vec<String>) -> Self {
        self.warnings.splice(0..0, warnings);
        self
    }

    /// What the writer should know besides.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The HTTP status.
    pub(crate) const fn code(&self) -> StatusCode {
        self.code
    }

    /// Its sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// After how many seconds the client may ask again.
    pub(crate) fn retry_after(&self) -> Option<i32> {
        self.details
            .as_ref()
            .and_then(|details| details.retry_after_seconds)
    }

    /// The object that clients read.
    pub(crate) fn into_status(self) -> Status {
        Status {
            code: Some(i32::from(self.code.as_u16())),
            details: self.details.map(|details| *details),
            message: Some(self.message),
            reason: Some(self.reason.to_owned()),
            status: Some("Failure".to_owned()),
            ..Status::default()
        }
    }
}

/// A finding that a value is not one of those known.
pub(crate) fn not_supported(field: &str, value: &str, known: &[&str]) -> Cause {
    let known: Vec<String> = known.iter().map(|value| quote(value)).collect();
    Cause {
        reason: "FieldValueNotSupported".to_owned(),
        message: format!(
            "Unsupported value: {}: supported values: {}",
            quote(value),
            known.join(", ")
        ),
        field: field.to_owned(),
    }
}

/// A finding that a field may not be used so.
pub(crate) fn forbidden_field(field: &str, why: &str) -> Cause {
    Cause {
        reason: "FieldValueForbidden".to_owned(),
        message: format!("Forbidden: {why}"),
        field: field.to_owned(),
    }
}

/// A finding about a value, which is shown as it is given.
pub(crate) fn invalid_value(field: &str, shown: &str, why: &str) -> Cause {
    Cause {
        reason: "FieldValueInvalid".to_owned(),
        message: format!("Invalid value: {shown}: {why}"),
        field: field.to_owned(),
    }
}

fn too_large_version(wanted: &str, current: &str) -> Failure {
    Failure {
        details: Some(Box::new(StatusDetails {
            causes: Some(vec![StatusCause {
                reason: Some("ResourceVersionTooLarge".to_owned()),
                message: Some("Too large resource version".to_owned()),
                field: None,
            }]),
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        })),
        ..Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            format!("Timeout: Too large resource version: {wanted}, current: {current}"),
        )
    }
}

fn named(
    code: StatusCode,
    reason: &'static str,
    kinds: &Kinds,
    key: &ObjectKey,
    message: impl FnOnce(&str, String) -> String,
) -> Failure {
    let plural = kinds
        .get(&key.kind)
        .map_or_else(|| key.kind.kind.to_lowercase(), |kind| kind.plural.clone());
    let resource = if key.kind.group.is_empty() {
        plural.clone()
    } else {
        format!("{plural}.{}", key.kind.group)
    };
    Failure {
        details: Some(Box::new(StatusDetails {
            name: some(&key.name),
            group: some(&key.kind.group),
            kind: Some(plural),
            ..StatusDetails::default()
        })),
        ..Failure::new(code, reason, message(&resource, quote(&key.name)))
    }
}

fn status_cause(cause: Cause) -> StatusCause {
    StatusCause {
        field: some(&cause.field),
        message: Some(cause.message),
        reason: Some(cause.reason),
    }
}

/// Findings in one line, as Go prints an aggregate of errors: each text once.
fn aggregate(causes: &[Cause]) -> String {
    let mut known = BTreeSet::new();
    let texts: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .filter(|text| known.insert(text.clone()))
        .collect();
    match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
