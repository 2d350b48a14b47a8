//! Images from archives, engines, and platforms beside each other.

use std::process::Output;

use libtest_mimic::Failed;
use serde_json::json;

use super::{HELLO, host, is};
use crate::{
    Outcome, ensure,
    platform::{Platform, service, text, until},
    program,
};

pub(super) fn image_add() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("added")?;
    let archive = platform.data().join("hello.tar");
    platform.engine()?.save_image(HELLO, &archive)?;
    let output = program::command()
        .args(["image", "add", &image])
        .arg(&archive)
        .output()?;
    let printed = text(&output);
    ensure(
        output.status.success() && printed.starts_with(&format!("{image}@sha256:")),
        || printed,
    )?;
    platform.apply(&service("added", &image, &[], &json!({})))?;
    platform.ready("added")?;
    is(&platform.body(&host("added"), "/")?, "Hello World!\n")?;
    platform.engine()?.remove_image(&image)?;
    Ok(())
}

pub(super) fn bad_archive() -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "no archive")?;
    let output = program::command()
        .args(["image", "add", "example.local/bad"])
        .arg(file.path())
        .output()?;
    let printed = one_sentence(&output)?;
    ensure(printed.starts_with("platform-docker: "), || printed)
}

/// What a program printed that failed with one line.
fn one_sentence(output: &Output) -> Result<String, Failed> {
    let printed = text(output);
    ensure(
        !output.status.success() && printed.trim_end().lines().count() == 1,
        || printed.clone(),
    )?;
    Ok(printed)
}

pub(super) fn no_engine() -> Outcome {
    let data = tempfile::tempdir()?;
    let socket = format!("unix://{}/none.sock", data.path().display());
    for (engine, expected) in [
        (
            socket.as_str(),
            format!("no Docker engine answers at {socket}"),
        ),
        (
            "carrier-pigeon",
            "\"carrier-pigeon\" is no address of a Docker engine".to_owned(),
        ),
    ] {
        let output = std::process::Command::new(program::PROGRAM.1)
            .args([
                "--api",
                "127.0.0.1:0",
                "--gateway",
                "127.0.0.1:0",
                "--docker",
                engine,
                "--data",
            ])
            .arg(data.path())
            .output()?;
        let printed = one_sentence(&output)?;
        ensure(printed.contains(&expected), || printed)?;
    }
    Ok(())
}

pub(super) fn two_platforms() -> Outcome {
    let mut first = Platform::start()?;
    let second = Platform::start()?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "1" });
    for platform in [&first, &second] {
        platform.apply(&service("hello", HELLO, &[], &always))?;
        platform.ready("hello")?;
    }
    let before = second.running()?;
    first.terminate()?;
    let left = first.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))?;
    ensure(second.running()? == before, || {
        "the other platform's containers changed".to_owned()
    })?;
    is(&second.body(&host("hello"), "/")?, "Hello World!\n")
}

pub(super) fn crash_and_end() -> Outcome {
    let mut platform = Platform::start()?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "2" });
    platform.apply(&service("hello", HELLO, &[], &always))?;
    platform.ready("hello")?;
    until("both instances to run", || {
        Ok(platform.running()?.len() == 2)
    })?;
    let before = platform.running()?;
    platform.crash()?;
    platform.ready("hello")?;
    is(&platform.body(&host("hello"), "/")?, "Hello World!\n")?;
    let after = platform.running()?;
    ensure(after == before, || format!("{before:?} became {after:?}"))?;
    platform.terminate()?;
    let left = platform.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))
}

pub(super) fn pool() -> Outcome {
    let platform = Platform::start_with(&["--pool", "3"])?;
    let name = platform.name()?;
    until("three networks to wait", || {
        let waiting = platform.engine()?.objects(&name)?;
        Ok(waiting
            .iter()
            .filter(|object| object.ends_with(".sandbox"))
            .count()
            == 3)
    })
}
