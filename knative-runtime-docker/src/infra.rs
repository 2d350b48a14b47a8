//! The image that holds networks and volumes: a few hundred bytes made by us, so that nothing has to be fetched.

use std::fmt::Write as _;

use bollard::{body_full, query_parameters::CreateImageOptionsBuilder};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::engine::{ConnectError, Engine, is_missing, text};

/// Where the program is in its image.
pub(crate) const PROGRAM: &str = "/infra";
/// The image's repository.
const REPOSITORY: &str = "knative.local/infra";

/// The program for an architecture, in Go's words.
fn program(architecture: &str) -> Option<&'static [u8]> {
    match architecture {
        "amd64" => Some(include_bytes!("../infra/x86_64")),
        "arm64" => Some(include_bytes!("../infra/aarch64")),
        _ => None,
    }
}

/// Makes sure that the engine has the image, and answers with its reference.
pub(crate) async fn ensure(engine: &Engine) -> Result<String, ConnectError> {
    let program = program(engine.architecture()).ok_or_else(|| {
        engine.unusable(format!(
            "its architecture {:?} is not supported, amd64 and arm64 are",
            engine.architecture()
        ))
    })?;
    let reference = format!("{REPOSITORY}:{}", tag(program));
    match engine.docker().inspect_image(&reference).await {
        Ok(_) => return Ok(reference),
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(engine.unusable(text(&error))),
    }
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        // Podman reads the tag here only.
        .repo(&reference)
        .build();
    let archive = archive(program).map_err(|error| engine.unusable(error.to_string()))?;
    let imported = engine
        .docker()
        .create_image(Some(options), Some(body_full(archive.into())), None)
        .try_for_each(|_| async { Ok(()) });
    imported
        .await
        .map_err(|error| engine.unusable(text(&error)))?;
    Ok(reference)
}

/// The content decides the tag: another program is another image.
fn tag(program: &[u8]) -> String {
    let digest = Sha256::digest(program);
    let mut tag = String::new();
    for byte in digest.iter().take(6) {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag
}

fn archive(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, PROGRAM.trim_start_matches('/'), program)?;
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_for_their_machine() {
        // e_machine of an ELF header: x86-64 is 62, AArch64 is 183.
        for (architecture, machine) in [("amd64", 62), ("arm64", 183)] {
            let binary = program(architecture).unwrap();
            assert_eq!(&binary[..4], b"\x7fELF", "{architecture}");
            assert_eq!(binary[18], machine, "{architecture}");
            assert!(binary.len() < 1024, "{architecture}");
        }
        assert!(program("s390x").is_none());
    }
}
