//! The part of Kubernetes' JSONPath that printer columns use: `.a.b`, `['k\.ey']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`.

use serde_json::Value;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// Items in which the path has the text.
    Where(Vec<Self>, String),
}

/// A path that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads a path; `None` if it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or(text);
        steps(text).map(Self)
    }

    /// The first value at the path.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        find(&self.0, value)
    }
}

fn find<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(value);
    };
    match step {
        Step::Field(name) => find(rest, value.get(name)?),
        Step::Index(index) => {
            let items = value.as_array()?;
            let index = if *index < 0 {
                items
                    .len()
                    .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
            } else {
                usize::try_from(*index).ok()?
            };
            find(rest, items.get(index)?)
        }
        Step::All => children(value).find_map(|child| find(rest, child)),
        Step::Where(path, text) => children(value)
            .filter(|child| find(path, child).and_then(Value::as_str) == Some(text))
            .find_map(|child| find(rest, child)),
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn steps(mut text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        let (step, rest) = if let Some(rest) = text.strip_prefix('[') {
            bracket(rest)?
        } else {
            field(text.strip_prefix('.').unwrap_or(text))
        };
        steps.extend(step);
        text = rest;
    }
    Some(steps)
}

/// A name up to the next dot or bracket that no backslash precedes; the whole object if there is none.
fn field(text: &str) -> (Option<Step>, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return (named(name), &text[at..]),
            c => name.push(c),
        }
    }
    (named(name), "")
}

fn named(name: String) -> Option<Step> {
    match name.as_str() {
        "" => None,
        "*" => Some(Step::All),
        _ => Some(Step::Field(name)),
    }
}

fn bracket(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(") {
        let (filter, rest) = filter.split_once(")]")?;
        return Some((Some(condition(filter)?), rest));
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        let (name, rest) = quoted.split_once("']")?;
        return Some((Some(Step::Field(name.replace('\\', ""))), rest));
    }
    let (inside, rest) = text.split_once(']')?;
    let step = if inside == "*" {
        Step::All
    } else {
        Step::Index(inside.trim().parse().ok()?)
    };
    Some((Some(step), rest))
}

fn condition(filter: &str) -> Option<Step> {
    let (path, text) = filter.split_once("==")?;
    let path = steps(path.trim().strip_prefix('@')?)?;
    let text = text.trim();
    let text = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    Some(Step::Where(path, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds() {
        let object = json!({
            "metadata": {"labels": {"serving.knative.dev/service": "s"}},
            "status": {
                "url": "http://x",
                "conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}],
            },
        });
        let rows = [
            (".status.url", Some(json!("http://x"))),
            ("{.status.url}", Some(json!("http://x"))),
            ("status.url", Some(json!("http://x"))),
            (
                r".metadata.labels['serving\.knative\.dev/service']",
                Some(json!("s")),
            ),
            (
                r".metadata.labels.serving\.knative\.dev/service",
                Some(json!("s")),
            ),
            (
                ".status.conditions[?(@.type=='Ready')].status",
                Some(json!("True")),
            ),
            (
                r#".status.conditions[?(@.type=="Ready")].status"#,
                Some(json!("True")),
            ),
            (".status.conditions[?(@.type=='Ready')].reason", None),
            (".status.conditions[0].type", Some(json!("A"))),
            (".status.conditions[-1].type", Some(json!("Ready"))),
            (".status.conditions[*].status", Some(json!("False"))),
            (".status.conditions[7].type", None),
            (".nothing.there", None),
        ];
        for (path, want) in rows {
            let found = JsonPath::parse(path).and_then(|path| path.find(&object).cloned());
            assert_eq!(found, want, "{path}");
        }
    }

    #[test]
    fn refuses() {
        for path in [".a[", ".a[x]", ".a[?(@.b)]", ".a['b]", ".a[?(@.b==c)]"] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }
}
