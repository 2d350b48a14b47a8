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
      free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: object}}}
      mode: {type: string, enum: [Fast, Slow]}
      count: {type: integer, format: int32, minimum: 1, maximum: 1000000, default: 3}
      plain: {type: integer}
      ratio: {type: number, exclusiveMaximum: true, maximum: 1.5}
      ratio2: {type: number, format: double}
      step: {type: integer, multipleOf: 5}
      port: {x-kubernetes-int-or-string: true}
      name: {type: string, pattern: '^[a-z]+$', minLength: 2, maxLength: 4}
      when: {type: string, format: date-time}
      raw: {type: string, format: byte}
      flag: {type: boolean}
      maybe: {type: string, nullable: true}
      num: {type: integer, enum: [1, 2]}
      labels: {type: object, additionalProperties: {type: string}, maxProperties: 2, minProperties: 1}
      big: {type: integer, format: int64}
      parts:
        type: array
        maxItems: 2
        minItems: 1
        items: {type: object, required: [size], properties: {size: {type: integer, format: int64}, kind: {type: string, default: box}}}
      either:
        type: object
        properties: {a: {type: string}, b: {type: string}}
        oneOf: [{required: [a]}, {required: [b]}]
      any:
        type: object
        properties: {a: {type: string}, b: {type: string}}
        anyOf: [{required: [a]}, {required: [b]}]
      all:
        type: object
        properties: {a: {type: string}, b: {type: string}}
        allOf: [{required: [a]}, {required: [b]}]
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

