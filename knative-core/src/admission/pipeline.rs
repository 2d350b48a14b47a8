//! The way of every write: fields, defaults, shape, names, the kind's own rules.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Kind, Kinds,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{
        DeleteOptions, Deleted, ListOptions, ObjectList, Store, StoreError, UserInfo, WatchOptions,
        WatchStream, WriteOptions, Written, namespace_ends,
    },
};

use super::{AdmissionRequest, Operation, decode, metadata};

/// How often an unconditional write is admitted anew when the object changes meanwhile.
const TRIES: usize = 5;

const NAMESPACE: GroupKind = GroupKind::new("", "Namespace");
const POD: GroupKind = GroupKind::new("", "Pod");

/// A store whose writes are admitted: whoever writes, controllers too.
///
/// A write passes, in this order: the namespace must exist; objects of volatile kinds are written by the platform alone
/// (a user in [`UserInfo::PLATFORM`]), but a pod may be deleted by anyone; fields that the schema does not know are dropped,
/// told or refused; types are checked; schema and kind fill in defaults; names and the rest of the schema are checked; the
/// kind validates. Deletions are validated by the kind as well. Reads pass as they are.
///
/// Over a cluster it is left out: there webhooks do the same.
#[derive(Clone, Debug)]
pub struct Admitted<S> {
    inner: S,
    kinds: Arc<Kinds>,
}

impl<S: Store> Admitted<S> {
    /// Puts admission before a store.
    pub const fn new(inner: S, kinds: Arc<Kinds>) -> Self {
        Self { inner, kinds }
    }

    /// The store behind it, which takes anything.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn kind_of(&self, object: &Object) -> Result<Arc<Kind>, StoreError> {
        let kind = GroupKind::of_object(object)
            .ok_or_else(|| StoreError::bad_request("the object does not say its kind"))?;
        let known = self.kinds.get(&kind).cloned();
        known.ok_or(StoreError::UnknownKind { kind })
    }

    async fn check_namespace(&self, kind: &Kind, key: &ObjectKey) -> Result<(), StoreError> {
        if !kind.is_namespaced() || key.namespace.is_empty() || self.kinds.get(&NAMESPACE).is_none()
        {
            return Ok(());
        }
        let namespace = ObjectKey::new(NAMESPACE, "", key.namespace.as_str());
        if self.inner.get(&namespace).await?.is_deleting() {
            return Err(namespace_ends(kind, key));
        }
        Ok(())
    }

    /// A write to an object that exists.
    async fn change(
        &self,
        object: Object,
        options: &WriteOptions,
        status: bool,
    ) -> Result<Written, StoreError> {
        let kind = self.kind_of(&object)?;
        let key = key_of(&kind, &object);
        check_writer(&kind, &key, &options.user)?;
        let version = object.metadata.resource_version.clone().unwrap_or_default();
        let mut tries = 1;
        loop {
            let old = self.inner.get(&key).await?;
            if !version.is_empty() && Some(&version) != old.metadata.resource_version.as_ref() {
                return Err(StoreError::modified(key));
            }
            let next = next_state(&kind, object.clone(), &old, status);
            let operation = Operation::Update {
                old: Arc::clone(&old),
                status,
            };
            let (mut next, warnings) = admit(&kind, &key, next, operation, options)?;
            next.metadata
                .resource_version
                .clone_from(&old.metadata.resource_version);
            let written = if status {
                self.inner.update_status(next, options).await
            } else {
                self.inner.update(next, options).await
            };
            match written {
                Err(error) if error.is_conflict() && version.is_empty() && tries < TRIES => {
                    tries += 1;
                }
                written => return written.map(|written| warned(written, warnings)),
            }
        }
    }
}

/// The object as it will be, but for defaults: neither half of a write reaches the other half's fields.
fn next_state(kind: &Kind, mut object: Object, old: &Object, status: bool) -> Object {
    if !kind.status {
        return object;
    }
    if status {
        let mut next = old.clone();
        next.metadata.uid = object.metadata.uid.take();
        copy_status(&object, &mut next);
        return next;
    }
    copy_status(old, &mut object);
    object
}

