//! A platform as a process of its own.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use knative_tests::{container, engine::Engine, image::Start};
use libtest_mimic::Failed;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Outcome,
    http::{self, Answer},
    program::{self, PROGRAM, Program},
};

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the log of a platform is kept that has one.
const LOG: &str = "e2e.log";

/// A running platform; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Platform {
    data: TempDir,
    process: Process,
    /// Where containers run.
    engine: Option<Engine>,
    /// Images that were made for it.
    made: Mutex<Vec<String>>,
}

/// The process of a platform.
#[derive(Debug)]
struct Process {
    child: Child,
    gateway: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever is left is ended by the drop of the platform.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Platform {
    /// A platform in a directory of its own.
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::start_with(&[] as &[&str])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(args: &[impl AsRef<OsStr>]) -> Result<Self, Failed> {
        let data = tempfile::tempdir()?;
        let process = spawn(command(data.path(), args))?;
        Self::of(data, process)
    }

    /// The same on another engine than that of the other tests.
    pub(crate) fn on_engine(host: &str) -> Result<Self, Failed> {
        let data = tempfile::tempdir()?;
        let process = spawn(on_free_ports(program::command_on(Some(host)), data.path()))?;
        Self::of_engine(data, process, Some(host))
    }

    fn of(data: TempDir, process: Process) -> Result<Self, Failed> {
        let host = container::engine().filter(|_| Program::TESTED == Program::Docker);
        Self::of_engine(data, process, host.as_deref())
    }

    fn of_engine(data: TempDir, process: Process, host: Option<&str>) -> Result<Self, Failed> {
        let engine = host.map(Engine::connect).transpose()?;
        Ok(Self {
            data,
            process,
            engine,
            made: Mutex::default(),
        })
    }

    /// The same, with a log that [`Platform::log`] reads; `filter` is what `RUST_LOG` says.
    pub(crate) fn start_logging(args: &[impl AsRef<OsStr>], filter: &str) -> Result<Self, Failed> {
        let data = tempfile::tempdir()?;
        let mut command = command(data.path(), args);
        command
            .env("RUST_LOG", filter)
            .stderr(File::create(data.path().join(LOG))?);
        let process = spawn(command)?;
        Self::of(data, process)
    }

    /// What was logged so far.
    pub(crate) fn log(&self) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.data().join(LOG))?)
    }

    /// Ends the process as a crash does, and starts another on the same directory.
    pub(crate) fn crash(&mut self) -> Outcome {
        self.crash_with(|| Ok(()))
    }

    /// The same, with something done in between.
    pub(crate) fn crash_with(&mut self, between: impl FnOnce() -> std::io::Result<()>) -> Outcome {
        self.process.child.kill()?;
        self.process.child.wait()?;
        between()?;
        self.process = spawn(command(self.data.path(), &[] as &[&str]))?;
        Ok(())
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(&mut self) -> Outcome {
        signal(&self.process.child, Signal::TERM)?;
        let began = now();
        loop {
            if let Some(status) = self.process.child.try_wait()? {
                return crate::ensure(status.success(), || format!("it ended with {status}"));
            }
            if began.elapsed() > DEADLINE {
                return Err("it did not end".into());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM without waiting.
    pub(crate) fn ask_to_end(&self) -> Outcome {
        signal(&self.process.child, Signal::TERM)
    }

    /// Starts a process on the same directory again.
    pub(crate) fn start_again(&mut self) -> Outcome {
        self.process = spawn(command(self.data.path(), &[] as &[&str]))?;
        Ok(())
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.data.path().join("kubeconfig")
    }

    pub(crate) const fn gateway(&self) -> SocketAddr {
        self.process.gateway
    }

    /// A reference that no other platform uses.
    pub(crate) fn reference(&self, name: &str) -> Result<String, Failed> {
        match Program::TESTED {
            Program::Local => Ok(format!("example.local/{name}")),
            // An engine has one namespace of images.
            Program::Docker => Ok(format!("e2e.example.local/{}/{name}", self.name()?)),
        }
    }

    /// Makes a shell script known under a reference; `$HELLO` in it is the hello service.
    pub(crate) fn add_script(&self, reference: &str, script: &str) -> Outcome {
        match Program::TESTED {
            Program::Local => {
                let script = script.replace("$HELLO", &format!("{} hello", PROGRAM.1));
                let output = program::command()
                    .args(["image", "add", reference, "/bin/sh", "--arg=-c", "--data"])
                    .arg(self.data())
                    .arg(format!("--arg={script}"))
                    .output()?;
                crate::ensure(output.status.success(), || text(&output))
            }
            Program::Docker => {
                let script = script.replace("$HELLO", "/program hello");
                let entrypoint = ["/bin/sh", "-c", &script].map(str::to_owned).into();
                let start = Start {
                    entrypoint,
                    ..Start::default()
                };
                self.add_image(reference, &start)
            }
        }
    }

    /// The same, for a service of this script; answers with its reference.
    pub(crate) fn script(&self, name: &str, script: &str) -> Result<String, Failed> {
        let reference = self.reference(name)?;
        self.add_script(&reference, script)?;
        Ok(reference)
    }

    /// Makes an image of the workload program, as `/program`, and a shell.
    pub(crate) fn add_image(&self, reference: &str, start: &Start) -> Outcome {
        self.made.lock().push(reference.to_owned());
        self.engine()?.make_image(reference, workload()?, start)?;
        Ok(())
    }

    /// The engine, where containers run.
    pub(crate) fn engine(&self) -> Result<&Engine, Failed> {
        Ok(self.engine.as_ref().ok_or("there is no engine")?)
    }

    /// The name by which what it runs is known.
    pub(crate) fn name(&self) -> Result<String, Failed> {
        let settings = fs::read_to_string(self.data().join("settings.json"))?;
        let settings: Value = serde_json::from_str(&settings)?;
        Ok(text_of(&settings["platform"]))
    }

    /// Creates or replaces a service, by the API.
    pub(crate) fn apply(&self, service: &Value) -> Outcome {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let path = "/apis/serving.knative.dev/v1/namespaces/default/services";
        if self.get_api(&format!("{path}/{name}"))?.status == 404 {
            return self.expect_api("POST", path, "application/json", service);
        }
        let path = format!("{path}/{name}");
        self.expect_api("PATCH", &path, "application/merge-patch+json", service)
    }

    /// Writes by the API and expects it to succeed.
    pub(crate) fn expect_api(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Outcome {
        let header = format!("Content-Type: {content_type}");
        let body = body.to_string();
        let answer = self.api(&["-X", method, "-H", &header, "--data-binary", &body], path)?;
        crate::ensure(answer.status < 300, || {
            format!("{method} {path}: {answer:?}")
        })
    }

    /// Reads by the API.
    pub(crate) fn get_api(&self, path: &str) -> Result<Answer, Failed> {
        self.api(&[], path)
    }

    fn api(&self, args: &[&str], path: &str) -> Result<Answer, Failed> {
        let access = Access::read(&self.kubeconfig())?;
        http::curl_tls(
            &access.authority,
            Some(&access.token),
            args,
            &format!("{}{path}", access.server),
        )
    }

    /// An object of Serving in namespace `default`, or null.
    pub(crate) fn object(&self, plural: &str, name: &str) -> Result<Value, Failed> {
        let path = format!("/apis/serving.knative.dev/v1/namespaces/default/{plural}/{name}");
        let answer = self.get_api(&path)?;
        if answer.status == 404 {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Waits until the service is ready in its newest generation.
    pub(crate) fn ready(&self, name: &str) -> Result<Value, Failed> {
        self.service_when(name, "ready", |service| {
            condition(service, "Ready")["status"] == "True"
                && service["status"]["observedGeneration"] == service["metadata"]["generation"]
        })
    }

    /// Waits until something holds for a service.
    pub(crate) fn service_when(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failed> {
        let mut last = Value::Null;
        until(&format!("service {name} to be {what}"), || {
            last = self.object("services", name)?;
            Ok(holds(&last))
        })
        .map_err(|error| {
            format!(
                "{}: {}",
                error.message().unwrap_or_default(),
                last["status"]
            )
        })?;
        Ok(last)
    }

    /// Calls a service by its host name.
    pub(crate) fn call(&self, host: &str, path: &str) -> Result<Answer, Failed> {
        http::get(self.gateway(), host, path)
    }

    /// Calls a service that is expected to answer well.
    pub(crate) fn body(&self, host: &str, path: &str) -> Result<String, Failed> {
        let answer = self.call(host, path)?;
        crate::ensure(answer.status == 200, || format!("{host}{path}: {answer:?}"))?;
        Ok(answer.body)
    }

    /// The processes, or the containers, of this platform's services.
    pub(crate) fn running(&self) -> Result<Vec<String>, Failed> {
        let name = self.name()?;
        match &self.engine {
            Some(engine) => Ok(engine.running(&name)?),
            None => Ok(marked(&format!("KNATIVE_INSTANCE={name}/"))),
        }
    }

    /// All that there is of this platform outside of its directory.
    pub(crate) fn left(&self) -> Result<Vec<String>, Failed> {
        match &self.engine {
            Some(engine) => Ok(engine.objects(&self.name()?)?),
            None => self.running(),
        }
    }

    fn clean_up(&self) -> Outcome {
        let Some(engine) = &self.engine else {
            for process in self.running()? {
                if let Some(pid) = process.parse().ok().and_then(Pid::from_raw) {
                    // It may have ended meanwhile.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            return Ok(());
        };
        engine.remove_objects(&self.name()?)?;
        for reference in self.made.lock().drain(..) {
            engine.remove_image(&reference)?;
        }
        Ok(())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // The test has its verdict; this is for the next one.
        let _ = self.terminate();
        let _ = self.clean_up();
    }
}

/// The program in the images of tests, compiled once a run.
fn workload() -> Result<&'static [u8], Failed> {
    static PROGRAM: Mutex<Option<&'static [u8]>> = Mutex::new(None);
    let mut compiled = PROGRAM.lock();
    if let Some(program) = *compiled {
        return Ok(program);
    }
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("program");
    container::compile(&container::workload_source(), &path)?;
    let program: &'static [u8] = fs::read(path)?.leak();
    *compiled = Some(program);
    Ok(program)
}

/// What a kubeconfig says.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) server: String,
    pub(crate) authority: PathBuf,
    token: String,
}

impl Access {
    pub(crate) fn read(kubeconfig: &Path) -> Result<Self, Failed> {
        let text = fs::read_to_string(kubeconfig)?;
        let value: Value = serde_saphyr::from_str(&text)?;
        let cluster = &value["clusters"][0]["cluster"];
        let encoded = text_of(&cluster["certificate-authority-data"]);
        let authority = kubeconfig.with_file_name("e2e-ca.crt");
        let decoded = Command::new("sh")
            .args([
                "-c",
                "printf %s \"$1\" | base64 -d > \"$2\"",
                "sh",
                &encoded,
            ])
            .arg(&authority)
            .status()?;
        crate::ensure(decoded.success(), || {
            "the authority cannot be decoded".to_owned()
        })?;
        Ok(Self {
            server: text_of(&cluster["server"]),
            authority,
            token: text_of(&value["users"][0]["user"]["token"]),
        })
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> Result<bool, Failed>) -> Outcome {
    let began = now();
    while !holds()? {
        if began.elapsed() > DEADLINE {
            return Err(format!("waited {DEADLINE:?} for {what}").into());
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A condition of an object, or null.
pub(crate) fn condition<'a>(object: &'a Value, name: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == name);
    found.unwrap_or(&Value::Null)
}

/// A service of one container.
pub(crate) fn service(name: &str, image: &str, env: &[(&str, &str)], annotations: &Value) -> Value {
    let env: Vec<Value> = env
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "template": {
            "metadata": { "annotations": annotations },
            "spec": { "containers": [{ "image": image, "env": env }] },
        }},
    })
}

/// What a command printed.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "other programs take real time, there is no runtime here"
)]
fn now() -> Instant {
    Instant::now()
}

fn command(data: &Path, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = on_free_ports(program::command(), data);
    command.args(args);
    command
}

fn on_free_ports(mut command: Command, data: &Path) -> Command {
    command
        .args(["--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn spawn(mut command: Command) -> Result<Process, Failed> {
    let mut child = command.spawn()?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut gateway = None;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(address) = line.strip_prefix("gateway") {
            gateway = address.trim().trim_start_matches("http://").parse().ok();
        }
        // The banner is printed in one piece, and this is its last line.
        if line.starts_with("curl -H") {
            break;
        }
    }
    let Some(gateway) = gateway else {
        return Err(format!("the platform did not start: {}", child.wait()?).into());
    };
    Ok(Process { child, gateway })
}

fn signal(child: &Child, signal: Signal) -> Outcome {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.ok_or("the process has no id")?, signal)?;
    Ok(())
}

fn marked(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.to_owned();
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            let found = variables.any(|variable| variable.starts_with(mark.as_bytes()));
            found.then_some(process)
        })
        .collect()
}
