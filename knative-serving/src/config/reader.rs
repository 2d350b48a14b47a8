//! Reads the values of a map into fields that hold the defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::num::ParseIntError;
use std::str::FromStr;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use knative_core::object::{parse_duration, quote};

use super::{
    ConfigError,
    number::{parse_bool, parse_float, parse_int},
};

/// The data of a ConfigMap. Each method leaves the field as it is when the key is absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a BTreeMap<String, String>);

type Read = Result<(), ConfigError>;

impl<'a> Reader<'a> {
    /// The text of a key, as it stands.
    pub(crate) fn raw(self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(String::as_str)
    }

    fn parsed<T, E: Display>(
        self,
        key: &str,
        field: &mut T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Read {
        if let Some(text) = self.raw(key) {
            *field = parse(text).map_err(|error| {
                ConfigError::new(format!("failed to parse {}: {error}", quote(key)))
            })?;
        }
        Ok(())
    }

    /// A text, without the spaces around it.
    pub(crate) fn text(self, key: &str, field: &mut String) {
        if let Some(text) = self.raw(key) {
            text.trim().clone_into(field);
        }
    }

    /// Texts between commas, without the spaces around them.
    pub(crate) fn set(self, key: &str, field: &mut BTreeSet<String>) {
        if let Some(text) = self.raw(key) {
            *field = text.split(',').map(|item| item.trim().to_owned()).collect();
        }
    }

    /// A truth value.
    pub(crate) fn bool(self, key: &str, field: &mut bool) -> Read {
        self.parsed(key, field, |text| {
            parse_bool(text).map_err(|error| error.explain("ParseBool", text))
        })
    }

    /// A whole number.
    pub(crate) fn int<T: FromStr<Err = ParseIntError>>(self, key: &str, field: &mut T) -> Read {
        self.parsed(key, field, |text| {
            parse_int(text).map_err(|error| error.explain("ParseInt", text))
        })
    }

    /// A floating-point number.
    pub(crate) fn float(self, key: &str, field: &mut f64) -> Read {
        self.parsed(key, field, |text| {
            parse_float(text).map_err(|error| error.explain("ParseFloat", text))
        })
    }

    /// A Go duration.
    pub(crate) fn duration(self, key: &str, field: &mut SignedDuration) -> Read {
        self.parsed(key, field, parse_duration)
    }

    /// A quantity, kept as it is written back.
    pub(crate) fn quantity(self, key: &str, field: &mut Option<Quantity>) -> Read {
        self.parsed(key, field, |text| {
            let quantity: knative_core::object::Quantity = text.parse()?;
            Ok::<_, knative_core::object::ParseQuantityError>(Some(Quantity(quantity.to_string())))
        })
    }
}
