//! The README's program, built as a user would: in a folder of its own, outside the workspace.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Where the manifest says the crates come from.
const REPOSITORY: &str = r#"git = "https://github.com/knative-rs/knative""#;

/// A folder that goes away with its value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the system's folder of temporary files: what cannot be removed is removed with those.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Builds it, with this clone in the place of the repository and this clone's versions of all others.
pub(crate) fn build() -> Result<()> {
    let readme = fs::read_to_string("README.md").context("README.md")?;
    let manifest = block(&readme, "toml", "[package]").context("README.md has no manifest")?;
    let program = block(&readme, "rust", "").context("README.md has no program")?;
    let example = fs::read_to_string("examples/embed.rs").context("examples/embed.rs")?;
    ensure!(
        example.ends_with(program),
        "the README's program is not the one of examples/embed.rs"
    );
    let scratch = Scratch(env::temp_dir().join(format!("knative-embed-{}", process::id())));
    let source = scratch.0.join("src");
    fs::create_dir_all(&source)?;
    fs::write(scratch.0.join("Cargo.toml"), local(manifest, cargo::root()))?;
    fs::write(source.join("main.rs"), program)?;
    fs::copy("Cargo.lock", scratch.0.join("Cargo.lock"))?;
    let mut command = cargo::command();
    command.current_dir(&scratch.0);
    // A user's folder has none of this workspace's `.cargo/config.toml`.
    command.env_remove("K8S_OPENAPI_ENABLED_VERSION");
    command.env("CARGO_TARGET_DIR", cargo::target_dir().join("embed"));
    cargo::finish(command.arg("build"))
}

/// The first fenced block of a language that starts with `start`.
fn block<'a>(text: &'a str, language: &str, start: &str) -> Option<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.starts_with(start))
}

/// The manifest with paths in the place of the repository.
fn local(manifest: &str, root: &Path) -> String {
    let profile = "\n[workspace]\n\n[profile.dev]\ndebug = false\n";
    let lines = manifest.lines().map(|line| match line.split_once(" = ") {
        Some((name, rest)) if rest.contains(REPOSITORY) => {
            let path = format!("path = \"{}\"", root.join(name).display());
            format!("{name} = {}", rest.replace(REPOSITORY, &path))
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + profile
}

#[cfg(test)]
mod tests {
    use super::{block, local};

    #[test]
    fn blocks_are_found_by_language_and_beginning() {
        let text = "```toml\na = 1\n```\n```toml\n[package]\nb\n```\n```rust\nfn main() {}\n```\n";
        assert_eq!(block(text, "toml", "[package]"), Some("[package]\nb\n"));
        assert_eq!(block(text, "rust", ""), Some("fn main() {}\n"));
        assert_eq!(block(text, "sh", ""), None);
    }

    #[test]
    fn the_repository_becomes_this_clone() {
        let manifest = "knative-core = { git = \"https://github.com/knative-rs/knative\", features = [] }\nserde = \"1\"";
        let local = local(manifest, std::path::Path::new("/clone"));
        assert!(
            local.starts_with(
                "knative-core = { path = \"/clone/knative-core\", features = [] }\nserde = \"1\"\n"
            ),
            "{local}"
        );
    }
}
