//! Which host leads where: an immutable value that is swapped whole. Pure.

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    RevisionKey, matcher,
    rule::{Chosen, Rule},
    shards::Shards,
};
use crate::api::networking::ingress::IngressSpec;

/// How often one host may lead to another before the request is given up.
const MAX_REWRITES: usize = 4;

/// The name of an Ingress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngressKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl IngressKey {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for IngressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Hosts and what they serve. Changing one Ingress makes a new table that shares all but a few hundredths with the old one.
///
/// A host that several Ingresses name belongs to the first of them in the order of their keys, whichever came first.
#[derive(Clone, Debug, Default)]
pub struct RoutingTable {
    hosts: Shards<Box<str>, Vec<Claim>>,
    ingresses: Shards<IngressKey, Arc<[Box<str>]>>,
}

/// A host as one Ingress wants it.
#[derive(Clone, Debug)]
struct Claim {
    ingress: IngressKey,
    rule: Arc<Rule>,
}

/// The way of one request.
#[derive(Debug)]
pub(super) struct Route<'a> {
    /// The revision that serves it.
    pub(super) revision: &'a RevisionKey,
    /// The host that the workload sees instead of the request's own.
    pub(super) host: Option<&'a HeaderValue>,
}

impl RoutingTable {
    /// A table that knows no host.
    pub fn new() -> Self {
        Self::default()
    }

    /// This table with the rules of one Ingress, which replace its earlier ones.
    #[must_use]
    pub fn with(&self, ingress: &IngressKey, spec: &IngressSpec) -> Self {
        let mut table = self.without(ingress);
        let mut hosts: Vec<Box<str>> = Vec::new();
        for rule in &spec.rules {
            let compiled = Arc::new(Rule::compile(rule));
            for host in &rule.hosts {
                let host: Box<str> = matcher::normalize(host).into();
                if !hosts.contains(&host) {
                    table.claim(&host, ingress, &compiled);
                    hosts.push(host);
                }
            }
        }
        let hosts = hosts.into();
        table
            .ingresses
            .shard_mut(ingress)
            .insert(ingress.clone(), hosts);
        table
    }

    /// This table without the rules of one Ingress.
    #[must_use]
    pub fn without(&self, ingress: &IngressKey) -> Self {
        let mut table = self.clone();
        if self.ingresses.get(ingress).is_none() {
            return table;
        }
        let hosts = table.ingresses.shard_mut(ingress).remove(ingress);
        for host in hosts.iter().flat_map(|hosts| hosts.iter()) {
            table.disclaim(host, ingress);
        }
        table
    }

    /// Whether a host is known; case and port do not matter.
    pub fn knows(&self, host: &str) -> bool {
        self.rule(&matcher::normalize(host)).is_some()
    }

    /// Whether a host is known and visible inside only; case and port do not matter.
    pub fn is_local(&self, host: &str) -> bool {
        let rule = self.rule(&matcher::normalize(host));
        rule.is_some_and(|rule| rule.local)
    }

    /// How many hosts are known.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether no host is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The way of a request whose host has this rule. Its headers get what its path and split add.
    pub(super) fn route<'a>(
        &'a self,
        mut rule: &'a Rule,
        path: &str,
        headers: &mut HeaderMap,
        random: impl Fn() -> u64,
    ) -> Option<Route<'a>> {
        let mut rewritten = None;
        for _ in 0..=MAX_REWRITES {
            let choice = rule.choose(path, headers, &random)?;
            append(headers, choice.append);
            match choice.target {
                Chosen::Revision(revision) => {
                    return Some(Route {
                        revision,
                        host: rewritten,
                    });
                }
                Chosen::Host(host) => {
                    rule = self.rule(host.to_str().ok()?)?;
                    rewritten = Some(host);
                }
            }
        }
        None
    }

    /// What a host serves; it is normalized.
    pub(super) fn rule(&self, host: &str) -> Option<&Rule> {
        let claims = self.hosts.get(host)?;
        claims.first().map(|claim| &*claim.rule)
    }

    fn claim(&mut self, host: &str, ingress: &IngressKey, rule: &Arc<Rule>) {
        let claims = self.hosts.shard_mut(host).entry(host.into()).or_default();
        let place = claims.partition_point(|claim| claim.ingress < *ingress);
        let claim = Claim {
            ingress: ingress.clone(),
            rule: Arc::clone(rule),
        };
        claims.insert(place, claim);
    }

    fn disclaim(&mut self, host: &str, ingress: &IngressKey) {
        let shard = self.hosts.shard_mut(host);
        if let Some(claims) = shard.get_mut(host) {
            claims.retain(|claim| claim.ingress != *ingress);
            if claims.is_empty() {
                shard.remove(host);
            }
        }
    }
}

fn append(headers: &mut HeaderMap, groups: [&[(HeaderName, HeaderValue)]; 2]) {
    for (name, value) in groups.into_iter().flatten() {
        headers.insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests;
