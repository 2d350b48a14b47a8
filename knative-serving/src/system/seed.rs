//! What exists from the first start on.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use knative_core::store::{Api, ApiObject, Store, StoreError};

use crate::config::{Map, NAMESPACE};

/// The core Service of the gateway.
const GATEWAY: &str = "gateway";

/// What the owner of the platform asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seed {
    /// The domain that `config-domain` is to name, whatever it named before.
    pub(crate) domain: Option<String>,
    /// The port at which the gateway listens.
    pub(crate) gateway_port: Option<u16>,
}

/// Makes what is missing. ConfigMaps that exist are left as they are, but for a domain that is asked for.
pub(crate) async fn seed(store: &Arc<dyn Store>, seed: &Seed) -> Result<(), StoreError> {
    let namespaces = Api::<Namespace>::new(Arc::clone(store));
    for name in ["default", NAMESPACE] {
        create(&namespaces, &namespace(name)).await?;
    }
    let maps = Api::<ConfigMap>::new(Arc::clone(store));
    for map in Map::ALL {
        create(&maps, &config_map(map)).await?;
    }
    if let Some(domain) = &seed.domain {
        let mut map = maps.get(NAMESPACE, Map::Domain.name()).await?;
        map.data = Some([(domain.clone(), String::new())].into());
        maps.update(&map).await?;
    }
    match seed.gateway_port {
        Some(port) => gateway(store, port).await,
        None => Ok(()),
    }
}

/// Adds an object unless one of that name exists.
async fn create<K: ApiObject>(api: &Api<K>, object: &K) -> Result<(), StoreError> {
    match api.create(object).await {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => Ok(()),
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

fn config_map(map: Map) -> ConfigMap {
    let label = ("app.kubernetes.io/name".to_owned(), NAMESPACE.to_owned());
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(map.name().to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some([label].into()),
            ..ObjectMeta::default()
        },
        data: Some(map.seed()).filter(|data| !data.is_empty()),
        ..ConfigMap::default()
    }
}

/// Tools find the way in by the node port of a Service.
async fn gateway(store: &Arc<dyn Store>, port: u16) -> Result<(), StoreError> {
    let api = Api::<Service>::new(Arc::clone(store));
    let wanted = gateway_service(port);
    match api.find(NAMESPACE, GATEWAY).await? {
        None => create(&api, &wanted).await,
        Some(existing) if existing.spec == wanted.spec => Ok(()),
        Some(existing) => {
            let next = Service {
                spec: wanted.spec,
                ..existing
            };
            api.update(&next).await.map(drop)
        }
    }
}

fn gateway_service(port: u16) -> Service {
    Service {
        metadata: ObjectMeta {
            name: Some(GATEWAY.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some("NodePort".to_owned()),
            ports: Some(vec![ServicePort {
                name: Some("http2".to_owned()),
                port: 80,
                protocol: Some("TCP".to_owned()),
                node_port: Some(port.into()),
                target_port: Some(IntOrString::Int(port.into())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
