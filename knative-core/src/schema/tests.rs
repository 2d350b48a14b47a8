use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Service};
use serde::Deserialize;

use super::*;

fn widget() -> Result<Schema, SchemaError> {
    Schema::from_yaml(
        r"
type: object
properties:
  spec:
    type: object
    required: [mode]
    properties:
      mode: {type: string, enum: [Fast, Slow]}
      count: {type: integer, format: int32, minimum: 1, maximum: 1000000, default: 3}
      plain: {type: integer}
      ratio: {type: number, exclusiveMaximum: true, maximum: 1.5}
      port: {x-kubernetes-int-or-string: true}
      name: {type: string, pattern: '^[a-z]+$', minLength: 2, maxLength: 4}
      when: {type: string, format: date-time}
      maybe: {type: string, nullable: true}
      free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: object}}}
      labels: {type: object, additionalProperties: {type: string}, maxProperties: 2}
      parts:
        type: array
        maxItems: 2
        minItems: 1
        items: {type: object, properties: {size: {type: integer, format: int64}, kind: {type: string, default: box}}}
      either:
        type: object
        properties: {a: {type: string}, b: {type: string}}
        oneOf: [{required: [a]}, {required: [b]}]
  status: {type: object}
",
    )
}

#[test]
fn unknown_fields() -> Result<(), SchemaError> {
    let mut object = json!({
        "apiVersion": "acme.dev/v1", "kind": "Widget",
        "metadata": {"name": "", "creationTimestamp": null, "labels": {"a": "b"}, "nam": 1},
        "spec": {
            "mod": 1,
            "labels": {"any": "x"},
            "free": {"x": {"y": 1}, "known": {"z": 1}},
            "parts": [{"size": 1}, {"siez": 1}],
        },
        "status": {"old": 1},
        "extra": null,
    });
    let unknown = widget()?.prune(&mut object);
    let paths: Vec<_> = unknown.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "extra",
            "metadata.nam",
            "spec.free.known.z",
            "spec.mod",
            "spec.parts[1].siez",
            "status.old"
        ]
    );
    assert_eq!(
        object,
        json!({
            "apiVersion": "acme.dev/v1", "kind": "Widget",
            "metadata": {"name": "", "creationTimestamp": null, "labels": {"a": "b"}},
            "spec": {"labels": {"any": "x"}, "free": {"x": {"y": 1}, "known": {}}, "parts": [{"size": 1}, {}]},
            "status": {},
        })
    );
    Ok(())
}

#[test]
fn defaults_and_nulls() -> Result<(), SchemaError> {
    let mut object = json!({
        "metadata": {"creationTimestamp": null},
        "spec": {"mode": null, "count": null, "maybe": null, "labels": {"a": null}, "free": {"x": null}, "parts": [{}, {"kind": "bag"}]},
    });
    widget()?.apply_defaults(&mut object);
    assert_eq!(
        object,
        json!({
            "metadata": {},
            "spec": {"count": 3, "maybe": null, "labels": {}, "free": {"x": null}, "parts": [{"kind": "box"}, {"kind": "bag"}]},
        })
    );
    Ok(())
}

#[test]
fn violations() -> Result<(), SchemaError> {
    let rows = [
        (
            json!({"mode": "Fast", "port": "http", "ratio": 1, "plain": 2.0, "maybe": null}),
            "",
        ),
        (json!({}), "spec.mode: Required value"),
        (
            json!(null),
            r#"spec: Invalid value: "null": spec in body must be of type object: "null""#,
        ),
        (
            json!({"mode": "x"}),
            r#"spec.mode: Unsupported value: "x": supported values: "Fast", "Slow""#,
        ),
        (
            json!({"mode": "Fast", "plain": "1"}),
            r#"spec.plain: Invalid value: "string": spec.plain in body must be of type integer: "string""#,
        ),
        (
            json!({"mode": "Fast", "plain": 1.5}),
            r#"spec.plain: Invalid value: "number": spec.plain in body must be of type integer: "number""#,
        ),
        (
            json!({"mode": "Fast", "count": "1"}),
            r#"spec.count: Invalid value: "string": spec.count in body must be of type integer: "string""#,
        ),
        (
            json!({"mode": "Fast", "count": 1.5}),
            r#"spec.count: Invalid value: "double": spec.count in body must be of type int32: "double""#,
        ),
        (
            json!({"mode": "Fast", "count": 0}),
            "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1",
        ),
        (
            json!({"mode": "Fast", "count": 2_000_000}),
            "spec.count: Invalid value: 2000000: spec.count in body should be less than or equal to 1e+06",
        ),
        (
            json!({"mode": "Fast", "ratio": 1.5}),
            "spec.ratio: Invalid value: 1.5: spec.ratio in body should be less than 1.5",
        ),
        (
            json!({"mode": "Fast", "port": true}),
            r#"spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean""#,
        ),
        (
            json!({"mode": "Fast", "name": "A"}),
            "spec.name: Invalid value: \"A\": spec.name in body should be at least 2 chars long\n\
             spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'",
        ),
        (
            json!({"mode": "Fast", "name": "abcde"}),
            "spec.name: Too long: may not be more than 4 bytes",
        ),
        (
            json!({"mode": "Fast", "when": "noon"}),
            r#"spec.when: Invalid value: "noon": spec.when in body must be of type date-time: "noon""#,
        ),
        (
            json!({"mode": "Fast", "labels": {"a": 1}}),
            r#"spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer""#,
        ),
        (
            json!({"mode": "Fast", "labels": {"a": "", "b": "", "c": ""}}),
            "spec.labels: Too many: 3: must have at most 2 items",
        ),
        (
            json!({"mode": "Fast", "parts": [{}, {}, {}]}),
            "spec.parts: Too many: 3: must have at most 2 items",
        ),
        (
            json!({"mode": "Fast", "parts": []}),
            "spec.parts: Invalid value: 0: spec.parts in body should have at least 1 items",
        ),
        (
            json!({"mode": "Fast", "parts": [{}, {"size": "1"}]}),
            r#"spec.parts[1].size: Invalid value: "string": spec.parts[1].size in body must be of type integer: "string""#,
        ),
        (
            json!({"mode": "Fast", "either": {}}),
            r#"spec.either: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found none valid"#,
        ),
    ];
    let schema = widget()?;
    for (spec, want) in rows {
        let wrong = schema.check(&json!({"spec": spec}));
        let lines: Vec<_> = wrong.iter().map(Violation::to_string).collect();
        assert_eq!(lines.join("\n"), want, "{spec}");
    }
    let wrong = schema.check(&json!([]));
    assert_eq!(wrong[0].reason.as_str(), "FieldValueTypeInvalid");
    Ok(())
}

