//! Admission of an Ingress.

use knative_core::admission::{Admission, AdmissionRequest};
use knative_core::object::Object;
use knative_core::store::StoreError;
use serde_json::{Value, json};

use crate::api::networking::ingress::VISIBILITY_EXTERNAL_IP;

/// Fills in from where rules can be reached, and the share of a backend that is alone.
#[derive(Debug)]
pub(super) struct IngressRules;

impl Admission for IngressRules {
    fn default(
        &self,
        _request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let rules = object.data.pointer_mut("/spec/rules");
        for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
            default_rule(rule);
        }
        Ok(())
    }

    fn validate(
        &self,
        _request: &AdmissionRequest<'_>,
        _object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

fn default_rule(rule: &mut Value) {
    let Some(fields) = rule.as_object_mut() else {
        return;
    };
    let visibility = fields.entry("visibility").or_insert_with(|| json!(""));
    if visibility.as_str().is_none_or(str::is_empty) {
        *visibility = json!(VISIBILITY_EXTERNAL_IP);
    }
    let paths = rule
        .pointer_mut("/http/paths")
        .and_then(Value::as_array_mut);
    for path in paths.into_iter().flatten() {
        if let Some([only]) = path["splits"].as_array_mut().map(Vec::as_mut_slice)
            && only["percent"].as_i64().unwrap_or_default() == 0
        {
            only["percent"] = json!(100);
        }
    }
}
