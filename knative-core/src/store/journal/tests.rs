use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    Ids, Kind, Kinds, SystemClock,
    object::{GroupKind, Object, ObjectExt as _, ObjectKey},
    schema::Schema,
    store::{
        DeleteOptions, ListOptions, MemoryStore, Store as _, WatchOptions, WatchStart,
        WriteOptions, codec::object_from_value, memory::Feeds, packed::Packed,
    },
};

use super::{
    JournalOptions, OpenError,
    file::{Directory, FILE_HEADER, Log},
    record::Record,
    recover::{Recovered, recover},
};

const THING: GroupKind = GroupKind::new("example.dev", "Thing");

fn thing(name: &str, kind: &str, value: u64) -> Object {
    let value = json!({
        "apiVersion": "example.dev/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"value": value},
    });
    object_from_value(value).expect("an object")
}

async fn open(path: &Path, options: JournalOptions) -> Result<MemoryStore, OpenError> {
    let schema = Arc::new(Schema::default());
    let mut kinds = Kinds::new();
    kinds.register(Kind::new(
        "example.dev",
        "v1",
        "Thing",
        "things",
        Arc::clone(&schema),
    ));
    let mut shadow = Kind::new("example.dev", "v1", "Shadow", "shadows", schema);
    shadow.volatile = true;
    kinds.register(shadow);
    let (kinds, clock, ids) = (
        Arc::new(kinds),
        Arc::new(SystemClock),
        Arc::new(Ids::seeded(1)),
    );
    MemoryStore::open(path, options, kinds, clock, ids).await
}

async fn listed(store: &MemoryStore) -> Vec<(String, u64)> {
    let list = store
        .list(&THING, &ListOptions::default())
        .await
        .expect("a list");
    let items = list.items.iter();
    items
        .map(|object| {
            (
                object.name().to_owned(),
                object.data["spec"]["value"].as_u64().expect("a number"),
            )
        })
        .collect()
}

fn record(number: u64) -> Record {
    Record::Put(Packed::of(&thing(
        &format!("thing-{number}"),
        "Thing",
        number,
    )))
}

fn numbers(recovered: &Recovered) -> Vec<u64> {
    let records = recovered.log.iter().map(|record| match record {
        Record::Put(object) => object.unpack().data["spec"]["value"].as_u64(),
        _ => None,
    });
    records.map(|number| number.expect("a number")).collect()
}

/// A log of so many records, and where each of them ends.
fn log_of(count: u64) -> (TempDir, Vec<u8>, Vec<usize>) {
    let scratch = TempDir::new().expect("a directory");
    let directory = Directory::lock(scratch.path()).expect("ours");
    let (_, mut log) = recover(&directory).expect("an empty journal");
    let mut ends = vec![FILE_HEADER];
    for number in 0..count {
        let mut bytes = Vec::new();
        record(number).frame(&mut bytes).expect("JSON");
        log.append(&bytes).expect("appended");
        ends.push(usize::try_from(log.length).expect("small"));
    }
    let bytes = fs::read(directory.log(1)).expect("the log");
    (scratch, bytes, ends)
}

/// What remains of a log whose content is replaced, also after one more record.
fn recovered_from(scratch: &TempDir, bytes: &[u8]) -> Result<Vec<u64>, OpenError> {
    let directory = Directory::lock(scratch.path())?;
    fs::write(directory.log(1), bytes).expect("written");
    let (recovered, mut log): (Recovered, Log) = recover(&directory)?;
    let mut more = Vec::new();
    record(99).frame(&mut more).expect("JSON");
    log.append(&more).expect("appended");
    let (again, _) = recover(&directory)?;
    let mut expected = numbers(&recovered);
    expected.push(99);
    assert_eq!(numbers(&again), expected);
    Ok(numbers(&recovered))
}

#[test]
fn a_log_cut_anywhere_keeps_every_whole_record() {
    let (scratch, bytes, ends) = log_of(4);
    for length in 0..=bytes.len() {
        let recovered = recovered_from(&scratch, &bytes[..length]).expect("readable");
        let whole = ends
            .iter()
            .filter(|end| **end <= length)
            .count()
            .saturating_sub(1);
        let expected: Vec<u64> = (0..whole as u64).collect();
        assert_eq!(recovered, expected, "cut at {length}");
    }
}

