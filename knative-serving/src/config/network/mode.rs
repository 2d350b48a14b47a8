//! The choices that `config-network` offers.

/// What happens to plain HTTP from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpProtocol {
    /// It is served.
    #[default]
    Enabled,
    /// It is not served.
    Disabled,
    /// It is redirected to HTTPS.
    Redirected,
}

impl HttpProtocol {
    /// As written in the map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Redirected => "redirected",
        }
    }
}

/// Whether a part of the traffic is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Plain text.
    #[default]
    Disabled,
    /// TLS.
    Enabled,
}

impl Encryption {
    /// As written in the map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
        }
    }
}

/// How instances are reached where there may be a mesh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MeshCompatibilityMode {
    /// Through the cluster's address.
    Enabled,
    /// Directly.
    Disabled,
    /// Directly, unless that fails.
    #[default]
    Auto,
}

impl MeshCompatibilityMode {
    /// As written in the map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Auto => "auto",
        }
    }
}
