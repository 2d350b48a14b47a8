//! Images for tests, made from nothing but a program of this workspace, and the engine that they are for.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use bollard::{Docker, body_full, query_parameters::CreateImageOptionsBuilder};
use futures::TryStreamExt as _;

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
    let archive = archive(&fs::read(program)?)?;
    for (reference, arguments) in images {
        let (repository, tag) = reference.rsplit_once(':').unwrap_or((*reference, "latest"));
        let arguments: Vec<String> = arguments.iter().map(|word| format!("{word:?}")).collect();
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(repository)
            .tag(tag)
            .changes(vec![
                "ENTRYPOINT [\"/program\"]".to_owned(),
                format!("CMD [{}]", arguments.join(", ")),
            ])
            .build();
        let body = body_full(archive.clone().into());
        let imported = docker.create_image(Some(options), Some(body), None);
        let imported = imported.try_for_each(|_| async { Ok(()) }).await;
        imported.map_err(io::Error::other)?;
    }
    Ok(())
}

fn archive(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "program", program)?;
    archive.into_inner()
}
