//! The YAML in values of maps, read by the rules of YAML 1.1 that Knative's library keeps: a bare `y`, `on` or
//! `No` is a truth value, `0777` is octal, and where a text is wanted a number or truth value becomes one.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::number::{parse_float, print_float};

/// Nodes and levels that a value may have; more is an attack, not a setting.
const MAX_NODES: usize = 10_000;
const MAX_DEPTH: usize = 64;

/// A YAML value with its scalars resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    /// Pairs in their order; a later key replaces an earlier one.
    Map(Vec<(String, Self)>),
}

/// Why a value cannot be read; the text begins as Knative's does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlError {
    /// Not YAML.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Syntax(String),
    /// A value of another type than the setting has.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into {target}"
    )]
    Type {
        /// What was found, as JSON calls it.
        found: &'static str,
        /// The field or type at fault.
        target: String,
    },
}

/// The first document of `text`; nothing at all is [`Yaml::Null`].
pub(crate) fn parse(text: &str) -> Result<Yaml, YamlError> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    loop {
        match builder.event()? {
            Some(Event::DocumentStart(..)) => {
                let first = builder.content()?;
                return builder.node(first, 0);
            }
            Some(Event::StreamEnd) | None => return Ok(Yaml::Null),
            Some(_) => {}
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Yaml>,
    nodes: usize,
}

fn syntax(text: impl Into<String>) -> YamlError {
    YamlError::Syntax(text.into())
}

impl<'a> Builder<'a> {
    fn event(&mut self) -> Result<Option<Event<'a>>, YamlError> {
        self.parser
            .next()
            .map(|event| {
                event
                    .map(|(event, _)| event)
                    .map_err(|error| syntax(error.to_string()))
            })
            .transpose()
    }

    /// The next event that is no comment.
    fn content(&mut self) -> Result<Event<'a>, YamlError> {
        loop {
            match self.event()? {
                Some(Event::Comment(..)) => {}
                Some(event) => return Ok(event),
                None => return Err(syntax("unexpected end")),
            }
        }
    }

    fn count(&mut self, nodes: usize, depth: usize) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(syntax("document is too large"));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Yaml, YamlError> {
        self.count(1, depth)?;
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted =
                    style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix() == "str");
                (
                    anchor,
                    if quoted {
                        Yaml::Text(text.into_owned())
                    } else {
                        resolve(&text)
                    },
                )
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(id) => {
                let node = self
                    .anchors
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| syntax("unknown anchor"))?;
                self.count(node.size(), depth)?;
                (0, node)
            }
            _ => return Err(syntax("did not find expected node content")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Yaml, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.content()? {
                Event::SequenceEnd => return Ok(Yaml::List(items)),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Yaml, YamlError> {
        let mut pairs = Vec::new();
        loop {
            let key = match self.content()? {
                Event::MappingEnd => return Ok(Yaml::Map(pairs)),
                event => self.node(event, depth + 1)?,
            };
            let key = match key {
                Yaml::Null | Yaml::List(_) | Yaml::Map(_) => {
                    return Err(syntax("unsupported map key"));
                }
                key => key.to_text(),
            };
            let event = self.content()?;
            let value = self.node(event, depth + 1)?;
            pairs.push((key.unwrap_or_default(), value));
        }
    }
}

fn resolve(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Yaml::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Yaml::Bool(false)
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Yaml::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Yaml::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Yaml::Float(f64::NAN),
        _ => number(text).unwrap_or_else(|| Yaml::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Yaml> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    let (sign, bare) = match digits.strip_prefix('-') {
        Some(bare) => ("-", bare),
        None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let (radix, bare) = match bare.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &bare[2..]),
        Some("0o") => (8, &bare[2..]),
        Some("0b") => (2, &bare[2..]),
        _ if bare.len() > 1 && bare.starts_with('0') => (8, &bare[1..]),
        _ => (10, bare),
    };
    let whole = i128::from_str_radix(&format!("{sign}{bare}"), radix).ok();
    let whole = whole.filter(|_| bare.starts_with(|c: char| c.is_ascii_alphanumeric()));
    let fits = |value: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value);
    let decimal = digits
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    let float = || {
        parse_float(&digits)
            .ok()
            .filter(|_| decimal)
            .map(Yaml::Float)
    };
    whole.filter(fits).map(Yaml::Int).or_else(float)
}

