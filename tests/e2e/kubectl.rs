//! The real kubectl.

mod exec;

use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::{
    Outcome, ensure, only,
    platform::{Platform, text},
    program::{Program, manifest},
    trials as part,
};

/// The oldest kubectl that validates as these tests expect.
const MINOR: u32 = 30;
/// How many seconds one call may take.
const LONGEST: &str = "120";

pub(crate) fn trials() -> Vec<Trial> {
    let missing = !usable();
    let mut trials = part(
        "kubectl",
        [
            ("the_readme_tour", tour),
            ("get_prints_columns", columns),
            ("create_describe_and_delete", create_describe_delete),
            ("edit_patch_label_and_annotate", edit_patch_label),
            ("diff_and_dry_run_change_nothing", diff_and_dry_run),
            ("logs_of_a_pod", logs),
            ("metrics_tell_of_starts_and_calls", metrics),
            ("unknown_fields_are_refused_or_told", unknown_fields),
            ("exec_passes_on_output_and_exit_code", exec::output_and_code),
            ("exec_passes_on_input_to_its_end", exec::input),
        ],
    );
    trials.extend(only(
        Program::Docker,
        "kubectl",
        [("exec_and_logs_choose_a_container", exec::chosen_container)],
    ));
    let trials = trials.into_iter();
    trials
        .map(|trial| trial.with_ignored_flag(missing))
        .collect()
}

fn usable() -> bool {
    let output = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    output.is_ok_and(|output| {
        let text = text(&output);
        let version = text
            .split_once("Client Version: v1.")
            .map(|(_, version)| version);
        let minor = version.and_then(|version| version.split(['.', '-', '+']).next());
        minor
            .and_then(|minor| minor.parse::<u32>().ok())
            .is_some_and(|minor| minor >= MINOR)
    })
}

/// Runs kubectl against a platform.
struct Kubectl<'a>(&'a Platform);

impl Kubectl<'_> {
    fn command(&self, args: &[&str]) -> Command {
        // A session that does not end is a failure, and not the end of all tests.
        let mut command = Command::new("timeout");
        command
            .args(["--foreground", LONGEST, "kubectl"])
            .args(args)
            .env("KUBECONFIG", self.0.kubeconfig())
            // Discovery of another platform must not be remembered.
            .env("HOME", self.0.data())
            .stdin(Stdio::null());
        command
    }

    /// What it prints; it has to succeed.
    fn run(&self, args: &[&str]) -> Result<String, Failed> {
        let output = self.command(args).output()?;
        let printed = text(&output);
        ensure(output.status.success(), || {
            format!("kubectl {}: {printed}", args.join(" "))
        })?;
        Ok(printed)
    }

    /// What it prints; it has to fail.
    fn refused(&self, args: &[&str]) -> Result<String, Failed> {
        let output = self.command(args).output()?;
        let printed = text(&output);
        ensure(!output.status.success(), || {
            format!("kubectl {}: {printed}", args.join(" "))
        })?;
        Ok(printed)
    }

    /// What it prints has to have all of these in it.
    fn prints(&self, args: &[&str], expected: &[&str]) -> Outcome {
        has(&self.run(args)?, expected)
    }

    fn ready(&self, name: &str) -> Outcome {
        let service = format!("ksvc/{name}");
        self.run(&["wait", "--for=condition=Ready", "--timeout=60s", &service])
            .map(drop)
    }
}

fn has(text: &str, expected: &[&str]) -> Outcome {
    for word in expected {
        ensure(text.contains(word), || format!("{word:?} is not in {text}"))?;
    }
    Ok(())
}

