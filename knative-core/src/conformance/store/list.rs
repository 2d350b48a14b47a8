//! Lists.

use serde_json::json;

use crate::store::{ListOptions, Propagation, StoreError, VersionMatch};

use super::{
    Case,
    fixture::{Fixture, THING, names},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("list_is_in_order", list_is_in_order),
        Case::new("list_selects_labels", list_selects_labels),
        Case::new("list_selects_fields", list_selects_fields),
        Case::new("list_refuses_unknown_fields", list_refuses_unknown_fields),
        Case::new(
            "list_of_a_missing_namespace_is_empty",
            list_of_a_missing_namespace_is_empty,
        ),
        Case::new("pages_show_one_state", pages_show_one_state),
        Case::new("selected_pages_do_not_count", selected_pages_do_not_count),
        Case::new("bad_token_is_refused", bad_token_is_refused),
        Case::new("list_at_least_as_new", list_at_least_as_new),
        Case::new("list_of_exactly_one_version", list_of_exactly_one_version),
    ]
}

async fn list_is_in_order(kit: Fixture) {
    for name in ["b", "c", "a"] {
        kit.create(name, json!({})).await;
    }
    assert_eq!(kit.names().await, ["a", "b", "c"]);
}

async fn list_selects_labels(kit: Fixture) {
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        kit.create(name, json!({"metadata": {"labels": {"color": color}}}))
            .await;
    }
    kit.create("d", json!({})).await;
    let rows: [(&str, &[&str]); 4] = [
        ("color=red", &["a", "c"]),
        ("color!=red", &["b", "d"]),
        ("color in (blue,green)", &["b"]),
        ("!color", &["d"]),
    ];
    for (selector, expected) in rows {
        let labels = selector.parse().expect("a selector");
        let list = kit
            .list(&ListOptions {
                labels,
                ..kit.here()
            })
            .await;
        assert_eq!(names(&list), expected, "{selector}");
    }
}

async fn list_selects_fields(kit: Fixture) {
    for (name, color) in [("a", "red"), ("b", "blue")] {
        kit.create(name, json!({"spec": {"color": color}})).await;
    }
    for (selector, expected) in [("metadata.name=b", "b"), ("spec.color=red", "a")] {
        let fields = selector.parse().expect("a selector");
        let list = kit
            .list(&ListOptions {
                fields,
                ..kit.here()
            })
            .await;
        assert_eq!(names(&list), [expected], "{selector}");
    }
}

async fn list_refuses_unknown_fields(kit: Fixture) {
    let fields = "spec.shape=round".parse().expect("a selector");
    let options = ListOptions {
        fields,
        ..kit.here()
    };
    let refused = kit
        .store
        .list(&THING, &options)
        .await
        .expect_err("not selectable");
    assert_eq!(refused.to_string(), "field label not supported: spec.shape");
}

async fn list_of_a_missing_namespace_is_empty(kit: Fixture) {
    let list = kit.list(&ListOptions::within("kit-nowhere")).await;
    assert!(list.items.is_empty() && !list.resource_version.is_empty());
}

async fn pages_show_one_state(kit: Fixture) {
    for name in ["a", "b", "c", "d", "e"] {
        kit.create(name, json!({})).await;
    }
    let mut options = ListOptions {
        limit: Some(2),
        ..kit.here()
    };
    let first = kit.list(&options).await;
    assert_eq!(
        (names(&first), first.remaining),
        (vec!["a".to_owned(), "b".to_owned()], Some(3))
    );
    kit.delete("d", Propagation::Background).await;
    kit.create("c2", json!({})).await;
    let mut rest = Vec::new();
    options.continue_token = first.continue_token;
    while options.continue_token.is_some() {
        let page = kit.list(&options).await;
        assert_eq!(page.resource_version, first.resource_version);
        rest.extend(names(&page));
        options.continue_token = page.continue_token;
    }
    assert_eq!(rest, ["c", "d", "e"]);
}

async fn selected_pages_do_not_count(kit: Fixture) {
    for name in ["a", "b", "c"] {
        kit.create(name, json!({"metadata": {"labels": {"on": "1"}}}))
            .await;
    }
    let options = ListOptions {
        limit: Some(1),
        labels: "on=1".parse().expect("a selector"),
        ..kit.here()
    };
    let page = kit.list(&options).await;
    assert!(page.continue_token.is_some());
    assert_eq!(page.remaining, None);
}

async fn bad_token_is_refused(kit: Fixture) {
    let options = ListOptions {
        limit: Some(1),
        continue_token: Some("nonsense".to_owned()),
        ..kit.here()
    };
    let refused = kit.store.list(&THING, &options).await;
    assert!(
        matches!(refused, Err(StoreError::BadRequest { .. })),
        "{refused:?}"
    );
}

async fn list_at_least_as_new(kit: Fixture) {
    let early = kit.list(&kit.here()).await.resource_version;
    kit.create("a", json!({})).await;
    let mut options = ListOptions {
        resource_version: Some(early),
        ..kit.here()
    };
    assert_eq!(kit.list(&options).await.items.len(), 1);
    options.resource_version = Some("9000000000000000000".to_owned());
    let refused = kit.store.list(&THING, &options).await;
    let too_large = matches!(refused, Err(StoreError::TooLargeResourceVersion { .. }));
    assert!(too_large, "{refused:?}");
}

async fn list_of_exactly_one_version(kit: Fixture) {
    kit.create("a", json!({})).await;
    kit.create("b", json!({"spec": {"x": 1}})).await;
    let then = kit.list(&kit.here()).await;
    kit.delete("a", Propagation::Background).await;
    kit.update(kit.thing("b", &json!({"spec": {"x": 2}}))).await;
    kit.create("c", json!({})).await;
    let options = ListOptions {
        resource_version: Some(then.resource_version.clone()),
        version_match: VersionMatch::Exact,
        ..kit.here()
    };
    assert_eq!(kit.list(&options).await, then);
}
