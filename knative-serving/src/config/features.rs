//! `config-features`: what of the pod specification and of the data plane is switched on.

use std::collections::BTreeMap;

use super::ConfigError;

/// The value of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// On.
    Enabled,
    /// Neither on nor off by itself: permitted, or up to the object.
    Allowed,
    /// Off.
    Disabled,
    /// `secure-pod-defaults` only: secure defaults that still let a container run as root.
    AllowRootBounded,
}

impl Flag {
    /// As written in the map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Allowed => "Allowed",
            Self::Disabled => "Disabled",
            Self::AllowRootBounded => "AllowRootBounded",
        }
    }

    /// True for [`Flag::Enabled`].
    pub fn is_enabled(self) -> bool {
        self == Self::Enabled
    }

    /// True for [`Flag::Disabled`].
    pub fn is_disabled(self) -> bool {
        self == Self::Disabled
    }

    /// Ignoring case, among `choices`; anything else is not a flag.
    fn parse(text: &str, choices: &[Self]) -> Option<Self> {
        choices
            .iter()
            .copied()
            .find(|flag| flag.as_str().eq_ignore_ascii_case(text))
    }
}

const COMMON: &[Flag] = &[Flag::Enabled, Flag::Allowed, Flag::Disabled];
const SECURE: &[Flag] = &[Flag::Enabled, Flag::AllowRootBounded, Flag::Disabled];

macro_rules! features {
    ($($(#[$doc:meta])* $field:ident: $key:literal = $default:ident of $choices:ident,)+) => {
        /// The parsed `config-features`. A value that is no flag leaves the default.
        ///
        /// Source of keys and defaults: serving `pkg/apis/config/features.go`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Features {
            $($(#[$doc])* #[doc = concat!(" `", $key, "`, default ", stringify!($default), ".")] pub $field: Flag,)+
        }

        impl Default for Features {
            fn default() -> Self {
                Self { $($field: Flag::$default,)+ }
            }
        }

        impl Features {
            /// The keys that are read.
            pub const KEYS: &[&str] = &[$($key,)+];

            /// Reads the map. Nothing in it is an error.
            pub fn parse(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
                let mut features = Self::default();
                $(if let Some(flag) = data.get($key).and_then(|text| Flag::parse(text, $choices)) {
                    features.$field = flag;
                })+
                Ok(features)
            }

            /// All flags under their keys.
            pub fn flags(&self) -> BTreeMap<&'static str, Flag> {
                BTreeMap::from([$(($key, self.$field),)+])
            }
        }
    };
}

features! {
    /// Whether the readiness protocol is found by trying h2c before HTTP/1.1.
    auto_detect_http2: "autodetect-http2" = Disabled of COMMON,
    /// `capabilities.add` in containers.
    container_spec_add_capabilities: "kubernetes.containerspec-addcapabilities" = Disabled of COMMON,
    /// Whether the ingress of a domain mapping goes straight to the route's revisions.
    domain_mapping_direct_route_traffic: "domainmapping-direct-route-traffic" = Disabled of COMMON,
    /// More than one container.
    multi_container: "multi-container" = Enabled of COMMON,
    /// Probes on containers that do not serve.
    multi_container_probing: "multi-container-probing" = Disabled of COMMON,
    /// `affinity`.
    pod_spec_affinity: "kubernetes.podspec-affinity" = Disabled of COMMON,
    /// `dnsConfig`.
    pod_spec_dns_config: "kubernetes.podspec-dnsconfig" = Disabled of COMMON,
    /// `dnsPolicy`.
    pod_spec_dns_policy: "kubernetes.podspec-dnspolicy" = Disabled of COMMON,
    /// `fieldRef` and `resourceFieldRef` in `env`.
    pod_spec_field_ref: "kubernetes.podspec-fieldref" = Disabled of COMMON,
    /// `hostAliases`.
    pod_spec_host_aliases: "kubernetes.podspec-hostaliases" = Disabled of COMMON,
    /// `hostIPC`.
    pod_spec_host_ipc: "kubernetes.podspec-hostipc" = Disabled of COMMON,
    /// `hostNetwork`.
    pod_spec_host_network: "kubernetes.podspec-hostnetwork" = Disabled of COMMON,
    /// `hostPID`.
    pod_spec_host_pid: "kubernetes.podspec-hostpid" = Disabled of COMMON,
    /// `initContainers`.
    pod_spec_init_containers: "kubernetes.podspec-init-containers" = Disabled of COMMON,
    /// `nodeSelector`.
    pod_spec_node_selector: "kubernetes.podspec-nodeselector" = Disabled of COMMON,
    /// Volumes of a persistent volume claim.
    pod_spec_persistent_volume_claim: "kubernetes.podspec-persistent-volume-claim" = Disabled of COMMON,
    /// Persistent volume claims that are not read-only.
    pod_spec_persistent_volume_write: "kubernetes.podspec-persistent-volume-write" = Disabled of COMMON,
    /// `priorityClassName`.
    pod_spec_priority_class_name: "kubernetes.podspec-priorityclassname" = Disabled of COMMON,
    /// `runtimeClassName`.
    pod_spec_runtime_class_name: "kubernetes.podspec-runtimeclassname" = Disabled of COMMON,
    /// `schedulerName`.
    pod_spec_scheduler_name: "kubernetes.podspec-schedulername" = Disabled of COMMON,
    /// `securityContext` of the pod.
    pod_spec_security_context: "kubernetes.podspec-securitycontext" = Disabled of COMMON,
    /// `shareProcessNamespace`.
    pod_spec_share_process_namespace: "kubernetes.podspec-shareprocessnamespace" = Disabled of COMMON,
    /// `tolerations`.
    pod_spec_tolerations: "kubernetes.podspec-tolerations" = Disabled of COMMON,
    /// `topologySpreadConstraints`.
    pod_spec_topology_spread_constraints: "kubernetes.podspec-topologyspreadconstraints" = Disabled of COMMON,
    /// CSI volumes.
    pod_spec_volumes_csi: "kubernetes.podspec-volumes-csi" = Disabled of COMMON,
    /// `emptyDir` volumes.
    pod_spec_volumes_empty_dir: "kubernetes.podspec-volumes-emptydir" = Enabled of COMMON,
    /// Generic ephemeral volumes.
    pod_spec_volumes_ephemeral: "kubernetes.podspec-volumes-ephemeral" = Disabled of COMMON,
    /// `hostPath` volumes.
    pod_spec_volumes_host_path: "kubernetes.podspec-volumes-hostpath" = Disabled of COMMON,
    /// Image volumes.
    pod_spec_volumes_image: "kubernetes.podspec-volumes-image" = Disabled of COMMON,
    /// `mountPropagation` of volume mounts.
    pod_spec_volumes_mount_propagation: "kubernetes.podspec-volumes-mount-propagation" = Disabled of COMMON,
    /// Annotations of the pod as a file for the queue-proxy.
    queue_proxy_mount_pod_info: "queueproxy.mount-podinfo" = Disabled of COMMON,
    /// Default resources of the queue-proxy.
    queue_proxy_resource_defaults: "queueproxy.resource-defaults" = Disabled of COMMON,
    /// Secure defaults of the security context.
    secure_pod_defaults: "secure-pod-defaults" = Disabled of SECURE,
    /// Tags chosen by the header `Knative-Serving-Tag`.
    tag_header_based_routing: "tag-header-based-routing" = Disabled of COMMON,
}
