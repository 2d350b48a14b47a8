//! The rules as the pipeline of the platform calls them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use knative_core::admission::{self, Admission, AdmissionRequest};
use knative_core::object::Object;
use knative_core::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AdmissionConfig, Admit, Context, Operation};
use crate::config::Live;

/// Admission of one kind under the configuration in force at each write.
pub struct KindAdmission<K> {
    live: Arc<Live>,
    kind: PhantomData<fn() -> K>,
}

impl<K> KindAdmission<K> {
    /// Rules that follow the configuration in force.
    pub fn new(live: Arc<Live>) -> Self {
        Self {
            live,
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for KindAdmission<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KindAdmission")
            .field("kind", &std::any::type_name::<K>())
            .finish()
    }
}

impl<K: Admit + Serialize + DeserializeOwned + 'static> Admission for KindAdmission<K> {
    fn default(
        &self,
        request: &AdmissionRequest<'_>,
        object: &mut Object,
    ) -> Result<(), StoreError> {
        let mut typed: K = decode(object)?;
        self.within(request, |context| typed.set_defaults(context))?;
        *object = serde_json::to_value(&typed)
            .and_then(serde_json::from_value)
            .map_err(|error| mutation(&error))?;
        Ok(())
    }

    fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        object: &Object,
    ) -> Result<Vec<String>, StoreError> {
        let typed: K = decode(object)?;
        let findings = self.within(request, |context| typed.validate(context))?;
        let warnings = findings.warnings();
        findings.into_result().map(|()| warnings).map_err(|errors| StoreError::Denied {
            message: format!(
                "admission webhook \"validation.webhook.serving.knative.dev\" denied the request: validation failed: {errors}"
            ),
        })
    }
}

impl<K: Admit + DeserializeOwned> KindAdmission<K> {
    fn within<R>(
        &self,
        request: &AdmissionRequest<'_>,
        act: impl FnOnce(&Context<'_, K>) -> R,
    ) -> Result<R, StoreError> {
        let old: Option<(K, bool)> = match &request.operation {
            admission::Operation::Update { old, status } => Some((decode(old)?, *status)),
            _ => None,
        };
        let operation = match (&request.operation, &old) {
            (_, Some((old, status))) => Operation::Update {
                old,
                subresource: status.then_some("status"),
            },
            (admission::Operation::Delete, None) => Operation::Delete,
            _ => Operation::Create,
        };
        let config = AdmissionConfig::from(&self.live.get());
        Ok(act(&Context {
            config: &config,
            user: Some(&request.user.username),
            operation,
        }))
    }
}

fn decode<K: DeserializeOwned>(object: &Object) -> Result<K, StoreError> {
    let value = serde_json::to_value(object).map_err(|error| mutation(&error))?;
    serde_json::from_value(value).map_err(|error| mutation(&error))
}

fn mutation(error: &serde_json::Error) -> StoreError {
    StoreError::BadRequest {
        message: format!(
            "admission webhook \"webhook.serving.knative.dev\" denied the request: mutation failed: cannot decode incoming new object: {error}"
        ),
    }
}
