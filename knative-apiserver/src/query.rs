//! The query of a request.

use std::{collections::BTreeMap, time::Duration};

use knative_core::{
    object::quote,
    selector::{FieldSelector, LabelSelector, ParseSelectorError},
    store::{FieldValidation, Propagation, UserInfo, WriteOptions},
};
use percent_encoding::percent_decode_str;

use crate::status::{Failure, not_supported};

/// A query's parameters. Of a parameter that is given twice the first counts, but for [`Query::all`]; what is not known
/// is ignored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    /// Reads a query.
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let mut parameters: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters
                .entry(decode(key))
                .or_default()
                .push(decode(value));
        }
        Self(parameters)
    }

    /// A parameter that is given and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.first(key).filter(|value| !value.is_empty())
    }

    /// All values of a parameter, the empty ones too.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.0.get(key).into_iter().flatten();
        values.map(String::as_str)
    }

    fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// A switch: on if it is given, but for `false` and `0`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.switch(key).unwrap_or_default()
    }

    /// A switch that may be left open.
    pub(crate) fn switch(&self, key: &str) -> Option<bool> {
        let value = self.first(key)?;
        Some(!value.eq_ignore_ascii_case("false") && value != "0")
    }

    /// A number.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, Failure> {
        let number = self.get(key).map(|text| {
            text.parse().map_err(|_| {
                Failure::bad_request(format!(
                    "strconv.ParseInt: parsing {}: invalid syntax",
                    quote(text)
                ))
            })
        });
        number.transpose()
    }

    /// A number that is not negative.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, Failure> {
        let Some(number) = self.integer(key)? else {
            return Ok(None);
        };
        u64::try_from(number)
            .map(Some)
            .map_err(|_| Failure::bad_request(format!("{key} must not be negative")))
    }

    /// A number of seconds.
    pub(crate) fn seconds(&self, key: &str) -> Result<Option<Duration>, Failure> {
        Ok(self.number(key)?.map(Duration::from_secs))
    }

    /// `labelSelector`.
    pub(crate) fn labels(&self) -> Result<LabelSelector, Failure> {
        let text = self.get("labelSelector").unwrap_or_default();
        text.parse()
            .map_err(|error: ParseSelectorError| Failure::bad_request(error.to_string()))
    }

    /// `fieldSelector`.
    pub(crate) fn fields(&self) -> Result<FieldSelector, Failure> {
        let text = self.get("fieldSelector").unwrap_or_default();
        text.parse()
            .map_err(|error: ParseSelectorError| Failure::bad_request(error.to_string()))
    }

    /// `dryRun`, which is `All` or absent.
    pub(crate) fn dry_run(&self, options: &str) -> Result<bool, Failure> {
        match self.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(Failure::invalid_options(
                options,
                vec![not_supported("dryRun", other, &["All"])],
            )),
        }
    }

    /// `fieldValidation`; warning is the default.
    pub(crate) fn field_validation(&self, options: &str) -> Result<FieldValidation, Failure> {
        match self.get("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => Err(Failure::invalid_options(
                options,
                vec![not_supported(
                    "fieldValidation",
                    other,
                    &["", "Ignore", "Strict", "Warn"],
                )],
            )),
        }
    }

    /// The options of a write by `user`; `options` is their name in errors, as `PatchOptions`.
    pub(crate) fn write_options(
        &self,
        options: &str,
        user: &UserInfo,
        user_agent: Option<&str>,
    ) -> Result<WriteOptions, Failure> {
        let mut write = WriteOptions::by(user.clone());
        write.dry_run = self.dry_run(options)?;
        write.field_validation = self.field_validation(options)?;
        // As upstream: a client that names no manager is known by its program's name.
        let program = user_agent.and_then(|agent| agent.split('/').next());
        write.field_manager = self.get("fieldManager").or(program).map(str::to_owned);
        Ok(write)
    }
}

/// What a word for propagation means.
pub(crate) fn propagation(word: &str) -> Result<Propagation, Failure> {
    match word {
        "Background" => Ok(Propagation::Background),
        "Foreground" => Ok(Propagation::Foreground),
        "Orphan" => Ok(Propagation::Orphan),
        other => Err(Failure::invalid_options(
            "DeleteOptions",
            vec![not_supported(
                "propagationPolicy",
                other,
                &["Background", "Foreground", "Orphan"],
            )],
        )),
    }
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn parameters() {
        let query = Query::parse(Some(
            "a=1&a=2&watch&off=false&zero=0&sel=a%3Db%2Cc&plus=a+b&empty=&limit=x",
        ));
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("empty"), None);
        assert_eq!(query.get("sel"), Some("a=b,c"));
        assert_eq!(query.get("plus"), Some("a b"));
        assert!(query.flag("watch") && !query.flag("off") && !query.flag("zero"));
        assert_eq!(query.switch("absent"), None);
        assert_eq!(
            query
                .number("limit")
                .map_err(|failure| failure.message().to_owned()),
            Err("strconv.ParseInt: parsing \"x\": invalid syntax".to_owned())
        );
    }
}
