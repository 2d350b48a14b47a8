use std::os::unix::process::CommandExt;

use super::*;

#[tokio::test]
async fn a_record_whose_pid_is_somebody_elses_by_now_ends_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (events, _) = broadcast::channel(1);
    let processes = Processes::open(dir.path(), "p".to_owned(), None, 0, events).unwrap();
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .process_group(0)
        .spawn()
        .unwrap();
    let record = format!(
        r#"{{"instance":"a","namespace":"ns","workload":"w","labels":{{}},"boot":"earlier","pid":{},"start_time":1,"port":1,"address":null}}"#,
        other.id()
    );
    std::fs::write(dir.path().join("run/a.json"), record).unwrap();
    let listed = processes.list().await.unwrap();
    let alive = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(listed.is_empty() && alive);
    assert!(!dir.path().join("run/a.json").exists());
}

#[tokio::test]
async fn a_child_that_is_discarded_is_killed_and_reaped() {
    let mut child = std::process::Command::new("sleep");
    let pid = child.arg("60").process_group(0).spawn().unwrap().id();
    crate::sys::pidfd::discard(pid).unwrap();
    assert!(proc::start_time(pid).is_err(), "killed and reaped");
}
