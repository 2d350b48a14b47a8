//! Ingress: what the platform's own gateway serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use knative_core::controller::{Action, Reconciler};
use knative_core::object::ObjectExt as _;
use knative_core::store::NamespacedName;
use parking_lot::Mutex;

use crate::api::keys::networking;
use crate::api::networking::{Ingress, LoadBalancerIngressStatus};
use crate::gateway::{GatewayHandle, IngressKey};
use crate::reconcile::failure::Failure;
use crate::reconcile::shell::Shell;
use crate::reconcile::status::{begin, finish};

/// Where the gateway is reached inside the cluster.
const DOMAIN_INTERNAL: &str = "gateway.knative-serving.svc.cluster.local";

/// Reconciles Ingresses of the class that the operator names; others are left to whoever serves them.
#[derive(Debug)]
pub(crate) struct IngressReconciler {
    pub(crate) shell: Shell,
    pub(crate) gateway: GatewayHandle,
    /// Uid and generation of what the gateway serves.
    pub(crate) served: Mutex<BTreeMap<IngressKey, (String, i64)>>,
}

impl Reconciler for IngressReconciler {
    type Resource = Ingress;
    type Error = Failure;

    async fn reconcile(&self, ingress: Arc<Ingress>) -> Result<Action, Failure> {
        let key = key(&NamespacedName::of(&*ingress));
        if ingress.is_deleting() || !self.is_ours(&ingress) {
            self.leave(&key);
            return Ok(Action::done().because("not served by this gateway"));
        }
        self.serve(&key, &ingress);
        let now = self.shell.now();
        let mut status = begin(&*ingress, now);
        status.mark_network_configured(now);
        status.mark_load_balancer_ready(way_in(), way_in(), now);
        finish(&self.shell.store, &*ingress, status, now).await?;
        Ok(Action::done())
    }

    fn forget(&self, name: &NamespacedName) {
        self.leave(&key(name));
    }
}

impl IngressReconciler {
    /// Rules are compiled once per generation.
    fn serve(&self, key: &IngressKey, ingress: &Ingress) {
        let served = (ingress.uid().to_owned(), ingress.generation());
        if self.served.lock().get(key) != Some(&served) {
            self.gateway.set_ingress(key, &ingress.spec);
            self.served.lock().insert(key.clone(), served);
        }
    }

    fn leave(&self, key: &IngressKey) {
        if self.served.lock().remove(key).is_some() {
            self.gateway.remove_ingress(key);
        }
    }

    fn is_ours(&self, ingress: &Ingress) -> bool {
        let class = [networking::INGRESS_CLASS, networking::INGRESS_CLASS_ALT]
            .into_iter()
            .find_map(|key| ingress.annotation(key));
        class == Some(&*self.shell.config().network.default_ingress_class)
    }
}

fn key(name: &NamespacedName) -> IngressKey {
    IngressKey::new(name.namespace.as_str(), name.name.as_str())
}

fn way_in() -> Vec<LoadBalancerIngressStatus> {
    vec![LoadBalancerIngressStatus {
        domain_internal: DOMAIN_INTERNAL.to_owned(),
        ..LoadBalancerIngressStatus::default()
    }]
}