impl Yaml {
    fn size(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(pairs) => 1 + pairs.iter().map(|(_, value)| value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The name that JSON has for it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    fn to_text(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(print_float(*value)),
            Self::Text(text) => Some(text.clone()),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    fn wrong(&self, target: &str, kind: &str) -> YamlError {
        YamlError::Type {
            found: self.kind(),
            target: format!("Go {target} of type {kind}"),
        }
    }

    /// As a text.
    pub(crate) fn text(&self, target: &str) -> Result<String, YamlError> {
        self.to_text().ok_or_else(|| self.wrong(target, "string"))
    }

    /// As a list; null is empty.
    pub(crate) fn items(&self, target: &str, kind: &str) -> Result<&[Self], YamlError> {
        match self {
            Self::Null => Ok(&[]),
            Self::List(items) => Ok(items),
            other => Err(other.wrong(target, kind)),
        }
    }

    /// As the pairs of a map or struct; null is empty.
    pub(crate) fn pairs(&self, target: &str, kind: &str) -> Result<&[(String, Self)], YamlError> {
        match self {
            Self::Null => Ok(&[]),
            Self::Map(pairs) => Ok(pairs),
            other => Err(other.wrong(target, kind)),
        }
    }

    /// As texts under texts.
    pub(crate) fn texts(&self, target: &str) -> Result<BTreeMap<String, String>, YamlError> {
        let pairs = self.pairs(target, "map[string]string")?;
        pairs
            .iter()
            .map(|(key, value)| Ok((key.clone(), value.text(target)?)))
            .collect()
    }
}

/// The last value of a struct's field, whose name matches without regard to case, as Go's decoder has it.
pub(crate) fn field<'a>(pairs: &'a [(String, Yaml)], name: &str) -> &'a Yaml {
    let found = pairs
        .iter()
        .rev()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(&Yaml::Null, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_of_yaml_1_1() {
        for (text, want) in [
            ("", Yaml::Null),
            ("~", Yaml::Null),
            ("y", Yaml::Bool(true)),
            ("Off", Yaml::Bool(false)),
            ("\"y\"", Yaml::Text("y".to_owned())),
            ("!!str 1", Yaml::Text("1".to_owned())),
            ("0x1F", Yaml::Int(31)),
            ("017", Yaml::Int(15)),
            ("-1_000", Yaml::Int(-1000)),
            ("1.50", Yaml::Float(1.5)),
            ("1.2.3", Yaml::Text("1.2.3".to_owned())),
            ("-", Yaml::List(vec![Yaml::Null])),
            ("2026-01-01", Yaml::Text("2026-01-01".to_owned())),
            (
                "{a: [x, &b 1], c: *b}",
                Yaml::Map(vec![
                    (
                        "a".to_owned(),
                        Yaml::List(vec![Yaml::Text("x".to_owned()), Yaml::Int(1)]),
                    ),
                    ("c".to_owned(), Yaml::Int(1)),
                ]),
            ),
        ] {
            assert_eq!(parse(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses_bombs_and_nonsense() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (from, to) in ["ab", "bc", "cd", "de", "ef"].map(|pair| pair.split_at(1)) {
            let aliases = vec![format!("*{from}"); 10].join(", ");
            bomb = format!("{bomb}{to}: &{to} [{aliases}]\n");
        }
        for text in [
            bomb.as_str(),
            "a: b: c",
            "{",
            "[".repeat(1000).as_str(),
            "? [a]\n: b",
        ] {
            assert!(matches!(parse(text), Err(YamlError::Syntax(_))), "{text}");
        }
    }
}
