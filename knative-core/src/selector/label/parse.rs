//! The grammar of label selectors.

use std::collections::BTreeSet;

use super::{LabelSelector, Operator, ParseSelectorError, Requirement, wrong_key};

/// A token is its own text; the end is the empty text.
type Token<'a> = &'a str;

const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
const BINARY: &str = "in, notin, =, ==, !=, gt, lt";

pub(super) fn parse(text: &str) -> Result<LabelSelector, ParseSelectorError> {
    let mut parser = Parser { rest: text };
    parser
        .requirements()
        .map(LabelSelector::from_iter)
        .map_err(ParseSelectorError)
}

struct Parser<'a> {
    rest: &'a str,
}

/// Anything but an operator. `in` and `notin` can be keys and values too.
fn is_word(token: Token<'_>) -> bool {
    !token.is_empty() && !token.starts_with(SPECIAL)
}

fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        // A NUL ends the text, as Kubernetes' scanner has it.
        let rest = self.rest.trim_start_matches(is_white);
        let rest = rest.split('\0').next().unwrap_or_default();
        let word = rest.find(|c| is_white(c) || SPECIAL.contains(&c));
        let length = match word {
            Some(0) if rest.starts_with("==") || rest.starts_with("!=") => 2,
            Some(0) => 1,
            Some(length) => length,
            None => rest.len(),
        };
        &rest[..length]
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.rest = &self.rest.trim_start_matches(is_white)[token.len()..];
        token
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                "" => return Ok(requirements),
                token if token == "!" || is_word(token) => {}
                token => {
                    return Err(format!(
                        "found '{token}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
            let requirement = self.requirement();
            requirements
                .push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
            self.separator()?;
        }
    }

    fn separator(&mut self) -> Result<(), String> {
        match self.next() {
            "" => Ok(()),
            "," => match self.peek() {
                token if token == "!" || is_word(token) => Ok(()),
                token => Err(format!("found '{token}', expected: identifier after ','")),
            },
            token => Err(format!("found '{token}', expected: ',' or 'end of string'")),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut key = self.next();
        let absent = key == "!";
        if absent {
            key = self.next();
        }
        if !is_word(key) {
            return Err(format!("found '{key}', expected: identifier"));
        }
        if let Some(wrong) = wrong_key("<nil>", key) {
            return Err(wrong);
        }
        let (operator, values) = match self.peek() {
            _ if absent => (Operator::DoesNotExist, BTreeSet::new()),
            "" | "," => (Operator::Exists, BTreeSet::new()),
            _ => self.comparison()?,
        };
        Requirement::new(key, operator, values).map_err(|error| error.to_string())
    }

    fn comparison(&mut self) -> Result<(Operator, BTreeSet<&'a str>), String> {
        let operator = match self.next() {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            "=" => Operator::Equals,
            "==" => Operator::DoubleEquals,
            "!=" => Operator::NotEquals,
            ">" => Operator::GreaterThan,
            "<" => Operator::LessThan,
            token => return Err(format!("found '{token}', expected: {BINARY}")),
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => BTreeSet::from([self.value()?]),
        };
        Ok((operator, values))
    }

    fn value(&mut self) -> Result<&'a str, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok("");
        }
        match self.next() {
            token if is_word(token) => Ok(token),
            token => Err(format!("found '{token}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<&'a str>, String> {
        match self.next() {
            "(" => {}
            token => return Err(format!("found '{token}' expected: '('")),
        }
        match self.peek() {
            ")" => {
                self.next();
                Ok(BTreeSet::from([""]))
            }
            token if token == "," || is_word(token) => self.list(),
            token => Err(format!("found '{token}', expected: ',', ')' or identifier")),
        }
    }

    /// Words with commas between them, up to the closing parenthesis. Where a word is missing the empty value stands.
    fn list(&mut self) -> Result<BTreeSet<&'a str>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.next() {
                "," => {
                    if self.comma(&mut values) {
                        return Ok(values);
                    }
                }
                token if is_word(token) => {
                    values.insert(token);
                    match self.peek() {
                        "," => {}
                        ")" => {
                            self.next();
                            return Ok(values);
                        }
                        token => return Err(format!("found '{token}', expected: ',' or ')'")),
                    }
                }
                token => return Err(format!("found '{token}', expected: ',', or identifier")),
            }
        }
    }

    /// Whether the list ended behind the comma.
    fn comma(&mut self, values: &mut BTreeSet<&'a str>) -> bool {
        let follows = self.peek();
        if values.is_empty() || matches!(follows, ")" | ",") {
            values.insert("");
        }
        if matches!(follows, ")" | ",") {
            self.next();
        }
        follows == ")"
    }
}
