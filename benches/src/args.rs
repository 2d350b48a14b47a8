//! What to measure, and how thoroughly.

use std::env;

/// How thoroughly a row is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As the bounds ask for.
    Full,
    /// Enough to see a change.
    Quick,
}

impl Effort {
    /// One of two counts.
    pub const fn pick<T: Copy>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// The command line. Flags that `cargo bench` hands to every target are ignored.
#[derive(Debug)]
pub struct Args {
    /// How thoroughly to measure.
    pub effort: Effort,
    rows: Vec<String>,
}

impl Args {
    /// This process's.
    pub fn from_env() -> Self {
        let (flags, rows): (Vec<_>, Vec<_>) =
            env::args().skip(1).partition(|arg| arg.starts_with('-'));
        let quick = flags.iter().any(|flag| flag == "--quick");
        Self {
            effort: if quick { Effort::Quick } else { Effort::Full },
            rows,
        }
    }

    /// Whether a row was asked for: all are where none is named.
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| row.contains(wanted.as_str()))
    }
}