fn tour() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    let host = "hello.default.localhost";
    for (name, expected) in [("hello", "Hello World!\n"), ("update", "Hello Knative!\n")] {
        kubectl.run(&["apply", "-f", &manifest(name)])?;
        kubectl.ready("hello")?;
        let body = platform.body(host, "/")?;
        ensure(body == expected, || format!("{name}: {body}"))?;
    }
    kubectl.run(&["apply", "-f", &manifest("split")])?;
    kubectl.ready("hello")?;
    platform.ready("hello")?;
    let body = platform.body("old-hello.default.localhost", "/")?;
    ensure(body == "Hello World!\n", || body)?;
    kubectl.run(&["apply", "-f", &manifest("rollback")])?;
    platform.ready("hello")?;
    let body = platform.body(host, "/")?;
    ensure(body == "Hello World!\n", || body)?;
    kubectl.run(&["delete", "ksvc", "hello"])?;
    let printed = kubectl.refused(&["get", "ksvc", "hello"])?;
    has(
        &printed,
        &["Error from server (NotFound): services.serving.knative.dev \"hello\" not found"],
    )
}

fn columns() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.run(&["apply", "-f", &manifest("hello")])?;
    kubectl.ready("hello")?;
    let url = format!(
        "http://hello.default.localhost:{}",
        platform.gateway().port()
    );
    for (kind, expected) in [
        (
            "ksvc",
            &[
                "NAME",
                "URL",
                "LATESTCREATED",
                "LATESTREADY",
                "READY",
                "REASON",
                url.as_str(),
            ][..],
        ),
        (
            "configuration",
            &[
                "LATESTCREATED",
                "LATESTREADY",
                "READY",
                "REASON",
                "hello-00001",
            ],
        ),
        (
            "revision",
            &[
                "CONFIG NAME",
                "GENERATION",
                "READY",
                "ACTUAL REPLICAS",
                "DESIRED REPLICAS",
            ],
        ),
        ("route", &["URL", "READY", "REASON", url.as_str()]),
        (
            "pods",
            &[
                "READY",
                "STATUS",
                "RESTARTS",
                "AGE",
                // A container's pod may have the name of a network that was made ahead of need.
                Program::TESTED.choose("hello-00001-deployment-", "1/1"),
            ],
        ),
        (
            "endpoints",
            &[
                "hello-00001-private",
                Program::TESTED.choose("127.0.0.1:", ":8080"),
            ],
        ),
    ] {
        kubectl.prints(&["get", kind], expected)?;
    }
    kubectl.prints(
        &["get", "ksvc", "-o", "name"],
        &["service.serving.knative.dev/hello"],
    )?;
    kubectl.prints(&["get", "ksvc", "-A"], &["NAMESPACE", "default"])?;
    kubectl.prints(
        &["get", "cm", "-n", "knative-serving"],
        &["config-autoscaler", "config-domain"],
    )?;
    let port = platform.gateway().port().to_string();
    kubectl.prints(
        &[
            "get",
            "svc",
            "gateway",
            "-n",
            "knative-serving",
            "-o",
            "jsonpath={.spec.ports[0].nodePort}",
        ],
        &[&port],
    )
}

fn create_describe_delete() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.prints(&["create", "-f", &manifest("hello")], &["hello created"])?;
    has(
        &kubectl.refused(&["create", "-f", &manifest("hello")])?,
        &["AlreadyExists"],
    )?;
    kubectl.ready("hello")?;
    kubectl.prints(
        &["describe", "ksvc", "hello"],
        &["Name:", "hello", "Conditions:", "Events:", "Created"],
    )?;
    kubectl.prints(&["delete", "ksvc", "hello"], &["\"hello\" deleted"])?;
    kubectl.prints(
        &["create", "namespace", "other"],
        &["namespace/other created"],
    )?;
    kubectl.prints(
        &["apply", "-n", "other", "-f", &manifest("hello")],
        &["created"],
    )?;
    kubectl.prints(&["delete", "namespace", "other"], &["deleted"])
}

