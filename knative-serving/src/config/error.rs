//! Why a map is refused.

/// Why the data of a ConfigMap does not parse. The text is the one that Knative gives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error of this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
