//! Lists: consistent, in pages, and of states that history still reaches.

use std::{ops::Bound, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    object::{GroupKind, Object},
    store::{ListOptions, ObjectList, StoreError, VersionMatch},
};

use super::{
    filter::Filter,
    state::State,
    table::{Name, Table},
};

/// Where the next page of a list begins.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// The state that the list shows.
    #[serde(rename = "v")]
    version: u64,
    /// The last place on the page before.
    #[serde(rename = "ns")]
    namespace: String,
    #[serde(rename = "n")]
    name: String,
}

pub(super) fn list(
    state: &State,
    kind: &GroupKind,
    options: &ListOptions,
) -> Result<ObjectList, StoreError> {
    let table = state.table(kind)?;
    let filter = Filter::new(
        &table.kind,
        options.namespace.as_ref(),
        &options.labels,
        &options.fields,
    )?;
    let token = options
        .continue_token
        .as_deref()
        .filter(|token| !token.is_empty());
    let token = token.map(parse_token).transpose()?;
    let version = match &token {
        Some(token) => token.version,
        None => version_to_show(state.version, options)?,
    };
    check_reach(table, state.version, version, token.is_some())?;
    let after = token.map(|token| Name {
        namespace: token.namespace,
        name: token.name,
    });
    let limit = options.limit.filter(|limit| *limit > 0);
    let mut page = Page::new(&filter, limit);
    if table.changes_after(version).next().is_none() {
        page.fill(table.within(filter.namespace.as_deref()), after.as_ref());
    } else {
        let then = table.at(version);
        let start = after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let rest = then.range::<Name, _>((start.as_ref(), Bound::Unbounded));
        page.fill(rest.map(|(name, object)| (*name, *object)), None);
    }
    Ok(page.finish(version))
}

/// The version that a first page shows.
fn version_to_show(current: u64, options: &ListOptions) -> Result<u64, StoreError> {
    let wanted = options.resource_version.as_deref().unwrap_or_default();
    if wanted.is_empty() || wanted == "0" {
        return Ok(current);
    }
    let version = parse_version(wanted)?;
    if version > current {
        return Err(StoreError::TooLargeResourceVersion {
            wanted: wanted.to_owned(),
            current: current.to_string(),
        });
    }
    match options.version_match {
        VersionMatch::NotOlderThan => Ok(current),
        VersionMatch::Exact => Ok(version),
    }
}

/// Reads a resource version that a client sent.
pub(super) fn parse_version(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| {
        StoreError::bad_request(format!(
            "invalid resource version {}",
            crate::object::quote(text)
        ))
    })
}

fn check_reach(table: &Table, current: u64, version: u64, paged: bool) -> Result<(), StoreError> {
    if version >= table.floor() && version <= current {
        return Ok(());
    }
    let message = if paged {
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter."
            .to_owned()
    } else {
        too_old(version, table.floor())
    };
    Err(StoreError::Expired { message })
}

/// The text of Kubernetes for a version that history does not reach.
pub(super) fn too_old(version: u64, floor: u64) -> String {
    format!("too old resource version: {version} ({floor})")
}

fn parse_token(text: &str) -> Result<Token, StoreError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let token = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    token.ok_or_else(|| {
        StoreError::bad_request(format!(
            "continue key is not valid: {}",
            crate::object::quote(text)
        ))
    })
}

fn print_token(version: u64, last: &Name) -> String {
    let token = Token {
        version,
        namespace: last.namespace.clone(),
        name: last.name.clone(),
    };
    let text = serde_json::to_vec(&token).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// A page in the making.
struct Page<'a> {
    filter: &'a Filter,
    limit: Option<u64>,
    items: Vec<Arc<Object>>,
    last: Option<Name>,
    /// How many matching objects did not fit.
    remaining: u64,
}

impl<'a> Page<'a> {
    const fn new(filter: &'a Filter, limit: Option<u64>) -> Self {
        Self {
            filter,
            limit,
            items: Vec::new(),
            last: None,
            remaining: 0,
        }
    }

    fn fill<'b>(
        &mut self,
        objects: impl Iterator<Item = (&'b Name, &'b Arc<Object>)>,
        after: Option<&Name>,
    ) {
        for (name, object) in objects {
            if after.is_some_and(|after| name <= after) || !self.filter.matches(object) {
                continue;
            }
            if self.is_full() {
                self.remaining += 1;
                continue;
            }
            self.items.push(Arc::clone(object));
            if self.limit.is_some() {
                self.last = Some(name.clone());
            }
        }
    }

    fn is_full(&self) -> bool {
        self.limit
            .is_some_and(|limit| u64::try_from(self.items.len()).is_ok_and(|held| held >= limit))
    }

    fn finish(self, version: u64) -> ObjectList {
        let more = self.remaining > 0;
        let last = self.last.filter(|_| more);
        ObjectList {
            items: self.items,
            resource_version: version.to_string(),
            continue_token: last.map(|last| print_token(version, &last)),
            remaining: (more && self.filter.is_everything()).then_some(self.remaining),
        }
    }
}
