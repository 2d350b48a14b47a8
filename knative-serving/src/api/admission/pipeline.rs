//! The rules as the pipeline of the platform calls them.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use knative_core::Ids;
use knative_core::admission::{self, Admission, AdmissionRequest};
use knative_core::object::Object;
use knative_core::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AdmissionConfig, Admit, Context, Operation};
use crate::api::podspec::trial::{self, Wrong};
use crate::config::Live;

/// Admission of one kind under the configuration in force at each write. Removals are always admitted.
pub struct KindAdmission<K> {
    config: Arc<Live>,
    kind: PhantomData<fn() -> K>,
}

impl<K> KindAdmission<K> {
    /// Rules that follow `config`.
    pub fn new(config: Arc<Live>) -> Self {
        Self {
            config,
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for KindAdmission<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KindAdmission")
            .field("kind", &type_name::<K>())
            .finish_non_exhaustive()
    }
}

impl<K: Admit + Serialize + DeserializeOwned + 'static> Admission for KindAdmission<K> {
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        if request.operation == admission::Operation::Delete {
            return Ok(());
        }
        *object = self.defaulted(request, object).map_err(undecodable)?;
        Ok(())
    }

    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        if request.operation == admission::Operation::Delete {
            return Ok(Vec::new());
        }
        let typed: K = decode(object).map_err(undecodable)?;
        let findings = self
            .within(request, |context| typed.validate(context))
            .map_err(undecodable)?;
        let warnings = findings.warnings();
        findings.into_result().map_err(|errors| {
            let why = format!("validation failed: {errors}");
            denied("validation.webhook", &why, warnings.clone())
        })?;
        // Otherwise a revision says so: the write itself is in order.
        let wrong = typed.pod().filter(|_| request.dry_run).map(trial::wrong);
        match trial_failed(&wrong.unwrap_or_default()) {
            Some(why) => Err(denied("validation.webhook", &why, warnings)),
            None => Ok(warnings),
        }
    }
}

impl<K: Admit + Serialize + DeserializeOwned> KindAdmission<K> {
    fn defaulted(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> serde_json::Result<Object> {
        let mut typed: K = decode(object)?;
        self.within(request, |context| typed.set_defaults(context))?;
        serde_json::from_value(serde_json::to_value(&typed)?)
    }

    fn within<R>(
        &self,
        request: &AdmissionRequest<'_>,
        act: impl FnOnce(&Context<'_, K>) -> R,
    ) -> serde_json::Result<R> {
        let old: K;
        let operation = match &request.operation {
            admission::Operation::Update {
                old: stored,
                status,
            } => {
                old = decode(stored)?;
                Operation::Update {
                    old: &old,
                    subresource: status.then_some("status"),
                }
            }
            admission::Operation::Delete => Operation::Delete,
            _ => Operation::Create,
        };
        Ok(act(&Context {
            config: &AdmissionConfig::from(&self.config.get()),
            user: Some(&request.user.username),
            operation,
        }))
    }
}

/// What a trial run says of the pod that it could not make, under a name that Kubernetes would generate.
fn trial_failed(wrong: &[Wrong]) -> Option<String> {
    let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let texts = match texts.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let suffix = Ids::from_entropy().map(|ids| ids.suffix());
    let suffix = suffix.unwrap_or_default();
    Some(format!(
        "validation callback failed: dry run failed with Pod \"dry-run-validation{suffix}\" is invalid: {texts}: spec.template"
    ))
}

fn decode<K: DeserializeOwned>(object: &Object) -> serde_json::Result<K> {
    serde_json::from_value(serde_json::to_value(object)?)
}

/// The schema comes first, so that this is for objects that passed by it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err asks for"
)]
fn undecodable(error: serde_json::Error) -> StoreError {
    let message = format!("mutation failed: cannot decode incoming new object: {error}");
    denied("webhook", &message, Vec::new())
}

fn denied(webhook: &str, why: &str, warnings: Vec<String>) -> StoreError {
    let message =
        format!("admission webhook \"{webhook}.serving.knative.dev\" denied the request: {why}");
    StoreError::Denied { message, warnings }
}

#[cfg(test)]
mod tests {
    use knative_core::store::UserInfo;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Route;

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    fn route(percent: i64) -> Object {
        object(json!({
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Route",
            "metadata": {"name": "r", "namespace": "a"},
            "spec": {"traffic": [{"configurationName": "c", "percent": percent}]},
        }))
    }

    fn rules() -> KindAdmission<Route> {
        KindAdmission::new(Arc::default())
    }

    #[test]
    fn a_new_object_is_filled_in_and_checked() {
        let user = UserInfo::new("alice");
        let request = AdmissionRequest::new(admission::Operation::Create, &user);
        let mut new = route(100);
        Admission::default(&rules(), &request, &mut new).unwrap();
        assert_eq!(new.data["spec"]["traffic"][0]["latestRevision"], true);
        let annotations = new.metadata.annotations.clone().unwrap();
        assert_eq!(annotations["serving.knative.dev/creator"], "alice");
        assert_eq!(rules().validate(&request, &new).unwrap(), [""; 0]);
    }

    #[test]
    fn a_refusal_reads_as_the_webhook_says_it() {
        let user = UserInfo::new("alice");
        let request = AdmissionRequest::new(admission::Operation::Create, &user);
        let error = rules().validate(&request, &route(90)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "admission webhook \"validation.webhook.serving.knative.dev\" denied the request: \
             validation failed: Traffic targets sum to 90, want 100: spec.traffic"
        );
    }

    #[test]
    fn a_removal_is_admitted_whatever_the_object() {
        let user = UserInfo::new("alice");
        let request = AdmissionRequest::new(admission::Operation::Delete, &user);
        let mut bad = route(1);
        Admission::default(&rules(), &request, &mut bad).unwrap();
        assert_eq!(bad, route(1));
        assert_eq!(rules().validate(&request, &bad).unwrap(), [""; 0]);
    }

    #[test]
    fn an_update_is_compared_with_what_is_stored() {
        let user = UserInfo::new("bob");
        let operation = admission::Operation::Update {
            old: Arc::new(route(100)),
            status: false,
        };
        let request = AdmissionRequest::new(operation, &user);
        let mut same = route(100);
        Admission::default(&rules(), &request, &mut same).unwrap();
        assert_eq!(same.metadata.annotations, None);
        let mut changed = route(99);
        Admission::default(&rules(), &request, &mut changed).unwrap();
        let annotations = changed.metadata.annotations.clone().unwrap();
        assert_eq!(annotations["serving.knative.dev/lastModifier"], "bob");
    }
}
