//! Decimal numbers of up to 38 digits, the amounts behind a quantity.

use std::cmp::Ordering;

const MAX_DIGITS: u32 = 38;

/// `mantissa * 10^exponent`. The mantissa has no factor of ten, zero has exponent 0: equal numbers are equal values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    /// `None` if the number takes more than 38 digits or its exponent more than 32 bits.
    pub(super) fn new(mantissa: i128, exponent: i64) -> Option<Self> {
        if mantissa == 0 {
            return Some(Self::default());
        }
        let (mut mantissa, mut exponent) = (mantissa, exponent);
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        let exponent = i32::try_from(exponent).ok()?;
        (digits(mantissa) <= MAX_DIGITS).then_some(Self { mantissa, exponent })
    }

    pub(super) fn integer(value: i64) -> Self {
        Self::scaled(value, 0)
    }

    /// `value * 10^exponent`; an i64 always fits.
    pub(super) fn scaled(value: i64, exponent: i32) -> Self {
        Self::new(i128::from(value), i64::from(exponent)).unwrap_or_default()
    }

    pub(super) fn sign(self) -> Ordering {
        self.mantissa.cmp(&0)
    }

    pub(super) fn negated(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            ..self
        }
    }

    /// The number in units of `10^exponent`, rounded away from zero, and whether that was exact.
    /// `None` if it does not fit.
    pub(super) fn in_units_of(self, exponent: i32) -> Option<(i128, bool)> {
        let shift = i64::from(self.exponent) - i64::from(exponent);
        if self.mantissa == 0 || shift == 0 {
            return Some((self.mantissa, true));
        }
        let Ok(places) = u32::try_from(shift.unsigned_abs()) else {
            return (shift < 0).then_some((self.mantissa.signum(), false));
        };
        let power = 10_i128.checked_pow(places);
        if shift > 0 {
            return Some((self.mantissa.checked_mul(power?)?, true));
        }
        // A mantissa without a factor of ten never divides evenly.
        let whole = power.map_or(0, |power| self.mantissa / power);
        Some((whole + self.mantissa.signum(), false))
    }

    /// The digits and the exponent, where that is a multiple of three.
    pub(super) fn in_thousands(self) -> (String, i32) {
        let extra = self.exponent.rem_euclid(3);
        let zeros = ["", "0", "00"][usize::try_from(extra).unwrap_or_default()];
        (format!("{}{zeros}", self.mantissa), self.exponent - extra)
    }

    pub(super) fn checked_add(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let (left, _) = self.in_units_of(exponent)?;
        let (right, _) = other.in_units_of(exponent)?;
        Self::new(left.checked_add(right)?, exponent.into())
    }

    pub(super) fn to_f64(self) -> f64 {
        let text = format!("{}e{}", self.mantissa, self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }

    /// Where the first digit stands: the number is below `10^magnitude`, and not below a tenth of that.
    fn magnitude(self) -> i64 {
        i64::from(digits(self.mantissa)) + i64::from(self.exponent)
    }

    fn cmp_absolute(self, other: Self) -> Ordering {
        let by_magnitude = self.magnitude().cmp(&other.magnitude());
        by_magnitude.then_with(|| {
            let exponent = self.exponent.min(other.exponent);
            let left = self
                .in_units_of(exponent)
                .map(|(value, _)| value.unsigned_abs());
            let right = other
                .in_units_of(exponent)
                .map(|(value, _)| value.unsigned_abs());
            left.cmp(&right)
        })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign()
            .cmp(&other.sign())
            .then_with(|| match self.sign() {
                Ordering::Less => other.cmp_absolute(*self),
                Ordering::Equal => Ordering::Equal,
                Ordering::Greater => self.cmp_absolute(*other),
            })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn digits(mantissa: i128) -> u32 {
    mantissa
        .unsigned_abs()
        .checked_ilog10()
        .map_or(0, |log| log + 1)
}
