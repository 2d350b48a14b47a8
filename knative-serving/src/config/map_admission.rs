//! The admission of ConfigMaps as the pipeline of the platform calls it.

use std::collections::BTreeMap;

use knative_core::admission::{Admission, AdmissionRequest, Operation};
use knative_core::object::Object;
use knative_core::store::StoreError;
use serde_json::Value;

use super::{NAMESPACE, admit};

/// Holds the maps in [`NAMESPACE`] to [`admit`]; other ConfigMaps are none of its business.
#[derive(Debug, Clone, Copy, Default)]
pub struct MapAdmission;

impl Admission for MapAdmission {
    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        let metadata = &object.metadata;
        if request.operation == Operation::Delete
            || metadata.namespace.as_deref() != Some(NAMESPACE)
        {
            return Ok(Vec::new());
        }
        let annotations = metadata.annotations.clone().unwrap_or_default();
        admit(metadata.name.as_deref().unwrap_or_default(), &map_data(object), &annotations).map_err(|error| {
            let message =
                format!("admission webhook \"config.webhook.serving.knative.dev\" denied the request: validation failed: {error}");
            StoreError::Denied { message, warnings: Vec::new() }
        })
    }
}

/// The texts under `data` of a ConfigMap.
pub fn map_data(object: &Object) -> BTreeMap<String, String> {
    let data = object.data.get("data").and_then(Value::as_object);
    let texts = data
        .into_iter()
        .flatten()
        .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())));
    texts.collect()
}

#[cfg(test)]
mod tests {
    use knative_core::store::UserInfo;
    use serde_json::json;

    use super::*;

    fn validate(namespace: &str, name: &str, data: &Value) -> Result<Vec<String>, String> {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": data,
        });
        let object = serde_json::from_value(object).expect("an object");
        let user = UserInfo::default();
        let request = AdmissionRequest::new(Operation::Create, &user);
        MapAdmission
            .validate(&request, &object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_our_maps_are_held_to_rules() {
        let bad = json!({"max-scale": "x"});
        assert_eq!(validate("default", "config-autoscaler", &bad), Ok(vec![]));
        assert_eq!(validate(NAMESPACE, "config-other", &bad), Ok(vec![]));
        assert_eq!(
            validate(NAMESPACE, "config-autoscaler", &bad),
            Err("admission webhook \"config.webhook.serving.knative.dev\" denied the request: validation failed: \
                 failed to parse data: failed to parse \"max-scale\": strconv.ParseInt: parsing \"x\": invalid syntax"
                .to_owned())
        );
        assert_eq!(
            validate(NAMESPACE, "config-autoscaler", &json!({"surprise": "1"})),
            Ok(vec![
                "unknown key \"surprise\" in ConfigMap config-autoscaler".to_owned()
            ])
        );
    }
}
