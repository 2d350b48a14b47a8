use super::*;

fn store() -> (tempfile::TempDir, LocalImages) {
    let dir = tempfile::tempdir().unwrap();
    let images = LocalImages::open(dir.path()).unwrap();
    (dir, images)
}

#[test]
fn an_added_executable_resolves_by_tag_and_by_digest() {
    let (_dir, images) = store();
    let added = images
        .add(
            "example.local/true:v1",
            Path::new("/bin/true"),
            vec!["-x".to_owned()],
            vec![],
        )
        .unwrap();
    let digest = added.digest.unwrap();
    let (repository, hash) = digest.split_once("@sha256:").unwrap();
    assert_eq!((repository, hash.len()), ("example.local/true", 64));
    for reference in ["example.local/true:v1", &digest] {
        assert_eq!(
            images.resolve_now(reference).unwrap().digest.as_deref(),
            Some(digest.as_str())
        );
        let Program::Command(command) = images.added(reference).unwrap() else {
            panic!("a command")
        };
        assert!(command.path.is_file());
        assert_eq!(command.args, ["-x"]);
    }
}

#[test]
fn arguments_are_part_of_the_digest() {
    let (_dir, images) = store();
    let add = |args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        images
            .add("example.local/true", Path::new("/bin/true"), args, vec![])
            .unwrap()
            .digest
    };
    assert_ne!(add(&[]), add(&["a"]));
    assert_eq!(add(&["a"]), add(&["a"]));
}

#[test]
fn an_unknown_image_names_the_command_that_adds_it() {
    let (_dir, images) = store();
    let error = images
        .resolve_now("example.local/nope:1")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("platform-local image add example.local/nope:1 PATH"),
        "{error}"
    );
}

#[test]
fn removing_the_last_reference_removes_the_executable() {
    let (dir, images) = store();
    images
        .add(
            "example.local/first",
            Path::new("/bin/true"),
            vec![],
            vec![],
        )
        .unwrap();
    images
        .add(
            "example.local/second",
            Path::new("/bin/true"),
            vec![],
            vec![],
        )
        .unwrap();
    let blobs = || std::fs::read_dir(dir.path().join("blobs")).unwrap().count();
    images.remove("example.local/first").unwrap();
    assert_eq!(blobs(), 1);
    images.remove("example.local/second").unwrap();
    assert_eq!(blobs(), 0);
    assert!(matches!(
        images.remove("example.local/second"),
        Err(ImageError::NotFound { .. })
    ));
}

#[test]
fn removing_a_digest_removes_every_reference_of_the_repository_that_means_it() {
    let (_dir, images) = store();
    let add = |reference: &str, args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let added = images.add(reference, Path::new("/bin/true"), args, vec![]);
        added.unwrap().digest.unwrap()
    };
    let digest = add("example.local/first:v1", &[]);
    add("example.local/first:v2", &[]);
    add("example.local/first:v3", &["another"]);
    add("example.local/second:v1", &[]);
    images.remove(&digest).unwrap();
    let left: Vec<_> = images
        .list()
        .unwrap()
        .into_iter()
        .map(|e| e.reference)
        .collect();
    assert_eq!(left, ["example.local/first:v3", "example.local/second:v1"]);
    assert!(images.added("example.local/second:v1").is_ok());
    images.remove("example.local/second:v1").unwrap();
    assert!(matches!(
        images.remove(&digest),
        Err(ImageError::NotFound { .. })
    ));
}

#[test]
fn what_is_built_in_is_not_removed() {
    let (_dir, images) = store();
    images
        .register_command("example.local/true", Path::new("/bin/true"), &[])
        .unwrap();
    let refused = images.remove("example.local/true");
    assert!(matches!(refused, Err(ImageError::Unsupported { .. })));
}

#[test]
fn what_cannot_be_executed_is_refused() {
    let (dir, images) = store();
    let text = dir.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    let error = images
        .add("example.local/text", &text, vec![], vec![])
        .unwrap_err();
    assert!(matches!(error, ImageError::Invalid { .. }), "{error}");
}
