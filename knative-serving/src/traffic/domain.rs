//! The settings that host names depend on.

use std::collections::BTreeMap;
use std::fmt;

use knative_core::object::quote;
use thiserror::Error;

use crate::config::template::{Template, TemplateError};

/// What config-domain and config-network say of host names.
pub trait Naming: fmt::Debug {
    /// The domain for a Route with these labels, as config-domain chooses among the selectors that match.
    fn suffix(&self, labels: &BTreeMap<String, String>) -> String;
    /// `domain-template`: Name, Namespace and Domain to a host.
    fn domain_template(&self) -> &Template;
    /// `tag-template`: Name and Tag to what stands for Name in a tag's host.
    fn tag_template(&self) -> &Template;
    /// `default-external-scheme`.
    fn external_scheme(&self) -> &str;
    /// Domain of the cluster.
    fn cluster_domain(&self) -> &str {
        "cluster.local"
    }
}

/// Why there is no host name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainError {
    /// The domain template does not apply to this Route.
    #[error("domain name error: error executing the DomainTemplate: {0}")]
    DomainTemplate(TemplateError),
    /// The tag template does not apply to this Route.
    #[error("domain name error: error executing the TagTemplate: {0}")]
    TagTemplate(TemplateError),
    /// What comes out is no domain name.
    #[error("domain name error: invalid domain name {}: {problem}", quote(name))]
    Invalid {
        /// What came out.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}
