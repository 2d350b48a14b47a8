//! HTTP inside a platform: one body type, how instances are reached, and the two traits by which parts call each other.

mod body;
mod dial;
mod endpoint;
mod front_door;

pub use body::{Body, BodyError};
pub use dial::{Connection, Dial, TokioDial};
pub use endpoint::{Endpoint, HttpService, boxed};
pub use front_door::{CallError, Caller, FrontDoor, MountError, Mounted};

/// A request as the platform's services see it.
pub type Request = http::Request<Body>;
/// A response as the platform's services give it.
pub type Response = http::Response<Body>;
