//! The text format of Prometheus.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    time::Duration,
};

use super::Histogram;

/// The media type of what [`Registry::render`](super::Registry::render) writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What parts tell, put together: all series of a name stand in one place, whichever part they come from.
#[derive(Debug, Default)]
pub struct Exposition {
    families: BTreeMap<&'static str, Family>,
}

/// All series of one name.
#[derive(Debug)]
struct Family {
    kind: &'static str,
    help: &'static str,
    samples: String,
}

/// The series of one counter or gauge.
#[derive(Debug)]
pub struct Samples<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Exposition {
    /// What only grows; its name ends with `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Samples<'_> {
        self.samples("counter", name, help)
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Samples<'_> {
        self.samples("gauge", name, help)
    }

    /// How long something took each time; its name ends with `_seconds`.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        histogram: &Histogram,
    ) {
        let text = self.samples("histogram", name, help).text;
        let mut count = 0;
        for (bound, below) in histogram.cumulative() {
            let bound = bound.map_or_else(
                || "+Inf".to_owned(),
                |bound| bound.as_secs_f64().to_string(),
            );
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            sample(text, name, "_bucket", &labels, below);
            count = below;
        }
        let sum = histogram.sum().as_secs_f64();
        sample(text, name, "_sum", labels, sum);
        sample(text, name, "_count", labels, count);
    }

    fn samples(
        &mut self,
        kind: &'static str,
        name: &'static str,
        help: &'static str,
    ) -> Samples<'_> {
        let family = self.families.entry(name).or_insert_with(|| Family {
            kind,
            help,
            samples: String::new(),
        });
        Samples {
            name,
            text: &mut family.samples,
        }
    }

    pub(super) fn into_text(self) -> String {
        let mut text = String::new();
        for (name, family) in self.families {
            let help = family.help.replace('\\', r"\\").replace('\n', r"\n");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", family.kind);
            text.push_str(&family.samples);
        }
        text
    }
}

impl Samples<'_> {
    /// A series and its number.
    pub fn number(&mut self, labels: &[(&str, &str)], number: u64) -> &mut Self {
        sample(self.text, self.name, "", labels, number);
        self
    }

    /// A series and its time.
    pub fn seconds(&mut self, labels: &[(&str, &str)], time: Duration) -> &mut Self {
        sample(self.text, self.name, "", labels, time.as_secs_f64());
        self
    }
}

fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(&str, &str)],
    value: impl Display,
) {
    text.extend([name, suffix]);
    for (index, (label, value)) in labels.iter().enumerate() {
        text.push_str(if index == 0 { "{" } else { "," });
        text.extend([label, "=\""]);
        for c in value.chars() {
            match c {
                '\\' | '"' => text.extend(['\\', c]),
                '\n' => text.push_str(r"\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, " {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_parts_stands_in_one_place() {
        let mut exposition = Exposition::default();
        for part in ["a", "b"] {
            exposition
                .counter("passes_total", "Passes.")
                .number(&[("part", part)], 1);
            exposition
                .counter("busy_seconds_total", "Work.")
                .seconds(&[("part", part)], Duration::from_millis(1500));
        }
        exposition.gauge("waiting", "Who waits.").number(&[], 0);
        let want = "\
# HELP busy_seconds_total Work.
# TYPE busy_seconds_total counter
busy_seconds_total{part=\"a\"} 1.5
busy_seconds_total{part=\"b\"} 1.5
# HELP passes_total Passes.
# TYPE passes_total counter
passes_total{part=\"a\"} 1
passes_total{part=\"b\"} 1
# HELP waiting Who waits.
# TYPE waiting gauge
waiting 0
";
        assert_eq!(exposition.into_text(), want);
    }

    #[test]
    fn texts_are_escaped() {
        let mut exposition = Exposition::default();
        exposition
            .gauge("x", "a\\b\n\"c\"")
            .number(&[("l", "a\\b\n\"c\"")], 1);
        let want = "# HELP x a\\\\b\\n\"c\"\n# TYPE x gauge\nx{l=\"a\\\\b\\n\\\"c\\\"\"} 1\n";
        assert_eq!(exposition.into_text(), want);
    }

    #[test]
    fn buckets_hold_what_is_no_longer_than_their_bound() {
        let histogram = Histogram::default();
        for millis in [1, 2, 5, 90_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut exposition = Exposition::default();
        exposition.histogram("x_seconds", "X.", &[("phase", "exec")], &histogram);
        let text = exposition.into_text();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines[0], "# TYPE x_seconds histogram");
        let bucket = |line: usize, le: &str, count: u64| {
            let want = format!("x_seconds_bucket{{phase=\"exec\",le=\"{le}\"}} {count}");
            assert_eq!(lines[line], want);
        };
        bucket(1, "0.001", 1);
        bucket(2, "0.0025", 2);
        bucket(3, "0.005", 3);
        bucket(15, "60", 3);
        bucket(16, "+Inf", 4);
        let rest = [
            "x_seconds_sum{phase=\"exec\"} 90.008",
            "x_seconds_count{phase=\"exec\"} 4",
        ];
        assert_eq!(lines[17..], rest);
    }
}