fn edit_patch_label() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.run(&["apply", "-f", &manifest("update")])?;
    kubectl.ready("hello")?;
    let mut edit = kubectl.command(&["edit", "ksvc", "hello"]);
    let edited = edit
        .env("KUBE_EDITOR", "sed -i s/Knative/Edited/")
        .output()?;
    ensure(edited.status.success(), || text(&edited))?;
    platform.ready("hello")?;
    let body = platform.body("hello.default.localhost", "/")?;
    ensure(body == "Hello Edited!\n", || body)?;
    let patch = r#"[{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"Patched"}]"#;
    kubectl.prints(
        &["patch", "ksvc", "hello", "--type=json", "-p", patch],
        &["patched"],
    )?;
    platform.ready("hello")?;
    let body = platform.body("hello.default.localhost", "/")?;
    ensure(body == "Hello Patched!\n", || body)?;
    kubectl.prints(&["label", "ksvc", "hello", "tier=web"], &["labeled"])?;
    kubectl.prints(&["annotate", "ksvc", "hello", "note=mine"], &["annotated"])?;
    kubectl.prints(&["get", "ksvc", "-l", "tier=web"], &["hello"])?;
    kubectl.prints(
        &["get", "revisions"],
        &["hello-00001", "hello-00002", "hello-00003"],
    )
}

fn diff_and_dry_run() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.run(&["apply", "-f", &manifest("hello")])?;
    kubectl.ready("hello")?;
    kubectl.run(&["diff", "-f", &manifest("hello")])?;
    has(
        &kubectl.refused(&["diff", "-f", &manifest("update")])?,
        &["+", "Knative"],
    )?;
    kubectl.prints(
        &["apply", "--dry-run=server", "-f", &manifest("update")],
        &["(server dry run)"],
    )?;
    let printed = kubectl.run(&["get", "ksvc", "hello", "-o", "yaml"])?;
    ensure(!printed.contains("value: Knative"), || printed)
}

fn logs() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.run(&["apply", "-f", &manifest("hello")])?;
    kubectl.ready("hello")?;
    platform.body("hello.default.localhost", "/")?;
    let pod = kubectl.run(&["get", "pods", "-o", "name"])?;
    kubectl.prints(&["logs", pod.trim()], &["listening on"])
}

fn metrics() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    kubectl.run(&["apply", "-f", &manifest("hello")])?;
    kubectl.ready("hello")?;
    platform.body("hello.default.localhost", "/")?;
    let told = kubectl.run(&["get", "--raw", "/metrics"])?;
    for phase in ["image", "create", "network", "exec", "ready"] {
        let series = format!("start_phase_duration_seconds_count{{phase=\"{phase}\"}}");
        counted(&told, &format!("knative_instance_{series}"))?;
    }
    for series in [
        "knative_instances{state=\"ready\"}",
        "knative_gateway_responses_total{code=\"200\"}",
        "knative_controller_reconciles_total{controller=\"service\",result=\"success\"}",
        "knative_controller_reconciles_total{controller=\"ingress\",result=\"success\"}",
        "knative_controller_busy_seconds_total{controller=\"revision\"}",
    ] {
        counted(&told, series)?;
    }
    Ok(())
}

/// A series is told of, and is more than nothing.
fn counted(told: &str, series: &str) -> Outcome {
    let mut values = told.lines().filter_map(|line| line.strip_prefix(series));
    let value: Option<f64> = values.next().and_then(|value| value.trim().parse().ok());
    ensure(value.is_some_and(|value| value > 0.0), || {
        format!("{series} is {value:?} in {told}")
    })
}

fn unknown_fields() -> Outcome {
    let platform = Platform::start()?;
    let kubectl = Kubectl(&platform);
    let file = platform.data().join("typo.yaml");
    let text = std::fs::read_to_string(manifest("hello"))?;
    std::fs::write(
        &file,
        text.replace("spec:\n  template", "spec:\n  tempate: {}\n  template"),
    )?;
    let file = file.display().to_string();
    has(
        &kubectl.refused(&["apply", "-f", &file])?,
        &["unknown field \"spec.tempate\""],
    )?;
    kubectl.prints(
        &["apply", "--validate=warn", "-f", &file],
        &["unknown field \"spec.tempate\"", "created"],
    )
}
