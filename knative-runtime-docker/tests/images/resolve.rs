//! What references mean.

use std::{net::TcpListener, time::Duration};

use knative_core::runtime::{ImageConfig, ImageError, ImageStore as _, PullSecret, ResolvedImage};

use crate::{bed::Bed, cases, registry::PASSWORD};

/// How long an answer may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

cases![
    a_tag_resolves_to_the_registrys_digest,
    an_image_from_a_registry_keeps_its_digest_here,
    an_image_that_is_only_here_is_pinned_by_its_id,
    a_tag_that_moves_in_its_registry_moves_nothing_that_is_pinned,
    a_digest_must_exist,
    an_unknown_image_says_what_to_do,
    a_registry_that_does_not_answer_may_later,
    a_closed_registry_asks_for_credentials,
    the_users_credentials_stand_in,
    an_index_needs_this_architecture,
    a_resolution_is_bounded,
];

async fn resolve(bed: &Bed, reference: &str) -> Result<ResolvedImage, ImageError> {
    bed.images.resolve(reference, &[], PATIENCE).await
}

async fn digest(bed: &Bed, reference: &str) -> Option<String> {
    resolve(bed, reference).await.unwrap().digest
}

async fn a_tag_resolves_to_the_registrys_digest(bed: &Bed) {
    let repository = bed.open("app");
    let published = bed.publish(&repository, "1", "one").await;
    let resolved = resolve(bed, &format!("{repository}:1")).await.unwrap();
    assert_eq!(resolved.digest.as_ref(), Some(&published));
    assert_eq!(resolved.config, ImageConfig::default());
    assert_eq!(digest(bed, &published).await, Some(published.clone()));
    assert_eq!(bed.id(&published).await, None, "resolving pulled it");
}

async fn an_image_from_a_registry_keeps_its_digest_here(bed: &Bed) {
    let (repository, other) = (bed.open("app"), bed.here("app"));
    let id = bed.make(&repository, "1", "one").await;
    bed.push(&repository, "1").await;
    let found = bed.docker.inspect_image(&id).await.unwrap();
    let pushed = found.repo_digests.unwrap();
    assert_eq!(
        digest(bed, &format!("{repository}:1")).await,
        pushed.first().cloned()
    );
    // Another repository's digest says nothing of this one.
    bed.tag(&id, &other, "1").await;
    let pinned = digest(bed, &format!("{other}:1")).await;
    assert_eq!(pinned, Some(format!("{other}@{id}")));
}

async fn an_image_that_is_only_here_is_pinned_by_its_id(bed: &Bed) {
    let repository = bed.here("app");
    let tag = format!("{repository}:1");
    let first = bed.make(&repository, "1", "one").await;
    let pinned = digest(bed, &tag).await.unwrap();
    assert_eq!(pinned, format!("{repository}@{first}"));
    let second = bed.make(&repository, "1", "two").await;
    assert_ne!(first, second);
    assert_eq!(
        digest(bed, &tag).await,
        Some(format!("{repository}@{second}"))
    );
    assert_eq!(digest(bed, &pinned).await, Some(pinned.clone()));
}

async fn a_tag_that_moves_in_its_registry_moves_nothing_that_is_pinned(bed: &Bed) {
    let repository = bed.open("app");
    let tag = format!("{repository}:1");
    let first = bed.publish(&repository, "1", "one").await;
    assert_eq!(digest(bed, &tag).await.as_ref(), Some(&first));
    let second = bed.publish(&repository, "1", "two").await;
    assert_ne!(first, second);
    assert_eq!(digest(bed, &tag).await, Some(second));
    assert_eq!(digest(bed, &first).await, Some(first.clone()));
}

async fn a_digest_must_exist(bed: &Bed) {
    let repository = bed.open("app");
    bed.publish(&repository, "1", "one").await;
    let wrong = format!("{repository}@sha256:{}", "0".repeat(64));
    let error = resolve(bed, &wrong).await.unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error:?}");
}

async fn an_unknown_image_says_what_to_do(bed: &Bed) {
    let reference = format!("{}:1", bed.open("none"));
    let error = resolve(bed, &reference).await.unwrap_err();
    let ImageError::NotFound { hint, .. } = &error else {
        panic!("{error:?}");
    };
    for word in ["docker load", &reference, "imagePullSecrets"] {
        assert!(hint.contains(word), "{hint}");
    }
    let error = resolve(bed, "r.dev/../../containers").await.unwrap_err();
    assert!(matches!(error, ImageError::Invalid { .. }), "{error:?}");
}

async fn a_registry_that_does_not_answer_may_later(bed: &Bed) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = resolve(bed, &format!("{address}/app:1")).await.unwrap_err();
    assert!(matches!(error, ImageError::Unavailable { .. }), "{error:?}");
    assert!(error.retry());
    assert!(error.to_string().contains("connection refused"), "{error}");
}

async fn a_closed_registry_asks_for_credentials(bed: &Bed) {
    let repository = bed.closed("app");
    let published = bed.publish(&repository, "1", "one").await;
    let tag = format!("{repository}:1");
    let with = async |secrets: &[PullSecret]| bed.images.resolve(&tag, secrets, PATIENCE).await;
    let elsewhere = PullSecret {
        registry: "registry.example".to_owned(),
        ..bed.secret(PASSWORD)
    };
    for secrets in [&[][..], &[bed.secret("wrong")], &[elsewhere]] {
        let error = with(secrets).await.unwrap_err();
        assert!(
            matches!(error, ImageError::Unauthorized { .. }),
            "{error:?}"
        );
    }
    // The second is tried when the first is refused.
    let secrets = [bed.secret("wrong"), bed.secret(PASSWORD)];
    assert_eq!(with(&secrets).await.unwrap().digest, Some(published));
}

async fn the_users_credentials_stand_in(bed: &Bed) {
    let repository = bed.closed("app");
    let published = bed.publish(&repository, "1", "one").await;
    bed.log_in();
    assert_eq!(
        digest(bed, &format!("{repository}:1")).await,
        Some(published)
    );
}

async fn an_index_needs_this_architecture(bed: &Bed) {
    let repository = bed.open("app");
    let published = bed.publish(&repository, "1", "one").await;
    let (_, digest) = published.split_once('@').unwrap();
    let media_type = "application/vnd.docker.distribution.manifest.list.v2+json";
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [{
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "digest": digest,
            "size": 1,
            "platform": {"os": "linux", "architecture": "s390x"},
        }],
    });
    let path = format!("{}/manifests/2", bed.path("app"));
    let registry = &bed.registries.open;
    registry.put(&path, media_type, &index.to_string());
    let error = resolve(bed, &format!("{repository}:2")).await.unwrap_err();
    assert!(matches!(error, ImageError::BadManifest { .. }), "{error:?}");
    assert!(
        error.to_string().contains("no manifest for linux/"),
        "{error}"
    );
}

async fn a_resolution_is_bounded(bed: &Bed) {
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let reference = format!("{}/app:1", silent.local_addr().unwrap());
    let timeout = Duration::from_millis(200);
    let error = bed
        .images
        .resolve(&reference, &[], timeout)
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("200ms"), "{error}");
}
