//! Makes the image `example.local/hello`: a program that needs nothing of its system, in an archive that engines load.

use std::{env, error::Error, fmt::Write as _, fs, path::Path, process::Command};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const SOURCE: &str = "hello/main.rs";
const WORDS: &str = "../src/hello/words.rs";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed={WORDS}");
    let out = env::var("OUT_DIR")?;
    let program = Path::new(&out).join("hello");
    compile(&program)?;
    let layer = archive(&[("hello", 0o755, &fs::read(program)?)])?;
    let config = config(&layer)?.to_string();
    let manifest = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]).to_string();
    let image = archive(&[
        ("manifest.json", 0o644, manifest.as_bytes()),
        ("config.json", 0o644, config.as_bytes()),
        ("layer.tar", 0o644, &layer),
    ])?;
    fs::write(Path::new(&out).join("hello.tar"), image)?;
    Ok(())
}

fn compile(program: &Path) -> Result<(), Box<dyn Error>> {
    let status = Command::new(env::var("RUSTC")?)
        .args(["--edition=2024", "-O", "-Cstrip=symbols", "-Cpanic=abort"])
        .args(["-Ctarget-feature=+crt-static", "--target"])
        .arg(env::var("TARGET")?)
        .arg("-o")
        .arg(program)
        .arg(SOURCE)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("rustc ended with {status}").into())
}

/// How the image starts; as nothing in it depends on the time, the same program makes the same image.
fn config(layer: &[u8]) -> Result<Value, Box<dyn Error>> {
    let architecture = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    };
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(layer) {
        write!(digest, "{byte:02x}")?;
    }
    Ok(json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/hello"] },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
    }))
}

fn archive(files: &[(&str, u32, &[u8])]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len().try_into()?);
        header.set_mode(*mode);
        archive.append_data(&mut header, path, *content)?;
    }
    Ok(archive.into_inner()?)
}
