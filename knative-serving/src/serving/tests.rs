mod harness;

use std::time::Duration;

use knative_core::runtime::fake::{FakeImage, FakeRuntime};
use serde_json::json;

use self::harness::Harness;

const HELLO: &str = "dev.local/hello:1";

fn machine() -> FakeRuntime {
    let start = Duration::from_millis(40);
    FakeRuntime::new().with_image(HELLO, FakeImage::hello().start_delay(start))
}

fn service(target: &str) -> serde_json::Value {
    let env = json!([{"name": "TARGET", "value": target}]);
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": HELLO, "env": env}]}}},
    })
}

#[tokio::test(start_paused = true)]
async fn a_service_becomes_ready_and_is_called_from_zero() {
    let platform = Harness::start(machine(), 1).await;
    platform.create(service("one")).await;
    platform.ready("hello").await;
    assert_eq!(
        platform.call("hello.default.localhost").await,
        (200, "Hello World!\n".to_owned())
    );
    platform
        .wait("no instances", || platform.machine.running().is_empty())
        .await;
    assert_eq!(
        platform.call("hello.default.localhost").await,
        (200, "Hello World!\n".to_owned())
    );
    platform.stop().await;
}