#[test]
fn a_flipped_byte_anywhere_is_noticed() {
    let (scratch, bytes, ends) = log_of(3);
    for at in FILE_HEADER..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x55;
        let recovered = recovered_from(&scratch, &bytes).expect("readable");
        let whole = ends.iter().filter(|end| **end <= at).count() - 1;
        let expected: Vec<u64> = (0..whole as u64).collect();
        assert_eq!(recovered, expected, "flipped at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_tail_of_garbage_is_cut_off(tail in prop::collection::vec(any::<u8>(), 0..200), zeros in 0_usize..5000) {
        let (scratch, mut bytes, _) = log_of(2);
        bytes.extend(&tail);
        bytes.extend(std::iter::repeat_n(0, zeros));
        prop_assert_eq!(recovered_from(&scratch, &bytes).expect("readable"), vec![0, 1]);
    }
}

#[test]
fn files_of_others_are_refused() {
    let (scratch, bytes, _) = log_of(1);
    let mut newer = bytes.clone();
    newer[FILE_HEADER - 4] = 7;
    let refused = recovered_from(&scratch, &newer).expect_err("an unknown version");
    let message = refused.to_string();
    assert!(
        message.ends_with(
            "log-00000001 has format version 7, and this version of the platform knows only 1"
        ),
        "{message}"
    );
    let refused = recovered_from(&scratch, b"something else").expect_err("not ours");
    assert!(
        refused
            .to_string()
            .ends_with("log-00000001 is not a journal of this platform")
    );
}

#[tokio::test]
async fn objects_as_deep_as_a_parser_takes_come_back() {
    let scratch = TempDir::new().expect("a directory");
    let options = WriteOptions::default();
    let store = open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened");
    // The object, its spec and this are 127 levels.
    let deep = format!("{}0{}", "[".repeat(125), "]".repeat(125));
    let text = format!(
        r#"{{"apiVersion": "example.dev/v1", "kind": "Thing",
            "metadata": {{"name": "deep", "namespace": "default"}}, "spec": {{"deep": {deep}}}}}"#
    );
    let object = serde_json::from_str(&text).and_then(object_from_value);
    let written = store.create(object.expect("an object"), &options).await;
    store
        .create(thing("later", "Thing", 1), &options)
        .await
        .expect("created");
    store.close().await;
    let store = open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened again");
    let list = store.list(&THING, &ListOptions::default()).await;
    let items = list.expect("a list").items;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0], written.expect("created").object);
}

