//! What validation found, each finding with the paths of the fields at fault.

use std::collections::BTreeMap;
use std::fmt;

use crate::object::quote;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The object is refused.
    #[default]
    Error,
    /// The object is accepted and the client is told.
    Warning,
}

/// A set of findings, as `knative.dev/pkg/apis.FieldError`: built bottom up, every caller adding the field it came through.
///
/// [`Display`](fmt::Display) prints what clients see: findings with the same level, message and details are merged,
/// paths are sorted, then messages.
///
/// ```
/// use knative_core::admission::FieldErrors;
///
/// let errors = FieldErrors::missing_field(["image"])
///     .via_field_index("containers", 0)
///     .via_field("spec")
///     .also(FieldErrors::invalid_value("x", "spec.mode").with_details("use y"));
/// assert_eq!(
///     errors.to_string(),
///     "invalid value: x: spec.mode\nuse y\nmissing field(s): spec.containers[0].image"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    level: Level,
    message: String,
    paths: Vec<String>,
    details: String,
}

impl Entry {
    fn merge_key(&self) -> (&str, &str, Level) {
        (&self.message, &self.details, self.level)
    }
}

/// How the findings begin.
impl FieldErrors {
    /// No finding.
    pub fn none() -> Self {
        Self::default()
    }

    /// A finding with a message of its own: `<message>: <paths>`.
    pub fn generic<P: Into<String>>(
        message: impl Into<String>,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        let entry = Entry {
            level: Level::Error,
            message: message.into(),
            paths: paths.into_iter().map(Into::into).collect(),
            details: String::new(),
        };
        Self {
            entries: vec![entry],
        }
    }

    /// `missing field(s): <paths>`.
    pub fn missing_field<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::generic("missing field(s)", paths)
    }

    /// `must not set the field(s): <paths>`.
    pub fn disallowed_fields<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::generic("must not set the field(s)", paths)
    }

    /// `must not update deprecated field(s): <paths>`.
    pub fn disallowed_update<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::generic("must not update deprecated field(s)", paths)
    }

    /// `expected exactly one, got neither: <paths>`.
    pub fn missing_one_of<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::generic("expected exactly one, got neither", paths)
    }

    /// `expected exactly one, got both: <paths>`.
    pub fn multiple_one_of<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::generic("expected exactly one, got both", paths)
    }

    /// `invalid value: <value>: <path>`.
    pub fn invalid_value(value: impl fmt::Display, path: impl Into<String>) -> Self {
        Self::generic(format!("invalid value: {value}"), [path])
    }

    /// `invalid value: <value>: [<index>]`, for an item of a list.
    pub fn invalid_array_value(
        value: impl fmt::Display,
        field: impl Into<String>,
        index: usize,
    ) -> Self {
        Self::invalid_value(value, "").via_field_index(&field.into(), index)
    }

    /// `expected <lower> <= <value> <= <upper>: <path>`.
    pub fn out_of_bounds(
        value: impl fmt::Display,
        lower: impl fmt::Display,
        upper: impl fmt::Display,
        path: impl Into<String>,
    ) -> Self {
        Self::generic(format!("expected {lower} <= {value} <= {upper}"), [path])
    }

    /// `invalid key name "<key>": <path>`, with the details joined by `, ` on the next line.
    pub fn invalid_key_name<D: Into<String>>(
        key: &str,
        path: impl Into<String>,
        details: impl IntoIterator<Item = D>,
    ) -> Self {
        let details: Vec<String> = details.into_iter().map(Into::into).collect();
        Self::generic(format!("invalid key name {}", quote(key)), [path])
            .with_details(details.join(", "))
    }

    /// Sets the text printed on the line below each finding.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        let details = details.into();
        for entry in &mut self.entries {
            entry.details.clone_from(&details);
        }
        self
    }
}

/// How they grow on the way up.
impl FieldErrors {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// These findings and those.
    #[must_use]
    pub fn also(mut self, other: Self) -> Self {
        self.push(other);
        self
    }

    /// Adds findings.
    pub fn push(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The findings are below this field.
    #[must_use]
    pub fn via_field(mut self, field: &str) -> Self {
        for entry in &mut self.entries {
            for path in &mut entry.paths {
                *path = flatten(field, path);
            }
        }
        self
    }

    /// The findings are in this item of a list; the list's field comes next.
    #[must_use]
    pub fn via_index(self, index: usize) -> Self {
        self.via_field(&format!("[{index}]"))
    }

    /// The findings are under this key of a map; the map's field comes next.
    #[must_use]
    pub fn via_key(self, key: &str) -> Self {
        self.via_field(&format!("[{key}]"))
    }

    /// The findings are in item `index` of the list `field`.
    #[must_use]
    pub fn via_field_index(self, field: &str, index: usize) -> Self {
        self.via_index(index).via_field(field)
    }

    /// The findings are under `key` of the map `field`.
    #[must_use]
    pub fn via_field_key(self, field: &str, key: &str) -> Self {
        self.via_key(key).via_field(field)
    }

    /// The same findings, all at this level.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        for entry in &mut self.entries {
            entry.level = level;
        }
        self
    }
}

