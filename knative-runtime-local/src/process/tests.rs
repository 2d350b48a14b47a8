use std::os::unix::process::CommandExt;

use super::*;

#[tokio::test]
async fn a_record_whose_pid_is_somebody_elses_by_now_ends_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (events, _) = broadcast::channel(1);
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .process_group(0)
        .spawn()
        .unwrap();
    let record = format!(
        r#"{{"Runs":{{"instance":"a","namespace":"ns","workload":"w","labels":{{}},"boot":"earlier","pid":{},"start_time":1,"port":1,"address":null}}}}"#,
        other.id()
    );
    fs::write(dir.path().join("processes"), record).unwrap();
    let processes = Processes::open(dir.path(), "p".to_owned(), None, 0, events).unwrap();
    let listed = processes.list().await.unwrap();
    let alive = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(listed.is_empty() && alive);
    assert!(processes.records.all().is_empty());
}

#[tokio::test]
async fn a_start_that_succeeds_while_it_is_stopped_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (events, _) = broadcast::channel(1);
    let processes = Processes::open(dir.path(), "p".to_owned(), None, 0, events).unwrap();
    let (id, workload) = (InstanceId::new("a"), WorkloadId::new("ns", "w"));
    let started = CancellationToken::new();
    processes
        .starting
        .lock()
        .insert(id.clone(), started.clone());
    let finish = async {
        started.cancelled().await;
        let mut command = std::process::Command::new("sleep");
        let pid = command.arg("60").process_group(0).spawn().unwrap().id();
        let record = Record::of(&id, &workload, BTreeMap::new(), pid, 1).unwrap();
        let pidfd = Arc::new(PidFd::open(pid).unwrap());
        processes.keep(record, pidfd, BTreeMap::new(), None);
        processes.starting.lock().remove(&id);
        pid
    };
    let (stopped, pid) = futures::join!(processes.stop(&id, Duration::from_secs(5)), finish);
    stopped.unwrap();
    let gone = proc::start_time(pid).is_err();
    crate::sys::pidfd::kill(pid).unwrap();
    assert!(gone, "it runs on");
}

#[tokio::test]
async fn logs_that_an_earlier_run_left_of_nobody_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("logs")).unwrap();
    for name in [
        "gone.log",
        "gone.previous.log",
        "dead.log",
        "dead.previous.log",
    ] {
        fs::write(dir.path().join("logs").join(name), "a line\n").unwrap();
    }
    let dead = r#"{"Runs":{"instance":"dead","namespace":"ns","workload":"w","labels":{},"boot":"earlier","pid":1,"start_time":1,"port":1,"address":null}}"#;
    fs::write(dir.path().join("processes"), dead).unwrap();
    let (events, _) = broadcast::channel(1);
    let processes = Processes::open(dir.path(), "p".to_owned(), None, 0, events).unwrap();
    let logs = || {
        let names = fs::read_dir(dir.path().join("logs")).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        names
            .filter(|path| path.extension().is_some_and(|is| is == "log"))
            .count()
    };
    assert_eq!(logs(), 2, "of what was recorded");
    processes.list().await.unwrap();
    assert_eq!(logs(), 0);
}

#[tokio::test]
async fn a_child_that_is_discarded_is_killed_and_reaped() {
    let mut child = std::process::Command::new("sleep");
    let pid = child.arg("60").process_group(0).spawn().unwrap().id();
    crate::sys::pidfd::discard(pid).unwrap();
    assert!(proc::start_time(pid).is_err(), "killed and reaped");
}
