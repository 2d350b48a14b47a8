use serde_json::json;

use super::*;

fn patched(content_type: &str, mut value: Value, patch: &Value) -> Result<Value, String> {
    let (patch, _) = Patch::parse(content_type, true, patch.to_string().as_bytes())
        .map_err(|failure| failure.message().to_owned())?;
    patch
        .apply(&mut value)
        .map(|()| value)
        .map_err(|failure| failure.message().to_owned())
}

#[test]
fn strategic_merge() {
    let rows = [
        (
            "maps are merged, null removes",
            json!({"data": {"a": "1", "b": "2"}}),
            json!({"data": {"a": null, "c": "3"}}),
            json!({"data": {"b": "2", "c": "3"}}),
        ),
        (
            "containers by name, env by name, ports by containerPort",
            json!({"spec": {"containers": [
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80}]},
                {"name": "b"},
            ]}}),
            json!({"spec": {"containers": [
                {"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}], "ports": [{"containerPort": 80, "name": "http"}]},
            ]}}),
            json!({"spec": {"containers": [
                {"name": "a", "image": "2", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
                 "ports": [{"containerPort": 80, "name": "http"}]},
                {"name": "b"},
            ]}}),
        ),
        (
            "items are deleted and ordered",
            json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}}),
            json!({"spec": {
                "$setElementOrder/containers": [{"name": "c"}, {"name": "d"}, {"name": "a"}],
                "containers": [{"$patch": "delete", "name": "b"}, {"name": "d", "image": "i"}],
            }}),
            json!({"spec": {"containers": [{"name": "c"}, {"name": "d", "image": "i"}, {"name": "a"}]}}),
        ),
        (
            "ports of a Service by port",
            json!({"spec": {"ports": [{"port": 80, "targetPort": 1}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 2}, {"port": 81}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 2}, {"port": 81}]}}),
        ),
        (
            "other lists are replaced",
            json!({"spec": {"tolerations": [{"key": "a"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
        ),
        (
            "finalizers are a set",
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["b", "c"]}}),
            json!({"metadata": {"finalizers": ["b", "c"]}}),
        ),
        (
            "a map is replaced",
            json!({"spec": {"selector": {"a": "1"}}}),
            json!({"spec": {"selector": {"$patch": "replace", "b": "2"}}}),
            json!({"spec": {"selector": {"b": "2"}}}),
        ),
        (
            "a list is replaced",
            json!({"spec": {"containers": [{"name": "a"}]}}),
            json!({"spec": {"containers": [{"name": "b"}, {"$patch": "replace"}]}}),
            json!({"spec": {"containers": [{"name": "b"}]}}),
        ),
        (
            "a volume has one source",
            json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}),
            json!({"spec": {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}}),
            json!({"spec": {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}}),
        ),
        (
            "only the named keys are kept",
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        ),
    ];
    for (name, value, patch, want) in rows {
        assert_eq!(patched(STRATEGIC, value, &patch), Ok(want), "{name}");
    }
}

#[test]
fn json_and_merge_patches() {
    assert_eq!(
        patched(
            JSON,
            json!({"a": [1]}),
            &json!([{"op": "add", "path": "/a/-", "value": 2}])
        ),
        Ok(json!({"a": [1, 2]}))
    );
    assert_eq!(
        patched(
            MERGE,
            json!({"a": [1], "b": {"c": 1}}),
            &json!({"a": [2], "b": {"c": null}})
        ),
        Ok(json!({"a": [2], "b": {}}))
    );
}

#[test]
fn refusals() {
    let rows = [
        (
            JSON,
            json!([{"op": "test", "path": "/a", "value": 2}]),
            crate::status::REJECTED,
        ),
        (
            JSON,
            json!([{"op": "remove", "path": "/x/y"}]),
            crate::status::REJECTED,
        ),
        (
            STRATEGIC,
            json!({"spec": {"containers": [{"image": "x"}]}}),
            "map: {\"image\":\"x\"} does not contain declared merge key: name",
        ),
        (
            MERGE,
            json!([]),
            "error decoding patch: json: cannot unmarshal the patch into an object",
        ),
    ];
    for (content_type, patch, want) in rows {
        assert_eq!(
            patched(content_type, json!({"a": 1}), &patch),
            Err(want.to_owned())
        );
    }
    let many = vec![json!({"op": "remove", "path": "/a"}); 10_001];
    assert_eq!(
        patched(JSON, json!({}), &json!(many)),
        Err("The allowed maximum operations in a JSON patch is 10000, got 10001".to_owned())
    );
    for (builtin, content_type) in [
        (false, APPLY),
        (true, APPLY),
        (false, STRATEGIC),
        (false, ""),
    ] {
        let failure =
            Patch::parse(content_type, builtin, b"{}").map_err(|failure| failure.code().as_u16());
        assert_eq!(failure, Err(415));
    }
}

#[test]
fn small_patches_make_no_huge_objects() {
    let copy = |from: &str, path: &str| json!({"op": "copy", "from": from, "path": path});
    let wide: Vec<Value> = (0..40)
        .flat_map(|i| [copy("/a", &format!("/b{i}")), copy("", &format!("/a/{i}"))])
        .collect();
    let refused = patched(JSON, json!({"a": {"b": "c".repeat(64)}}), &json!(wide));
    assert_eq!(
        refused,
        Err("The copies of a JSON patch may have 3145728 bytes together".to_owned())
    );
    let deep: Vec<Value> = (0..200).map(|_| copy("/a", "/a/x")).collect();
    let refused = patched(JSON, json!({"a": {}}), &json!(deep));
    let want = "a JSON patch may not nest values more than 128 levels deep";
    assert_eq!(refused, Err(want.to_owned()));
    let path = "/x".repeat(100);
    let value = (0..100).fold(json!(1), |value, _| json!([value]));
    let refused = patched(
        JSON,
        json!({}),
        &json!([{"op": "add", "path": path, "value": value}]),
    );
    assert_eq!(refused, Err(want.to_owned()));
}

/// Searched for one by one, so many items would take minutes.
#[test]
fn long_lists_are_merged_soon() {
    let items = |numbers: std::ops::Range<u32>| -> Value {
        numbers.map(|n| json!({"name": n.to_string()})).collect()
    };
    let patch = json!({
        "secrets": items(0..100_000),
        "$setElementOrder/secrets": items(0..100_000),
        "metadata": {"finalizers": (0..100_000).collect::<Vec<u32>>()},
    });
    let merged = patched(STRATEGIC, json!({"secrets": items(50_000..60_000)}), &patch);
    assert!(merged.is_ok_and(|merged| merged["secrets"] == items(0..100_000)));
}
