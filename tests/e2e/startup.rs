//! How the platform starts, refuses to start, and who may call it.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{
    Outcome, ensure,
    http::curl_tls,
    only,
    platform::{Access, Platform, service, text, until},
    program::{self, Program, manifest},
    trials as part,
};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = part(
        "startup",
        [
            ("a_port_in_use_is_one_sentence", port_in_use),
            ("a_directory_in_use_is_one_sentence", directory_in_use),
            ("an_unknown_format_is_one_sentence", unknown_format),
            (
                "an_unreadable_manifest_is_one_sentence",
                unreadable_manifest,
            ),
            ("a_refused_manifest_is_one_sentence", refused_manifest),
            ("manifests_are_applied", manifests),
            ("the_domain_is_kept", domain),
            ("calls_without_credentials_are_refused", credentials),
            ("the_kubeconfig_is_the_users_alone", kubeconfig_mode),
            ("every_line_of_a_json_log_is_json", json_log),
        ],
    );
    trials.extend(only(
        Program::Local,
        "startup",
        [
            ("functions_are_applied", functions),
            ("images_are_listed_and_removed", images),
        ],
    ));
    trials
}

/// Runs the program where it has to fail, and answers with the one line that it prints.
fn refused(args: &[&str]) -> Result<String, Failed> {
    let data = tempfile::tempdir()?;
    let mut command = program::command();
    if !args.contains(&"--data") {
        command.arg("--data").arg(data.path());
    }
    let output = command.args(args).output()?;
    let printed = text(&output);
    ensure(!output.status.success(), || {
        format!("it did not fail: {printed}")
    })?;
    ensure(printed.trim_end().lines().count() == 1, || {
        format!("not one line: {printed}")
    })?;
    Ok(printed)
}

fn contains(text: &str, expected: &str) -> Outcome {
    ensure(text.contains(expected), || {
        format!("{expected:?} is not in {text:?}")
    })
}

fn port_in_use() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let printed = refused(&["--api", "127.0.0.1:0", "--gateway", &address])?;
    contains(&printed, &format!("{address} is in use by another program"))?;
    let printed = refused(&["--gateway", "127.0.0.1:0", "--api", &address])?;
    contains(&printed, &format!("{address} is in use by another program"))
}

fn directory_in_use() -> Outcome {
    let platform = Platform::start()?;
    let data = platform.data().display().to_string();
    let printed = refused(&[
        "--api",
        "127.0.0.1:0",
        "--gateway",
        "127.0.0.1:0",
        "--data",
        &data,
    ])?;
    contains(&printed, "is in use by another platform (process ")
}

fn unknown_format() -> Outcome {
    let data = tempfile::tempdir()?;
    fs::write(data.path().join("format"), "knative-data 99\n")?;
    let data = data.path().display().to_string();
    let printed = refused(&["--data", &data])?;
    contains(
        &printed,
        "has format version 99, and this program knows version 1 only",
    )
}

fn unreadable_manifest() -> Outcome {
    contains(
        &refused(&["-f", "/nowhere/x.yaml"])?,
        "cannot read manifest /nowhere/x.yaml",
    )?;
    let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
    fs::write(file.path(), "a: [")?;
    let path = file.path().display().to_string();
    let output = program::command().args(["-f", &path]).output()?;
    ensure(!output.status.success(), || "it did not fail".to_owned())?;
    contains(&text(&output), &format!("cannot read manifest {path}"))
}

fn refused_manifest() -> Outcome {
    let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
    fs::write(
        file.path(),
        "apiVersion: v1\nkind: Nothing\nmetadata: {name: a}\n",
    )?;
    let path = file.path().display().to_string();
    let free = ["--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0"];
    let printed = refused(&[&["-f", &path], &free[..]].concat())?;
    contains(&printed, "there is no kind Nothing")
}

fn manifests() -> Outcome {
    applied("hello")
}

fn functions() -> Outcome {
    applied("function")
}

fn applied(name: &str) -> Outcome {
    let platform = Platform::start_with(&["-f", &manifest(name)])?;
    platform.ready(name)?;
    let body = platform.body(&format!("{name}.default.localhost"), "/")?;
    ensure(body == "Hello World!\n", || format!("{name}: {body}"))
}

fn domain() -> Outcome {
    let hello = manifest("hello");
    let mut platform = Platform::start_with(&["--domain", "example.test", "-f", &hello])?;
    let expected = format!(
        "http://hello.default.example.test:{}",
        platform.gateway().port()
    );
    let service = platform.ready("hello")?;
    ensure(service["status"]["url"] == expected.as_str(), || {
        service["status"].to_string()
    })?;
    platform.terminate()?;
    platform.start_again()?;
    until("the host to be served again", || {
        Ok(platform.call("hello.default.example.test", "/")?.status == 200)
    })
}

fn credentials() -> Outcome {
    let platform = Platform::start()?;
    let access = Access::read(&platform.kubeconfig())?;
    let url = format!("{}/api/v1/namespaces", access.server);
    for token in [None, Some("wrong")] {
        let answer = curl_tls(&access.authority, token, &[], &url)?;
        ensure(answer.status == 401, || format!("{token:?}: {answer:?}"))?;
        contains(&answer.body, "Unauthorized")?;
    }
    let answer = platform.get_api("/api/v1/namespaces")?;
    ensure(answer.status == 200, || format!("{answer:?}"))
}

fn kubeconfig_mode() -> Outcome {
    let platform = Platform::start()?;
    let mode = fs::metadata(platform.kubeconfig())?.permissions().mode() & 0o777;
    ensure(mode == 0o600, || format!("its mode is {mode:o}"))
}

fn images() -> Outcome {
    let platform = Platform::start()?;
    platform.add_script("example.local/mine", "exec $HELLO")?;
    let data = platform.data().display().to_string();
    let image = |args: &[&str]| -> Result<String, Failed> {
        let output = program::command()
            .arg("image")
            .args(args)
            .args(["--data", &data])
            .output()?;
        Ok(text(&output))
    };
    let listed = image(&["list"])?;
    for expected in [
        "example.local/mine:latest",
        "example.local/hello:latest",
        "built in",
        "sha256:",
    ] {
        contains(&listed, expected)?;
    }
    image(&["rm", "example.local/mine"])?;
    ensure(!image(&["list"])?.contains("mine"), || {
        "it is still there".to_owned()
    })?;
    contains(
        &image(&["rm", "example.local/mine"])?,
        "platform-local: image \"example.local/mine\" is not known",
    )
}

fn json_log() -> Outcome {
    let mut platform = Platform::start_logging(&["--log", "json"], "info,access=info")?;
    platform.apply(&service("hello", "example.local/hello", &[], &json!({})))?;
    platform.ready("hello")?;
    platform.body("hello.default.localhost", "/")?;
    platform.terminate()?;
    let log = platform.log()?;
    let mut of_requests = 0;
    for line in log.lines() {
        let entry: Value =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        ensure(
            entry["level"].is_string() && entry["fields"].is_object(),
            || line.to_owned(),
        )?;
        of_requests += usize::from(entry["target"] == "access" && entry["fields"]["status"] == 200);
    }
    ensure(of_requests == 1, || {
        format!("{of_requests} lines of requests in {log}")
    })
}
