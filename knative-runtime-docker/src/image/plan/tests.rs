use std::{collections::BTreeMap, fs};

use super::*;

#[path = "../../../tests/images/layout.rs"]
mod layout;

use layout::{INDEX as INDEX_MEDIA, LAYER, Layout, gzip, on};

const WANTED: Wanted<'static> = Wanted {
    architecture: "amd64",
    reference: "r.dev/app:1",
};

/// What the engine would be given.
fn written(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let write = || {
        let mut out = Vec::new();
        Plan::read(path, WANTED)?.write(&mut out)?;
        Ok::<_, io::Error>(out)
    };
    let out = write().map_err(|error| error.to_string())?;
    let mut archive = tar::Archive::new(&*out);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, content)
    });
    Ok(entries.collect())
}

fn document(tar: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
    serde_json::from_slice(&tar[path]).unwrap()
}

#[test]
fn the_engines_image_is_handed_over_from_each_form() {
    let layout = Layout::new();
    let (arm, amd) = (layout.image("arm64", "arm"), layout.image("amd64", "amd"));
    let inner =
        serde_json::json!({"manifests": [on("arm64", arm.clone()), on("amd64", amd.clone())]});
    layout.index(&[layout.json(INDEX_MEDIA, &inner)]);
    let dir = tempfile::tempdir().unwrap();
    let (plain, gz) = (dir.path().join("t.tar"), dir.path().join("t.tgz"));
    fs::write(&plain, layout.tar()).unwrap();
    fs::write(&gz, gzip(&layout.tar())).unwrap();
    let manifest = layout.read(&amd);
    let path = |descriptor: &Value| {
        let file = layout.file(descriptor);
        let path = file.strip_prefix(layout.path()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (config, layer) = (&manifest["config"], &manifest["layers"][0]);
    for source in [layout.path(), &plain, &gz] {
        let tar = written(source).unwrap();
        let mut want = vec![
            path(&amd),
            path(config),
            path(layer),
            "index.json".to_owned(),
            "manifest.json".to_owned(),
            "oci-layout".to_owned(),
        ];
        want.sort();
        assert_eq!(tar.keys().cloned().collect::<Vec<_>>(), want);
        let archive = serde_json::json!([{
            "Config": path(config),
            "RepoTags": ["r.dev/app:1"],
            "Layers": [path(layer)],
        }]);
        assert_eq!(document(&tar, "manifest.json"), archive);
        let index = document(&tar, "index.json");
        assert_eq!(index["manifests"][0]["digest"], amd["digest"]);
        assert_eq!(tar[&path(layer)], fs::read(layout.file(layer)).unwrap());
    }
}

#[test]
fn layouts_that_are_not_whole_are_refused() {
    type Spoil = fn(&Layout, &Value, &Value);
    let rows: [(&str, Spoil, &str); 9] = [
        (
            "no index",
            |layout, _, _| fs::remove_file(layout.path().join("index.json")).unwrap(),
            "index.json is missing",
        ),
        (
            "no layer",
            |layout, _, layer| fs::remove_file(layout.file(layer)).unwrap(),
            "is missing",
        ),
        (
            "a layer that is cut",
            |layout, _, layer| {
                let file = fs::File::options()
                    .write(true)
                    .open(layout.file(layer))
                    .unwrap();
                file.set_len(10).unwrap();
            },
            "has 10 bytes instead of",
        ),
        (
            "a layer of another content",
            |layout, _, layer| {
                let mut content = fs::read(layout.file(layer)).unwrap();
                content[20] ^= 1;
                fs::write(layout.file(layer), content).unwrap();
            },
            "is of another content",
        ),
        (
            "a manifest of another content",
            |layout, manifest, _| {
                let content = fs::read_to_string(layout.file(manifest)).unwrap();
                fs::write(layout.file(manifest), content.replace("layers", "Layers")).unwrap();
            },
            "is of another content",
        ),
        (
            "a manifest that is too large",
            |layout, manifest, _| {
                let mut manifest = manifest.clone();
                manifest["size"] = (DOCUMENT + 1).into();
                layout.index(&[manifest]);
            },
            "more than 4194304",
        ),
        (
            "another architecture, said by the configuration alone",
            |layout, _, _| layout.index(&[layout.image("s390x", "x")]),
            "it holds no image for linux/amd64: for linux/s390x only",
        ),
        (
            "more layers than the configuration knows",
            |layout, manifest, layer| {
                let config = &layout.read(manifest)["config"];
                let manifest = layout.manifest(config, &[layer.clone(), layer.clone()]);
                layout.index(&[manifest]);
            },
            "its manifest has 2 layers and its configuration 1",
        ),
        (
            "an index within itself, again and again",
            |layout, manifest, _| {
                let mut entry = manifest.clone();
                for _ in 0..=DEPTH {
                    let index = serde_json::json!({"manifests": [entry]});
                    entry = layout.json(INDEX_MEDIA, &index);
                }
                layout.index(&[entry]);
            },
            "its indices are more than 4 deep",
        ),
    ];
    for (row, spoil, want) in rows {
        let layout = Layout::new();
        let manifest = layout.image("amd64", "content");
        layout.index(std::slice::from_ref(&manifest));
        assert!(written(layout.path()).is_ok(), "{row}");
        let layer = layout.read(&manifest)["layers"][0].clone();
        assert_eq!(layer["mediaType"], LAYER, "{row}");
        spoil(&layout, &manifest, &layer);
        let refused = written(layout.path()).unwrap_err();
        assert!(refused.contains(want), "{row}: {refused}");
    }
}

/// A tar with files and symbolic links.
fn archive(files: &[(&str, &str)], links: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        append(&mut builder, path, content.len() as u64, content.as_bytes()).unwrap();
    }
    for (path, target) in links {
        let mut header = header(0);
        header.set_entry_type(tar::EntryType::Symlink);
        builder.append_link(&mut header, path, target).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), builder.into_inner().unwrap()).unwrap();
    file
}

