use serde_json::{Value, json};

use super::{Site, set_defaults, validate};
use crate::config::{Defaults, Features, Flag};

fn pod(value: &Value) -> k8s_openapi::api::core::v1::PodSpec {
    serde_json::from_value(value.clone()).unwrap()
}

fn errors(value: &Value, features: &Features) -> String {
    let found = validate(&pod(value), features).into_result();
    found.map_or_else(|errors| errors.to_string(), |()| String::new())
}

#[test]
fn findings_by_rule() {
    let rows = [
        ("nothing", json!({}), "missing field(s): containers"),
        (
            "no image",
            json!({"containers": [{"name": "a"}]}),
            "missing field(s): containers[0].image",
        ),
        (
            "a field that is never allowed",
            json!({"hostname": "h", "containers": [{"image": "a"}]}),
            "Failed to parse image reference: containers[0].image\nimage: \"a\", error: could not parse reference: a\n\
             must not set the field(s): hostname",
        ),
        (
            "a zero value is as good as none",
            json!({"hostname": "", "hostNetwork": false, "containers": [{"image": "app"}]}),
            "",
        ),
        (
            "two ports",
            json!({"containers": [{"image": "app", "ports": [{"containerPort": 1}, {"containerPort": 2}]}]}),
            "more than one container port is set: containers[*].ports\nOnly a single port is allowed across all containers",
        ),
        (
            "a mount without a volume",
            json!({"containers": [{"image": "app", "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": true}]}]}),
            "volumeMount has no matching volume: containers[0].volumeMounts[0].name",
        ),
    ];
    for (name, value, want) in rows {
        assert_eq!(errors(&value, &Features::default()), want, "{name}");
    }
}

#[test]
fn a_flag_opens_a_field() {
    let value = json!({"nodeSelector": {"a": "b"}, "containers": [{"image": "app"}]});
    let closed = Features::default();
    assert_eq!(
        errors(&value, &closed),
        "must not set the field(s): nodeSelector"
    );
    let open = Features {
        pod_spec_node_selector: Flag::Allowed,
        ..Features::default()
    };
    assert_eq!(errors(&value, &open), "");
}

#[test]
fn several_containers_are_numbered_around_given_names() {
    let mut spec = pod(&json!({"containers": [{}, {"name": "user-container-0"}, {}]}));
    let site = Site {
        parent: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta::default(),
        create: true,
    };
    set_defaults(&mut spec, site, &Defaults::default(), &Features::default());
    let names: Vec<_> = spec
        .containers
        .iter()
        .map(|each| each.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["user-container-1", "user-container-0", "user-container-2"]
    );
    assert_eq!(spec.enable_service_links, Some(false));
}
