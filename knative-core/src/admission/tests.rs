use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Ids, Kind, Kinds, SystemClock, kinds,
    object::{GroupKind, Object, ObjectKey},
    schema::Schema,
    store::{
        DeleteOptions, FieldValidation, MemoryStore, Patch, Store, StoreError, StoreExt as _,
        UserInfo, WriteOptions, Written, codec::object_from_value,
    },
};

use super::{Admission, AdmissionRequest, Admitted, Operation, decode};

#[derive(Debug)]
struct Rules;

impl Admission for Rules {
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let changes = match &request.operation {
            Operation::Update { old, .. } => old.data["spec"]["changes"].as_u64().unwrap_or(0) + 1,
            _ => 0,
        };
        object.data["spec"]["changes"] = json!(changes);
        Ok(())
    }

    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        if request.operation == Operation::Delete && object.data["spec"]["kept"] == json!(true) {
            let message = "it is kept".to_owned();
            return Err(StoreError::Denied {
                message,
                warnings: Vec::new(),
            });
        }
        Ok(vec![format!("by {}", request.user.username)])
    }
}

fn schema() -> Schema {
    let spec = json!({"type": "object", "properties": {
        "changes": {"type": "integer"}, "kept": {"type": "boolean"},
        "size": {"type": "integer", "default": 1, "minimum": 1},
    }});
    let status = json!({"type": "object", "properties": {"seen": {"type": "integer"}}});
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    Schema::from_value(schema).expect("a schema")
}

fn store() -> (Admitted<MemoryStore>, Arc<Kinds>) {
    let mut kinds = Kinds::new();
    kinds::core::register(&mut kinds);
    kinds.register(Kind::new(
        "example.dev",
        "v1",
        "Thing",
        "things",
        Arc::new(schema()),
    ));
    kinds.add_admission(&GroupKind::new("example.dev", "Thing"), Arc::new(Rules));
    let kinds = Arc::new(kinds);
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(Ids::seeded(1)));
    let inner = MemoryStore::new(Arc::clone(&kinds), clock, ids);
    (Admitted::new(inner, Arc::clone(&kinds)), kinds)
}

fn object(fields: &Value) -> Object {
    let mut value = json!({
        "apiVersion": "example.dev/v1", "kind": "Thing",
        "metadata": {"name": "a", "namespace": "default"}, "spec": {},
    });
    json_patch::merge(&mut value, fields);
    object_from_value(value).expect("an object")
}

async fn create(
    store: &impl Store,
    fields: Value,
    options: &WriteOptions,
) -> Result<Written, String> {
    let written = store.create(object(&fields), options).await;
    written.map_err(|error| error.to_string())
}

fn strict() -> WriteOptions {
    WriteOptions {
        field_validation: FieldValidation::Strict,
        ..WriteOptions::by(UserInfo::new("ann"))
    }
}

#[tokio::test]
async fn refusals_read_as_kubernetes_writes_them() {
    let (store, _) = store();
    let rows = [
        (
            json!({"spec": {"b": 1, "a": 1}}),
            "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: unknown field \"spec.a\", unknown field \"spec.b\"",
        ),
        (
            json!({"spec": {"size": "x"}}),
            "Thing.example.dev \"default/a\" is invalid: spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"",
        ),
        (
            json!({"spec": {"size": 0}}),
            "Thing.example.dev \"default/a\" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1",
        ),
        (
            json!({"metadata": {"name": "P_1"}}),
            "Thing.example.dev \"default/P_1\" is invalid: metadata.name: Invalid value: \"P_1\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        (
            json!({"metadata": {"labels": {"a": "b c"}}}),
            "Thing.example.dev \"default/a\" is invalid: metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            json!({"metadata": {"namespace": "gone"}}),
            "Namespace \"gone\" not found",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "spec": null}),
            "pods \"a\" is forbidden: pods show what runs and are written by the platform alone",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "spec": null, "data": {"a b": "x"}}),
            "ConfigMap \"default/a\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "spec": null, "data": {"a": 1}}),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": "x"}]}}),
            "Service in version \"v1\" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
    ];
    for (fields, want) in rows {
        let refused = create(&store, fields.clone(), &strict()).await;
        assert_eq!(refused.expect_err(want), want, "{fields}");
    }
}

#[tokio::test]
async fn unknown_fields_are_dropped_and_told() {
    let (store, _) = store();
    let mut options = WriteOptions::by(UserInfo::new("ann"));
    let fields = json!({"spec": {"b": 1}, "status": {"seen": 1}});
    let written = create(&store, fields.clone(), &options)
        .await
        .expect("created");
    assert_eq!(written.warnings, ["unknown field \"spec.b\"", "by ann"]);
    assert_eq!(
        written.object.data,
        json!({"spec": {"size": 1, "changes": 0}})
    );
    options.field_validation = FieldValidation::Ignore;
    let written = store
        .update(object(&fields), &options)
        .await
        .expect("updated");
    assert_eq!(written.warnings, ["by ann"]);
    assert_eq!(
        written.object.data,
        json!({"spec": {"size": 1, "changes": 1}})
    );
}

