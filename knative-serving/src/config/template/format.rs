//! How values are written, plainly and by `printf`.

use std::fmt::Write;

use super::Value;
use crate::config::number::print_float;

/// As `{{value}}` writes it.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Missing => "<no value>".to_owned(),
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => print_float(*value),
        Value::Text(text) => text.clone(),
        Value::List(items) => format!("[{}]", join(items.iter().map(print))),
        Value::Map(entries) => {
            format!(
                "map[{}]",
                join(
                    entries
                        .iter()
                        .map(|(key, value)| format!("{key}:{}", print(value)))
                )
            )
        }
        Value::Object(_, fields) => format!("{{{}}}", join(fields.values().map(print))),
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// `print`: a space between two values of which neither is a text.
pub(super) fn print_all(values: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        let text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !text(value) && !text(&values[at - 1]) {
            out.push(' ');
        }
        out.push_str(&argument(value));
    }
    out
}

/// `println`: spaces between, a newline at the end.
pub(super) fn println(values: &[Value]) -> String {
    join(values.iter().map(argument)) + "\n"
}

/// As an argument of a printing function, where an absent value is nil.
fn argument(value: &Value) -> String {
    print(if *value == Value::Missing {
        &Value::Nil
    } else {
        value
    })
}

/// `printf`.
pub(super) fn printf(arguments: &[Value]) -> Result<String, String> {
    let Some((Value::Text(format), mut rest)) = arguments.split_first() else {
        return Err("wrong type for value; expected string".to_owned());
    };
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = Directive::default();
        let Some(verb) = directive.read(&mut chars) else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some((value, tail)) = rest.split_first() else {
            let _ = write!(out, "%!{verb}(MISSING)");
            continue;
        };
        rest = tail;
        out.push_str(&directive.format(verb, value));
    }
    if !rest.is_empty() {
        let extra: Vec<_> = rest
            .iter()
            .map(|value| format!("{}={}", value.type_name(), argument(value)))
            .collect();
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Ok(out)
}

/// No name is longer; a width beyond it is cut.
const MAX_WIDTH: usize = 1024;

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each flag of the format"
)]
struct Directive {
    minus: bool,
    plus: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

impl Directive {
    fn read(&mut self, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
        while let Some(flag) = chars.next_if(|c| "-+0# ".contains(*c)) {
            match flag {
                '-' => self.minus = true,
                '+' => self.plus = true,
                '0' => self.zero = true,
                '#' => self.sharp = true,
                _ => {}
            }
        }
        self.width = number(chars).unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            self.precision = Some(number(chars).unwrap_or(0));
        }
        chars.next()
    }

    fn format(&self, verb: char, value: &Value) -> String {
        let text = match (verb, value) {
            ('v' | 'd', Value::Int(value)) => self.signed(*value >= 0, value.to_string()),
            ('x', Value::Int(value)) => format!("{value:x}"),
            ('X', Value::Int(value)) => format!("{value:X}"),
            ('o', Value::Int(value)) => format!("{value:o}"),
            ('b', Value::Int(value)) => format!("{value:b}"),
            ('c', Value::Int(value)) => {
                let c = u32::try_from(*value).ok().and_then(char::from_u32);
                c.unwrap_or(char::REPLACEMENT_CHARACTER).to_string()
            }
            ('t', Value::Bool(value)) => value.to_string(),
            ('f', Value::Float(value)) => self.signed(
                *value >= 0.0,
                format!("{:.*}", self.precision.unwrap_or(6), value),
            ),
            ('g', Value::Float(value)) => self.signed(*value >= 0.0, value.to_string()),
            ('s' | 'v', Value::Text(text)) => self.cut(text),
            ('q', Value::Text(text)) => format!("{:?}", self.cut(text)),
            ('x', Value::Text(text)) => text
                .bytes()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
            ('v', value) => argument(value),
            ('s', Value::List(_) | Value::Map(_) | Value::Object(..)) => argument(value),
            (_, Value::Missing | Value::Nil) => format!("%!{verb}(<nil>)"),
            _ => format!("%!{verb}({}={})", value.type_name(), argument(value)),
        };
        self.pad(text)
    }

    fn signed(&self, positive: bool, digits: String) -> String {
        if self.plus && positive {
            format!("+{digits}")
        } else {
            digits
        }
    }

    fn cut(&self, text: &str) -> String {
        self.precision
            .map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect())
    }

    fn pad(&self, text: String) -> String {
        let lacking = self
            .width
            .min(MAX_WIDTH)
            .saturating_sub(text.chars().count());
        if self.minus {
            return text + &" ".repeat(lacking);
        }
        if !self.zero {
            return " ".repeat(lacking) + &text;
        }
        match text.strip_prefix(['-', '+']) {
            Some(digits) => format!("{}{}{digits}", &text[..1], "0".repeat(lacking)),
            None => "0".repeat(lacking) + &text,
        }
    }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        let digit = digit.to_digit(10).unwrap_or(0) as usize;
        number = Some(
            number
                .unwrap_or(0_usize)
                .saturating_mul(10)
                .saturating_add(digit),
        );
    }
    number
}
