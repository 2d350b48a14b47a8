//! An API over a store in memory, with a few kinds.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use knative_apiserver::ApiServer;
use knative_core::{
    Column, Ids, Kind, Kinds, TokioClock,
    admission::{Admission, AdmissionRequest, Admitted},
    http::{Body, Request, Response},
    metrics::Registry,
    object::Object,
    runtime::WorkloadRuntime,
    schema::Schema,
    store::{MemoryStore, Store, StoreError, UserInfo},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// When the tests begin.
pub(crate) const EPOCH: Timestamp = Timestamp::constant(1_790_000_000, 0);
/// Where services are.
pub(crate) const SERVICES: &str = "/apis/serving.knative.dev/v1/namespaces/default/services";
/// What `kubectl get` accepts.
pub(crate) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

const SERVICE_SCHEMA: &str = r"
type: object
properties:
  spec:
    type: object
    properties:
      template:
        type: object
        properties:
          metadata:
            type: object
            properties:
              name: {type: string}
              annotations: {type: object, additionalProperties: {type: string}}
              creationTimestamp: {type: string, nullable: true}
          spec:
            type: object
            properties:
              containerConcurrency: {type: integer, format: int64}
              containers:
                type: array
                items:
                  type: object
                  properties:
                    name: {type: string}
                    image: {type: string, description: What runs.}
                    resources: {type: object}
                    env:
                      type: array
                      items:
                        type: object
                        properties:
                          name: {type: string}
                          value: {type: string}
      traffic:
        type: array
        items:
          type: object
          properties:
            latestRevision: {type: boolean}
            percent: {type: integer, format: int64}
            revisionName: {type: string}
            tag: {type: string}
  status:
    type: object
    x-kubernetes-preserve-unknown-fields: true
";

/// A kind like Knative's Service.
fn service() -> Kind {
    let schema = Schema::from_yaml(SERVICE_SCHEMA).expect("the schema is well-formed");
    let mut kind = Kind::new(
        "serving.knative.dev",
        "v1",
        "Service",
        "services",
        Arc::new(schema),
    );
    kind.short_names = vec!["kservice".to_owned(), "ksvc".to_owned()];
    kind.categories = ["all", "knative", "serving"].map(str::to_owned).to_vec();
    let ready = ".status.conditions[?(@.type=='Ready')]";
    kind.admission = Some(Arc::new(Traffic));
    kind.columns = vec![
        Column::string("URL", ".status.url"),
        Column::string("LatestCreated", ".status.latestCreatedRevisionName"),
        Column::string("LatestReady", ".status.latestReadyRevisionName"),
        Column::string("Ready", &format!("{ready}.status")),
        Column::string("Reason", &format!("{ready}.reason")),
    ];
    kind
}

/// Fills in traffic as Knative does.
#[derive(Debug)]
struct Traffic;

impl Admission for Traffic {
    fn default(&self, _: &AdmissionRequest<'_>, object: &mut Object) -> Result<(), StoreError> {
        let spec = &mut object.data["spec"];
        if spec["traffic"].is_null() {
            spec["traffic"] = json!([{"latestRevision": true, "percent": 100}]);
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        if object.data["spec"]["template"].is_null() {
            return Err(StoreError::Denied {
                message: "admission webhook \"validation.webhook.serving.knative.dev\" denied the request: validation failed: missing field(s): spec.template".to_owned(),
                warnings: vec!["a template is what runs".to_owned()],
            });
        }
        Ok(Vec::new())
    }
}

/// The kinds of the tests: Kubernetes', and one like Knative's.
pub(crate) fn kinds() -> Kinds {
    let mut kinds = Kinds::new();
    knative_core::kinds::core::register(&mut kinds);
    kinds.register(service());
    kinds
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The texts of all warnings, quotes and all.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.headers.get_all("warning").iter();
        warnings
            .filter_map(|warning| warning.to_str().ok())
            .collect()
    }

    /// The answer, if it is the status that is asked for.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The message of a `Status` with this code and reason.
    pub(crate) fn refusal(&self, code: u16, reason: &str) -> String {
        let status = self.json();
        assert_eq!(self.status.as_u16(), code, "{status}");
        assert_eq!(status["kind"], "Status", "{status}");
        assert_eq!(status["code"], code, "{status}");
        assert_eq!(status["reason"], reason, "{status}");
        status["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// An API over a store in memory.
#[derive(Debug)]
pub(crate) struct Harness {
    /// The API.
    pub(crate) server: ApiServer,
    /// What it serves.
    pub(crate) store: Arc<dyn Store>,
    /// What it tells of.
    pub(crate) metrics: Registry,
}

impl Harness {
    /// An API with nothing but the namespaces that are there from the start.
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// An API with somebody who keeps logs.
    pub(crate) fn with(runtime: Option<Arc<dyn WorkloadRuntime>>) -> Self {
        let kinds = Arc::new(kinds());
        let clock = Arc::new(TokioClock::starting_at(EPOCH));
        let ids = Arc::new(Ids::seeded(1));
        let memory = MemoryStore::new(Arc::clone(&kinds), Arc::clone(&clock) as _, ids);
        let store: Arc<dyn Store> = Arc::new(Admitted::new(memory, Arc::clone(&kinds)));
        let metrics = Registry::new();
        let mut builder = ApiServer::builder(kinds, Arc::clone(&store))
            .clock(clock)
            .metrics(metrics.clone());
        if let Some(runtime) = runtime {
            builder = builder.runtime(runtime);
        }
        Self {
            server: builder.build(),
            store,
            metrics,
        }
    }

    /// Sends a request as `admin`.
    pub(crate) async fn open(&self, mut request: Request) -> Response {
        let mut user = UserInfo::new("admin");
        user.groups = vec!["system:masters".to_owned()];
        request.extensions_mut().insert(user);
        let Ok(response) = self.server.service().oneshot(request).await;
        response
    }

    /// Sends a request as `admin` and reads the answer.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let body = body.collect().await.expect("the body is read");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(path, "application/json").await
    }

    /// GET with an `Accept` header.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        let request = http::Request::builder().uri(path).header("accept", accept);
        self.send(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// Another method with a JSON body.
    pub(crate) async fn write(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.write_as(method, path, "application/json", body.to_string())
            .await
    }

    /// Another method with any body.
    pub(crate) async fn write_as(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(body.into());
        self.send(request.expect("a request")).await
    }

    /// POST.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Answer {
        self.write(Method::POST, path, body).await
    }

    /// PATCH.
    pub(crate) async fn patch(&self, path: &str, content_type: &str, body: &Value) -> Answer {
        self.write_as(Method::PATCH, path, content_type, body.to_string())
            .await
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str, accept: &str) -> Events {
        let request = http::Request::builder().uri(path).header("accept", accept);
        let response = self
            .open(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        Events {
            body: response.into_body(),
            rest: Vec::new(),
        }
    }
}

/// The events of a watch.
#[derive(Debug)]
pub(crate) struct Events {
    body: Body,
    rest: Vec<u8>,
}

impl Events {
    /// The next event; `None` at the end. Fails if there is none within ten seconds.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("an event is JSON"));
            }
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await;
            let frame = frame.expect("an event within ten seconds")?;
            let frame = frame.expect("the stream goes on");
            self.rest.extend(frame.into_data().expect("data"));
        }
    }

    /// The next event's type and its object's name.
    pub(crate) async fn brief(&mut self) -> Option<(String, String)> {
        let event = self.next().await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        ))
    }
}

/// A Service with an image.
pub(crate) fn ksvc(name: &str) -> Value {
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"image": "example.local/hello"}]}}},
    })
}
