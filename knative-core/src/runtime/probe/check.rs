//! One question to an instance, and its answer.

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use http::{HeaderName, HeaderValue, Method, header};
use k8s_openapi::{
    api::core::v1::{GRPCAction, HTTPGetAction, Probe, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};
use thiserror::Error;
use tower::ServiceExt;

use super::{
    grpc::{self, HealthStatus},
    tls::Tls,
};
use crate::{
    http::{Body, Connection, Dial, Endpoint, HttpService, Request},
    runtime::PortSpec,
};

/// What a kubelet calls itself; Knative's data path knows probes by it.
pub(super) const USER_AGENT: &str = "kube-probe/1.34";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// A connection is accepted.
    Tcp {
        /// Another port than the endpoint's.
        port: Option<u16>,
    },
    /// A GET is answered with a status from 200 to 399.
    Http {
        /// Another port than the endpoint's.
        port: Option<u16>,
        /// By TLS, whatever the certificate. A service in this process has no connection to secure: it is called as it is.
        tls: bool,
        /// The path with its query.
        path: String,
        /// The `Host` header, and the name that TLS asks for.
        host: Option<String>,
        /// Further headers.
        headers: Vec<(String, String)>,
    },
    /// `grpc.health.v1.Health/Check` is answered with `SERVING`.
    Grpc {
        /// Another port than the endpoint's.
        port: Option<u16>,
        /// Whose health is asked for; the whole server's if empty.
        service: String,
    },
    /// A command in the instance ends with 0.
    Exec {
        /// The command and its arguments.
        command: Vec<String>,
    },
}

impl Check {
    /// What a probe asks; `None` for a probe without a handler. `declared` are the ports of the container that serves
    /// requests: they are the endpoint's, whatever their numbers. Of another container there is none, and its probes
    /// name the port that they ask.
    pub fn of(probe: &Probe, declared: Option<&[PortSpec]>) -> Option<Self> {
        if let Some(exec) = &probe.exec {
            let command = exec.command.clone().unwrap_or_default();
            return Some(Self::Exec { command });
        }
        if let Some(get) = &probe.http_get {
            return Some(http_check(get, declared));
        }
        if let Some(grpc) = &probe.grpc {
            return Some(grpc_check(grpc, declared));
        }
        let tcp: &TCPSocketAction = probe.tcp_socket.as_ref()?;
        Some(Self::Tcp {
            port: foreign_port(&tcp.port, declared),
        })
    }
}

fn http_check(get: &HTTPGetAction, declared: Option<&[PortSpec]>) -> Check {
    let headers = get.http_headers.iter().flatten();
    let path = get
        .path
        .clone()
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "/".to_owned());
    Check::Http {
        port: foreign_port(&get.port, declared),
        // Upper or lower case is one, as for a kubelet.
        tls: get
            .scheme
            .as_ref()
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        path: if path.starts_with('/') {
            path
        } else {
            format!("/{path}")
        },
        host: get.host.clone().filter(|host| !host.is_empty()),
        headers: headers
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect(),
    }
}

fn grpc_check(grpc: &GRPCAction, declared: Option<&[PortSpec]>) -> Check {
    Check::Grpc {
        port: foreign_port(&IntOrString::Int(grpc.port), declared),
        service: grpc.service.clone().unwrap_or_default(),
    }
}

/// A port's number unless it is one of the endpoint's own.
fn foreign_port(port: &IntOrString, declared: Option<&[PortSpec]>) -> Option<u16> {
    match port {
        IntOrString::Int(number) => {
            let number = u16::try_from(*number).ok().filter(|number| *number != 0)?;
            let own = declared.is_some_and(|declared| {
                declared.is_empty() || declared.iter().any(|port| port.port == number)
            });
            (!own).then_some(number)
        }
        IntOrString::String(name) => name.parse().ok().filter(|_| {
            !declared
                .into_iter()
                .flatten()
                .any(|port| port.name == *name)
        }),
    }
}

/// Why an answer does not count.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Nothing listens, or the connection broke.
    #[error("the connection failed: {0}")]
    Connection(#[source] io::Error),
    /// The server speaks no TLS, or none that is spoken here.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// The answer has another status.
    #[error("the probe was answered with status {0}")]
    Status(u16),
    /// The question cannot be put.
    #[error("the probe cannot be sent: {0}")]
    Malformed(String),
    /// The answer was not HTTP.
    #[error("the answer is not HTTP: {0}")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server speaks gRPC and has no health service.
    #[error("the server does not implement the gRPC health protocol (grpc.health.v1.Health)")]
    Unimplemented,
    /// The health check ended with another gRPC status than OK.
    #[error("the health check ended with gRPC status {code}: {message}")]
    Rpc {
        /// The status.
        code: u32,
        /// What the server says about it.
        message: String,
    },
    /// The service says that it is not serving.
    #[error("service unhealthy (responded with {:?})", .0.as_str())]
    Unhealthy(HealthStatus),
}

