//! Images for tests, made from nothing but a program of this workspace, and the engine that they are for.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use bollard::Docker;

use crate::image::{self, Start};

/// The variable that names the engine of the tests.
pub const ENGINE: &str = "KNATIVE_TEST_DOCKER";

/// The engine of the tests; none where `cargo xtask test` could start none.
pub fn engine() -> Option<String> {
    env::var(ENGINE).ok().filter(|host| !host.is_empty())
}

/// Compiles a program that needs nothing of its system: a source file that uses the standard library only.
///
/// # Errors
/// The compiler's.
pub fn compile(source: &Path, target: &Path) -> io::Result<()> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(compiler)
        .args([
            "--edition=2024",
            "-O",
            "--cap-lints=allow",
            "-Cstrip=symbols",
        ])
        .arg("-Ctarget-feature=+crt-static")
        .arg("-o")
        .arg(target)
        .arg(source)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("rustc ended with {status}")))
}

/// The source of the program that plays the roles.
pub fn workload_source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/workload.rs")
}

/// Makes images of a program: each is the program alone, as `/program`, with the arguments of its name.
///
/// # Errors
/// The engine's.
pub async fn import(docker: &Docker, program: &Path, images: &[(&str, &[&str])]) -> io::Result<()> {
    let mut layer = tar::Builder::new(Vec::new());
    image::add(&mut layer, "program", 0o755, &fs::read(program)?)?;
    let layer = layer.into_inner()?;
    for (reference, arguments) in images {
        let start = Start {
            entrypoint: vec!["/program".to_owned()],
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            user: None,
        };
        image::load(docker, reference, &layer, &start).await?;
    }
    Ok(())
}
