//! Numbers as Go's `strconv` reads and prints them.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// Not written as one.
    Syntax,
    /// Too large or too small for its type.
    Range,
}

impl NumberError {
    /// The words of `strconv`, for function `function` over `text`.
    pub(crate) fn explain(self, function: &str, text: &str) -> String {
        let reason = match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        };
        format!(
            "strconv.{function}: parsing {}: {reason}",
            knative_core::object::quote(text)
        )
    }
}

/// A whole decimal number, with or without a sign.
pub(crate) fn parse_int<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, NumberError> {
    text.parse()
        .map_err(|error: ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => NumberError::Range,
            _ => NumberError::Syntax,
        })
}

/// A truth value: `1`, `t`, `true`, `0`, `f`, `false`, the words in lower, upper or title case.
pub(crate) fn parse_bool(text: &str) -> Result<bool, NumberError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(NumberError::Syntax),
    }
}

/// A floating-point number: decimal, hexadecimal with an exponent, infinity or `NaN` without a sign.
pub(crate) fn parse_float(text: &str) -> Result<f64, NumberError> {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(digits) = bare.strip_prefix("0x").or_else(|| bare.strip_prefix("0X")) {
        let value = hexadecimal(digits).ok_or(NumberError::Syntax)?;
        return finite(if text.starts_with('-') { -value } else { value });
    }
    let value: f64 = text.parse().map_err(|_| NumberError::Syntax)?;
    match value {
        nan if nan.is_nan() && bare.len() < text.len() => Err(NumberError::Syntax),
        infinite if infinite.is_infinite() && bare.starts_with(['i', 'I']) => Ok(infinite),
        nan if nan.is_nan() => Ok(nan),
        value => finite(value),
    }
}

fn finite(value: f64) -> Result<f64, NumberError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(NumberError::Range)
    }
}

/// What follows `0x`: digits, perhaps a point and underscores, `p` and a decimal exponent.
fn hexadecimal(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0_f64;
    let mut count = 0;
    for c in whole.chars().chain(fraction.chars()).filter(|c| *c != '_') {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
        count += 1;
    }
    let places = i32::try_from(fraction.chars().filter(|c| *c != '_').count()).ok()?;
    (count > 0).then(|| value * 2.0_f64.powi(exponent.saturating_sub(places.saturating_mul(4))))
}

/// Whether a number is below `least` or above `most`, which what is not a number never is.
pub(crate) fn is_outside(value: f64, least: f64, most: f64) -> bool {
    value < least || value > most
}

/// As `%v` prints it: the shortest text that reads back, with an exponent below 1e-4 and from 1e21 on.
pub(crate) fn print_float(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return special(value);
    }
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// As `%f` prints it: six decimals.
pub(crate) fn print_fixed(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.6}")
    } else {
        special(value)
    }
}

fn special(value: f64) -> String {
    match value {
        nan if nan.is_nan() => "NaN".to_owned(),
        positive if positive > 0.0 => "+Inf".to_owned(),
        _ => "-Inf".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats() {
        for (text, want) in [
            ("1.5", Ok("1.5")),
            ("1e3", Ok("1000")),
            ("+.5", Ok("0.5")),
            ("0x1p-2", Ok("0.25")),
            ("-0x1.8p1", Ok("-3")),
            ("inf", Ok("+Inf")),
            ("-Infinity", Ok("-Inf")),
            ("NaN", Ok("NaN")),
            ("1e-5", Ok("1e-05")),
            ("1e21", Ok("1e+21")),
            ("+nan", Err(NumberError::Syntax)),
            ("0x10", Err(NumberError::Syntax)),
            ("1e400", Err(NumberError::Range)),
            ("", Err(NumberError::Syntax)),
            (" 1", Err(NumberError::Syntax)),
            ("1_0", Err(NumberError::Syntax)),
        ] {
            assert_eq!(
                parse_float(text).map(print_float).as_deref(),
                want.as_deref(),
                "{text}"
            );
        }
        assert_eq!(print_fixed(1.005), "1.005000");
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(parse_int("+007"), Ok(7_i32));
        assert_eq!(parse_int::<i32>("2147483648"), Err(NumberError::Range));
        assert_eq!(parse_int::<i32>("1.5"), Err(NumberError::Syntax));
        assert_eq!(
            NumberError::Syntax.explain("ParseInt", "1.5"),
            "strconv.ParseInt: parsing \"1.5\": invalid syntax"
        );
    }
}
