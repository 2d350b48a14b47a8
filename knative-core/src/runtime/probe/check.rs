//! One question to an instance, and its answer.

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use http::{HeaderName, HeaderValue, Method, header};
use k8s_openapi::{
    api::core::v1::{GRPCAction, HTTPGetAction, Probe, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};
use thiserror::Error;
use tower::ServiceExt;

use super::grpc::{self, HealthStatus};
use crate::{
    http::{Body, Connection, Dial, Endpoint, Request},
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
        /// The path with its query.
        path: String,
        /// The `Host` header.
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
}

impl Prober {
    /// A prober that connects with `dial`.
    pub fn new(dial: Arc<dyn Dial>) -> Self {
        Self { dial }
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
                path,
                host,
                headers,
            } => {
                let request = request(path, host.as_deref(), headers)?;
                let status = self.get(&at(endpoint, *port), request).await?;
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

    async fn get(&self, endpoint: &Endpoint, request: Request) -> Result<u16, CheckError> {
        if let Endpoint::Service(service) = endpoint {
            let answer = service.clone().oneshot(request).await;
            return answer
                .map(|response| response.status().as_u16())
                .map_err(|never| match never {});
        }
        let connection = hyper_util::rt::TokioIo::new(self.connect(endpoint).await?);
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
        .header(header::HOST, host.unwrap_or("localhost"))
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .map_err(|error| malformed(&error))?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|error| malformed(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| malformed(&error))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::http::{Response, TokioDial, boxed};

    #[test]
    fn ports_of_the_container_are_the_endpoint() {
        let declared = [PortSpec {
            name: "user-port".to_owned(),
            port: 8080,
        }];
        let rows = [
            (IntOrString::Int(0), None),
            (IntOrString::Int(8080), None),
            (IntOrString::Int(9000), Some(9000)),
            (IntOrString::String("user-port".to_owned()), None),
            (IntOrString::String("9001".to_owned()), Some(9001)),
        ];
        for (port, want) in rows {
            assert_eq!(foreign_port(&port, Some(&declared)), want, "{port:?}");
        }
    }

    #[tokio::test]
    async fn statuses_below_400_count() {
        let prober = Prober::new(Arc::new(TokioDial));
        for (status, ok) in [(200, true), (302, true), (400, false), (503, false)] {
            let service = tower::service_fn(move |request: Request| async move {
                assert_eq!(request.uri().path(), "/healthz");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                Ok::<_, Infallible>(response)
            });
            let check = Check::Http {
                port: None,
                path: "/healthz".to_owned(),
                host: None,
                headers: vec![],
            };
            let answer = prober
                .check(&check, &Endpoint::Service(boxed(service)))
                .await;
            assert_eq!(answer.is_ok(), ok, "{status}");
        }
    }

    /// What a prober says of a server that sends this text and closes.
    async fn told(answer: &'static str) -> Result<(), CheckError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            assert!(stream.read(&mut asked).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let check = Check::Http {
            port: None,
            path: "/".to_owned(),
            host: None,
            headers: vec![],
        };
        let prober = Prober::new(Arc::new(TokioDial));
        tokio::join!(prober.check(&check, &endpoint), serve).0
    }

    #[tokio::test]
    async fn what_was_said_before_the_connection_closed_counts() {
        let empty = told("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(empty.is_ok(), "{empty:?}");
        let failed = told("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").await;
        assert!(matches!(failed, Err(CheckError::Status(500))), "{failed:?}");
        let silent = told("").await;
        assert!(
            matches!(silent, Err(CheckError::Connection(_))),
            "{silent:?}"
        );
        let other = told("SSH-2.0-other\r\n").await;
        assert!(matches!(other, Err(CheckError::Http(_))), "{other:?}");
    }
}