/// What is read from them.
impl FieldErrors {
    /// Only the findings at this level.
    #[must_use]
    pub fn filter(&self, level: Level) -> Self {
        let kept = self.entries.iter().filter(|entry| entry.level == level);
        Self {
            entries: kept.cloned().collect(),
        }
    }

    /// The warnings, merged, one text each.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.filter(Level::Warning).merged();
        warnings.iter().map(Entry::to_string).collect()
    }

    /// `Err` with the findings at error level, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        let errors = self.filter(Level::Error);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn merged(&self) -> Vec<Entry> {
        let mut by_key = BTreeMap::<_, Entry>::new();
        for entry in &self.entries {
            by_key
                .entry(entry.merge_key())
                .and_modify(|merged| merge_paths(&mut merged.paths, &entry.paths))
                .or_insert_with(|| entry.clone());
        }
        let mut merged: Vec<_> = by_key.into_values().collect();
        for entry in &mut merged {
            entry.paths.sort();
        }
        merged
    }
}

/// Only a merge drops repeated paths: one finding may name a path twice.
fn merge_paths(paths: &mut Vec<String>, more: &[String]) {
    paths.extend_from_slice(more);
    paths.sort();
    paths.dedup();
}

/// Joins path components with dots, an index or a key to what it follows. Empty components vanish.
///
/// A key that holds dots comes apart like any path, hence `annotations.[example.com/key]`.
fn flatten(prefix: &str, path: &str) -> String {
    let mut joined = String::with_capacity(prefix.len() + 1 + path.len());
    let components = prefix.split('.').chain(path.split('.'));
    for component in components.filter(|component| !component.is_empty()) {
        let is_index = component.starts_with('[') && component.ends_with(']');
        if !joined.is_empty() && !is_index {
            joined.push('.');
        }
        joined.push_str(component);
    }
    joined
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.paths.join(", "))?;
        if self.details.is_empty() {
            return Ok(());
        }
        write!(f, "\n{}", self.details)
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, entry) in self.merged().iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

impl FromIterator<Self> for FieldErrors {
    fn from_iter<I: IntoIterator<Item = Self>>(iter: I) -> Self {
        iter.into_iter().fold(Self::none(), Self::also)
    }
}

impl Extend<Self> for FieldErrors {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, iter: I) {
        for more in iter {
            self.push(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_paths() {
        let missing = || FieldErrors::missing_field(["x"]);
        let rows = [
            (
                "field",
                missing().via_field("spec"),
                "missing field(s): spec.x",
            ),
            (
                "index",
                missing().via_index(0).via_field("items"),
                "missing field(s): items[0].x",
            ),
            (
                "index without a field",
                missing().via_field("a").via_index(0),
                "missing field(s): [0].a.x",
            ),
            (
                "two indices",
                missing().via_index(1).via_index(0).via_field("a"),
                "missing field(s): a[0][1].x",
            ),
            (
                "key",
                missing().via_field_key("map", "k"),
                "missing field(s): map[k].x",
            ),
            (
                "key with dots",
                FieldErrors::invalid_value("1", "").via_field_key("annotations", "a.dev/k"),
                "invalid value: 1: annotations.[a.dev/k]",
            ),
            (
                "no path",
                FieldErrors::generic("broken", [""; 0]).via_field("spec"),
                "broken: ",
            ),
            (
                "empty path",
                FieldErrors::generic("broken", [""]).via_field("spec"),
                "broken: spec",
            ),
            (
                "key name",
                FieldErrors::invalid_key_name("a\"b", "meta", ["one", "two"]),
                "invalid key name \"a\\\"b\": meta\none, two",
            ),
            (
                "bounds",
                FieldErrors::out_of_bounds(7, 0, 5, "n"),
                "expected 0 <= 7 <= 5: n",
            ),
            (
                "list item",
                FieldErrors::invalid_array_value("v", "args", 2),
                "invalid value: v: args[2]",
            ),
        ];
        for (name, errors, want) in rows {
            assert_eq!(errors.to_string(), want, "{name}");
        }
    }

    #[test]
    fn merges_and_sorts() {
        let errors: FieldErrors = [
            FieldErrors::missing_field(["b", "a"]),
            FieldErrors::missing_field(["a", "c"]),
            FieldErrors::missing_field(["d"]).with_details("why"),
            FieldErrors::generic("also", ["z", "y"]),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            errors.to_string(),
            "also: y, z\nmissing field(s): a, b, c\nmissing field(s): d\nwhy"
        );
    }

    #[test]
    fn levels_stay_apart() {
        let warning = FieldErrors::generic("w", ["a"]).at(Level::Warning);
        let both = FieldErrors::generic("w", ["b"]).also(warning.clone());
        assert_eq!(both.filter(Level::Warning), warning);
        assert_eq!(both.warnings(), ["w: a"]);
        assert_eq!(both.to_string(), "w: b\nw: a");
        assert!(warning.into_result().is_ok());
        assert_eq!(
            both.into_result().map_err(|e| e.to_string()),
            Err("w: b".to_owned())
        );
    }
}
