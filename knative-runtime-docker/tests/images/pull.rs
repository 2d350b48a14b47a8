//! Having an image before a container starts.

use knative_core::runtime::{ContainerSpec, ImageStore as _, PullPolicy, PullSecret, StartError};
use std::time::Duration;

use crate::{bed::Bed, cases, registry::PASSWORD};

cases![
    what_is_resolved_can_be_pulled_and_started,
    what_is_only_here_starts_by_its_id_though_the_tag_moved,
    never_means_never,
    an_image_that_cannot_be_pulled_says_why,
    a_closed_registry_is_pulled_from_with_a_secret,
    an_image_that_was_removed_is_pulled_again,
];

async fn ensure(
    bed: &Bed,
    image: &str,
    pull_policy: PullPolicy,
    secrets: &[PullSecret],
) -> Result<String, StartError> {
    let mut container = ContainerSpec::default();
    container.image = image.to_owned();
    container.pull_policy = pull_policy;
    bed.images.ensure(&container, secrets).await
}

async fn what_is_resolved_can_be_pulled_and_started(bed: &Bed) {
    let repository = bed.open("app");
    let first = bed.publish(&repository, "1", "one").await;
    bed.publish(&repository, "1", "two").await;
    for policy in [
        PullPolicy::IfNotPresent,
        PullPolicy::Always,
        PullPolicy::Never,
    ] {
        let image = ensure(bed, &first, policy, &[]).await.unwrap();
        assert!(bed.id(&image).await.is_some(), "{policy:?}");
    }
    let tagged = format!("{repository}:1");
    let image = ensure(bed, &tagged, PullPolicy::IfNotPresent, &[])
        .await
        .unwrap();
    let (old, new) = (bed.id(&first).await, bed.id(&image).await);
    assert!(new.is_some() && old != new);
}

async fn what_is_only_here_starts_by_its_id_though_the_tag_moved(bed: &Bed) {
    let repository = bed.here("app");
    let first = bed.make(&repository, "1", "one").await;
    let timeout = Duration::from_secs(60);
    let resolved = bed
        .images
        .resolve(&format!("{repository}:1"), &[], timeout)
        .await;
    let pinned = resolved.unwrap().digest.unwrap();
    bed.make(&repository, "1", "two").await;
    for policy in [
        PullPolicy::IfNotPresent,
        PullPolicy::Always,
        PullPolicy::Never,
    ] {
        assert_eq!(ensure(bed, &pinned, policy, &[]).await.unwrap(), first);
    }
}

async fn never_means_never(bed: &Bed) {
    let repository = bed.open("app");
    bed.publish(&repository, "1", "one").await;
    let tagged = format!("{repository}:1");
    let error = ensure(bed, &tagged, PullPolicy::Never, &[])
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "ErrImageNeverPull");
    assert_eq!(
        error.to_string(),
        format!("Container image \"{tagged}\" is not present with pull policy of Never")
    );
    assert_eq!(bed.id(&tagged).await, None);
}

async fn an_image_that_cannot_be_pulled_says_why(bed: &Bed) {
    let unknown = format!("{}:1", bed.open("none"));
    let error = ensure(bed, &unknown, PullPolicy::IfNotPresent, &[])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::ImageNotFound { .. }),
        "{error:?}"
    );
    assert_eq!(error.reason(), "ImagePullBackOff");
}

async fn a_closed_registry_is_pulled_from_with_a_secret(bed: &Bed) {
    let repository = bed.closed("app");
    let published = bed.publish(&repository, "1", "one").await;
    let error = ensure(bed, &published, PullPolicy::IfNotPresent, &[])
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::ImagePull { .. }), "{error:?}");
    assert!(
        error.to_string().contains("no basic auth credentials"),
        "{error}"
    );
    let secrets = [bed.secret("wrong"), bed.secret(PASSWORD)];
    let image = ensure(bed, &published, PullPolicy::IfNotPresent, &secrets)
        .await
        .unwrap();
    assert!(bed.id(&image).await.is_some());
}

async fn an_image_that_was_removed_is_pulled_again(bed: &Bed) {
    let repository = bed.open("app");
    let published = bed.publish(&repository, "1", "one").await;
    let policy = PullPolicy::IfNotPresent;
    let image = ensure(bed, &published, policy, &[]).await.unwrap();
    let id = bed.id(&image).await.unwrap();
    bed.remove(&id).await;
    assert_eq!(bed.id(&image).await, None);
    bed.images.forget(&published);
    let again = ensure(bed, &published, policy, &[]).await.unwrap();
    assert_eq!(bed.id(&again).await, Some(id));
}
