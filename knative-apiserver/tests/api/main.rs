//! The API called in process, and by a real `kubectl` over TLS.

mod bad_input;
mod discovery;
mod exec;
mod harness;
mod kn;
mod kubectl;
mod logs;
mod metrics;
mod objects;
mod protobuf;
mod tls;
mod watch;