#[tokio::test]
async fn writes_come_back() {
    let scratch = TempDir::new().expect("a directory");
    let store = open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened");
    let options = WriteOptions::default();
    for number in 0..10 {
        let object = thing(&format!("thing-{number}"), "Thing", number);
        store.create(object, &options).await.expect("created");
    }
    let before = store
        .list(&THING, &ListOptions::default())
        .await
        .expect("a list");
    store
        .update(thing("thing-3", "Thing", 33), &options)
        .await
        .expect("updated");
    let gone = ObjectKey::new(THING, "default", "thing-4");
    store
        .delete(&gone, &DeleteOptions::default())
        .await
        .expect("deleted");
    store
        .create(thing("shade", "Shadow", 1), &options)
        .await
        .expect("created");
    let expected = store
        .list(&THING, &ListOptions::default())
        .await
        .expect("a list");

    // Nothing is closed, as if the process had been killed.
    let copy = TempDir::new().expect("a directory");
    for entry in fs::read_dir(scratch.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    let store = open(copy.path(), JournalOptions::default())
        .await
        .expect("opened again");
    let list = store
        .list(&THING, &ListOptions::default())
        .await
        .expect("a list");
    assert_eq!(list.items, expected.items);
    let version = |text: &str| text.parse::<u64>().expect("a number");
    assert!(version(&list.resource_version) > version(&expected.resource_version));
    let shadows = GroupKind::new("example.dev", "Shadow");
    let shadows = store
        .list(&shadows, &ListOptions::default())
        .await
        .expect("a list");
    assert!(shadows.items.is_empty());

    let resumed = WatchOptions {
        start: WatchStart::After(before.resource_version),
        ..WatchOptions::default()
    };
    let watch = store.watch(&THING, &resumed).await;
    assert!(watch.is_ok(), "the log is its history");
}

#[tokio::test]
async fn a_directory_has_one_store() {
    let scratch = TempDir::new().expect("a directory");
    let store = open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened");
    let second = open(scratch.path(), JournalOptions::default())
        .await
        .expect_err("in use");
    assert_eq!(
        second.to_string(),
        format!(
            "data directory {} is in use by another platform",
            scratch.path().display()
        )
    );
    store.close().await;
    let late = store
        .create(thing("late", "Thing", 1), &WriteOptions::default())
        .await;
    assert_eq!(
        late.expect_err("closed").to_string(),
        "the store is unavailable: the store is closed"
    );
    open(scratch.path(), JournalOptions::default())
        .await
        .expect("free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_loses_nothing() {
    for sync in [false, true] {
        let scratch = TempDir::new().expect("a directory");
        let mut options = JournalOptions::default();
        (options.sync, options.compact_at) = (sync, 4_000);
        let store = open(scratch.path(), options).await.expect("opened");
        for round in 0..40 {
            let writes = (0..10).map(|number| {
                let (store, object) = (&store, thing(&format!("thing-{number}"), "Thing", round));
                async move {
                    let options = WriteOptions::default();
                    if round == 0 {
                        store.create(object, &options).await
                    } else {
                        store.update(object, &options).await
                    }
                }
            });
            for written in futures::future::join_all(writes).await {
                written.expect("written");
            }
        }
        let expected = listed(&store).await;
        store.close().await;
        let store = open(scratch.path(), options).await.expect("opened again");
        assert_eq!(listed(&store).await, expected);
        let files = fs::read_dir(scratch.path()).expect("a directory").count();
        assert!(files <= 6, "{files} files");
        assert!(
            fs::metadata(scratch.path().join("log-00000001")).is_err(),
            "it was compacted"
        );
    }
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u64),
    Remove(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = (0..4_u8, 0..100_u64).prop_map(|(name, value)| Step::Put(name, value));
    let remove = (0..4_u8).prop_map(Step::Remove);
    prop::collection::vec(prop_oneof![3 => put, 1 => remove], 1..20)
}

async fn take(store: &MemoryStore, step: &Step) {
    let options = WriteOptions::default();
    match step {
        Step::Put(name, value) => {
            let object = thing(&format!("thing-{name}"), "Thing", *value);
            if store.update(object.clone(), &options).await.is_err() {
                store.create(object, &options).await.expect("created");
            }
        }
        Step::Remove(name) => {
            let key = ObjectKey::new(THING, "default", format!("thing-{name}"));
            let gone = store.delete(&key, &DeleteOptions::default()).await;
            assert!(gone.is_ok() || gone.is_err_and(|error| error.is_not_found()));
        }
    }
}

/// The states after each step, each with the length of the log when the step was acknowledged.
async fn history(path: &Path, steps: &[Step]) -> Vec<(u64, Vec<(String, u64)>)> {
    let store = open(path, JournalOptions::default()).await.expect("opened");
    let mut states = vec![(0, Vec::new())];
    for step in steps {
        take(&store, step).await;
        let length = fs::metadata(path.join("log-00000001"))
            .expect("the log")
            .len();
        states.push((length, listed(&store).await));
    }
    store.close().await;
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_acknowledged_step_survives_a_crash(steps in steps(), cut in 0.0..1.0_f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let scratch = TempDir::new().expect("a directory");
            let states = history(scratch.path(), &steps).await;
            let log = scratch.path().join("log-00000001");
            let bytes = fs::read(&log).expect("the log");
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a place in a short file")]
            let cut = (bytes.len() as f64 * cut) as usize;
            fs::write(&log, &bytes[..cut]).expect("cut");
            let store = open(scratch.path(), JournalOptions::default()).await.expect("opened again");
            let survived = states.iter().rev().find(|(length, _)| *length <= cut as u64);
            prop_assert_eq!(&listed(&store).await, &survived.expect("the first is empty").1);
            Ok(())
        })?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_leaves_no_gap() {
    let scratch = TempDir::new().expect("a directory");
    let (_, mut opened) = super::open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened");
    let good = Arc::clone(&opened.log.file);
    // A file that takes nothing stands for a disk that has no room.
    opened.log.file = Arc::new(fs::File::open(opened.directory.log(1)).expect("the log"));
    let journal = opened.start(Arc::new(Feeds::new(&Kinds::new(), 1)));
    let append = |version| {
        journal
            .append(version, vec![record(version)], Vec::new())
            .expect("a ticket")
            .wait()
    };
    let refused = append(2).await.expect_err("there is no room");
    assert!(
        refused
            .to_string()
            .contains("the journal cannot be written"),
        "{refused}"
    );
    assert!(journal.check().is_err());

    while journal.check().is_err() {
        if let Some(log) = &mut journal.shared.queue.lock().log {
            log.file = Arc::clone(&good);
        }
        tokio::task::yield_now().await;
    }
    append(3).await.expect("there is room again");
    journal.close().await;
    let (recovered, _) = super::open(scratch.path(), JournalOptions::default())
        .await
        .expect("opened");
    let puts = recovered
        .log
        .iter()
        .filter(|record| matches!(record, Record::Put(_)));
    assert_eq!(puts.count(), 2);
}
