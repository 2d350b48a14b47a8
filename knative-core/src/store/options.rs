//! What may be asked of a [`Store`](super::Store) beside the object.

use crate::selector::{FieldSelector, LabelSelector};

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// The user's name, as `admin` or `system:serviceaccount:ns:name`.
    pub username: String,
    /// The groups, as `system:masters`.
    pub groups: Vec<String>,
}

impl UserInfo {
    /// The group of the platform's own parts. Only they write objects of volatile kinds.
    pub const PLATFORM: &str = "system:platform";

    /// A user without groups.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            groups: Vec::new(),
        }
    }

    /// The platform's own controllers, as they are known in a cluster.
    pub fn controller() -> Self {
        Self {
            groups: vec![Self::PLATFORM.to_owned()],
            ..Self::new("system:serviceaccount:knative-serving:controller")
        }
    }

    /// Whether this is a part of the platform.
    pub fn is_platform(&self) -> bool {
        self.groups.iter().any(|group| group == Self::PLATFORM)
    }
}

impl Default for UserInfo {
    fn default() -> Self {
        Self::controller()
    }
}

/// What happens to fields that a kind does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped, and the writer is warned.
    #[default]
    Warn,
    /// The write is refused.
    Strict,
    /// They are dropped.
    Ignore,
}

/// How a write is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Who writes; the platform's controllers by default.
    pub user: UserInfo,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// Who is recorded as the owner of the written fields.
    pub field_manager: Option<String>,
    /// What happens to unknown fields.
    pub field_validation: FieldValidation,
}

impl WriteOptions {
    /// A write by `user`.
    pub fn by(user: UserInfo) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }
}

/// How a resource version bounds a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionMatch {
    /// The list is at least as new as the version.
    #[default]
    NotOlderThan,
    /// The list shows exactly that version.
    Exact,
}

/// What to list.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// Only this namespace; all if `None`.
    pub namespace: Option<String>,
    /// Only objects with such labels.
    pub labels: LabelSelector,
    /// Only objects with such fields.
    pub fields: FieldSelector,
    /// At most so many; all if `None`.
    pub limit: Option<u64>,
    /// Where to go on, from an earlier list.
    pub continue_token: Option<String>,
    /// A state that the list must show or follow; the newest if `None`.
    pub resource_version: Option<String>,
    /// How `resource_version` is meant.
    pub version_match: VersionMatch,
}

impl ListOptions {
    /// All objects of one namespace.
    pub fn within(namespace: impl Into<String>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            ..Self::default()
        }
    }
}

/// Where a watch begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WatchStart {
    /// With the objects that exist, as [`Added`](super::WatchEvent::Added), then their changes.
    #[default]
    Existing,
    /// With the first change after this resource version.
    After(String),
}

/// What to watch.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WatchOptions {
    /// Only this namespace; all if `None`.
    pub namespace: Option<String>,
    /// Only objects with such labels; one that stops matching is reported as deleted.
    pub labels: LabelSelector,
    /// Only objects with such fields.
    pub fields: FieldSelector,
    /// Where to begin.
    pub start: WatchStart,
    /// Whether to send [`Bookmark`](super::WatchEvent::Bookmark)s: after the existing objects, and from time to time.
    pub bookmarks: bool,
}

/// What becomes of an object's dependents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are removed afterwards.
    #[default]
    Background,
    /// They are removed first; the object waits for those that block it.
    Foreground,
    /// They stay, without their owner.
    Orphan,
}

/// What must hold for a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The object's uid.
    pub uid: Option<String>,
    /// The object's resource version.
    pub resource_version: Option<String>,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// Who deletes; the platform's controllers by default.
    pub user: UserInfo,
    /// Whether nothing is to be removed.
    pub dry_run: bool,
    /// What becomes of dependents.
    pub propagation: Propagation,
    /// What must hold.
    pub preconditions: Preconditions,
}
