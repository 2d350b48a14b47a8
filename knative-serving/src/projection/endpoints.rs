//! The Endpoints of a Revision's private Service: where its ready instances are. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference,
};
use knative_core::http::Endpoint;
use knative_core::object::ObjectExt as _;
use knative_core::runtime::Instance;

use super::Instances;
use crate::api::Revision;
use crate::api::keys::networking_internal::{SERVERLESS_SERVICE, SERVICE_TYPE};
use crate::reconcile::revision::plan::labels;
use crate::reconcile::{names, owned_by, with};
use crate::traffic::Protocol;

/// The Endpoints of a Revision. What has no address, as a function in this process, is not among them.
pub(super) fn endpoints(revision: &Revision, instances: &Instances) -> Endpoints {
    let service = names::serverless_service(&names::pod_autoscaler(revision.name()));
    let own = [(SERVERLESS_SERVICE, &*service), (SERVICE_TYPE, "Private")];
    let labels = with(labels(revision), own);
    let name = names::private_service(&service);
    let subsets = subsets(revision, instances);
    Endpoints {
        metadata: owned_by(revision, name, labels, BTreeMap::new()),
        subsets: Some(subsets).filter(|subsets| !subsets.is_empty()),
    }
}

/// Each process has a port of its own, and a subset is one port of several addresses.
fn subsets(revision: &Revision, instances: &Instances) -> Vec<EndpointSubset> {
    let mut by_port: BTreeMap<u16, Vec<EndpointAddress>> = BTreeMap::new();
    for instance in instances.values() {
        if let Some(Endpoint::Tcp(at)) = instance.endpoint() {
            let address = address(revision, instance, at.ip().to_string());
            by_port.entry(at.port()).or_default().push(address);
        }
    }
    let name = match Protocol::of(revision) {
        Protocol::Http1 => "http",
        Protocol::H2c => "http2",
    };
    let subset = |(port, addresses): (u16, Vec<EndpointAddress>)| EndpointSubset {
        addresses: Some(addresses),
        ports: Some(vec![EndpointPort {
            name: Some(name.to_owned()),
            port: port.into(),
            protocol: Some("TCP".to_owned()),
            ..EndpointPort::default()
        }]),
        ..EndpointSubset::default()
    };
    by_port.into_iter().map(subset).collect()
}

fn address(revision: &Revision, instance: &Instance, ip: String) -> EndpointAddress {
    EndpointAddress {
        ip,
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(revision.namespace().to_owned()),
            name: Some(instance.id.as_str().to_owned()),
            ..ObjectReference::default()
        }),
        ..EndpointAddress::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use knative_core::runtime::{InstanceId, InstanceState, WorkloadId};

    use super::*;

    fn instances(ready: &[(&str, Option<&str>)]) -> Instances {
        let instances = ready.iter().map(|(id, at)| {
            let (id, workload) = (InstanceId::new(*id), WorkloadId::new("n", "w"));
            let mut instance = Instance::starting(id.clone(), workload, Timestamp::UNIX_EPOCH);
            if let Some(at) = at {
                let endpoint = Endpoint::Tcp(at.parse().unwrap());
                instance.state = InstanceState::Ready { endpoint };
            }
            (id, Arc::new(instance))
        });
        instances.collect()
    }

    #[test]
    fn ready_instances_are_listed_by_port() {
        let mut revision = Revision::default();
        revision.metadata.name = Some("hello-00001".to_owned());
        let none = endpoints(&revision, &instances(&[("a", None)]));
        assert_eq!(none.metadata.name.as_deref(), Some("hello-00001-private"));
        assert_eq!(none.subsets, None);

        let ready = [
            ("a", Some("127.0.0.1:40001")),
            ("b", Some("10.0.0.2:8080")),
            ("c", None),
            ("d", Some("10.0.0.4:8080")),
        ];
        let subsets = endpoints(&revision, &instances(&ready)).subsets.unwrap();
        let shown: Vec<(i32, Vec<(&str, &str)>)> = subsets
            .iter()
            .map(|subset| {
                let addresses = subset.addresses.iter().flatten().map(|address| {
                    let pod = address.target_ref.as_ref().unwrap().name.as_deref();
                    (&*address.ip, pod.unwrap())
                });
                let port = subset.ports.as_ref().unwrap()[0].port;
                (port, addresses.collect())
            })
            .collect();
        let expected = [
            (8080, vec![("10.0.0.2", "b"), ("10.0.0.4", "d")]),
            (40001, vec![("127.0.0.1", "a")]),
        ];
        assert_eq!(shown, expected);
    }
}
