//! What one host serves, compiled from an Ingress rule. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{RevisionKey, headers};
use crate::api::networking::ingress::{
    HttpIngressPath, IngressBackendSplit, IngressRule, VISIBILITY_CLUSTER_LOCAL,
};

/// Names and values that requests get.
pub(super) type Headers = Box<[(HeaderName, HeaderValue)]>;

/// The paths of a host, most specific first.
#[derive(Debug, Default)]
pub(super) struct Rule {
    paths: Vec<Path>,
    /// Whether it is for callers from inside only.
    pub(super) local: bool,
}

#[derive(Debug)]
struct Path {
    prefix: Box<str>,
    headers: Headers,
    target: Target,
    append: Headers,
}

#[derive(Debug)]
enum Target {
    /// Another host's rule decides, and the workload sees that host.
    Host(HeaderValue),
    /// Revisions by share.
    Splits(Splits),
}

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) target: Chosen<'a>,
    /// Headers of the path, then of the split: a later one replaces an earlier one.
    pub(super) append: [&'a [(HeaderName, HeaderValue)]; 2],
}

#[derive(Debug)]
pub(super) enum Chosen<'a> {
    Host(&'a HeaderValue),
    Revision(&'a RevisionKey),
}

impl Rule {
    pub(super) fn compile(rule: &IngressRule) -> Self {
        let paths = rule.http.iter().flat_map(|http| &http.paths);
        let mut paths: Vec<Path> = paths.filter_map(Path::compile).collect();
        // The longest prefix wins, then the one that asks for more headers, then the order of the rule.
        paths.sort_by_key(|path| std::cmp::Reverse((path.prefix.len(), path.headers.len())));
        Self {
            paths,
            local: rule.visibility == VISIBILITY_CLUSTER_LOCAL,
        }
    }

    /// The way of a request. `random` is asked only where several revisions share a path.
    pub(super) fn choose(
        &self,
        path: &str,
        headers: &HeaderMap,
        random: impl FnOnce() -> u64,
    ) -> Option<Choice<'_>> {
        let found = self.paths.iter().find(|at| at.matches(path, headers))?;
        let append: &[_] = &found.append;
        match &found.target {
            Target::Host(host) => Some(Choice {
                target: Chosen::Host(host),
                append: [append, &[]],
            }),
            Target::Splits(splits) => {
                let split = splits.choose(random)?;
                Some(Choice {
                    target: Chosen::Revision(&split.revision),
                    append: [append, &split.append],
                })
            }
        }
    }
}

impl Path {
    /// `None` for a path that can never match, because a header that it asks for cannot exist.
    fn compile(path: &HttpIngressPath) -> Option<Self> {
        let wanted = path.headers.iter();
        let headers: Option<Headers> = wanted
            .map(|(name, value)| parse(name, &value.exact))
            .collect();
        Some(Self {
            prefix: path.path.as_str().into(),
            headers: headers?,
            target: Target::compile(path)?,
            append: appended(&path.append_headers),
        })
    }

    fn matches(&self, path: &str, headers: &HeaderMap) -> bool {
        path.starts_with(&*self.prefix)
            && self
                .headers
                .iter()
                .all(|(name, value)| headers.get(name) == Some(value))
    }
}

impl Target {
    fn compile(path: &HttpIngressPath) -> Option<Self> {
        if path.rewrite_host.is_empty() {
            return Some(Self::Splits(Splits::new(&path.splits)));
        }
        let host = path.rewrite_host.to_ascii_lowercase();
        HeaderValue::try_from(host).ok().map(Self::Host)
    }
}

/// Revisions and their shares.
#[derive(Debug)]
pub(super) struct Splits {
    splits: Vec<Split>,
    total: u64,
}

#[derive(Debug)]
struct Split {
    /// Shares up to and including this one.
    upto: u64,
    revision: RevisionKey,
    append: Headers,
}

impl Splits {
    /// Shares of 0 take part only if there is nothing else, as a single split of 0 means 100.
    fn new(splits: &[IngressBackendSplit]) -> Self {
        let alone = splits.len() == 1;
        let mut total = 0;
        let mut compiled = Vec::with_capacity(splits.len());
        for split in splits {
            let share = u64::try_from(split.percent).unwrap_or(0);
            let share = if alone { share.max(1) } else { share };
            if share > 0 {
                total += share;
                compiled.push(Split::new(split, total));
            }
        }
        Self {
            splits: compiled,
            total,
        }
    }

    fn choose(&self, random: impl FnOnce() -> u64) -> Option<&Split> {
        if let [only] = &*self.splits {
            return Some(only);
        }
        let point = (u128::from(random()) * u128::from(self.total)) >> 64;
        self.splits
            .iter()
            .find(|split| u128::from(split.upto) > point)
    }
}

impl Split {
    fn new(split: &IngressBackendSplit, upto: u64) -> Self {
        let namespace = split.service_namespace.as_str();
        Self {
            upto,
            revision: RevisionKey::new(namespace, split.service_name.as_str()),
            append: appended(&split.append_headers),
        }
    }
}

/// The headers to add, without those that tell an activator the revision: they end at the gateway.
fn appended<'a>(headers: impl IntoIterator<Item = (&'a String, &'a String)>) -> Headers {
    let parsed = headers
        .into_iter()
        .filter_map(|(name, value)| parse(name, value));
    parsed
        .filter(|(name, _)| !headers::is_routing(name))
        .collect()
}

fn parse(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

#[cfg(test)]
mod tests;
