//! What instances run on.

use std::{fmt, sync::Arc};

use anyhow::Result;
use knative_core::{
    Clock, Ids,
    runtime::{ImageStore, InstanceRuntime},
};

use crate::data::OwnedDataDir;

/// The image of the hello service, which each machine has from the start.
pub const HELLO: &str = "example.local/hello";

/// What a program's instances run on.
pub trait Machine: fmt::Debug + Sync {
    /// The program, as it calls itself.
    const PROGRAM: &'static str;

    /// Gets ready to run instances.
    ///
    /// # Errors
    /// One sentence for the user.
    fn open(&self, site: &Site<'_>) -> impl Future<Output = Result<Parts>> + Send;
}

/// Where a machine is opened.
#[derive(Debug)]
pub struct Site<'a> {
    /// The platform's directory.
    pub data: &'a OwnedDataDir,
    /// The platform's clock.
    pub clock: Arc<dyn Clock>,
    /// Where random names come from.
    pub ids: Arc<Ids>,
}

/// What a platform needs of its machine.
#[derive(Debug)]
pub struct Parts {
    /// Runs instances.
    pub runtime: Arc<dyn InstanceRuntime>,
    /// Knows what their images are.
    pub images: Arc<dyn ImageStore>,
    /// What the banner says of it: names and values.
    pub banner: Vec<(&'static str, String)>,
}
