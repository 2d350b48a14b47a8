//! Names of services inside containers.
//!
//! A container calls another service as `http://hello.default`, `.svc` or `.svc.cluster.local`. [`Names`] takes the two
//! ports that this needs on the platform's own address on its [network](crate::DockerNetwork): 53 for a [`NameServer`],
//! which leads these names to that same address, and 80 for the gateway's private listener. All other names are asked of
//! the machine's own resolvers.

mod error;
mod forward;
mod frame;
mod names;
mod resolvers;
mod server;
mod zone;

pub use error::NamesError;
pub use names::Names;
pub use server::NameServer;