#[test]
fn an_archive_is_handed_over_under_the_given_name_only() {
    let manifest =
        r#"[{"Config":"c.json","RepoTags":["someone/elses:1"],"Layers":["a/layer.tar"]}]"#;
    let file = archive(
        &[
            ("manifest.json", manifest),
            ("repositories", "{}"),
            ("c.json", "{}"),
            ("a/layer.tar", "x"),
        ],
        &[("b/layer.tar", "../a/layer.tar")],
    );
    let tar = written(file.path()).unwrap();
    assert_eq!(
        tar.keys().collect::<Vec<_>>(),
        ["a/layer.tar", "b/layer.tar", "c.json", "manifest.json"]
    );
    let want = serde_json::json!([
        {"Config": "c.json", "RepoTags": ["r.dev/app:1"], "Layers": ["a/layer.tar"]}
    ]);
    assert_eq!(document(&tar, "manifest.json"), want);
}

#[test]
fn archives_that_no_engine_should_see_are_refused() {
    type Pairs = &'static [(&'static str, &'static str)];
    const ONE: Pairs = &[("manifest.json", r#"[{"Config":"c.json","Layers":[]}]"#)];
    let rows: [(&str, Pairs, Pairs, &str); 5] = [
        ("nothing known", &[("a", "1")], &[], "neither an OCI layout"),
        ("no image", &[("manifest.json", "[]")], &[], "0 images"),
        ("several", &[("manifest.json", "[{},{}]")], &[], "2 images"),
        ("a link out", ONE, &[("a/b", "../../c")], "leads out"),
        (
            "an absolute link",
            ONE,
            &[("a", "/etc/passwd")],
            "leads out",
        ),
    ];
    for (row, files, links, want) in rows {
        let refused = written(archive(files, links).path()).unwrap_err();
        assert!(refused.contains(want), "{row}: {refused}");
    }
}
