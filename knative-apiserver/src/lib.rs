//! The Kubernetes API over any [`Store`](knative_core::store::Store), so that `kubectl`, `kn` and Kubernetes clients
//! work with no cluster.
//!
//! [`ApiServer`] is a tower service that answers discovery, `OpenAPI`, reads, writes, watches and tables for every kind
//! that is registered. In process it is called as it is; [`ApiServer::bind`] puts it on a socket with TLS, where clients
//! are known by a certificate of the platform's own authority or by a token, both of which [`Kubeconfig`] holds.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use jiff::Timestamp;
//! use knative_apiserver::{ApiServer, Credentials};
//! use knative_core::{Clock, Kinds, SystemClock, store::Store};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(kinds: Arc<Kinds>, store: Arc<dyn Store>) -> Result<(), Box<dyn std::error::Error>> {
//! let now = SystemClock.now();
//! let directory = std::path::Path::new(".knative");
//! let credentials = Arc::new(Credentials::load_or_create(&directory.join("pki"), now)?);
//! let server = ApiServer::builder(kinds, store).build();
//! let bound = server.bind("127.0.0.1:7443".parse()?, credentials).await?;
//! bound.kubeconfig(now)?.write(&directory.join("kubeconfig"))?;
//! bound.serve(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod body;
mod crd;
mod credentials;
mod der;
mod discovery;
mod document;
mod etag;
mod exec;
mod impersonate;
mod ingest;
mod kubeconfig;
mod logs;
mod negotiate;
mod openapi;
mod patch;
mod path;
mod pod;
mod protobuf;
mod query;
mod reply;
mod reviews;
mod router;
mod server;
mod service;
mod status;
mod table;
mod tls;
mod verbs;
mod version;

pub use self::{
    credentials::{Credentials, CredentialsError},
    kubeconfig::Kubeconfig,
    server::{BoundApiServer, ServeError},
    service::{ApiServer, ApiServerBuilder},
};