/// Specs of a widget, and what the API server of Kubernetes 1.34 says of each.
const VIOLATIONS: &[(&str, &str)] = &[
    (
        "null",
        "spec: Invalid value: \"null\": spec in body must be of type object: \"null\"",
    ),
    ("{}", "spec.mode: Required value"),
    (
        r#"{"mode":"x"}"#,
        "spec.mode: Unsupported value: \"x\": supported values: \"Fast\", \"Slow\"",
    ),
    (
        r#"{"mode":5}"#,
        "spec.mode: Invalid value: \"integer\": spec.mode in body must be of type string: \"integer\"\n\
             spec.mode: Unsupported value: 5: supported values: \"Fast\", \"Slow\"",
    ),
    (
        r#"{"mode":"Fast","plain":"1"}"#,
        "spec.plain: Invalid value: \"string\": spec.plain in body must be of type integer: \"string\"",
    ),
    (
        r#"{"mode":"Fast","plain":1.5}"#,
        "spec.plain: Invalid value: \"number\": spec.plain in body must be of type integer: \"number\"",
    ),
    (
        r#"{"mode":"Fast","plain":{}}"#,
        "spec.plain: Invalid value: \"object\": spec.plain in body must be of type integer: \"object\"",
    ),
    (
        r#"{"mode":"Fast","plain":true}"#,
        "spec.plain: Invalid value: \"boolean\": spec.plain in body must be of type integer: \"boolean\"",
    ),
    (r#"{"mode":"Fast","plain":2.0}"#, ""),
    (
        r#"{"mode":"Fast","count":"1"}"#,
        "spec.count: Invalid value: \"string\": spec.count in body must be of type integer: \"string\"",
    ),
    (
        r#"{"mode":"Fast","count":1.5}"#,
        "spec.count: Invalid value: \"number\": spec.count in body must be of type integer: \"number\"",
    ),
    (
        r#"{"mode":"Fast","count":true}"#,
        "spec.count: Invalid value: \"boolean\": spec.count in body must be of type integer: \"boolean\"",
    ),
    (
        r#"{"mode":"Fast","count":{}}"#,
        "spec.count: Invalid value: \"object\": spec.count in body must be of type integer: \"object\"",
    ),
    (
        r#"{"mode":"Fast","count":[]}"#,
        "spec.count: Invalid value: \"array\": spec.count in body must be of type integer: \"array\"",
    ),
    (
        r#"{"mode":"Fast","count":0}"#,
        "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1",
    ),
    (
        r#"{"mode":"Fast","count":2000000}"#,
        "spec.count: Invalid value: 2000000: spec.count in body should be less than or equal to 1000000",
    ),
    (
        r#"{"mode":"Fast","count":3000000000}"#,
        "spec.count: Invalid value: 3000000000: spec.count in body should be less than or equal to 1000000",
    ),
    (
        r#"{"mode":"Fast","count":null}"#,
        "spec.count: Invalid value: \"null\": spec.count in body must be of type integer: \"null\"",
    ),
    (
        r#"{"mode":"Fast","ratio":1.5}"#,
        "spec.ratio: Invalid value: 1.5: spec.ratio in body should be less than 1.5",
    ),
    (r#"{"mode":"Fast","ratio2":1}"#, ""),
    (
        r#"{"mode":"Fast","ratio2":"1"}"#,
        "spec.ratio2: Invalid value: \"string\": spec.ratio2 in body must be of type number: \"string\"",
    ),
    (
        r#"{"mode":"Fast","ratio2":true}"#,
        "spec.ratio2: Invalid value: \"boolean\": spec.ratio2 in body must be of type number: \"boolean\"",
    ),
    (
        r#"{"mode":"Fast","step":7}"#,
        "spec.step: Invalid value: 7: spec.step in body should be a multiple of 5",
    ),
    (
        r#"{"mode":"Fast","port":true}"#,
        "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
    ),
    (
        r#"{"mode":"Fast","port":1.5}"#,
        "spec.port: Invalid value: \"number\": spec.port in body must be of type integer,string: \"number\"",
    ),
    (
        r#"{"mode":"Fast","port":{}}"#,
        "spec.port: Invalid value: \"object\": spec.port in body must be of type integer,string: \"object\"",
    ),
    (
        r#"{"mode":"Fast","name":"A"}"#,
        "spec.name: Invalid value: \"A\": spec.name in body should be at least 2 chars long",
    ),
    (
        r#"{"mode":"Fast","name":"abcde"}"#,
        "spec.name: Too long: may not be more than 4 bytes",
    ),
    (
        r#"{"mode":"Fast","name":7}"#,
        "spec.name: Invalid value: \"integer\": spec.name in body must be of type string: \"integer\"",
    ),
    (
        r#"{"mode":"Fast","when":"noon"}"#,
        "spec.when: Invalid value: \"noon\": spec.when in body must be of type date-time: \"noon\"",
    ),
    (
        r#"{"mode":"Fast","when":5}"#,
        "spec.when: Invalid value: \"int64\": spec.when in body must be of type date-time: \"int64\"",
    ),
    (
        r#"{"mode":"Fast","when":{}}"#,
        "spec.when: Invalid value: \"\": spec.when in body must be of type date-time: \"\"",
    ),
    (r#"{"mode":"Fast","when":"2020-01-01T00:00:00Z"}"#, ""),
    (
        r#"{"mode":"Fast","raw":"%%"}"#,
        "spec.raw: Invalid value: \"%%\": spec.raw in body must be of type byte: \"%%\"",
    ),
    (
        r#"{"mode":"Fast","flag":"true"}"#,
        "spec.flag: Invalid value: \"string\": spec.flag in body must be of type boolean: \"string\"",
    ),
    (r#"{"mode":"Fast","maybe":null}"#, ""),
    (
        r#"{"mode":"Fast","num":3}"#,
        "spec.num: Unsupported value: 3: supported values: \"1\", \"2\"",
    ),
    (
        r#"{"mode":"Fast","labels":{"a":1}}"#,
        "spec.labels.a: Invalid value: \"integer\": spec.labels.a in body must be of type string: \"integer\"",
    ),
    (
        r#"{"mode":"Fast","labels":{}}"#,
        "spec.labels: Invalid value: 0: spec.labels in body should have at least 1 properties",
    ),
    (
        r#"{"mode":"Fast","labels":{"a":"","b":"","c":""}}"#,
        "spec.labels: Too many: 3: must have at most 2 items",
    ),
    (
        r#"{"mode":"Fast","big":9223372036854775808}"#,
        "spec.big: Invalid value: \"number\": spec.big in body must be of type integer: \"number\"",
    ),
    (
        r#"{"mode":"Fast","parts":[{"size":1},{"size":1},{"size":1}]}"#,
        "spec.parts: Too many: 3: must have at most 2 items",
    ),
    (
        r#"{"mode":"Fast","parts":[]}"#,
        "spec.parts: Invalid value: 0: spec.parts in body should have at least 1 items",
    ),
    (
        r#"{"mode":"Fast","parts":{}}"#,
        "spec.parts: Invalid value: \"object\": spec.parts in body must be of type array: \"object\"",
    ),
    (
        r#"{"mode":"Fast","parts":[{},{"size":"1"}]}"#,
        "spec.parts[0].size: Required value\n\
             spec.parts[1].size: Invalid value: \"string\": spec.parts[1].size in body must be of type integer: \"string\"",
    ),
    (
        r#"{"mode":"Fast","parts":[null]}"#,
        "spec.parts[0]: Invalid value: \"null\": spec.parts[0] in body must be of type object: \"null\"",
    ),
    (
        r#"{"mode":"Fast","either":{}}"#,
        "<nil>: Invalid value: \"\": \"spec.either\" must validate one and only one schema (oneOf). Found none valid\n\
             spec.either.a: Required value",
    ),
    (
        r#"{"mode":"Fast","either":{"a":"","b":""}}"#,
        "<nil>: Invalid value: \"\": \"spec.either\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
    ),
    (
        r#"{"mode":"Fast","any":{}}"#,
        "<nil>: Invalid value: \"\": \"spec.any\" must validate at least one schema (anyOf)\n\
             spec.any.a: Required value",
    ),
    (
        r#"{"mode":"Fast","all":{}}"#,
        "spec.all.a: Required value\n\
             spec.all.b: Required value\n\
             <nil>: Invalid value: \"\": \"spec.all\" must validate all the schemas (allOf). None validated",
    ),
    (
        "[]",
        "spec: Invalid value: \"array\": spec in body must be of type object: \"array\"",
    ),
    (
        r#""x""#,
        "spec: Invalid value: \"string\": spec in body must be of type object: \"string\"",
    ),
];

#[test]
fn violations() -> Result<(), Box<dyn std::error::Error>> {
    let schema = widget()?;
    for (spec, want) in VIOLATIONS {
        let spec: Value = serde_json::from_str(spec)?;
        let wrong = schema.check(&json!({"spec": spec}));
        let lines: Vec<_> = wrong.iter().map(Violation::to_string).collect();
        assert_eq!(lines.join("\n"), *want, "{spec}");
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
        let text = schema.to_value().to_string();
        for keyword in [
            "\"$ref\":\"",
            "\"$defs\":{",
            "\"anyOf\":[",
            "\"allOf\":[",
            "[\"string\",\"null\"]",
        ] {
            assert!(!text.contains(keyword), "{keyword} in {}", &text[..200]);
        }
        assert!(Schema::from_value(schema.to_value()).is_ok());
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

#[test]
fn of_very_many_unknown_fields_some_are_told_and_all_removed() -> Result<(), SchemaError> {
    let schema = Schema::from_value(json!({
        "type": "object",
        "properties": {"data": {"type": "object", "additionalProperties": {"type": "string"}}},
    }))?;
    let long = "k".repeat(1_000_000);
    let many: Map<String, Value> = (0..100_000)
        .map(|n| (format!("f{n}"), Value::Null))
        .collect();
    let mut object = json!({"data": {long.as_str(): many}});
    assert_eq!(schema.prune(&mut object).len(), 100);
    assert_eq!(object, json!({"data": {long.as_str(): {}}}));
    Ok(())
}

#[test]
fn of_very_many_violations_some_are_told() -> Result<(), SchemaError> {
    let schema = Schema::from_value(json!({
        "type": "object",
        "properties": {"list": {"type": "array", "items": {"type": "string"}}},
    }))?;
    let object = json!({"list": vec![1; 100_000]});
    assert_eq!(schema.check(&object).len(), 1000);
    Ok(())
}