#[tokio::test]
async fn both_halves_of_an_object_are_admitted() {
    let (store, _) = store();
    create(&store, json!({}), &strict()).await.expect("created");
    let key = ObjectKey::new(GroupKind::new("example.dev", "Thing"), "default", "a");
    let status = Patch::Merge(json!({"status": {"seen": 7}, "spec": {"size": 9}}));
    let written = store
        .patch_status(&key, &status, &strict())
        .await
        .expect("patched");
    assert_eq!(written.object.data["status"], json!({"seen": 7}));
    assert_eq!(written.object.data["spec"]["size"], 1);
    let wrong = Patch::Merge(json!({"status": {"seen": "x"}}));
    let refused = store.patch_status(&key, &wrong, &strict()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    let spec = Patch::json(json!([{"op": "replace", "path": "/spec/size", "value": 3}]));
    let written = store
        .patch(&key, &spec.expect("a patch"), &strict())
        .await
        .expect("patched");
    let want = json!({"spec": {"size": 3, "changes": 1}, "status": {"seen": 7}});
    assert_eq!(written.object.data, want);
    assert_eq!(written.object.metadata.generation, Some(2));
    let misses = Patch::json(json!([{"op": "test", "path": "/spec/size", "value": 1}]));
    let refused = store
        .patch(&key, &misses.expect("a patch"), &strict())
        .await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn deletions_are_validated() {
    let (store, _) = store();
    create(&store, json!({"spec": {"kept": true}}), &strict())
        .await
        .expect("created");
    let key = ObjectKey::new(GroupKind::new("example.dev", "Thing"), "default", "a");
    let refused = store.delete(&key, &DeleteOptions::default()).await;
    assert_eq!(refused.expect_err("it is kept").to_string(), "it is kept");
    let lasting = ObjectKey::new(GroupKind::new("", "Namespace"), "", "default");
    let refused = store.delete(&lasting, &DeleteOptions::default()).await;
    assert_eq!(
        refused.expect_err("it lasts").to_string(),
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test]
async fn pods_may_be_deleted_by_anyone() {
    let (store, _) = store();
    for (kind, plural) in [("Pod", None), ("Endpoints", Some("endpoints"))] {
        let fields = json!({"apiVersion": "v1", "kind": kind, "spec": null});
        create(&store, fields, &WriteOptions::default())
            .await
            .expect("by the platform");
        let key = ObjectKey::new(GroupKind::owned("", kind), "default", "a");
        let options = DeleteOptions {
            user: UserInfo::new("ann"),
            ..DeleteOptions::default()
        };
        let deleted = store.delete(&key, &options).await;
        assert_eq!(deleted.is_err(), plural.is_some(), "{kind}");
    }
}

#[tokio::test]
async fn trials_store_nothing() {
    let (store, _) = store();
    let mut options = strict();
    options.dry_run = true;
    let written = create(&store, json!({}), &options)
        .await
        .expect("it would do");
    assert_eq!(written.object.data["spec"]["size"], 1);
    let key = ObjectKey::new(GroupKind::new("example.dev", "Thing"), "default", "a");
    assert!(
        store
            .get(&key)
            .await
            .is_err_and(|error| error.is_not_found())
    );
}

#[tokio::test]
async fn secrets_fold_their_texts() {
    let (store, _) = store();
    let fields =
        json!({"apiVersion": "v1", "kind": "Secret", "spec": null, "stringData": {"k": "v"}});
    let written = create(&store, fields, &strict()).await.expect("created");
    assert_eq!(
        written.object.data,
        json!({"type": "Opaque", "data": {"k": "dg=="}})
    );
}

#[test]
fn bodies_are_read_as_strictly_as_asked() {
    let (_, kinds) = store();
    let kind = GroupKind::new("example.dev", "Thing");
    let body = || json!({"metadata": {"name": "a", "nmae": "b"}, "spec": {"x": 1}});
    let (object, warnings) =
        decode(&kinds, &kind, body(), FieldValidation::Warn).expect("an object");
    assert_eq!(
        warnings,
        [
            "unknown field \"metadata.nmae\"",
            "unknown field \"spec.x\""
        ]
    );
    assert_eq!(object.data, json!({"spec": {}}));
    let refused = decode(&kinds, &kind, body(), FieldValidation::Strict).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: unknown field \"metadata.nmae\", unknown field \"spec.x\""
    );
    let labels = json!({"metadata": {"name": "a", "labels": {"l": true}}});
    let refused = decode(&kinds, &kind, labels, FieldValidation::Warn).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "Thing in version \"v1\" cannot be handled as a Thing: json: cannot unmarshal bool into Go struct field ObjectMeta.labels of type string"
    );
    let malformed = decode(&kinds, &kind, json!([]), FieldValidation::Ignore);
    assert!(malformed.is_err());
}