/// Puts TCP, HTTP and gRPC questions. Commands are run by the backend.
#[derive(Clone, Debug)]
pub struct Prober {
    dial: Arc<dyn Dial>,
    tls: Tls,
}

impl Prober {
    /// A prober that connects with `dial`.
    pub fn new(dial: Arc<dyn Dial>) -> Self {
        Self {
            dial,
            tls: Tls::new(),
        }
    }

    /// Puts one question. It takes as long as the instance does: callers bound it.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn check(&self, check: &Check, endpoint: &Endpoint) -> Result<(), CheckError> {
        match check {
            Check::Exec { .. } => Err(CheckError::Malformed(
                "commands are run by the backend".to_owned(),
            )),
            Check::Tcp { port } => match at(endpoint, *port) {
                Endpoint::Service(_) => Ok(()),
                endpoint => self.connect(&endpoint).await.map(drop),
            },
            Check::Http {
                port,
                tls,
                path,
                host,
                headers,
            } => {
                let host = host.as_deref();
                let request = request(path, host, headers)?;
                let status = match at(endpoint, *port) {
                    Endpoint::Service(service) => call(service, request).await,
                    endpoint if *tls => get(self.secure(&endpoint, host).await?, request).await?,
                    endpoint => get(self.connect(&endpoint).await?, request).await?,
                };
                if (200..400).contains(&status) {
                    Ok(())
                } else {
                    Err(CheckError::Status(status))
                }
            }
            Check::Grpc { port, service } => {
                match grpc::check(&*self.dial, &at(endpoint, *port), service).await? {
                    HealthStatus::Serving => Ok(()),
                    status => Err(CheckError::Unhealthy(status)),
                }
            }
        }
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Connection>, CheckError> {
        self.dial
            .dial(endpoint)
            .await
            .map_err(CheckError::Connection)
    }

    async fn secure(
        &self,
        endpoint: &Endpoint,
        host: Option<&str>,
    ) -> Result<Box<dyn Connection>, CheckError> {
        let connection = self.connect(endpoint).await?;
        let secured = self.tls.secure(connection, host).await;
        secured.map_err(CheckError::Tls)
    }
}

async fn call(service: HttpService, request: Request) -> u16 {
    let Ok(response) = service.oneshot(request).await;
    response.status().as_u16()
}

async fn get(connection: Box<dyn Connection>, request: Request) -> Result<u16, CheckError> {
    let connection = hyper_util::rt::TokioIo::new(connection);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(connection)
        .await
        .map_err(unanswered)?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // It may end in the very step that reads the answer, and leaves that or why there is none.
        _ = connection => answer.await,
    };
    answer
        .map(|response| response.status().as_u16())
        .map_err(unanswered)
}

fn unanswered(error: hyper::Error) -> CheckError {
    if error.is_parse() {
        CheckError::Http(Box::new(error))
    } else {
        CheckError::Connection(io::Error::other(error))
    }
}

/// The endpoint with another port.
fn at(endpoint: &Endpoint, port: Option<u16>) -> Endpoint {
    match (endpoint, port) {
        (Endpoint::Tcp(address), Some(port)) => Endpoint::Tcp(SocketAddr::new(address.ip(), port)),
        (endpoint, _) => endpoint.clone(),
    }
}

fn request(
    path: &str,
    host: Option<&str>,
    headers: &[(String, String)],
) -> Result<Request, CheckError> {
    let malformed = |what: &dyn std::fmt::Display| CheckError::Malformed(what.to_string());
    let mut request = http::Request::builder()
        .method(Method::GET)
        .uri(path)
        .body(Body::empty())
        .map_err(|error| malformed(&error))?;
    let all = request.headers_mut();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|error| malformed(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| malformed(&error))?;
        // A list may name one several times.
        all.append(name, value);
    }
    let host = HeaderValue::try_from(host.unwrap_or("localhost"));
    let defaults = [
        (header::HOST, host.map_err(|error| malformed(&error))?),
        (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        (header::CONNECTION, HeaderValue::from_static("close")),
    ];
    for (name, value) in defaults {
        all.entry(name).or_insert(value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
