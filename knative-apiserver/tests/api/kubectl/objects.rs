//! Kinds of Kubernetes, and watches.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use jiff::SignedDuration;
use knative_core::store::{Store as _, WriteOptions, codec::object_from_value};
use serde_json::{Value, json};

use super::{Cluster, HELLO, Kubectl, SystemClockNow, squeezed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_core_kinds() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            assert_eq!(kubectl.ok(&["create", "namespace", "x"]), "namespace/x created\n");
            kubectl.ok(&["create", "configmap", "m", "-n", "x", "--from-literal=a=1"]);
            kubectl.ok(&["create", "secret", "generic", "s", "-n", "x", "--from-literal=key=value"]);
            kubectl.ok(&["create", "serviceaccount", "robot", "-n", "x"]);
            assert_eq!(kubectl.ok(&["get", "secret", "s", "-n", "x", "-o", "jsonpath={.data.key}"]), "dmFsdWU=");
            let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied, namespace: x}\ndata: {a: \"1\", b: \"2\"}\n";
            kubectl.ok_with(&["apply", "-f", "-"], map);
            let configured = kubectl.ok_with(&["apply", "-f", "-"], &map.replace(", b: \"2\"", ", c: \"3\""));
            assert_eq!(configured, "configmap/applied configured\n");
            assert_eq!(kubectl.ok(&["get", "cm", "applied", "-n", "x", "-o", "jsonpath={.data}"]), r#"{"a":"1","c":"3"}"#);
            kubectl.ok(&["patch", "cm", "applied", "-n", "x", "-p", r#"{"data":{"a":null}}"#]);
            let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: x}\nspec: {ports: [{port: 80, protocol: TCP}]}\n";
            kubectl.ok_with(&["apply", "-f", "-"], service);
            let maps = squeezed(&kubectl.ok(&["get", "cm", "-n", "x"]));
            assert_eq!(maps[0], "NAME DATA AGE");
            assert!(maps.iter().any(|line| line.starts_with("applied 1 ")), "{maps:?}");
            let services = squeezed(&kubectl.ok(&["get", "services", "-n", "x"]));
            assert_eq!(services[0], "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE");
            assert!(services[1].contains("80/TCP"), "{services:?}");
            assert!(kubectl.ok(&["get", "events", "-A"]).is_empty());

            assert_eq!(kubectl.ok(&["auth", "can-i", "create", "ksvc"]), "yes\n");
            let who = kubectl.ok(&["auth", "whoami", "-o", "json"]);
            let who: Value = serde_json::from_str(&who).expect("JSON");
            assert_eq!(who["status"]["userInfo"]["username"], "admin");
            assert!(kubectl.ok(&["auth", "can-i", "--list"]).contains("[*]"));
            kubectl.ok(&["delete", "namespace", "x", "--timeout=20s"]);
            let gone = kubectl.fails(&["get", "cm", "m", "-n", "x"], "");
            assert!(gone.contains("namespaces \"x\" not found"), "{gone}");
        })
        .await;
}

/// Lines that a `kubectl get -w` prints, as they come.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn new(kubectl: &Kubectl, arguments: &[&str]) -> Self {
        let mut command = kubectl.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let stdout = child.stdout.take().expect("it prints");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    fn next(&mut self) -> String {
        let line = self.lines.next().expect("a line").expect("text");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            kubectl.ok_with(&["create", "-f", "-"], HELLO);
            let mut watching = Watching::new(&kubectl, &["get", "ksvc", "-w"]);
            assert_eq!(watching.next(), "NAME URL LATESTCREATED LATESTREADY READY REASON");
            assert_eq!(watching.next(), "hello");
            let status = r#"{"status":{"url":"http://x","conditions":[{"type":"Ready","status":"False","reason":"Why"}]}}"#;
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "merge", "--subresource", "status", "-p", status]);
            assert_eq!(watching.next(), "hello http://x False Why");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_pods_and_events() {
    let cluster = Cluster::start().await;
    let options = WriteOptions::default();
    let age = SystemClockNow::now() - SignedDuration::from_secs(60);
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Service", "name": "hello", "namespace": "default"},
        "reason": "Created", "message": "Created Configuration \"hello\"", "type": "Normal",
        "firstTimestamp": age, "lastTimestamp": age, "count": 1,
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "user-container", "image": "i"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "user-container", "ready": true, "restartCount": 2, "image": "", "imageID": ""}]},
    });
    for object in [event, pod] {
        let object = object_from_value(object).expect("an object");
        cluster
            .store
            .create(object, &options)
            .await
            .expect("it is kept");
    }
    cluster
        .run(|kubectl| {
            let events = squeezed(&kubectl.ok(&["get", "events"]));
            assert_eq!(events[0], "LAST SEEN TYPE REASON OBJECT MESSAGE");
            assert!(
                events[1].ends_with("Normal Created service/hello Created Configuration \"hello\""),
                "{events:?}"
            );
            assert!(kubectl.ok(&["events"]).contains("Created Configuration"));
            let pods = squeezed(&kubectl.ok(&["get", "pods"]));
            assert_eq!(pods[0], "NAME READY STATUS RESTARTS AGE");
            assert!(pods[1].starts_with("p 1/1 Running 2 "), "{pods:?}");
            let refused = kubectl.fails(&["exec", "p", "--", "ls"], "");
            assert!(refused.contains("exec is not offered"), "{refused}");
            let log = kubectl.ok(&["logs", "p", "-c", "user-container", "-f", "--tail=5"]);
            assert_eq!(log, "p Some(\"user-container\") true Some(5) None false \n");
            let refused = kubectl.fails(&["run", "q", "--image=i"], "");
            assert!(
                refused.contains("create is not supported on resources of kind \"pods\""),
                "{refused}"
            );
            kubectl.ok(&["delete", "pod", "p", "--timeout=20s"]);
        })
        .await;
}
