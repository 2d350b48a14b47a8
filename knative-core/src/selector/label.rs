//! Label selectors: what `kubectl get -l` takes, and `metav1.LabelSelector`.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as metav1;

use super::ParseSelectorError;
use crate::object::{name, quote};

/// How the value of a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `in`: the label is there and its value is one of these.
    In,
    /// `notin`: the label is absent, or its value is none of these.
    NotIn,
    /// `=`.
    Equals,
    /// `==`, the same as `=`.
    DoubleEquals,
    /// `!=`: the label is absent or its value differs.
    NotEquals,
    /// The label is there.
    Exists,
    /// `!`: the label is absent.
    DoesNotExist,
    /// `>`: the label is an integer above this.
    GreaterThan,
    /// `<`: the label is an integer below this.
    LessThan,
}

impl Operator {
    /// The name that Kubernetes has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::Exists => "exists",
            Self::DoesNotExist => "!",
            Self::GreaterThan => "gt",
            Self::LessThan => "lt",
        }
    }
}

/// What one label must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: BTreeSet<String>,
}

impl Requirement {
    /// Checks key and values. An error tells all that is wrong.
    pub fn new<V: Into<String>>(
        key: impl Into<String>,
        operator: Operator,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, ParseSelectorError> {
        let requirement = Self {
            key: key.into(),
            operator,
            values: values.into_iter().map(Into::into).collect(),
        };
        let wrong = requirement.wrong();
        if wrong.is_empty() {
            return Ok(requirement);
        }
        Err(ParseSelectorError(name::aggregate(&wrong)))
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::from_iter(wrong_key("key", &self.key));
        if let Some(why) = self.wrong_count() {
            let values: Vec<_> = self.values.iter().map(|value| quote(value)).collect();
            wrong.push(format!(
                "values: Invalid value: [{}]: {why}",
                values.join(",")
            ));
        }
        let numeric = matches!(self.operator, Operator::GreaterThan | Operator::LessThan);
        for (i, value) in self.values.iter().enumerate() {
            if numeric && value.parse::<i64>().is_err() {
                let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                wrong.push(format!(
                    "values[{i}]: Invalid value: {}: {why}",
                    quote(value)
                ));
            }
        }
        let values = self.values.iter().enumerate();
        wrong.extend(values.filter_map(|(i, value)| wrong_value(&self.key, i, value)));
        wrong
    }

    fn wrong_count(&self) -> Option<&'static str> {
        use Operator as Op;
        let count = self.values.len();
        match self.operator {
            Op::In | Op::NotIn if count == 0 => {
                Some("for 'in', 'notin' operators, values set can't be empty")
            }
            Op::Equals | Op::DoubleEquals | Op::NotEquals if count != 1 => {
                Some("exact-match compatibility requires one single value")
            }
            Op::Exists | Op::DoesNotExist if count != 0 => {
                Some("values set must be empty for exists and does not exist")
            }
            Op::GreaterThan | Op::LessThan if count != 1 => {
                Some("for 'Gt', 'Lt' operators, exactly one value is required")
            }
            _ => None,
        }
    }

    /// The label.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How its value is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// With what, sorted.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    /// Whether these labels fulfil it.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        use Operator as Op;
        let label = labels.get(&self.key);
        match self.operator {
            Op::In | Op::Equals | Op::DoubleEquals => {
                label.is_some_and(|is| self.values.contains(is))
            }
            Op::NotIn | Op::NotEquals => label.is_none_or(|is| !self.values.contains(is)),
            Op::Exists => label.is_some(),
            Op::DoesNotExist => label.is_none(),
            Op::GreaterThan => self.compared(label).is_some_and(|(is, limit)| is > limit),
            Op::LessThan => self.compared(label).is_some_and(|(is, limit)| is < limit),
        }
    }

    fn compared(&self, label: Option<&String>) -> Option<(i64, i64)> {
        let limit = self.values.first()?;
        Some((label?.parse().ok()?, limit.parse().ok()?))
    }
}

fn wrong_key(path: &str, key: &str) -> Option<String> {
    let wrong = name::qualified_name(key);
    let text = || {
        format!(
            "{path}: Invalid value: {}: {}",
            quote(key),
            wrong.join("; ")
        )
    };
    (!wrong.is_empty()).then(text)
}

fn wrong_value(key: &str, index: usize, value: &str) -> Option<String> {
    let wrong = name::label_value(value);
    let text = || {
        let why = wrong.join("; ");
        format!(
            "values[{index}][{key}]: Invalid value: {}: {why}",
            quote(value)
        )
    };
    (!wrong.is_empty()).then(text)
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let values: Vec<_> = self.values().collect();
        let values = values.join(",");
        match self.operator {
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// Requirements of labels that must all hold, sorted by label. None: every object matches.
///
/// ```
/// use std::collections::BTreeMap;
/// use knative_core::selector::LabelSelector;
///
/// let selector: LabelSelector = "tier in (gold, silver), !legacy".parse()?;
/// assert_eq!(selector.to_string(), "!legacy,tier in (gold,silver)");
/// let labels = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
/// assert!(selector.matches(&labels));
/// # Ok::<(), knative_core::selector::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

impl LabelSelector {
    /// Matches every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Matches objects that have all of these labels. They are not checked: labels that no object can have match none.
    pub fn from_set<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let equals = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: BTreeSet::from([value.clone()]),
        };
        labels.into_iter().map(equals).collect()
    }

    /// The requirements, sorted by label.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether every object matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with these labels matches.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }
}

impl FromIterator<Requirement> for LabelSelector {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self { requirements }
    }
}

impl FromStr for LabelSelector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::parse(text)
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

/// `matchLabels` and `matchExpressions`, all of which must hold. An empty one matches every object.
impl TryFrom<&metav1::LabelSelector> for LabelSelector {
    type Error = ParseSelectorError;

    fn try_from(selector: &metav1::LabelSelector) -> Result<Self, Self::Error> {
        let equals =
            |(key, value): (&String, &String)| Requirement::new(key, Operator::Equals, [value]);
        let labels = selector.match_labels.iter().flatten().map(equals);
        let expressions = selector.match_expressions.iter().flatten().map(expression);
        labels.chain(expressions).collect()
    }
}

fn expression(of: &metav1::LabelSelectorRequirement) -> Result<Requirement, ParseSelectorError> {
    let operator = match of.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            let why = format!("{} is not a valid label selector operator", quote(other));
            return Err(ParseSelectorError(why));
        }
    };
    Requirement::new(&of.key, operator, of.values.iter().flatten())
}
