//! Questions to services and to servers whose answers are written by hand.

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

#[test]
fn the_scheme_says_whether_by_tls() {
    let rows = [
        (None, false),
        (Some("HTTP"), false),
        (Some("HTTPS"), true),
        (Some("https"), true),
    ];
    for (scheme, want) in rows {
        let get = HTTPGetAction {
            scheme: scheme.map(str::to_owned),
            ..HTTPGetAction::default()
        };
        let check = http_check(&get, None);
        assert!(
            matches!(check, Check::Http { tls, .. } if tls == want),
            "{scheme:?}: {check:?}"
        );
    }
}

#[test]
fn own_headers_are_sent_as_listed_and_come_before_ours() {
    let headers = [("X-A", "1"), ("X-A", "2"), ("User-Agent", "mine")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let request = request("/", Some("app.local"), &headers).unwrap();
    let all = |name: &str| {
        let values = request.headers().get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(all("x-a"), ["1", "2"]);
    assert_eq!(all("user-agent"), ["mine"]);
    assert_eq!(all("host"), ["app.local"]);
    assert!(matches!(
        super::request("/", None, &[("no header".to_owned(), String::new())]),
        Err(CheckError::Malformed(_))
    ));
}

#[tokio::test]
async fn statuses_below_400_count() {
    let prober = Prober::new(Arc::new(TokioDial));
    let rows = [
        (200, false, true),
        // A service has no connection to secure.
        (200, true, true),
        (302, false, true),
        (400, false, false),
        (503, true, false),
    ];
    for (status, tls, ok) in rows {
        let service = tower::service_fn(move |request: Request| async move {
            assert_eq!(request.uri().path(), "/healthz");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            Ok::<_, Infallible>(response)
        });
        let check = Check::Http {
            port: None,
            tls,
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
        tls: false,
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
