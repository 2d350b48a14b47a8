//! What every pass does around its own work: the status it begins with, and writing the one it ends with.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::Conditioned;
use knative_core::condition;
use knative_core::object::{Object, ObjectExt as _};
use knative_core::store::{ApiObject, Store, StoreError, WriteOptions};
use kube_core::TypeMeta;
use serde::Serialize;

use crate::api::autoscaling::{Metric, MetricStatus, PodAutoscaler, PodAutoscalerStatus};
use crate::api::networking::{Ingress, IngressStatus, ServerlessService, ServerlessServiceStatus};
use crate::api::{
    Configuration, ConfigurationStatus, Revision, RevisionStatus, Route, RouteStatus, Service,
    ServiceStatus,
};

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
    let written = store
        .update_status(status_of(object, &status)?, &WriteOptions::default())
        .await;
    match written {
        Err(error) if error.is_not_found() => Ok(()),
        // The object was made anew meanwhile: the pass over the new one writes its status.
        Err(error) if error.is_conflict() => Ok(()),
        written => written.map(drop),
    }
}

/// The object as a write of its status needs it. Only one controller writes it, so that no version is asked for; the uid
/// keeps the write from an object of the same name that came later.
fn status_of<K: Observed>(object: &K, status: &K::Status) -> Result<Object, StoreError> {
    let metadata = object.meta();
    let status = serde_json::to_value(status).map_err(|source| StoreError::Malformed {
        kind: knative_core::object::GroupKind::of::<K>(),
        source,
    })?;
    Ok(Object {
        types: Some(TypeMeta {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
        }),
        metadata: ObjectMeta {
            name: metadata.name.clone(),
            namespace: metadata.namespace.clone(),
            uid: metadata.uid.clone(),
            ..ObjectMeta::default()
        },
        data: serde_json::json!({ "status": status }),
    })
}
