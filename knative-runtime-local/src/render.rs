//! From a container and its image to a command line and an environment. Pure.

use std::{collections::BTreeMap, path::PathBuf};

use knative_core::runtime::{ContainerSpec, InstanceId};

use crate::image::Command;

/// The variable by which a process says whose it is; children inherit it, which is how escaped ones are found.
pub(crate) const INSTANCE_VARIABLE: &str = "KNATIVE_INSTANCE";

/// What is spawned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) working_dir: Option<PathBuf>,
}

/// The mark of an instance in its environment.
pub(crate) fn mark(platform: &str, id: &InstanceId) -> String {
    format!("{platform}/{id}")
}

/// A container's command replaces the image's, and its arguments the image's, as in Kubernetes.
pub(crate) fn invocation(
    container: &ContainerSpec,
    image: &Command,
    port: u16,
    mark: String,
) -> Invocation {
    let (program, mut args) = match container.command.split_first() {
        None => (image.path.clone(), Vec::new()),
        Some((program, rest)) => (PathBuf::from(program), rest.to_vec()),
    };
    if !container.args.is_empty() {
        args.extend(container.args.iter().cloned());
    } else if container.command.is_empty() {
        args.extend(image.args.iter().cloned());
    }
    let mut env: BTreeMap<String, String> = image.env.iter().cloned().collect();
    env.extend(container.env.iter().cloned());
    env.insert("PORT".to_owned(), port.to_string());
    env.insert(INSTANCE_VARIABLE.to_owned(), mark);
    Invocation {
        program,
        args,
        env,
        working_dir: container.working_dir.clone().map(PathBuf::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Command and arguments of the container, and the words that are run.
    type Row = (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );

    #[test]
    fn command_and_args_replace_the_images_as_in_kubernetes() {
        let image = Command {
            path: PathBuf::from("/image"),
            args: vec!["default".to_owned()],
            env: vec![
                ("A".to_owned(), "image".to_owned()),
                ("PORT".to_owned(), "1".to_owned()),
            ],
        };
        let rows: [Row; 4] = [
            (&[], &[], &["/image", "default"]),
            (&[], &["a"], &["/image", "a"]),
            (&["c", "x"], &[], &["c", "x"]),
            (&["c", "x"], &["a"], &["c", "x", "a"]),
        ];
        for (command, args, want) in rows {
            let mut container = ContainerSpec::default();
            container.command = command.iter().map(|word| (*word).to_owned()).collect();
            container.args = args.iter().map(|word| (*word).to_owned()).collect();
            container.env = vec![("A".to_owned(), "own".to_owned())];
            let made = invocation(&container, &image, 20_001, "p/i".to_owned());
            let words: Vec<String> = std::iter::once(made.program.display().to_string())
                .chain(made.args)
                .collect();
            assert_eq!(words, want);
            assert_eq!(
                (made.env["A"].as_str(), made.env["PORT"].as_str()),
                ("own", "20001")
            );
        }
    }
}
