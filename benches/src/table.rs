//! The table.

use std::{fmt, time::Duration};

use crate::{measure::Millis, row::Row};

/// One figure of a row.
#[derive(Debug)]
pub struct Line {
    figure: String,
    measured: String,
    floor: String,
    reached: String,
    bound: String,
    met: Option<bool>,
}

impl Line {
    /// A figure without a bound.
    pub fn note(figure: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            figure: figure.into(),
            measured: measured.into(),
            floor: String::new(),
            reached: String::new(),
            bound: String::new(),
            met: None,
        }
    }

    /// A duration that may not be longer than `bound`.
    pub fn within(figure: impl Into<String>, measured: Duration, bound: Duration) -> Self {
        let ratio = measured.as_secs_f64() / bound.as_secs_f64();
        Self {
            reached: format!("{ratio:.2} of the bound"),
            bound: format!("≤ {}", Millis(bound)),
            met: Some(measured <= bound),
            ..Self::note(figure, Millis(measured).to_string())
        }
    }

    /// A duration that may be longer than its floor by `bound`.
    pub fn above(
        figure: impl Into<String>,
        measured: Duration,
        floor: Duration,
        bound: Duration,
    ) -> Self {
        let difference = measured.saturating_sub(floor);
        let ratio = measured.as_secs_f64() / floor.as_secs_f64();
        Self {
            floor: Millis(floor).to_string(),
            reached: format!("+{} ({ratio:.2} ×)", Millis(difference)),
            bound: format!("floor + {}", Millis(bound)),
            met: Some(difference <= bound),
            ..Self::note(figure, Millis(measured).to_string())
        }
    }

    /// A cost that may be `bound` times its floor.
    pub fn ratio(
        figure: impl Into<String>,
        measured: (f64, &str),
        floor: (f64, &str),
        bound: f64,
    ) -> Self {
        let ratio = measured.0 / floor.0;
        Self {
            floor: floor.1.to_owned(),
            reached: format!("{ratio:.2} ×"),
            bound: format!("≤ {bound} ×"),
            met: Some(ratio <= bound),
            ..Self::note(figure, measured.1)
        }
    }

    /// A duration that may be `bound` times its floor.
    pub fn times(
        figure: impl Into<String>,
        measured: Duration,
        floor: Duration,
        bound: f64,
    ) -> Self {
        let show = |duration| Millis(duration).to_string();
        Self::ratio(
            figure,
            (measured.as_secs_f64(), &show(measured)),
            (floor.as_secs_f64(), &show(floor)),
            bound,
        )
    }

    /// A number that may not be above (`at_most`) or below its bound.
    pub fn number(
        figure: impl Into<String>,
        measured: f64,
        unit: &str,
        bound: f64,
        at_most: bool,
    ) -> Self {
        let sign = if at_most { '≤' } else { '≥' };
        Self {
            reached: format!("{:.2} of the bound", measured / bound),
            bound: format!("{sign} {bound}{unit}"),
            met: Some(if at_most {
                measured <= bound
            } else {
                measured >= bound
            }),
            ..Self::note(figure, format!("{measured:.1}{unit}"))
        }
    }

    /// Requests that failed; none may.
    pub fn failed(count: u64) -> Self {
        Self {
            bound: "0".to_owned(),
            met: Some(count == 0),
            ..Self::note("failed requests", count.to_string())
        }
    }

    /// Shows a duration to compare with, which no bound looks at.
    #[must_use]
    pub fn beside(self, floor: Duration) -> Self {
        Self {
            floor: Millis(floor).to_string(),
            ..self
        }
    }

    fn cells(&self, what: &str) -> [String; COLUMNS] {
        let mark = match self.met {
            None => "",
            Some(true) => "ok",
            Some(false) => "MISSED",
        };
        [
            what.to_owned(),
            self.figure.clone(),
            self.measured.clone(),
            self.floor.clone(),
            self.reached.clone(),
            self.bound.clone(),
            mark.to_owned(),
        ]
    }
}

const COLUMNS: usize = 7;
const HEADER: [&str; COLUMNS] = [
    "What",
    "Figure",
    "Measured",
    "Floor",
    "Reached",
    "Must reach",
    "",
];

/// All rows so far.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; COLUMNS]>,
    failed: bool,
}

impl Table {
    /// Adds a row's figures.
    pub fn extend(&mut self, row: &Row, lines: Vec<Line>) {
        let mut what = row.what;
        for line in lines {
            self.rows.push(line.cells(what));
            what = "";
        }
    }

    /// A row that could not be measured.
    pub fn fail(&mut self, row: &Row) {
        self.failed = true;
        let line = Line {
            met: Some(false),
            ..Line::note("not measured", "it failed")
        };
        self.rows.push(line.cells(row.what));
    }

    /// Whether every row could be measured.
    pub const fn is_complete(&self) -> bool {
        !self.failed
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = HEADER.map(str::to_owned);
        let all = || std::iter::once(&header).chain(&self.rows);
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            all()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        });
        let rule = widths.map(|width| "-".repeat(width));
        for row in [&header, &rule].into_iter().chain(&self.rows) {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
        }
        Ok(())
    }
}
