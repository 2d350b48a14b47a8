//! Manifests that are applied at the start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Error, Result, anyhow, bail};
use knative_core::{
    Kinds,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    store::{FieldValidation, Patch, Store, StoreExt as _, UserInfo, WriteOptions, codec},
};
use serde_json::Value;

/// An object, and the file that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    file: PathBuf,
    value: Value,
}

/// Reads files, and the YAML and JSON files of directories.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for path in paths {
        for file in
            files(path).with_context(|| format!("cannot read manifest {}", path.display()))?
        {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read manifest {}", file.display()))?;
            let values =
                parse(&text).with_context(|| format!("cannot read manifest {}", file.display()))?;
            manifests.extend(values.into_iter().map(|value| Manifest {
                file: file.clone(),
                value,
            }));
        }
    }
    Ok(manifests)
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries: io::Result<Vec<_>> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect();
    let mut files = entries?;
    files.retain(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("yaml" | "yml" | "json")) && file.is_file()
    });
    files.sort();
    Ok(files)
}

/// The objects of a text: several documents, lists taken apart.
fn parse(text: &str) -> Result<Vec<Value>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let documents = serde_saphyr::from_multiple_with_options(text, options);
    let documents: Vec<Value> = documents.map_err(|error| first_line(&error))?;
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut list) if is_list(&list) => match list.remove("items") {
                Some(Value::Array(items)) => objects.extend(items),
                _ => bail!("a List has no items"),
            },
            Value::Object(object) => objects.push(Value::Object(object)),
            _ => bail!("a document is no object"),
        }
    }
    Ok(objects)
}

/// The parser goes on with the place as a picture.
fn first_line(error: &serde_saphyr::Error) -> Error {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    anyhow!("{}", line.trim_start_matches("error: "))
}

fn is_list(object: &serde_json::Map<String, Value>) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("List")
}

/// Creates each object, or changes the one that exists; `program` is named as the manager of its fields.
pub(crate) async fn apply(
    program: &'static str,
    store: &Arc<dyn Store>,
    kinds: &Kinds,
    manifests: Vec<Manifest>,
) -> Result<()> {
    for Manifest { file, value } in manifests {
        let applied = apply_one(program, store, kinds, value).await;
        applied.with_context(|| format!("cannot apply {}", file.display()))?;
    }
    Ok(())
}

async fn apply_one(
    program: &'static str,
    store: &Arc<dyn Store>,
    kinds: &Kinds,
    value: Value,
) -> Result<()> {
    let mut object: Object = codec::object_from_value(value.clone()).context("it is no object")?;
    let kind = GroupKind::of_object(&object).context("an object has no apiVersion or no kind")?;
    let known = kinds.get(&kind).filter(|known| {
        let types = object.types.as_ref();
        types.is_some_and(|types| types.api_version == known.api_version())
    });
    let known = known.with_context(|| format!("there is no kind {kind} of that version"))?;
    if known.is_namespaced() && object.metadata.namespace.is_none() {
        object.metadata.namespace = Some("default".to_owned());
    }
    let key = ObjectKey::new(kind, object.namespace(), object.name());
    let mut options = WriteOptions::by(admin());
    options.field_manager = Some(program.to_owned());
    options.field_validation = FieldValidation::Strict;
    let written = if store.find(&key).await?.is_some() {
        store.patch(&key, &Patch::Merge(value), &options).await?
    } else {
        store.create(object, &options).await?
    };
    for warning in written.warnings {
        tracing::warn!(object = %key, "{warning}");
    }
    Ok(())
}

/// The user of the kubeconfig, who starts this program.
pub(crate) fn admin() -> UserInfo {
    let mut admin = UserInfo::new("admin");
    admin.groups = vec![
        "system:masters".to_owned(),
        "system:authenticated".to_owned(),
    ];
    admin
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::json;

    use super::{parse, read};

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let text = "a: 1\n---\n---\nkind: List\nitems:\n- b: 0777\n- c: yes\n";
        let expected = [json!({"a": 1}), json!({"b": 511}), json!({"c": true})];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["- 1\n", "text", "kind: List\n", "a: [", "a: 1\na: 2\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_in_one_line() {
        let error = parse("a: [").unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "line 1 column 4: unclosed bracket '['"
        );
    }

    #[test]
    fn directories_are_read_in_order() {
        let scratch = tempfile::tempdir().unwrap();
        for (name, text) in [("b.yml", "n: 2"), ("a.yaml", "n: 1"), ("c.txt", "n: 3")] {
            fs::write(scratch.path().join(name), text).unwrap();
        }
        let read = read(&[scratch.path().to_owned()]).unwrap();
        let values: Vec<_> = read.into_iter().map(|manifest| manifest.value).collect();
        assert_eq!(values, [json!({"n": 1}), json!({"n": 2})]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(&[PathBuf::from("/nowhere/x.yaml")]).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "cannot read manifest /nowhere/x.yaml: No such file or directory (os error 2)"
        );
    }
}
