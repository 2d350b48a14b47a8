//! A real `kubectl` over TLS. Without one on the PATH these tests say so and pass.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use knative_apiserver::{ApiServer, BoundApiServer, Credentials};
use knative_core::{
    Ids, SystemClock,
    admission::Admitted,
    runtime::WorkloadRuntime,
    store::{MemoryStore, Store, WriteOptions, codec::object_from_value},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{harness::kinds, logs::Echo};

const HELLO: &str = "apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: hello
spec:
  template:
    spec:
      containers:
      - image: example.local/hello
        env:
        - name: TARGET
          value: World
";

/// A platform's API on a socket, and what `kubectl` needs to enter.
pub(crate) struct Cluster {
    directory: TempDir,
    /// What it serves.
    pub(crate) store: Arc<dyn Store>,
    address: std::net::SocketAddr,
    token: String,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Cluster {
    async fn start() -> Self {
        Self::with(Arc::new(Echo)).await
    }

    /// An API with somebody who runs pods.
    pub(crate) async fn with(runtime: Arc<dyn WorkloadRuntime>) -> Self {
        let now = SystemClockNow::now();
        let kinds = Arc::new(kinds());
        let clock = Arc::new(SystemClock);
        let memory = MemoryStore::new(Arc::clone(&kinds), clock, Arc::new(Ids::seeded(1)));
        let store: Arc<dyn Store> = Arc::new(Admitted::new(memory, Arc::clone(&kinds)));
        let directory = tempfile::tempdir().expect("a directory");
        let credentials = Credentials::load_or_create(&directory.path().join("pki"), now);
        let credentials = Arc::new(credentials.expect("credentials"));
        let server = ApiServer::builder(kinds, Arc::clone(&store))
            .runtime(runtime)
            .build();
        let loopback = "127.0.0.1:0".parse().expect("an address");
        let bound = server.bind(loopback, Arc::clone(&credentials)).await;
        let bound: BoundApiServer = bound.expect("the API listens");
        let kubeconfig = bound.kubeconfig(now).expect("a kubeconfig");
        let path = directory.path().join("kubeconfig");
        kubeconfig.write(&path).expect("it is written");
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let address = bound.local_addr();
        let token = shutdown.clone();
        tasks.spawn(async move { bound.serve(token).await });
        Self {
            directory,
            store,
            address,
            token: credentials.token().to_owned(),
            shutdown,
            tasks,
        }
    }

    /// Runs a blocking script against the API, then stops it.
    pub(crate) async fn run(self, script: impl FnOnce(Kubectl) + Send + 'static) {
        let kubectl = Kubectl::new(self.directory.path());
        if kubectl.is_there() {
            let done = tokio::task::spawn_blocking(move || script(kubectl)).await;
            done.expect("the script passes");
        } else {
            // Seen with `--nocapture`, and counted by whoever runs all tests.
            tracing::warn!("skipped: kubectl is not on the PATH");
        }
        self.stop().await;
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The wall time, from the one place that may ask for it.
struct SystemClockNow;

impl SystemClockNow {
    fn now() -> Timestamp {
        use knative_core::Clock as _;
        SystemClock.now()
    }
}

/// Runs `kubectl` with a home of its own.
#[derive(Clone)]
pub(crate) struct Kubectl {
    directory: std::path::PathBuf,
}

impl Kubectl {
    fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    fn is_there(&self) -> bool {
        let version = self.command(&["version", "--client"]).output();
        version.is_ok_and(|output| output.status.success())
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", self.directory.join("kubeconfig"))
            .env("HOME", &self.directory)
            .current_dir(&self.directory);
        command
    }

    pub(crate) fn output(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl starts");
        let mut stdin = child.stdin.take().expect("it takes input");
        // A kubectl that does not read its input may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("kubectl ends")
    }

    /// What a command prints that succeeds.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.ok_with(arguments, "")
    }

    /// What a command prints that succeeds on this input.
    #[track_caller]
    pub(crate) fn ok_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        let (stdout, stderr) = texts(&output);
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {stdout}{stderr}"
        );
        stdout
    }

    /// What a command says that fails.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        let (stdout, stderr) = texts(&output);
        assert!(
            !output.status.success(),
            "kubectl {arguments:?}: {stdout}{stderr}"
        );
        stderr
    }
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Lines with each run of spaces made one.
fn squeezed(text: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applies_and_shows_services() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], HELLO),
                "service.serving.knative.dev/hello created\n"
            );
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], HELLO),
                "service.serving.knative.dev/hello unchanged\n"
            );
            let changed = HELLO.replace("World", "You");
            let output = kubectl.output(&["diff", "-f", "-"], &changed);
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
            assert!(stdout.contains("+          value: You"), "{stdout}");
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], &changed),
                "service.serving.knative.dev/hello configured\n"
            );

            let status = r#"{"status":{"url":"http://hello.default.localhost","latestCreatedRevisionName":"hello-00002","conditions":[{"type":"Ready","status":"True"}]}}"#;
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "merge", "--subresource", "status", "-p", status]);
            assert_eq!(
                squeezed(&kubectl.ok(&["get", "ksvc"])),
                [
                    "NAME URL LATESTCREATED LATESTREADY READY REASON",
                    "hello http://hello.default.localhost hello-00002 True",
                ]
            );
            assert_eq!(kubectl.ok(&["get", "ksvc", "-o", "name"]), "service.serving.knative.dev/hello\n");
            let yaml = kubectl.ok(&["get", "ksvc", "hello", "-o", "yaml"]);
            assert!(yaml.contains("latestRevision: true"), "{yaml}");
            assert_eq!(
                kubectl.ok(&["wait", "ksvc/hello", "--for=condition=Ready", "--timeout=20s"]),
                "service.serving.knative.dev/hello condition met\n"
            );
            let described = kubectl.ok(&["describe", "ksvc", "hello"]);
            assert!(described.contains("Latest Revision:"), "{described}");
            assert!(kubectl.ok(&["get", "knative"]).contains("hello"));
            assert!(kubectl.ok(&["get", "all"]).contains("service.serving.knative.dev/hello"));
            assert!(kubectl.ok(&["get", "ksvc", "-A", "--sort-by=.metadata.name"]).contains("default"));

            assert_eq!(
                kubectl.ok(&["delete", "ksvc", "hello", "--timeout=20s"]).lines().next(),
                Some("service.serving.knative.dev \"hello\" deleted")
            );
            let gone = kubectl.fails(&["get", "ksvc", "hello"], "");
            assert!(gone.contains("services.serving.knative.dev \"hello\" not found"), "{gone}");
            assert!(kubectl.output(&["get", "ksvc"], "").status.success());
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_services() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            kubectl.ok_with(&["create", "-f", "-"], HELLO);
            let twice = kubectl.fails(&["create", "-f", "-"], HELLO);
            assert!(twice.contains("services.serving.knative.dev \"hello\" already exists"), "{twice}");
            kubectl.ok(&["label", "ksvc", "hello", "a=b"]);
            kubectl.ok(&["annotate", "ksvc", "hello", "note=text"]);
            assert_eq!(kubectl.ok(&["get", "ksvc", "-l", "a=b", "-o", "jsonpath={.items[0].metadata.annotations.note}"]), "text");
            assert_eq!(kubectl.ok(&["get", "ksvc", "-l", "a!=b", "-o", "name"]), "");
            kubectl.ok(&["label", "ksvc", "hello", "a-"]);
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "merge", "-p", r#"{"spec":{"template":{"metadata":{"name":"hello-named"}}}}"#]);
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "json", "-p", r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"two"}]"#]);
            let refused = kubectl.fails(&["patch", "ksvc", "hello", "-p", "{}"], "");
            assert!(refused.contains("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"), "{refused}");
            let refused = kubectl.fails(&["apply", "--server-side", "-f", "-"], HELLO);
            assert!(refused.contains("Server-side apply not available on the server"), "{refused}");

            let editor = kubectl.directory.join("editor");
            fs::write(&editor, "#!/bin/sh\nsed -i 's/image: two/image: three/' \"$1\"\n").expect("a script");
            fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).expect("it may run");
            let mut edit = kubectl.command(&["edit", "ksvc", "hello"]);
            let edited = edit.env("EDITOR", &editor).output().expect("kubectl runs");
            assert!(edited.status.success(), "{:?}", texts(&edited));
            let image = "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.metadata.name}";
            assert_eq!(kubectl.ok(&["get", "ksvc", "hello", "-o", image]), "three hello-named");

            let replaced = kubectl.ok_with(&["replace", "-f", "-"], &HELLO.replace("World", "All"));
            assert_eq!(replaced, "service.serving.knative.dev/hello replaced\n");
            let dry = kubectl.ok_with(&["apply", "--dry-run=server", "-f", "-"], &HELLO.replace("World", "None"));
            assert_eq!(dry, "service.serving.knative.dev/hello configured (server dry run)\n");
            assert!(kubectl.ok(&["get", "ksvc", "hello", "-o", "yaml"]).contains("value: All"));

            let typo = kubectl.fails(&["apply", "-f", "-"], &HELLO.replace("env:", "envs:"));
            assert!(typo.contains("strict decoding error: unknown field \"spec.template.spec.containers[0].envs\""), "{typo}");
            let output = kubectl.output(&["apply", "--validate=warn", "-f", "-"], &HELLO.replace("env:", "envs:"));
            let (_, stderr) = texts(&output);
            assert!(stderr.contains("Warning: unknown field \"spec.template.spec.containers[0].envs\""), "{stderr}");
            kubectl.ok(&["delete", "ksvc", "--all", "--timeout=20s"]);
        })
        .await;
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explains_itself() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            let explained = kubectl.ok(&["explain", "ksvc.spec.template.spec.containers.image"]);
            assert!(
                explained.contains("GROUP:      serving.knative.dev"),
                "{explained}"
            );
            assert!(explained.contains("What runs."), "{explained}");
            let explained = kubectl.ok(&["explain", "configmap.data"]);
            assert!(explained.contains("<map[string]string>"), "{explained}");
            assert!(
                kubectl
                    .ok(&["explain", "ksvc", "--recursive"])
                    .contains("containerConcurrency")
            );
            let resources = kubectl.ok(&["api-resources"]);
            let resources = squeezed(&resources);
            assert!(
                resources.contains(
                    &"services kservice,ksvc serving.knative.dev/v1 true Service".to_owned()
                ),
                "{resources:?}"
            );
            assert!(
                kubectl
                    .ok(&["api-versions"])
                    .contains("serving.knative.dev/v1\n")
            );
            let version = kubectl.ok(&["version"]);
            assert!(version.contains("Server Version: v1.34."), "{version}");
            let crd = kubectl.ok(&["get", "crd", "services.serving.knative.dev"]);
            assert!(crd.contains("CREATED AT"), "{crd}");
            kubectl.ok(&[
                "wait",
                "--for=condition=Established",
                "crd/services.serving.knative.dev",
                "--timeout=20s",
            ]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_strangers() {
    let cluster = Cluster::start().await;
    let (address, token) = (cluster.address, cluster.token.clone());
    cluster
        .run(move |kubectl| {
            let server = format!("https://{address}");
            let raw = [
                "get",
                "--raw",
                "/version",
                "--server",
                &server,
                "--insecure-skip-tls-verify",
                "--kubeconfig=/dev/null",
            ];
            let refused = kubectl.fails(&[&raw[..], &["--token=wrong"]].concat(), "");
            assert!(
                refused.contains("Unauthorized") || refused.contains("logged in"),
                "{refused}"
            );
            let token = format!("--token={token}");
            let version = kubectl.ok(&[&raw[..], &[token.as_str()]].concat());
            assert!(version.contains("v1.34."), "{version}");
            let version = kubectl.ok(&["get", "--raw", "/version"]);
            assert!(version.contains("v1.34."), "{version}");
            let who = kubectl.ok(&["auth", "whoami", "--as=jane", "-o", "json"]);
            assert!(who.contains("\"username\": \"jane\""), "{who}");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selects_and_prunes() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            for name in ["a", "b", "c"] {
                let service = HELLO.replace(
                    "name: hello",
                    &format!("name: {name}\n  labels: {{app: x}}"),
                );
                kubectl.ok_with(&["apply", "-f", "-"], &service);
            }
            assert_eq!(
                kubectl
                    .ok(&["get", "ksvc", "--chunk-size=1", "-o", "name"])
                    .lines()
                    .count(),
                3
            );
            let one = kubectl.ok(&[
                "get",
                "ksvc",
                "--field-selector",
                "metadata.name=b",
                "-o",
                "name",
            ]);
            assert_eq!(one, "service.serving.knative.dev/b\n");
            let refused = kubectl.fails(&["get", "ksvc", "--field-selector", "spec.x=1"], "");
            assert!(
                refused.contains("field label not supported: spec.x"),
                "{refused}"
            );
            let only = HELLO.replace("name: hello", "name: a\n  labels: {app: x}");
            let pruned = kubectl.ok_with(
                &[
                    "apply",
                    "-f",
                    "-",
                    "--prune",
                    "-l",
                    "app=x",
                    "--prune-allowlist=serving.knative.dev/v1/Service",
                ],
                &only,
            );
            assert!(
                pruned.contains("service.serving.knative.dev/b pruned"),
                "{pruned}"
            );
            assert_eq!(
                kubectl.ok(&["get", "ksvc", "-o", "name"]),
                "service.serving.knative.dev/a\n"
            );

            let kustomization = "resources: [hello.yaml]\nnamePrefix: k-\n";
            fs::write(kubectl.directory.join("kustomization.yaml"), kustomization).expect("a file");
            fs::write(kubectl.directory.join("hello.yaml"), HELLO).expect("a file");
            let made = kubectl.ok(&["apply", "-k", "."]);
            assert_eq!(made, "service.serving.knative.dev/k-hello created\n");
            let gone = kubectl.ok(&["delete", "-k", ".", "--timeout=20s", "--cascade=foreground"]);
            assert!(gone.contains("\"k-hello\" deleted"), "{gone}");
            let forced =
                kubectl.ok_with(&["replace", "--force", "-f", "-", "--timeout=20s"], &only);
            assert!(
                forced.contains("service.serving.knative.dev/a replaced"),
                "{forced}"
            );
            let missing = kubectl.fails(&["apply", "-n", "nowhere", "-f", "-"], HELLO);
            assert!(
                missing.contains("namespaces \"nowhere\" not found"),
                "{missing}"
            );
            kubectl.ok(&["delete", "ksvc", "nothing", "--ignore-not-found"]);
            assert!(kubectl.ok(&["cluster-info"]).contains("is running at"));
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_kinds_are_told() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            for unknown in [
                "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b}\n",
                "apiVersion: serving.knative.dev/v1\nkind: Servce\nmetadata: {name: b}\n",
            ] {
                let refused = kubectl.fails(&["apply", "-f", "-"], unknown);
                assert!(refused.contains("no matches for kind"), "{refused}");
            }
        })
        .await;
}
