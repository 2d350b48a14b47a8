//! Amounts of CPU, memory and other resources, written as Kubernetes writes them.

mod decimal;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as WireQuantity;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use self::decimal::Decimal;

/// The finest step: a billionth.
const NANO: i32 = -9;
const MILLI: i32 = -3;

/// Which suffixes a quantity is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `Ki`, `Mi`, `Gi` …: powers of 1024.
    BinarySi,
    /// `n`, `u`, `m`, none, `k`, `M` …: powers of 1000.
    #[default]
    DecimalSi,
    /// `e3`, `e6` …: powers of 1000.
    DecimalExponent,
}

/// Why a text is not a quantity. The texts are those of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseQuantityError {
    /// It is not a number followed by a suffix.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// There is no such suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// It has more than 38 digits that count.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
}

/// A resource amount, as Kubernetes' `resource.Quantity`: exact, at least a billionth, kept in its spelling where that is
/// near enough to canonical.
///
/// Equality and order look at the amount only.
///
/// ```
/// use knative_core::object::Quantity;
///
/// let memory: Quantity = "1024Mi".parse()?;
/// assert_eq!(memory.to_string(), "1Gi");
/// assert_eq!(memory.value(), Some(1 << 30));
/// let cpu: Quantity = "1.5".parse()?;
/// assert_eq!(cpu.to_string(), "1500m");
/// assert_eq!((cpu.value(), cpu.milli_value()), (Some(2), Some(1500)));
/// assert_eq!(cpu, "1500m".parse()?);
/// # Ok::<(), knative_core::object::ParseQuantityError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    amount: Decimal,
    format: Format,
    spelling: Option<Box<str>>,
}

impl Quantity {
    /// A whole number of units.
    pub fn from_value(value: i64, format: Format) -> Self {
        Self::from_amount(Decimal::integer(value), format)
    }

    /// A number of thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self::from_amount(Decimal::scaled(value, MILLI), format)
    }

    fn from_amount(amount: Decimal, format: Format) -> Self {
        Self {
            amount,
            format,
            spelling: None,
        }
    }

    /// The quantity in a JSON text: a string, a number or `null` (zero). A number keeps its spelling.
    pub fn from_json(text: &str) -> Result<Self, ParseQuantityError> {
        if text == "null" {
            return Ok(Self::default());
        }
        let unquoted = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        unquoted.unwrap_or(text).trim().parse()
    }

    /// The suffixes that it is written with.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whole units, rounded away from zero; `None` beyond 64 bits.
    pub fn value(&self) -> Option<i64> {
        self.units(0)
    }

    /// Thousandths, rounded away from zero; `None` beyond 64 bits.
    pub fn milli_value(&self) -> Option<i64> {
        self.units(MILLI)
    }

    fn units(&self, exponent: i32) -> Option<i64> {
        let (units, _) = self.amount.in_units_of(exponent)?;
        i64::try_from(units).ok()
    }

    /// The nearest floating-point number.
    pub fn to_f64(&self) -> f64 {
        self.amount.to_f64()
    }

    /// Whether the amount is zero.
    pub fn is_zero(&self) -> bool {
        self.sign() == Ordering::Equal
    }

    /// How the amount compares with zero.
    pub fn sign(&self) -> Ordering {
        self.amount.sign()
    }

    /// The sum, in the format of `self` unless that is zero; `None` if it takes more than 38 digits.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        let amount = self.amount.checked_add(other.amount)?;
        Some(Self::from_amount(amount, format))
    }

    /// The difference, in the format of `self` unless that is zero; `None` if it takes more than 38 digits.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.checked_add(&Self::from_amount(other.amount.negated(), other.format))
    }

    fn canonical(&self) -> String {
        if self.is_zero() {
            return "0".to_owned();
        }
        if self.format == Format::BinarySi
            && let Some(text) = self.binary()
        {
            return text;
        }
        let (mantissa, exponent) = self.amount.in_thousands();
        format!("{mantissa}{}", decimal_suffix(exponent, self.format))
    }

    /// `None` where powers of 1024 would round, or say less than a plain number.
    fn binary(&self) -> Option<String> {
        let (mut value, exact) = self.amount.in_units_of(0)?;
        if !exact || value.unsigned_abs() < 1024 {
            return None;
        }
        let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
        let mut suffix = suffixes.next()?;
        while value % 1024 == 0
            && let Some(next) = suffixes.next()
        {
            value /= 1024;
            suffix = next;
        }
        Some(format!("{value}{suffix}"))
    }
}

/// Beyond the named powers there is only the exponent.
fn decimal_suffix(exponent: i32, format: Format) -> Cow<'static, str> {
    if exponent == 0 {
        return "".into();
    }
    let named = match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    };
    if named.is_empty() || format == Format::DecimalExponent {
        return format!("e{exponent}").into();
    }
    named.into()
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::parse(text)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spelling {
            Some(spelling) => f.pad(spelling),
            None => f.pad(&self.canonical()),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Quantity {}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.amount.hash(state);
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.amount.cmp(&other.amount)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<&WireQuantity> for Quantity {
    type Error = ParseQuantityError;

    fn try_from(wire: &WireQuantity) -> Result<Self, Self::Error> {
        wire.0.trim().parse()
    }
}

impl From<&Quantity> for WireQuantity {
    fn from(quantity: &Quantity) -> Self {
        Self(quantity.to_string())
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity as a string or a number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
        text.trim().parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Quantity, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Quantity, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Quantity, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Quantity, E> {
        Ok(Quantity::default())
    }
}
