//! How the text of a quantity is read.

use super::decimal::Decimal;
use super::{Format, NANO, ParseQuantityError, Quantity};

/// Digits that an `i64` holds for certain: the range in which the spelling may be kept.
const FAST_DIGITS: usize = 18;
/// What a quantity with a binary suffix is capped at.
const MAX_BINARY: i64 = i64::MAX;

/// The text, taken apart: sign, digits before and after the point, suffix.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

/// What a suffix multiplies by: `base^exponent`.
struct Suffix {
    binary: bool,
    exponent: i64,
    format: Format,
}

pub(super) fn parse(text: &str) -> Result<Quantity, ParseQuantityError> {
    if text.is_empty() {
        return Err(ParseQuantityError::Format);
    }
    let parts = split(text)?;
    let suffix = interpret(parts.suffix).ok_or(ParseQuantityError::Suffix)?;
    if let Some(exact) = small(text, &parts, &suffix) {
        return Ok(exact);
    }
    let numeric = &text[..text.len() - parts.suffix.len()];
    if !numeric.contains(|c: char| c.is_ascii_digit()) {
        return Err(ParseQuantityError::Numeric);
    }
    let amount = rounded(&parts, &suffix).ok_or(ParseQuantityError::Numeric)?;
    Ok(cap(amount, &parts, suffix.format))
}

fn split(text: &str) -> Result<Parts<'_>, ParseQuantityError> {
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = take_while(rest.trim_start_matches('0'), |c| c.is_ascii_digit());
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => take_while(rest, |c| c.is_ascii_digit()),
        None => ("", rest),
    };
    let (_, rest) = take_while(suffix, |c| "eEinumkKMGTP".contains(c));
    let exponent = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if !exponent.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseQuantityError::Format);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(Parts {
        negative,
        whole,
        fraction,
        suffix,
    })
}

fn take_while(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

fn interpret(suffix: &str) -> Option<Suffix> {
    let (binary, exponent, format) = match suffix {
        "n" => (false, -9, Format::DecimalSi),
        "u" => (false, -6, Format::DecimalSi),
        "m" => (false, -3, Format::DecimalSi),
        "" => (false, 0, Format::DecimalSi),
        "k" => (false, 3, Format::DecimalSi),
        "M" => (false, 6, Format::DecimalSi),
        "G" => (false, 9, Format::DecimalSi),
        "T" => (false, 12, Format::DecimalSi),
        "P" => (false, 15, Format::DecimalSi),
        "E" => (false, 18, Format::DecimalSi),
        "Ki" => (true, 10, Format::BinarySi),
        "Mi" => (true, 20, Format::BinarySi),
        "Gi" => (true, 30, Format::BinarySi),
        "Ti" => (true, 40, Format::BinarySi),
        "Pi" => (true, 50, Format::BinarySi),
        "Ei" => (true, 60, Format::BinarySi),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            (false, i64::from(exponent), Format::DecimalExponent)
        }
    };
    Some(Suffix {
        binary,
        exponent,
        format,
    })
}

/// Amounts that fit an `i64` at nano precision or coarser. Only these keep their spelling.
fn small(text: &str, parts: &Parts<'_>, suffix: &Suffix) -> Option<Quantity> {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let (scale, factor) = if suffix.binary {
        (0, binary_factor(parts, suffix)?)
    } else {
        (suffix.exponent, 1)
    };
    if digits.len() > FAST_DIGITS {
        return None;
    }
    let places = i64::try_from(parts.fraction.len()).ok()?;
    let exponent = i32::try_from(scale - places)
        .ok()
        .filter(|exponent| *exponent >= NANO)?;
    let value: i64 = digits.parse().ok()?;
    let magnitude = value.checked_mul(factor)?;
    let keep = if suffix.binary {
        value % 8 != 0
    } else {
        exponent % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
    };
    let signed = if parts.negative {
        -magnitude
    } else {
        magnitude
    };
    Some(Quantity {
        amount: Decimal::scaled(signed, exponent),
        format: suffix.format,
        spelling: keep.then(|| text.into()),
    })
}

/// A power of two has about three decimal digits for ten binary ones; 15 digits in all stay exact.
fn binary_factor(parts: &Parts<'_>, suffix: &Suffix) -> Option<i64> {
    let spent = parts.whole.len() + usize::try_from(suffix.exponent * 3 / 10).ok()? + 1;
    (parts.fraction.is_empty() && spent <= 15).then(|| 1 << suffix.exponent)
}

/// Any other amount, without its sign, rounded up to nano precision so that nothing asked for becomes nothing.
fn rounded(parts: &Parts<'_>, suffix: &Suffix) -> Option<Decimal> {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let places = i64::try_from(parts.fraction.len()).ok()?;
    if suffix.binary {
        let doubled = (0..suffix.exponent).fold(digits, |digits, _| double(&digits));
        let beyond_the_cap = Decimal::integer(MAX_BINARY);
        return Some(at_least(&doubled, -places).unwrap_or(beyond_the_cap));
    }
    at_least(&digits, suffix.exponent - places)
}

/// Twice the number, digit by digit.
fn double(digits: &str) -> String {
    let mut doubled = Vec::with_capacity(digits.len() + 1);
    let mut carry = 0;
    for digit in digits.bytes().rev() {
        let sum = (digit - b'0') * 2 + carry;
        doubled.push(char::from(b'0' + sum % 10));
        carry = sum / 10;
    }
    if carry > 0 {
        doubled.push('1');
    }
    doubled.into_iter().rev().collect()
}

/// `digits * 10^exponent`; what is below a billionth makes the last digit kept one more.
fn at_least(digits: &str, exponent: i64) -> Option<Decimal> {
    let below = usize::try_from((i64::from(NANO) - exponent).max(0)).ok()?;
    let (kept, cut) = digits.split_at(digits.len().saturating_sub(below));
    let zeros = kept.len() - kept.trim_end_matches('0').len();
    let significant = &kept[..kept.len() - zeros];
    let mantissa: i128 = if significant.is_empty() {
        0
    } else {
        significant.parse().ok()?
    };
    let exponent = exponent.max(i64::from(NANO));
    let down = Decimal::new(mantissa, exponent + i64::try_from(zeros).ok()?)?;
    if cut.bytes().all(|digit| digit == b'0') {
        return Some(down);
    }
    down.checked_add(Decimal::scaled(1, NANO))
}

fn cap(amount: Decimal, parts: &Parts<'_>, format: Format) -> Quantity {
    let mut amount = amount;
    let mut format = format;
    if format == Format::BinarySi {
        amount = amount.min(Decimal::integer(MAX_BINARY));
        if amount < Decimal::integer(1) && amount > Decimal::default() {
            format = Format::DecimalSi;
        }
    }
    Quantity {
        amount: if parts.negative {
            amount.negated()
        } else {
            amount
        },
        format,
        spelling: None,
    }
}