fn copy_status(from: &Object, to: &mut Object) {
    let status = from.data.get("status").filter(|status| !status.is_null());
    match (to.data.as_object_mut(), status) {
        (Some(fields), Some(status)) => {
            fields.insert("status".to_owned(), status.clone());
        }
        (Some(fields), None) => {
            fields.remove("status");
        }
        (None, Some(status)) => to.data = serde_json::json!({ "status": status }),
        (None, None) => {}
    }
}

fn key_of(kind: &Kind, object: &Object) -> ObjectKey {
    let namespace = if kind.is_namespaced() {
        object.namespace()
    } else {
        ""
    };
    ObjectKey::new(kind.group_kind(), namespace, object.name())
}

fn check_writer(kind: &Kind, key: &ObjectKey, user: &UserInfo) -> Result<(), StoreError> {
    if !kind.volatile || user.is_platform() {
        return Ok(());
    }
    Err(StoreError::Forbidden {
        message: format!(
            "{} \"{}\" is forbidden: {} show what runs and are written by the platform alone",
            kind.resource(),
            key.name,
            kind.plural
        ),
    })
}

/// Steps between the namespace and the store.
fn admit(
    kind: &Kind,
    key: &ObjectKey,
    mut object: Object,
    operation: Operation,
    options: &WriteOptions,
) -> Result<(Object, Vec<String>), StoreError> {
    let mut warnings = decode::prune(kind, &mut object.data, options.field_validation)?;
    decode::check_types(kind, key, &object)?;
    kind.schema.apply_defaults(&mut object.data);
    let mut request = AdmissionRequest::new(operation, &options.user);
    request.dry_run = options.dry_run;
    if let Some(admission) = &kind.admission {
        admission.default(&request, &mut object)?;
    }
    let causes = metadata::check(kind, &object);
    if !causes.is_empty() {
        return Err(StoreError::Invalid {
            key: key.clone(),
            causes,
        });
    }
    decode::check(kind, key, &object)?;
    if let Some(admission) = &kind.admission {
        warnings.extend(admission.validate(&request, &object)?);
    }
    Ok((object, warnings))
}

fn warned(mut written: Written, warnings: Vec<String>) -> Written {
    written.warnings.splice(0..0, warnings);
    written
}

#[async_trait]
impl<S: Store> Store for Admitted<S> {
    async fn get(&self, key: &ObjectKey) -> Result<Arc<Object>, StoreError> {
        self.inner.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        options: &ListOptions,
    ) -> Result<ObjectList, StoreError> {
        self.inner.list(kind, options).await
    }

    async fn create(
        &self,
        mut object: Object,
        options: &WriteOptions,
    ) -> Result<Written, StoreError> {
        let kind = self.kind_of(&object)?;
        let key = key_of(&kind, &object);
        self.check_namespace(&kind, &key).await?;
        check_writer(&kind, &key, &options.user)?;
        if kind.status
            && !kind.volatile
            && let Some(fields) = object.data.as_object_mut()
        {
            fields.remove("status");
        }
        let (object, warnings) = admit(&kind, &key, object, Operation::Create, options)?;
        let written = self.inner.create(object, options).await?;
        Ok(warned(written, warnings))
    }

    async fn update(&self, object: Object, options: &WriteOptions) -> Result<Written, StoreError> {
        self.change(object, options, false).await
    }

    async fn update_status(
        &self,
        object: Object,
        options: &WriteOptions,
    ) -> Result<Written, StoreError> {
        self.change(object, options, true).await
    }

    async fn delete(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deleted, StoreError> {
        let kind = self.kinds.get(&key.kind).cloned();
        let kind = kind.ok_or_else(|| StoreError::UnknownKind {
            kind: key.kind.clone(),
        })?;
        if key.kind != POD {
            check_writer(&kind, key, &options.user)?;
        }
        if let Some(admission) = &kind.admission {
            let old = self.inner.get(key).await?;
            let mut request = AdmissionRequest::new(Operation::Delete, &options.user);
            request.dry_run = options.dry_run;
            admission.validate(&request, &old)?;
        }
        self.inner.delete(key, options).await
    }

    async fn watch(
        &self,
        kind: &GroupKind,
        options: &WatchOptions,
    ) -> Result<WatchStream, StoreError> {
        self.inner.watch(kind, options).await
    }
}
