//! Field selectors: what `kubectl get --field-selector` takes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::ParseSelectorError;

/// What one field must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldRequirement {
    /// The path, as `metadata.name`.
    pub field: String,
    /// Whether the value must be this one, or any other.
    pub equal: bool,
    /// The value. A field that is absent has the empty value.
    pub value: String,
}

/// Requirements of fields that must all hold. None: every object matches.
///
/// ```
/// use knative_core::selector::FieldSelector;
///
/// let selector: FieldSelector = "metadata.name=web,status.phase!=Failed".parse()?;
/// let matches = selector.matches(|field| match field {
///     "metadata.name" => Some("web".into()),
///     _ => None,
/// });
/// assert!(matches);
/// # Ok::<(), knative_core::selector::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

impl FieldSelector {
    /// Matches every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Matches objects of one name.
    pub fn name(name: impl Into<String>) -> Self {
        Self {
            requirements: vec![FieldRequirement {
                field: "metadata.name".to_owned(),
                equal: true,
                value: name.into(),
            }],
        }
    }

    /// The requirements, sorted as written.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// Whether every object matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The one value that the field must have, if it must have one.
    pub fn exact(&self, field: &str) -> Option<&str> {
        let mut exact = self
            .requirements
            .iter()
            .filter(|one| one.equal && one.field == field);
        exact.next().map(|requirement| requirement.value.as_str())
    }

    /// Whether an object matches, of which `value_of` tells the fields.
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = value_of(&requirement.field).unwrap_or_default();
            (value == requirement.value) == requirement.equal
        })
    }
}

impl FromStr for FieldSelector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut terms = split_terms(text);
        terms.sort_unstable();
        let terms = terms.into_iter().filter(|term| !term.is_empty());
        let requirements = terms.map(|term| requirement(term, text));
        let requirements = requirements.collect::<Result<Vec<_>, _>>();
        let mut requirements = requirements.map_err(ParseSelectorError)?;
        // A term that names neither field nor value asks for nothing.
        requirements.retain(|one| !(one.field.is_empty() && one.value.is_empty()));
        Ok(Self { requirements })
    }
}

/// Splits at commas that no backslash escapes; the escapes stay.
fn split_terms(text: &str) -> Vec<&str> {
    let mut escaped = false;
    let at_comma = |c: char| {
        let splits = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    };
    text.split(at_comma).collect()
}

fn requirement(term: &str, selector: &str) -> Result<FieldRequirement, String> {
    let unclear = || format!("invalid selector: '{selector}'; can't understand '{term}'");
    let not_equal = term.find("!=");
    let (field, equal, value) = match (term.find('='), not_equal) {
        (Some(equals), Some(at)) if at < equals => (&term[..at], false, &term[at + 2..]),
        (Some(equals), _) => {
            let value = &term[equals + 1..];
            (
                &term[..equals],
                true,
                value.strip_prefix('=').unwrap_or(value),
            )
        }
        (None, _) => return Err(unclear()),
    };
    Ok(FieldRequirement {
        field: field.to_owned(),
        equal,
        value: unescape(value)?,
    })
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                other => {
                    let sequence: String = ['\\'].into_iter().chain(other).collect();
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: {sequence}"
                    ));
                }
            },
            // The code of the character is what Kubernetes prints.
            ',' | '=' => {
                let code = u32::from(c);
                return Err(format!(
                    "invalid field selector: unescaped character in value: {code}"
                ));
            }
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

impl fmt::Display for FieldRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = if self.equal { "=" } else { "!=" };
        write!(f, "{}{operator}", self.field)?;
        for c in self.value.chars() {
            let escape = if matches!(c, '\\' | ',' | '=') {
                "\\"
            } else {
                ""
            };
            write!(f, "{escape}{c}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let rows = [
            ("", Ok("")),
            (",b==c,,a!=d", Ok("a!=d,b=c")),
            ("a=b\\,c\\=\\\\", Ok("a=b\\,c\\=\\\\")),
            (" a=b", Ok(" a=b")),
            ("a!=", Ok("a!=")),
            ("=,a=b,!=", Ok("a=b")),
            ("a", Err("invalid selector: 'a'; can't understand 'a'")),
            (
                "a>1,b=c",
                Err("invalid selector: 'a>1,b=c'; can't understand 'a>1'"),
            ),
            (
                "a=b=c",
                Err("invalid field selector: unescaped character in value: 61"),
            ),
            (
                "a=b\\x",
                Err("invalid field selector: invalid escape sequence: \\x"),
            ),
            (
                "a=b\\",
                Err("invalid field selector: invalid escape sequence: \\"),
            ),
        ];
        for (text, want) in rows {
            let got = text.parse::<FieldSelector>();
            let got = got
                .map(|selector| selector.to_string())
                .map_err(|error| error.to_string());
            assert_eq!(got.as_deref().map_err(String::as_str), want, "{text}");
        }
    }

    #[test]
    fn matching() -> Result<(), ParseSelectorError> {
        let fields = |field: &str| (field == "metadata.name").then_some(Cow::Borrowed("x"));
        let rows = [
            ("", true),
            ("metadata.name=x", true),
            ("metadata.name!=x", false),
            ("metadata.name=x,spec.a=", true),
            ("spec.a!=", false),
        ];
        for (text, want) in rows {
            let selector: FieldSelector = text.parse()?;
            assert_eq!(selector.matches(fields), want, "{text}");
        }
        let selector: FieldSelector = "metadata.namespace!=a,metadata.name=x".parse()?;
        assert_eq!(selector.exact("metadata.name"), Some("x"));
        assert_eq!(selector.exact("metadata.namespace"), None);
        Ok(())
    }
}
