//! Durations as Go writes and reads them: `1h30m`, `500ms`, `-1.5s`.

use std::fmt::Write as _;

use jiff::SignedDuration;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// The magnitude of the longest negative duration.
const LIMIT: u64 = 1 << 63;

/// Why a text is not a duration. The texts are those of Go's `time.ParseDuration`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDurationError {
    /// It is not a list of numbers with units, or longer than 292 years.
    #[error("time: invalid duration {}", quoted(.0))]
    Invalid(String),
    /// A number stands alone.
    #[error("time: missing unit in duration {}", quoted(.0))]
    MissingUnit(String),
    /// There is no such unit.
    #[error("time: unknown unit {} in duration {}", quoted(.unit), quoted(.text))]
    UnknownUnit {
        /// What stands where a unit should.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads a duration: a sign, then numbers with the units `ns`, `us` (or `µs`), `ms`, `s`, `m`, `h`; or just `0`.
///
/// ```
/// use jiff::SignedDuration;
/// use knative_core::object::parse_duration;
///
/// assert_eq!(parse_duration("1h1.5s"), Ok(SignedDuration::from_millis(3_601_500)));
/// let refused = parse_duration("1d").map_err(|error| error.to_string());
/// assert_eq!(refused, Err(r#"time: unknown unit "d" in duration "1d""#.to_owned()));
/// ```
pub fn parse_duration(text: &str) -> Result<SignedDuration, ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (span, after) = span(rest, text)?;
        total = total
            .checked_add(span)
            .filter(|total| *total <= LIMIT)
            .ok_or_else(invalid)?;
        rest = after;
    }
    let nanoseconds = if negative {
        0_i64.checked_sub_unsigned(total)
    } else {
        i64::try_from(total).ok()
    };
    nanoseconds
        .map(SignedDuration::from_nanos)
        .ok_or_else(invalid)
}

/// The first number with its unit, in nanoseconds, and what follows.
fn span<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let value = leading_integer(whole).ok_or_else(invalid)?;
    let is_number = |c: char| c == '.' || c.is_ascii_digit();
    let (name, rest) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
    let unit = unit(name, text)?;
    let whole = value.checked_mul(unit).filter(|whole| *whole <= LIMIT);
    let whole = whole.ok_or_else(invalid)?;
    let sum = whole.checked_add(fraction_of(fraction, unit));
    let sum = sum.filter(|sum| *sum <= LIMIT).ok_or_else(invalid)?;
    Ok((sum, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn leading_integer(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|value| *value <= LIMIT)
}

fn unit(name: &str, text: &str) -> Result<u64, ParseDurationError> {
    let text = text.to_owned();
    Ok(match name {
        "" => return Err(ParseDurationError::MissingUnit(text)),
        "ns" => NANOSECOND,
        // Micro is written with either of the two signs that look alike, U+00B5 and U+03BC.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => {
            let unit = name.to_owned();
            return Err(ParseDurationError::UnknownUnit { unit, text });
        }
    })
}

/// Nanoseconds of a fraction of a unit. Digits beyond what 63 bits hold are left out.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go computes this in floating point, and the last nanosecond depends on it; the result is below an hour"
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut value = 0_u64;
    let mut scale = 1.0_f64;
    for digit in digits.bytes().map(|byte| u64::from(byte - b'0')) {
        if value > (LIMIT - 1) / 10 || value * 10 + digit > LIMIT {
            break;
        }
        value = value * 10 + digit;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Writes a duration as Go does: `1h0m0s`, `1.5s`, `100ms`, `0s`.
///
/// ```
/// use jiff::SignedDuration;
/// use knative_core::object::format_duration;
///
/// assert_eq!(format_duration(SignedDuration::from_secs(3600)), "1h0m0s");
/// assert_eq!(format_duration(SignedDuration::from_millis(-1500)), "-1.5s");
/// ```
pub fn format_duration(duration: SignedDuration) -> String {
    let nanoseconds = duration.as_nanos();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    let second = u128::from(SECOND);
    let text = match magnitude {
        0 => return "0s".to_owned(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => format!("{}\u{b5}s", with_fraction(magnitude, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", with_fraction(magnitude, 1_000_000)),
        _ => {
            let seconds = with_fraction(magnitude % (60 * second), second);
            let minutes = magnitude / (60 * second);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

/// `value / unit` without trailing zeros; the unit is a power of ten.
fn with_fraction(value: u128, unit: u128) -> String {
    let places = usize::try_from(unit.ilog10()).unwrap_or_default();
    let fraction = format!("{:0places$}", value % unit);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", value / unit)
}

/// Every byte outside of printable ASCII is escaped, even where Go's other quoting would leave it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' | 0x7f => quoted.push(char::from(byte)),
            _ => {
                let written = write!(quoted, "\\x{byte:02x}");
                debug_assert!(written.is_ok(), "a String takes all text");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes() {
        let rows = [
            ("0", "0s"),
            ("-0s", "0s"),
            ("1h60m", "2h0m0s"),
            ("1.5h", "1h30m0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("1us", "1µs"),
            ("1μs", "1µs"),
            ("+1500us", "1.5ms"),
            ("-1m", "-1m0s"),
            ("0.3333333333333333333h", "20m0s"),
            ("0.9223372036854775807h", "55m20.413933267s"),
            ("1.0000000001s", "1s"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
        ];
        for (text, want) in rows {
            assert_eq!(
                parse_duration(text).map(format_duration).as_deref(),
                Ok(want),
                "{text}"
            );
        }
    }

    #[test]
    fn refusals() {
        let rows = [
            ("", r#"time: invalid duration """#),
            ("--1s", r#"time: invalid duration "--1s""#),
            ("3", r#"time: missing unit in duration "3""#),
            ("1m-1s", r#"time: unknown unit "m-" in duration "1m-1s""#),
            (
                "1µ",
                r#"time: unknown unit "\xc2\xb5" in duration "1\xc2\xb5""#,
            ),
            (
                "9223372036854775808ns",
                r#"time: invalid duration "9223372036854775808ns""#,
            ),
            (
                "99999999999999999999s",
                r#"time: invalid duration "99999999999999999999s""#,
            ),
            ("a\"b", r#"time: invalid duration "a\"b""#),
        ];
        for (text, want) in rows {
            let refused = parse_duration(text).map_err(|error| error.to_string());
            assert_eq!(refused, Err(want.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(nanoseconds in any::<i64>()) {
            let duration = SignedDuration::from_nanos(nanoseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
