//! Autoscaling annotations, read as upstream's admission left them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use knative_core::object::parse_duration;

use crate::api::keys::AUTOSCALING_GROUP;
use crate::api::keys::serving::{PROGRESS_DEADLINE, PROGRESS_DEADLINE_ALT};

/// Annotations of one object. The first spelling of a key that is present counts, even if its value does not parse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Annotations<'a>(&'a BTreeMap<String, String>);

impl<'a> Annotations<'a> {
    pub(super) fn new(annotations: &'a BTreeMap<String, String>) -> Self {
        Self(annotations)
    }

    /// The value of `autoscaling.knative.dev/<key>`, or of its spelling in camel case.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        let spellings = [key.to_owned(), camel_case(key)];
        self.first(&spellings.map(|key| format!("{AUTOSCALING_GROUP}/{key}")))
    }

    pub(super) fn int(self, key: &str) -> Option<i32> {
        self.text(key)?.parse().ok()
    }

    pub(super) fn float(self, key: &str) -> Option<f64> {
        self.text(key)?.parse().ok()
    }

    pub(super) fn duration(self, key: &str) -> Option<SignedDuration> {
        parse_duration(self.text(key)?).ok()
    }

    pub(super) fn progress_deadline(self) -> Option<SignedDuration> {
        let text = self.first(&[PROGRESS_DEADLINE, PROGRESS_DEADLINE_ALT].map(str::to_owned))?;
        parse_duration(text).ok()
    }

    fn first(self, keys: &[String; 2]) -> Option<&'a str> {
        keys.iter()
            .find_map(|key| self.0.get(key))
            .map(String::as_str)
    }
}

/// `min-scale` as `minScale`.
fn camel_case(key: &str) -> String {
    let mut words = key.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.extend(letters);
        name
    })
}
