//! Taking in what builds made.

use std::{fs, path::Path, time::Duration};

use futures::TryStreamExt as _;
use knative_core::runtime::{ContainerSpec, ImageError, ImageStore as _};

use crate::{
    bed::Bed,
    cases,
    layout::{INDEX, Layout, gzip, on},
};

cases![
    a_layout_is_taken_in_from_each_form,
    a_large_layer_passes_through,
    a_layout_without_this_architecture_is_refused,
    a_blob_that_is_cut_is_refused_and_leaves_nothing,
    an_archive_of_docker_save_gets_the_given_name_only,
    what_the_engine_refuses_is_a_bad_manifest,
    a_digest_is_no_name_to_take_in_under,
];

/// The architecture of the engine, which is this machine's.
fn architecture() -> String {
    match std::env::consts::ARCH {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    }
}

async fn is_here(bed: &Bed, image: &str) -> bool {
    bed.id(image).await.is_some()
}

async fn a_layout_is_taken_in_from_each_form(bed: &Bed) {
    let layout = Layout::new();
    let (other, own) = (
        layout.image("s390x", &bed.path("other")),
        layout.image(&architecture(), &bed.path("own")),
    );
    let entries = [on("s390x", other), on(&architecture(), own.clone())];
    let inner = layout.json(INDEX, &serde_json::json!({"manifests": entries}));
    layout.index(&[inner]);
    let dir = tempfile::tempdir().unwrap();
    let (tar, gz) = (dir.path().join("t.tar"), dir.path().join("t.tar.gz"));
    fs::write(&tar, layout.tar()).unwrap();
    fs::write(&gz, gzip(&layout.tar())).unwrap();
    let id = layout.read(&own)["config"]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let sources: [(&str, &Path); 3] = [("dir", layout.path()), ("tar", &tar), ("gz", &gz)];
    for (name, source) in sources {
        let repository = bed.here(name);
        let reference = format!("{repository}:1");
        let taken = bed.images.import(&reference, source).await.unwrap();
        assert_eq!(taken.config.entrypoint, ["/app"], "{name}");
        assert_eq!(
            taken.config.env,
            [("A".to_owned(), "1".to_owned())],
            "{name}"
        );
        assert_eq!(taken.digest, Some(format!("{repository}@{id}")), "{name}");
        let resolved = bed
            .images
            .resolve(&reference, &[], Duration::from_secs(60))
            .await;
        assert_eq!(resolved.unwrap(), taken, "{name}");
        let mut container = ContainerSpec::default();
        container.image = taken.digest.unwrap();
        assert_eq!(
            bed.images.ensure(&container, &[]).await.unwrap(),
            id,
            "{name}"
        );
    }
}

async fn a_large_layer_passes_through(bed: &Bed) {
    let layout = Layout::new();
    // Many times what lies in the pipe to the engine, and does not compress away.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + u8::try_from(state >> 59).unwrap() % 26)
    });
    let content: String = noise.take(8 << 20).collect();
    let image = layout.image(&architecture(), &(bed.path("") + &content));
    layout.index(&[image]);
    let reference = format!("{}:1", bed.here("app"));
    bed.images.import(&reference, layout.path()).await.unwrap();
    assert!(is_here(bed, &reference).await);
}

async fn a_layout_without_this_architecture_is_refused(bed: &Bed) {
    let layout = Layout::new();
    layout.index(&[on("s390x", layout.image("s390x", "x"))]);
    let reference = format!("{}:1", bed.here("app"));
    let error = bed
        .images
        .import(&reference, layout.path())
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::BadManifest { .. }), "{error:?}");
    assert!(
        error.to_string().contains("for linux/s390x only"),
        "{error}"
    );
}

async fn a_blob_that_is_cut_is_refused_and_leaves_nothing(bed: &Bed) {
    let layout = Layout::new();
    let image = layout.image(&architecture(), &bed.path("own"));
    layout.index(std::slice::from_ref(&image));
    let whole = layout.tar();
    let layer = layout.file(&layout.read(&image)["layers"][0]);
    let mut content = fs::read(&layer).unwrap();
    let last = content.len() - 1;
    content[last] ^= 1;
    fs::write(&layer, &content[..last]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (cut, spoilt) = (dir.path().join("cut.tar"), Layout::new());
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let own = spoilt.image(&architecture(), &bed.path("own"));
    spoilt.index(std::slice::from_ref(&own));
    fs::write(spoilt.file(&spoilt.read(&own)["layers"][0]), content).unwrap();
    let reference = format!("{}:1", bed.here("app"));
    for source in [layout.path(), &cut, spoilt.path()] {
        let error = bed.images.import(&reference, source).await.unwrap_err();
        assert!(matches!(error, ImageError::BadManifest { .. }), "{error:?}");
        assert!(!is_here(bed, &reference).await);
    }
}

async fn an_archive_of_docker_save_gets_the_given_name_only(bed: &Bed) {
    let (from, to) = (
        format!("{}:1", bed.here("from")),
        format!("{}:1", bed.here("to")),
    );
    let id = bed.make(&bed.here("from"), "1", "one").await;
    let chunks: Vec<_> = bed.docker.export_image(&from).try_collect().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), chunks.concat()).unwrap();
    bed.remove(&from).await;
    let taken = bed.images.import(&to, file.path()).await.unwrap();
    assert_eq!(taken.digest, Some(format!("{}@{id}", bed.here("to"))));
    assert!(
        !is_here(bed, &from).await,
        "the archive's own name came with it"
    );
}

async fn what_the_engine_refuses_is_a_bad_manifest(bed: &Bed) {
    let layout = Layout::new();
    let image = layout.image(&architecture(), &bed.path("own"));
    let manifest = layout.read(&image);
    // Whole, and not the layer that the configuration speaks of.
    let (layer, _) = layout.layer(&bed.path("another"));
    layout.index(&[layout.manifest(&manifest["config"], &[layer])]);
    let reference = format!("{}:1", bed.here("app"));
    let error = bed
        .images
        .import(&reference, layout.path())
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::BadManifest { .. }), "{error:?}");
    assert!(error.to_string().contains("diffID"), "{error}");
    assert!(!is_here(bed, &reference).await);
}

async fn a_digest_is_no_name_to_take_in_under(bed: &Bed) {
    let layout = Layout::new();
    let reference = format!("{}@sha256:{}", bed.here("app"), "0".repeat(64));
    let error = bed
        .images
        .import(&reference, layout.path())
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Invalid { .. }), "{error:?}");
}
