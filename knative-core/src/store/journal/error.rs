//! Why a data directory cannot be used.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a store on disk could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another platform uses the directory.
    #[error("data directory {} is in use by another platform", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A file is of a format that this version does not know.
    #[error(
        "{} has format version {version}, and this version of the platform knows only {known}",
        path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version that it says it has.
        version: u32,
        /// The version that can be read.
        known: u32,
    },
    /// A file is none of ours.
    #[error("{} is not a journal of this platform", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file is damaged where no crash can have damaged it.
    #[error("{} is damaged at byte {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// The operating system refuses.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
