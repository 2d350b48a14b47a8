//! What Kubernetes asks of its own kinds beyond their schema, as far as users of a platform meet it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    admission::{Admission, AdmissionRequest, Operation},
    object::{Object, ObjectExt as _, ObjectKey, name, quote},
    store::{Cause, StoreError},
};

/// The largest content of a ConfigMap or Secret.
const CONTENT_LIMIT: usize = 1 << 20;
/// Namespaces that a platform cannot be without.
const LASTING: [&str; 2] = ["default", "kube-system"];

/// Namespaces that always exist cannot be deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamespaceRules;

impl Admission for NamespaceRules {
    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        if request.operation == Operation::Delete && LASTING.contains(&object.name()) {
            let message = format!(
                "namespaces {} is forbidden: this namespace may not be deleted",
                quote(object.name())
            );
            return Err(StoreError::Forbidden { message });
        }
        Ok(Vec::new())
    }
}

/// Keys, size and `immutable`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConfigMapRules;

impl Admission for ConfigMapRules {
    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        let mut causes = check_keys(object, &["data", "binaryData"]);
        causes.extend(check_immutable(request, object, &["data", "binaryData"]));
        refuse(object, causes)
    }
}

/// Like ConfigMaps; `stringData` is folded into `data`, and the type is fixed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretRules;

impl Admission for SecretRules {
    fn default(
        &self,
        _request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let Some(fields) = object.data.as_object_mut() else {
            return Ok(());
        };
        let kind = fields.entry("type").or_insert(Value::Null);
        if kind.as_str().is_none_or(str::is_empty) {
            *kind = json!("Opaque");
        }
        let Some(Value::Object(texts)) = fields.remove("stringData") else {
            return Ok(());
        };
        let data = fields
            .entry("data")
            .or_insert_with(|| Value::Object(Map::new()));
        for (key, text) in texts {
            data[key] = json!(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
        }
        Ok(())
    }

    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        let mut causes = check_keys(object, &["data"]);
        causes.extend(check_immutable(request, object, &["data"]));
        if let Operation::Update { old, .. } = &request.operation
            && old.data["type"] != object.data["type"]
        {
            let kind = object.data["type"].as_str().unwrap_or_default();
            causes.push(invalid("type", kind, "field is immutable"));
        }
        refuse(object, causes)
    }
}

fn check_keys(object: &Object, maps: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for map in maps {
        for (key, value) in object.data[*map].as_object().into_iter().flatten() {
            let field = format!("{map}[{key}]");
            let wrong = name::config_map_key(key);
            causes.extend(wrong.iter().map(|why| invalid(&field, key, why)));
            size += value.as_str().map_or(0, str::len);
        }
    }
    if size > CONTENT_LIMIT {
        causes.push(Cause {
            reason: "FieldValueTooLong".to_owned(),
            message: format!("Too long: may not be more than {CONTENT_LIMIT} bytes"),
            field: maps.first().copied().unwrap_or_default().to_owned(),
        });
    }
    causes
}

fn check_immutable(request: &AdmissionRequest<'_>, object: &Object, maps: &[&str]) -> Vec<Cause> {
    let Operation::Update { old, .. } = &request.operation else {
        return Vec::new();
    };
    if old.data["immutable"] != json!(true) {
        return Vec::new();
    }
    let changed = ["immutable"].iter().chain(maps);
    let changed = changed.filter(|field| old.data[**field] != object.data[**field]);
    let causes = changed.map(|field| Cause {
        reason: "FieldValueForbidden".to_owned(),
        message: "Forbidden: field is immutable when `immutable` is set".to_owned(),
        field: (*field).to_owned(),
    });
    causes.collect()
}

fn invalid(field: &str, value: &str, why: &str) -> Cause {
    Cause {
        reason: "FieldValueInvalid".to_owned(),
        message: format!("Invalid value: {}: {why}", quote(value)),
        field: field.to_owned(),
    }
}

fn refuse(object: &Object, causes: Vec<Cause>) -> Result<Vec<String>, StoreError> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    let key = ObjectKey::of_object(object)
        .unwrap_or_else(|| ObjectKey::new(crate::object::GroupKind::default(), "", object.name()));
    Err(StoreError::Invalid { key, causes })
}
