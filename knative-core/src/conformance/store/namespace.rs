//! The life of namespaces.

use serde_json::json;

use crate::{
    object::{GroupKind, ObjectExt as _, ObjectKey},
    store::{DeleteOptions, StoreError},
};

use super::{
    Capabilities, Case,
    fixture::{Fixture, NAMESPACE},
};

pub(super) fn cases() -> Vec<Case> {
    let keeps = |capabilities: &Capabilities| capabilities.namespaces;
    let cases = vec![
        Case::new(
            "namespaces_are_active_and_furnished",
            namespaces_are_active_and_furnished,
        ),
        Case::new(
            "missing_namespaces_take_nothing",
            missing_namespaces_take_nothing,
        ),
        Case::new(
            "ending_namespaces_take_nothing",
            ending_namespaces_take_nothing,
        ),
        Case::new(
            "namespaces_end_with_all_in_them",
            namespaces_end_with_all_in_them,
        ),
    ];
    cases.into_iter().map(|case| case.only_if(keeps)).collect()
}

fn own(kit: &Fixture) -> ObjectKey {
    ObjectKey::new(NAMESPACE, "", kit.namespace.as_str())
}

async fn namespaces_are_active_and_furnished(kit: Fixture) {
    let namespace = kit.store.get(&own(&kit)).await.expect("it exists");
    assert_eq!(namespace.data["status"]["phase"], "Active");
    assert_eq!(namespace.data["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(
        namespace.label("kubernetes.io/metadata.name"),
        Some(kit.namespace.as_str())
    );
    for (kind, name) in [
        ("ServiceAccount", "default"),
        ("ConfigMap", "kube-root-ca.crt"),
    ] {
        let key = ObjectKey::new(GroupKind::owned("", kind), kit.namespace.as_str(), name);
        let found = kit.store.get(&key).await;
        assert!(found.is_ok(), "{found:?}");
    }
}

async fn missing_namespaces_take_nothing(kit: Fixture) {
    let object = kit.thing("a", &json!({"metadata": {"namespace": "kit-nowhere"}}));
    let refused = kit
        .try_create(object)
        .await
        .expect_err("there is no such namespace");
    let missing = matches!(&refused, StoreError::NotFound { key } if key.kind == NAMESPACE);
    assert!(missing, "{refused:?}");
}

async fn ending_namespaces_take_nothing(kit: Fixture) {
    kit.create(
        "held",
        json!({"metadata": {"finalizers": ["kit.dev/held"]}}),
    )
    .await;
    kit.store
        .delete(&own(&kit), &DeleteOptions::default())
        .await
        .expect("it begins to end");
    let namespace = kit.store.get(&own(&kit)).await.expect("it waits");
    assert_eq!(namespace.data["status"]["phase"], "Terminating");
    let refused = kit
        .try_create(kit.thing("late", &json!({})))
        .await
        .expect_err("it ends");
    let namespace = &kit.namespace;
    let want = format!(
        "is forbidden: unable to create new content in namespace {namespace} because it is being terminated"
    );
    assert!(refused.to_string().ends_with(&want), "{refused}");
}

async fn namespaces_end_with_all_in_them(kit: Fixture) {
    kit.create("free", json!({})).await;
    kit.create(
        "held",
        json!({"metadata": {"finalizers": ["kit.dev/held"]}}),
    )
    .await;
    kit.store
        .delete(&own(&kit), &DeleteOptions::default())
        .await
        .expect("it begins to end");
    kit.eventually(&["held"]).await;
    assert!(kit.store.get(&own(&kit)).await.is_ok());
    kit.release("held").await;
    kit.eventually(&[]).await;
    kit.create_namespace_eventually().await;
}

impl Fixture {
    /// The namespace goes, and its name can be used again.
    async fn create_namespace_eventually(&self) {
        while self.store.get(&own(self)).await.is_ok() {
            tokio::task::yield_now().await;
        }
        self.create_namespace(&self.namespace).await;
    }
}
