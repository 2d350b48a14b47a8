//! The gateway as parts of the platform use it: to be reached, and to reach services.

use async_trait::async_trait;
use http::{Uri, header::HOST};
use knative_core::http::{
    Body, CallError, Caller, Endpoint, FrontDoor, HttpService, MountError, Mounted, Request,
    Response,
};

use super::{Gateway, headers, link::Link, matcher, peer::Peer, upstream::Upstream};

impl FrontDoor for Gateway {
    fn mount(
        &self,
        host: &str,
        path: &str,
        service: HttpService,
    ) -> Result<Box<dyn Mounted>, MountError> {
        self.shared.mounts.mount(host, path, &service)
    }
}

#[async_trait]
impl Caller for Gateway {
    async fn call(&self, url: &Uri, mut request: Request) -> Result<Response, CallError> {
        let no_host = || CallError::NoHost { url: url.clone() };
        let host = url.host().ok_or_else(no_host)?;
        let host = matcher::normalize(host);
        *request.uri_mut() = url.clone();
        request.headers_mut().remove(HOST);
        if self.shared.mounts.knows(&host) || self.shared.table.load().knows(&host) {
            return Ok(self.handle_request(request, &Peer::default()).await);
        }
        self.call_outside(url, request).await
    }
}

impl Gateway {
    async fn call_outside(&self, url: &Uri, request: Request) -> Result<Response, CallError> {
        let failed = |source| CallError::Connection {
            url: url.clone(),
            source,
        };
        let mut link = self.connect(url).await.map_err(failed)?;
        let (mut parts, body) = request.into_parts();
        headers::target_outside(&mut parts);
        let answer = link.send(Request::from_parts(parts, body)).await;
        let response = answer.map_err(|error| failed(Box::new(error.into_error())))?;
        Ok(response.map(|body| Body::new(Upstream::new(body, link))))
    }

    async fn connect(
        &self,
        url: &Uri,
    ) -> Result<Box<Link>, Box<dyn std::error::Error + Send + Sync>> {
        if url.scheme_str() == Some("https") {
            return Err("https outside of the platform is not spoken here".into());
        }
        let host = url.host().unwrap_or_default();
        let port = url.port_u16().unwrap_or(80);
        let mut addresses = tokio::net::lookup_host((host, port)).await?;
        let address = addresses.next().ok_or("the name has no address")?;
        let socket = self.shared.dial.dial(&Endpoint::Tcp(address)).await?;
        Ok(Link::open(socket).await?)
    }
}
