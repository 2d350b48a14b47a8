//! The kinds of Serving, as the registry of a platform holds them.

mod schema;

use std::sync::Arc;

use knative_core::admission::{Admission, Chain};
use knative_core::object::GroupKind;
use knative_core::store::ApiObject;
use knative_core::{Column, Kind, Kinds, Scope};
use kube_core::Resource;
use schemars::JsonSchema;

use crate::api::admission::{Admit, KindAdmission};
use crate::api::autoscaling::{
    Metric, MetricSpec, MetricStatus, PodAutoscaler, PodAutoscalerSpec, PodAutoscalerStatus,
};
use crate::api::caching::{Image, ImageSpec, image::ImageStatus};
use crate::api::networking::{
    Certificate, CertificateSpec, CertificateStatus, ClusterDomainClaim, ClusterDomainClaimSpec,
    Ingress, IngressSpec, IngressStatus, ServerlessService, ServerlessServiceSpec,
    ServerlessServiceStatus,
};
use crate::api::{
    Configuration, ConfigurationSpec, ConfigurationStatus, DomainMapping, DomainMappingSpec,
    DomainMappingStatus, Revision, RevisionSpec, RevisionStatus, Route, RouteSpec, RouteStatus,
    Service, ServiceSpec, ServiceStatus,
};
use crate::config::{Live, MapAdmission};

/// Adds the kinds of Serving, whose admission follows `live`, and holds the ConfigMaps of the platform to their rules.
///
/// Kubernetes' own kinds ([`knative_core::kinds::core::register`]) are registered before.
pub fn register(kinds: &mut Kinds, live: &Arc<Live>) {
    for kind in serving(live).into_iter().chain(internals(live)) {
        kinds.register(kind);
    }
    if let Some(config_map) = kinds.get(&GroupKind::new("", "ConfigMap")) {
        kinds.register(with_map_rules(config_map));
    }
}

/// The rules that the kind has already, then those of the platform's maps.
fn with_map_rules(config_map: &Kind) -> Kind {
    let rules: Arc<dyn Admission> = Arc::new(MapAdmission);
    let links = config_map.admission.iter().cloned().chain([rules]);
    Kind {
        admission: Some(Arc::new(Chain::new(links.collect()))),
        ..config_map.clone()
    }
}

fn serving(live: &Arc<Live>) -> [Kind; 5] {
    let service = Kind {
        columns: texts(&[
            ("URL", ".status.url"),
            ("LatestCreated", ".status.latestCreatedRevisionName"),
            ("LatestReady", ".status.latestReadyRevisionName"),
        ]),
        admission: Some(rules::<Service>(live)),
        ..public::<Service, ServiceSpec, ServiceStatus>(&["kservice", "ksvc"])
    };
    let configuration = Kind {
        columns: texts(&[
            ("LatestCreated", ".status.latestCreatedRevisionName"),
            ("LatestReady", ".status.latestReadyRevisionName"),
        ]),
        admission: Some(rules::<Configuration>(live)),
        ..public::<Configuration, ConfigurationSpec, ConfigurationStatus>(&["config", "cfg"])
    };
    let route = Kind {
        columns: texts(&[("URL", ".status.url")]),
        admission: Some(rules::<Route>(live)),
        ..public::<Route, RouteSpec, RouteStatus>(&["rt"])
    };
    let domain_mapping = Kind {
        columns: texts(&[("URL", ".status.url")]),
        admission: Some(rules::<DomainMapping>(live)),
        ..public::<DomainMapping, DomainMappingSpec, DomainMappingStatus>(&["dm"])
    };
    [
        with_readiness(service),
        with_readiness(configuration),
        revision(live),
        with_readiness(route),
        with_readiness(domain_mapping),
    ]
}

fn revision(live: &Arc<Live>) -> Kind {
    let columns = texts(&[
        (
            "Config Name",
            r".metadata.labels['serving\.knative\.dev/configuration']",
        ),
        (
            "Generation",
            r".metadata.labels['serving\.knative\.dev/configurationGeneration']",
        ),
    ]);
    let mut kind = with_readiness(Kind {
        columns,
        admission: Some(rules::<Revision>(live)),
        ..public::<Revision, RevisionSpec, RevisionStatus>(&["rev"])
    });
    kind.columns.extend([
        Column::new("Actual Replicas", "integer", ".status.actualReplicas"),
        Column::new("Desired Replicas", "integer", ".status.desiredReplicas"),
    ]);
    kind
}

