//! A request to an instance.

use http_body_util::BodyExt;
use libtest_mimic::Failed;
use tower::ServiceExt;

use crate::http::{Body, Dial, Endpoint, Request, TokioDial};

/// The body of the answer to a GET; an error status is a failure.
pub(super) async fn get(endpoint: &Endpoint, path: &str) -> Result<String, Failed> {
    let request: Request = http::Request::builder()
        .uri(path)
        .header(http::header::HOST, "conformance.local")
        .body(Body::empty())?;
    let (status, body) = match endpoint {
        Endpoint::Service(service) => {
            let Ok(response) = service.clone().oneshot(request).await;
            (
                response.status(),
                response.into_body().collect().await?.to_bytes(),
            )
        }
        endpoint => over_a_connection(endpoint, request).await?,
    };
    if !status.is_success() {
        return Err(format!("GET {path} was answered with {status}").into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn over_a_connection(
    endpoint: &Endpoint,
    request: Request,
) -> Result<(http::StatusCode, bytes::Bytes), Failed> {
    let connection = hyper_util::rt::TokioIo::new(TokioDial.dial(endpoint).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(connection).await?;
    let mut answer = std::pin::pin!(async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        Ok::<_, Failed>((status, response.into_body().collect().await?.to_bytes()))
    });
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        closed = connection => {
            closed?;
            // A draining server ends the connection with its answer.
            answer.await
        }
    }
}
