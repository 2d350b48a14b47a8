//! The names under which a route and its tags are reachable.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::object::{name, quote};

use super::{
    Config,
    domain::LOCAL_DOMAIN,
    network::{DEFAULT_DOMAIN_TEMPLATE, domain_values, tag_values},
    template::Template,
};
use crate::api::keys::networking::{VISIBILITY, VISIBILITY_CLUSTER_LOCAL};

/// Why a route or tag has no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The tag template does not apply.
    #[error("error executing the TagTemplate: {0}")]
    Tag(#[source] super::template::TemplateError),
    /// The domain template does not apply.
    #[error("error executing the DomainTemplate: {0}")]
    Domain(#[source] super::template::TemplateError),
    /// The rendered text is no domain name.
    #[error("invalid domain name {}: {reason}", quote(domain))]
    Invalid {
        /// What was rendered.
        domain: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Config {
    /// The first part of the name of a tag, and of the placeholder Service that stands for it: for the route itself
    /// (tag empty) the route's name, else what the tag template makes of both.
    pub fn host_name(&self, route: &str, tag: &str) -> Result<String, HostError> {
        if tag.is_empty() {
            return Ok(route.to_owned());
        }
        self.network
            .tag_template
            .render(&tag_values(route, tag))
            .map_err(HostError::Tag)
    }

    /// The domain of `host` (from [`Config::host_name`]) below the route with metadata `route`. A local one ignores
    /// the domain template and `config-domain`.
    ///
    /// Source: serving `pkg/reconciler/route/domains/domains.go`.
    pub fn domain_name(
        &self,
        route: &ObjectMeta,
        host: &str,
        local: bool,
    ) -> Result<String, HostError> {
        let none = BTreeMap::new();
        let labels = route.labels.as_ref().unwrap_or(&none);
        let annotations = route.annotations.as_ref().unwrap_or(&none);
        let namespace = route.namespace.as_deref().unwrap_or_default();
        let domain = if local {
            LOCAL_DOMAIN
        } else {
            self.domain.lookup(labels)
        };
        let values = domain_values(host, namespace, domain, labels, annotations);
        let rendered = if local {
            let template = Template::parse("domain-template", DEFAULT_DOMAIN_TEMPLATE);
            template.and_then(|template| template.render(&values))
        } else {
            self.network.domain_template.render(&values)
        };
        let domain = rendered.map_err(HostError::Domain)?;
        let wrong = name::fully_qualified_domain_name("url", &domain);
        if wrong.is_empty() {
            return Ok(domain);
        }
        Err(HostError::Invalid {
            reason: name::aggregate(&wrong),
            domain,
        })
    }

    /// Whether a route is reachable inside only: by its label, or since its domain is that of the cluster.
    pub fn is_local(&self, route: &ObjectMeta) -> bool {
        let none = BTreeMap::new();
        let labels = route.labels.as_ref().unwrap_or(&none);
        labels
            .get(VISIBILITY)
            .is_some_and(|value| value == VISIBILITY_CLUSTER_LOCAL)
            || self.domain.lookup(labels) == LOCAL_DOMAIN
    }
}

/// The hosts of an ingress rule for `domain`: for a local one also its shorter forms `name.namespace` and
/// `name.namespace.svc`.
pub fn rule_hosts(domain: &str, local: bool) -> Vec<String> {
    let short = domain.strip_suffix(".svc.cluster.local").filter(|_| local);
    match short {
        Some(short) => vec![short.to_owned(), format!("{short}.svc"), domain.to_owned()],
        None => vec![domain.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Map;

    fn config(network: &[(&str, &str)]) -> Config {
        let data = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
                .collect()
        };
        let mut config = Config::default();
        config
            .set(
                Map::Domain,
                &data(&[("example.com", ""), ("gold.dev", "selector: {tier: gold}")]),
            )
            .expect("a domain");
        config.set(Map::Network, &data(network)).expect("a network");
        config
    }

    fn route(name: &str, labels: &[(&str, &str)]) -> ObjectMeta {
        let labels = labels
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("default".to_owned()),
            labels: Some(labels.collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn names_of_routes_and_tags() {
        let plain = config(&[]);
        let custom = config(&[
            ("domain-template", "{{.Name}}--{{.Namespace}}.{{.Domain}}"),
            ("tag-template", "{{.Name}}-{{.Tag}}"),
        ]);
        let gold: &[(&str, &str)] = &[("tier", "gold")];
        for (config, labels, tag, local, want) in [
            (&plain, &[][..], "", false, "shop.default.example.com"),
            (&plain, gold, "blue", false, "blue-shop.default.gold.dev"),
            (
                &plain,
                gold,
                "blue",
                true,
                "blue-shop.default.svc.cluster.local",
            ),
            (
                &custom,
                &[][..],
                "blue",
                false,
                "shop-blue--default.example.com",
            ),
            (
                &custom,
                &[][..],
                "blue",
                true,
                "shop-blue.default.svc.cluster.local",
            ),
        ] {
            let host = config.host_name("shop", tag).expect(want);
            assert_eq!(
                config
                    .domain_name(&route("shop", labels), &host, local)
                    .as_deref(),
                Ok(want)
            );
        }
        let long = "l".repeat(60);
        let error = plain
            .domain_name(&route(&long, &[]), &format!("blue-{long}"), false)
            .expect_err("too long");
        assert!(
            error
                .to_string()
                .ends_with("must be no more than 63 characters"),
            "{error}"
        );
    }

    #[test]
    fn local_routes() {
        let config = config(&[]);
        assert!(!config.is_local(&route(
            "shop",
            &[("networking.knative.dev/visibility", "public")]
        )));
        assert!(config.is_local(&route(
            "shop",
            &[("networking.knative.dev/visibility", "cluster-local")]
        )));
        assert!(Config::default().is_local(&route("shop", &[])));
        assert_eq!(
            rule_hosts("a.b.svc.cluster.local", true),
            ["a.b", "a.b.svc", "a.b.svc.cluster.local"]
        );
        assert_eq!(rule_hosts("a.b.example.com", false), ["a.b.example.com"]);
    }
}
