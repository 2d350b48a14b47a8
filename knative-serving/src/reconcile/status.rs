//! What every pass does around its own work: the status it begins with, and writing the one it ends with.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Conditioned;
use knative_core::condition;
use knative_core::object::{GroupKind, Object, ObjectExt as _, ObjectKey};
use knative_core::store::{ApiObject, Store, StoreError, StoreExt as _, WriteOptions};
use kube_core::TypeMeta;
use serde::Serialize;
use serde_json::Value;

use crate::api::autoscaling::{Metric, MetricStatus, PodAutoscaler, PodAutoscalerStatus};
use crate::api::networking::{Ingress, IngressStatus, ServerlessService, ServerlessServiceStatus};
use crate::api::{
    Configuration, ConfigurationStatus, Revision, RevisionStatus, Route, RouteStatus, Service,
    ServiceStatus,
};

/// How often a status is written while others change the rest of its object.
const TRIES: usize = 5;

/// A kind whose status a controller writes.
pub(crate) trait Observed: ApiObject {
    /// Its status.
    type Status: Conditioned + Default + Clone + PartialEq + Serialize + Send + Sync;

    /// What was observed, if anything.
    fn status(&self) -> Option<&Self::Status>;

    /// The generation that a status speaks of.
    fn observed_generation(status: &mut Self::Status) -> &mut i64;
}

macro_rules! observed {
    ($($kind:ty => $status:ty),+ $(,)?) => {$(
        impl Observed for $kind {
            type Status = $status;

            fn status(&self) -> Option<&$status> {
                self.status.as_ref()
            }
            fn observed_generation(status: &mut $status) -> &mut i64 {
                &mut status.observed_generation
            }
        }
    )+};
}

observed! {
    Service => ServiceStatus,
    Configuration => ConfigurationStatus,
    Revision => RevisionStatus,
    Route => RouteStatus,
    PodAutoscaler => PodAutoscalerStatus,
    Metric => MetricStatus,
    ServerlessService => ServerlessServiceStatus,
    Ingress => IngressStatus,
}

/// The status that a pass over `object` begins with.
pub(crate) fn begin<K: Observed>(object: &K, now: Timestamp) -> K::Status {
    let mut status = object.status().cloned().unwrap_or_default();
    let is_new = *K::observed_generation(&mut status) != object.generation();
    condition::begin(&mut status, is_new, now);
    status
}

/// Writes the status that a pass ended with, if it is another than before.
///
/// # Errors
/// [`StoreError::Conflict`] if the pass began with a status that is not the latest one: it has to be done again, since
/// what it says may be older than what is there.
pub(crate) async fn finish<K: Observed>(
    store: &Arc<dyn Store>,
    object: &K,
    mut status: K::Status,
    now: Timestamp,
) -> Result<(), StoreError> {
    *K::observed_generation(&mut status) = object.generation();
    let before = object.status().map_or(&[][..], Conditioned::conditions);
    condition::settle(before, status.conditions_mut(), now);
    if object.status() == Some(&status) {
        return Ok(());
    }
    let mut version = object.meta().resource_version.clone();
    let mut tries = 1;
    loop {
        let next = status_of(object, &status, version)?;
        match store.update_status(next, &WriteOptions::default()).await {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.is_conflict() && tries < TRIES => {
                let Some(current) = unmoved(store, object, error).await? else {
                    return Ok(());
                };
                version = current;
                tries += 1;
            }
            written => return written.map(drop),
        }
    }
}

/// The latest version of an object whose status is the one that the pass began with; none if the object is gone or was made
/// anew, which then has a pass of its own.
async fn unmoved<K: Observed>(
    store: &Arc<dyn Store>,
    object: &K,
    conflict: StoreError,
) -> Result<Option<Option<String>>, StoreError> {
    let key = ObjectKey::of::<K>(object.namespace(), object.name());
    let Some(current) = store.find(&key).await? else {
        return Ok(None);
    };
    if current.uid() != object.uid() {
        return Ok(None);
    }
    let began = to_value::<K>(object.status())?;
    let is = current.data.get("status").unwrap_or(&Value::Null);
    if *is == began {
        Ok(Some(current.metadata.resource_version.clone()))
    } else {
        Err(conflict)
    }
}

fn to_value<K: Observed>(status: Option<&K::Status>) -> Result<Value, StoreError> {
    serde_json::to_value(status).map_err(|source| StoreError::Malformed {
        kind: GroupKind::of::<K>(),
        source,
    })
}

/// The object as a write of its status needs it. The uid keeps the write from an object of the same name that came later.
fn status_of<K: Observed>(
    object: &K,
    status: &K::Status,
    version: Option<String>,
) -> Result<Object, StoreError> {
    let metadata = object.meta();
    let status = to_value::<K>(Some(status))?;
    Ok(Object {
        types: Some(TypeMeta {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
        }),
        metadata: ObjectMeta {
            name: metadata.name.clone(),
            namespace: metadata.namespace.clone(),
            uid: metadata.uid.clone(),
            resource_version: version,
            ..ObjectMeta::default()
        },
        data: serde_json::json!({ "status": status }),
    })
}