#[test]
fn of_core_kinds() {
    let schema = Schema::of::<Deployment>();
    let mut object = json!({
        "metadata": {"name": "a", "creationTimestamp": null},
        "spec": {"strategy": {}, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"creationTimestamp": null},
            "spec": {"containers": [{
                "name": "a",
                "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"port": "http"}},
                "readinessProbe": {"httpGet": {"port": 80}},
                "nosuchfield": 1,
            }], "volumes": [{"name": "v", "emptyDir": {}}]},
        }},
        "status": {},
    });
    let unknown = schema.prune(&mut object);
    assert_eq!(
        unknown.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [r#"unknown field "spec.template.spec.containers[0].nosuchfield""#]
    );
    schema.apply_defaults(&mut object);
    assert_eq!(schema.check(&object), []);

    object["spec"]["replicas"] = json!("two");
    object["spec"]["template"]["spec"]["containers"] = json!(null);
    let wrong: Vec<_> = schema
        .check(&object)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        wrong,
        [
            r#"spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string""#,
            r#"spec.template.spec.containers: Invalid value: "null": spec.template.spec.containers in body must be of type array: "null""#,
        ]
    );
}

#[test]
fn documents_are_self_contained_and_structural() {
    let documents = [
        Schema::of::<Pod>(),
        Schema::of::<Service>(),
        Schema::of::<ConfigMap>(),
        Schema::of::<Event>(),
        Schema::of::<Thing>(),
    ];
    for schema in documents {
        let text = schema.as_value().to_string();
        for keyword in [
            "\"$ref\":\"",
            "\"$defs\":{",
            "\"anyOf\":[",
            "\"allOf\":[",
            "[\"string\",\"null\"]",
        ] {
            assert!(!text.contains(keyword), "{keyword} in {}", &text[..200]);
        }
        assert!(Schema::from_value(schema.as_value().clone()).is_ok());
    }
}

#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Thing {
    spec: Option<ThingSpec>,
    #[serde(default)]
    raw: Value,
}

#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is of interest")]
struct ThingSpec {
    mode: Option<Mode>,
    small: Option<u32>,
    shape: Option<Shape>,
    next: Option<Box<Self>>,
    #[serde(flatten)]
    more: More,
}

#[derive(JsonSchema, Deserialize)]
enum Mode {
    /// Documented.
    Fast,
    Slow,
}

#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is of interest")]
enum Shape {
    Round { radius: i64 },
    Square { side: i64 },
}

#[derive(JsonSchema, Deserialize)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct More {
    extra: String,
}

#[test]
fn of_own_types() {
    let schema = Schema::of::<Thing>();
    let mut object = json!({
        "metadata": {"name": "a"},
        "raw": {"any": [1]},
        "spec": {"extra": "x", "mode": "Fast", "small": 1, "shape": {"side": 1, "no": 2}, "next": {"anything": 1}, "bogus": null},
    });
    let unknown = schema.prune(&mut object);
    let paths: Vec<_> = unknown.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["spec.bogus", "spec.shape.no"]);
    assert_eq!(schema.check(&object), []);
    object["spec"] = json!({"mode": "fast", "small": -1});
    let wrong: Vec<_> = schema
        .check(&object)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        wrong,
        [
            "spec.extra: Required value",
            r#"spec.mode: Unsupported value: "fast": supported values: "Slow", "Fast""#,
            "spec.small: Invalid value: -1: spec.small in body should be greater than or equal to 0",
        ]
    );
}

#[test]
fn the_default_schema_takes_anything() {
    let mut object = json!({"a": {"b": null}});
    let schema = Schema::default();
    assert!(schema.prune(&mut object).is_empty());
    schema.apply_defaults(&mut object);
    assert_eq!(object, json!({"a": {"b": null}}));
    assert_eq!(schema.check(&object), []);
}

#[test]
fn malformed_schemas() {
    let rows = [
        (json!([]), "malformed schema at \"\": not an object"),
        (
            json!({"properties": {"a": {"$ref": "#/x"}}}),
            "malformed schema at \"properties.a\": a structural schema has no $ref",
        ),
        (
            json!({"properties": {"a": {"pattern": "("}}}),
            "pattern of \"properties.a\" is not a regular expression",
        ),
    ];
    for (schema, want) in rows {
        let refused = Schema::from_value(schema)
            .map(|_| ())
            .map_err(|error| error.to_string());
        assert_eq!(refused, Err(want.to_owned()));
    }
    assert!(matches!(
        Schema::from_yaml(": :"),
        Err(SchemaError::Yaml(_))
    ));
}
