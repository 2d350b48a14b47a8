//! What instances run on.

use std::{fmt, sync::Arc};

use anyhow::Result;
use knative_core::{
    Clock, Ids,
    platform::Component,
    runtime::{ImageStore, InstanceRuntime, Standby},
};
use knative_serving::gateway::{Gateway, Scope};
use tokio::net::TcpListener;

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
    /// What will serve requests, for who has to know which hosts it serves.
    pub gateway: Gateway,
    /// The port at which users call it, the same from run to run.
    pub port: u16,
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
    /// Where its instances reach the gateway, if they have a network of their own; else they share the platform's.
    pub inside: Option<Inside>,
    /// What revisions keep in reserve that do not say.
    pub standby: Option<Standby>,
    /// How many bytes all paused instances may keep.
    pub standby_memory: Option<u64>,
}

/// The gateway as instances see it that have a network of their own.
#[derive(Debug)]
pub struct Inside {
    /// Where it listens for them.
    pub socket: TcpListener,
    /// Who they are.
    pub scope: Scope,
    /// What else runs for them.
    pub components: Vec<Arc<dyn Component>>,
}
