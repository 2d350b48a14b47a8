use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;

async fn text(mut stream: LogStream) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(text).unwrap()
}

fn logs(content: &[u8]) -> (tempfile::TempDir, Logs, InstanceId) {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::open(dir.path().to_owned(), &BTreeSet::new()).unwrap();
    let id = InstanceId::new("a");
    fs::write(logs.path(&id), content).unwrap();
    (dir, logs, id)
}

#[tokio::test]
async fn tails_and_limits() {
    let (_dir, logs, id) = logs(b"one\ntwo\nthree\n");
    let rows = [
        (None, None, "one\ntwo\nthree\n"),
        (Some(2), None, "two\nthree\n"),
        (Some(0), None, ""),
        (Some(9), Some(5), "one\nt"),
    ];
    for (tail_lines, limit_bytes, want) in rows {
        let mut options = LogOptions::default();
        (options.tail_lines, options.limit_bytes) = (tail_lines, limit_bytes);
        assert_eq!(
            text(logs.read(&id, &options, || false).await.unwrap()).await,
            want,
            "{tail_lines:?}"
        );
    }
}

#[test]
fn each_beginning_has_a_file_of_its_own_and_sets_the_earlier_one_aside() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::open(dir.path().to_owned(), &BTreeSet::new()).unwrap();
    let ids: Vec<_> = (0..20)
        .map(|number| InstanceId::new(format!("i{number}")))
        .collect();
    for (run, id) in ids.iter().chain(&ids).enumerate() {
        write!(logs.begin(id).unwrap(), "{run}").unwrap();
    }
    for (number, id) in ids.iter().enumerate() {
        let read = [logs.previous(id), logs.path(id)].map(|path| fs::read_to_string(path).unwrap());
        assert_eq!(read, [number.to_string(), (number + 20).to_string()]);
    }
}

#[tokio::test]
async fn a_follower_reads_every_line_once_though_the_log_is_cut() {
    let numbered = |numbers: Range<u64>| -> Vec<u8> {
        let lines = numbers.map(|number| format!("{number:015}\n"));
        lines.flat_map(String::into_bytes).collect()
    };
    let many = BOUND / 16 + 1;
    let (_dir, logs, id) = logs(&numbered(0..many));
    let running = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&running);
    let mut options = LogOptions::default();
    options.follow = true;
    let log = logs.read(&id, &options, move || asked.load(Ordering::Relaxed));
    let mut log = log.await.unwrap();
    let mut read = Vec::new();
    while size(read.len()) < many * 16 {
        read.extend_from_slice(&log.next().await.unwrap().unwrap());
    }
    logs.cut(&id).unwrap();
    let mut file = File::options().append(true).open(logs.path(&id)).unwrap();
    file.write_all(&numbered(many..many + 2)).unwrap();
    running.store(false, Ordering::Relaxed);
    read.extend_from_slice(text(log).await.as_bytes());
    let twice = read.len().saturating_sub(numbered(0..many + 2).len());
    assert!(read == numbered(0..many + 2), "{twice} bytes too many");
}

#[tokio::test]
async fn a_follower_that_has_not_read_what_is_lost_goes_on_after_it() {
    let line = b"0123456789abcde\n";
    let (_dir, logs, id) = logs(&line.repeat(usize::try_from(BOUND).unwrap() / line.len() + 1));
    let log = logs
        .read(&id, &LogOptions::default(), || false)
        .await
        .unwrap();
    logs.cut(&id).unwrap();
    assert_eq!(
        text(log).await.as_bytes(),
        fs::read(logs.path(&id)).unwrap()
    );
}

#[test]
fn a_log_beyond_its_bound_loses_its_older_half() {
    let line = b"0123456789abcde\n";
    let (_dir, logs, id) = logs(&line.repeat(usize::try_from(BOUND).unwrap() / line.len() + 1));
    logs.cut(&id).unwrap();
    let left = fs::read(logs.path(&id)).unwrap();
    assert!(
        u64::try_from(left.len()).unwrap() <= KEPT
            && left.starts_with(line)
            && left.ends_with(line)
    );
}
