//! Lists: consistent, in pages, and of states that history still reaches.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    object::{GroupKind, Object, ObjectExt as _},
    store::{ListOptions, ObjectList, StoreError, VersionMatch, packed::Packed},
};

use tokio::task::consume_budget;

use super::{
    Inner,
    filter::Filter,
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

pub(super) async fn list(
    inner: &Inner,
    kind: &GroupKind,
    options: &ListOptions,
) -> Result<ObjectList, StoreError> {
    let (filter, found, version) = find(inner, kind, options)?;
    // Objects are unpacked while others write.
    let limit = options.limit.filter(|limit| *limit > 0);
    Ok(page(inner, &filter, &found, version, limit).await)
}

/// The objects that may match, at the version that the list shows.
fn find(
    inner: &Inner,
    kind: &GroupKind,
    options: &ListOptions,
) -> Result<(Filter, Vec<Packed>, u64), StoreError> {
    let state = inner.state.read();
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
    let rest = |(name, packed): (&Name, &Packed)| {
        let is_after = after.as_ref().is_none_or(|after| name > after);
        (is_after && filter.allows(name)).then(|| packed.clone())
    };
    let found = if table.changes_after(version).next().is_none() {
        let now = table.within(filter.namespace.as_deref());
        now.filter_map(rest).collect()
    } else {
        table.at(version).into_iter().filter_map(rest).collect()
    };
    Ok((filter, found, version))
}

/// The first `limit` objects of those that were found.
async fn page(
    inner: &Inner,
    filter: &Filter,
    found: &[Packed],
    version: u64,
    limit: Option<u64>,
) -> ObjectList {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut rest = found.iter();
    let mut more = false;
    for packed in rest.by_ref() {
        if items.len() == limit && filter.is_everything() {
            more = true;
            break;
        }
        consume_budget().await;
        let object = inner.warm.look(packed);
        if !filter.matches(&object) {
            continue;
        }
        if items.len() == limit {
            more = true;
            break;
        }
        items.push(object);
    }
    // With the one that did not fit.
    let remaining = u64::try_from(rest.len() + 1).unwrap_or(u64::MAX);
    let last = items.last().filter(|_| more);
    ObjectList {
        continue_token: last.map(|last| print_token(version, last)),
        remaining: (more && filter.is_everything()).then_some(remaining),
        resource_version: version.to_string(),
        items,
    }
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

fn print_token(version: u64, last: &Object) -> String {
    let token = Token {
        version,
        namespace: last.namespace().to_owned(),
        name: last.name().to_owned(),
    };
    let text = serde_json::to_vec(&token).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(text)
}