fn internals(live: &Arc<Live>) -> [Kind; 7] {
    let pod_autoscaler = Kind {
        columns: vec![
            Column::new("DesiredScale", "integer", ".status.desiredScale"),
            Column::new("ActualScale", "integer", ".status.actualScale"),
        ],
        admission: Some(rules::<PodAutoscaler>(live)),
        ..internal::<PodAutoscaler, PodAutoscalerSpec, PodAutoscalerStatus>(
            "autoscaling",
            &["kpa", "pa"],
        )
    };
    let ingress = Kind {
        admission: Some(rules::<Ingress>(live)),
        ..internal::<Ingress, IngressSpec, IngressStatus>("networking", &["kingress", "king"])
    };
    let claim = Kind {
        scope: Scope::Cluster,
        status: false,
        ..internal::<ClusterDomainClaim, ClusterDomainClaimSpec, ()>("networking", &["cdc"])
    };
    let image = Kind {
        columns: texts(&[("Image", ".spec.image")]),
        ..internal::<Image, ImageSpec, ImageStatus>("caching", &[])
    };
    let certificate = Kind {
        admission: Some(rules::<Certificate>(live)),
        ..internal::<Certificate, CertificateSpec, CertificateStatus>("networking", &["kcert"])
    };
    let metric = Kind {
        admission: Some(rules::<Metric>(live)),
        ..internal::<Metric, MetricSpec, MetricStatus>("autoscaling", &[])
    };
    [
        with_readiness(pod_autoscaler),
        with_readiness(metric),
        with_readiness(ingress),
        with_readiness(serverless_service(live)),
        with_readiness(certificate),
        claim,
        image,
    ]
}

/// Knative's own rules for a kind, under the configuration in force.
fn rules<K: Admit + ApiObject>(live: &Arc<Live>) -> Arc<dyn Admission> {
    Arc::new(KindAdmission::<K>::new(Arc::clone(live)))
}

fn serverless_service(live: &Arc<Live>) -> Kind {
    Kind {
        admission: Some(rules::<ServerlessService>(live)),
        columns: vec![
            Column::string("Mode", ".spec.mode"),
            Column::new("Activators", "integer", ".spec.numActivators"),
            Column::string("ServiceName", ".status.serviceName"),
            Column::string("PrivateServiceName", ".status.privateServiceName"),
        ],
        ..internal::<ServerlessService, ServerlessServiceSpec, ServerlessServiceStatus>(
            "networking",
            &["sks"],
        )
    }
}

/// A kind that users write.
fn public<K, Spec, Status>(short_names: &[&str]) -> Kind
where
    K: Resource<DynamicType = ()>,
    Spec: JsonSchema,
    Status: JsonSchema,
{
    named::<K, Spec, Status>(&["all", "knative", "serving"], short_names)
}

/// A kind that controllers write for each other.
fn internal<K, Spec, Status>(area: &str, short_names: &[&str]) -> Kind
where
    K: Resource<DynamicType = ()>,
    Spec: JsonSchema,
    Status: JsonSchema,
{
    named::<K, Spec, Status>(&["knative-internal", area], short_names)
}

fn named<K, Spec, Status>(categories: &[&str], short_names: &[&str]) -> Kind
where
    K: Resource<DynamicType = ()>,
    Spec: JsonSchema,
    Status: JsonSchema,
{
    let schema = Arc::new(schema::of::<Spec, Status>(&K::kind(&())));
    let (group, version, kind) = (K::group(&()), K::version(&()), K::kind(&()));
    let mut kind = Kind::new(&group, &version, &kind, &K::plural(&()), schema);
    kind.categories = owned(categories);
    kind.short_names = owned(short_names);
    kind
}

/// The two columns that end the table of nearly every kind.
fn with_readiness(mut kind: Kind) -> Kind {
    kind.columns.extend(texts(&[
        ("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        ("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
    ]));
    kind
}

fn texts(columns: &[(&str, &str)]) -> Vec<Column> {
    let column = |(name, path): &(&str, &str)| Column::string(name, path);
    columns.iter().map(column).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests;
