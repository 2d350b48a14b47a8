//! The program under test: that of the package whose target this is.

use std::process::Command;

use knative_tests::container;

/// A whole platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Instances are processes.
    Local,
    /// Instances are containers.
    Docker,
}

const LOCAL: Option<&str> = option_env!("CARGO_BIN_EXE_platform-local");
const DOCKER: Option<&str> = option_env!("CARGO_BIN_EXE_platform-docker");

/// The program under test, and where it is.
pub(crate) const PROGRAM: (Program, &str) = match (LOCAL, DOCKER) {
    (Some(path), None) => (Program::Local, path),
    (None, Some(path)) => (Program::Docker, path),
    _ => panic!("this is a target of a package with one platform"),
};

impl Program {
    /// The one under test.
    pub(crate) const TESTED: Self = PROGRAM.0;

    /// Whether it has what it runs instances on.
    pub(crate) fn is_usable(self) -> bool {
        self == Self::Local || container::engine().is_some()
    }

    /// Which of two holds for it.
    pub(crate) fn choose<T>(self, local: T, docker: T) -> T {
        match self {
            Self::Local => local,
            Self::Docker => docker,
        }
    }
}

/// The program with the engine of the tests.
pub(crate) fn command() -> Command {
    command_on(container::engine().as_deref())
}

/// The program with an engine, if it is one that has any.
pub(crate) fn command_on(engine: Option<&str>) -> Command {
    let mut command = Command::new(PROGRAM.1);
    if let (Program::Docker, Some(engine)) = (Program::TESTED, engine) {
        command.args(["--docker", engine]);
    }
    command
}

/// The path of one of the examples' manifests.
pub(crate) fn manifest(name: &str) -> String {
    let examples = Program::TESTED.choose(
        env!("CARGO_MANIFEST_DIR"),
        concat!(env!("CARGO_MANIFEST_DIR"), "/.."),
    );
    format!("{examples}/manifests/{name}.yaml")
}
