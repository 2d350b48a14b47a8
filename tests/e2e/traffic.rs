//! Requests from zero, updates, splits, tags, rollbacks, and back to zero.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    Outcome, ensure,
    load::Load,
    platform::{Platform, service, until},
    program::Program,
    trials as part,
};

const HOST: &str = "hello.default.localhost";
const IMAGE: &str = "example.local/hello";
/// How many requests a service is sent while it changes.
const REQUESTS: u64 = 20_000;

pub(crate) fn trials() -> Vec<Trial> {
    part(
        "traffic",
        [
            ("a_service_is_called_from_zero_and_back", from_zero_and_back),
            (
                "updates_splits_rollbacks_and_scaling_lose_none_of_20000_requests",
                changes_lose_nothing,
            ),
            ("services_reach_each_other_by_all_their_names", names),
            ("an_unknown_host_is_not_found", unknown_host),
            ("an_unknown_image_recovers_once_it_is_added", unknown_image),
        ],
    )
}

/// Lets services scale to zero, and soon.
pub(crate) fn config(platform: &Platform) -> Outcome {
    let path = "/api/v1/namespaces/knative-serving/configmaps/config-autoscaler";
    until("the ConfigMap to exist", || {
        Ok(platform.get_api(path)?.status == 200)
    })?;
    let quick = json!({ "data": {
        "stable-window": "6s",
        "scale-to-zero-grace-period": "6s",
        "allow-zero-initial-scale": "true",
    }});
    platform.expect_api("PATCH", path, "application/merge-patch+json", &quick)
}

fn from_zero_and_back() -> Outcome {
    let platform = Platform::start()?;
    config(&platform)?;
    let zero = json!({ "autoscaling.knative.dev/initial-scale": "0" });
    // The API admits by the configuration in force, which follows its ConfigMap a moment later.
    until("zero to be allowed", || {
        Ok(platform.apply(&service("hello", IMAGE, &[], &zero)).is_ok())
    })?;
    platform.ready("hello")?;
    ensure(platform.running()?.is_empty(), || {
        "something runs".to_owned()
    })?;
    ensure(platform.body(HOST, "/")? == "Hello World!\n", || {
        "another answer".to_owned()
    })?;
    ensure(platform.running()?.len() == 1, || {
        "not one instance".to_owned()
    })?;
    until("zero instances", || Ok(platform.running()?.is_empty()))?;
    ensure(platform.body(HOST, "/")? == "Hello World!\n", || {
        "another answer".to_owned()
    })
}

/// Takes about 20 seconds: an average of six has to pass before an instance can be missed.
fn changes_lose_nothing() -> Outcome {
    let platform = Platform::start()?;
    config(&platform)?;
    let scale = json!({
        "autoscaling.knative.dev/target": "4",
        "autoscaling.knative.dev/max-scale": "4",
    });
    platform.apply(&service("hello", IMAGE, &[], &scale))?;
    platform.ready("hello")?;
    let load = Load::new(platform.gateway(), HOST);
    load.during(2, || {
        load.during(14, || {
            change(&platform)?;
            until("the service to have scaled up", || {
                Ok(platform.running()?.len() >= 3)
            })
        })?;
        until("the service to have scaled down", || {
            Ok(platform.running()?.len() == 1)
        })?;
        load.during(14, || {
            until("the service to have scaled up again", || {
                Ok(platform.running()?.len() >= 3)
            })?;
            until("all requests to be sent", || Ok(load.sent() >= REQUESTS))
        })
    })?;
    load.lost_nothing()?;
    ensure(load.sent() >= REQUESTS, || {
        format!("only {} requests", load.sent())
    })
}

fn change(platform: &Platform) -> Outcome {
    platform.apply(&service("hello", IMAGE, &[("TARGET", "Two")], &json!({})))?;
    platform.ready("hello")?;
    ensure(platform.body(HOST, "/")? == "Hello Two!\n", || {
        "the update is not in force".to_owned()
    })?;

    traffic(
        platform,
        &json!([
            { "revisionName": "hello-00001", "percent": 50, "tag": "old" },
            { "revisionName": "hello-00002", "percent": 50, "tag": "new" },
        ]),
    )?;
    let mut old = 0;
    for _ in 0..200 {
        old += u32::from(platform.body(HOST, "/")? == "Hello World!\n");
    }
    ensure((50..150).contains(&old), || {
        format!("{old} of 200 went to the first revision")
    })?;
    for (host, expected) in [
        ("old-hello.default.localhost", "Hello World!\n"),
        ("new-hello.default.localhost", "Hello Two!\n"),
    ] {
        let body = platform.body(host, "/")?;
        ensure(body == expected, || format!("{host}: {body}"))?;
    }

    traffic(
        platform,
        &json!([{ "revisionName": "hello-00001", "percent": 100 }]),
    )?;
    ensure(platform.body(HOST, "/")? == "Hello World!\n", || {
        "not rolled back".to_owned()
    })
}

fn traffic(platform: &Platform, traffic: &Value) -> Outcome {
    platform.apply(&json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": { "name": "hello" },
        "spec": { "traffic": traffic },
    }))?;
    platform.ready("hello").map(drop)
}

fn names() -> Outcome {
    let platform = Platform::start()?;
    // Asks another service and answers with what it said: a process through the gateway that its environment names, a
    // container by the other's name.
    let asks = Program::TESTED.choose(
        "TARGET=$(curl -s -H 'Host: hello.default' \"http://$K_GATEWAY/\")",
        "TARGET=$(wget -q -O - http://hello.default/)",
    );
    let image = platform.script("asks", &format!("{asks}; export TARGET; exec $HELLO"))?;
    platform.apply(&service("hello", IMAGE, &[], &json!({})))?;
    platform.ready("hello")?;
    for host in [
        "hello.default",
        "hello.default.svc",
        "hello.default.svc.cluster.local",
    ] {
        // Who is outside reaches them where instances share the platform's network.
        let answer = platform.call(host, "/")?;
        let status = Program::TESTED.choose(200, 404);
        ensure(answer.status == status, || format!("{host}: {answer:?}"))?;
    }
    platform.apply(&service("asks", &image, &[], &json!({})))?;
    platform.ready("asks")?;
    let body = platform.body("asks.default.localhost", "/")?;
    ensure(body == "Hello Hello World!!\n", || body)
}

fn unknown_host() -> Outcome {
    let platform = Platform::start()?;
    let answer = platform.call("nobody.default.localhost", "/")?;
    ensure(answer.status == 404, || format!("{answer:?}"))
}

fn unknown_image() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("later")?;
    platform.apply(&service("later", &image, &[], &json!({})))?;
    let hint = Program::TESTED.choose("platform-local image add", "no such host");
    let failed = platform.service_when("later", "failed", |service| {
        service["status"]["conditions"].to_string().contains(hint)
    })?;
    let conditions = failed["status"]["conditions"].to_string();
    ensure(conditions.contains(&image), || conditions)?;
    platform.add_script(&image, "exec $HELLO")?;
    platform.ready("later")?;
    platform.body("later.default.localhost", "/").map(drop)
}
