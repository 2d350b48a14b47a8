//! A real `kubectl` over TLS. Without one on the PATH these tests say so and pass.

mod answers;
mod objects;
mod services;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use jiff::Timestamp;
use knative_apiserver::{ApiServer, BoundApiServer, Credentials};
use knative_core::{
    Ids, SystemClock,
    admission::Admitted,
    runtime::WorkloadRuntime,
    store::{MemoryStore, Store},
};
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
