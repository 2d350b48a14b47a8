//! Labels, annotations and groups, by the part of the system that reads them.

/// Group of Service, Configuration, Revision, Route and DomainMapping; also the prefix of their labels.
pub const SERVING_GROUP: &str = "serving.knative.dev";
/// Group of PodAutoscaler and Metric.
pub const AUTOSCALING_INTERNAL_GROUP: &str = "autoscaling.internal.knative.dev";
/// Group of Ingress, ServerlessService, Certificate and `ClusterDomainClaim`.
pub const NETWORKING_INTERNAL_GROUP: &str = "networking.internal.knative.dev";
/// Group of Image.
pub const CACHING_INTERNAL_GROUP: &str = "caching.internal.knative.dev";
/// Prefix of the autoscaling annotations.
pub const AUTOSCALING_GROUP: &str = "autoscaling.knative.dev";
/// Prefix of the public networking labels and annotations.
pub const NETWORKING_GROUP: &str = "networking.knative.dev";

/// `serving.knative.dev/…`.
pub mod serving {
    /// Label: the Service that owns the object.
    pub const SERVICE: &str = "serving.knative.dev/service";
    /// Label: uid of that Service.
    pub const SERVICE_UID: &str = "serving.knative.dev/serviceUID";
    /// Label: the Configuration that owns the object.
    pub const CONFIGURATION: &str = "serving.knative.dev/configuration";
    /// Label: uid of that Configuration.
    pub const CONFIGURATION_UID: &str = "serving.knative.dev/configurationUID";
    /// Label: generation of the Configuration that produced the Revision.
    pub const CONFIGURATION_GENERATION: &str = "serving.knative.dev/configurationGeneration";
    /// Label: the Revision that owns the object.
    pub const REVISION: &str = "serving.knative.dev/revision";
    /// Label: uid of that Revision; the selector of its pods.
    pub const REVISION_UID: &str = "serving.knative.dev/revisionUID";
    /// Label: the Route that owns the object.
    pub const ROUTE: &str = "serving.knative.dev/route";
    /// Label: namespace of that Route.
    pub const ROUTE_NAMESPACE: &str = "serving.knative.dev/routeNamespace";
    /// Label of a Revision: `pending`, `active` or `reserve`.
    pub const ROUTING_STATE: &str = "serving.knative.dev/routingState";
    /// Annotation of a Revision: RFC 3339 time at which the routing state changed.
    pub const ROUTING_STATE_MODIFIED: &str = "serving.knative.dev/routingStateModified";
    /// Annotation of Revisions and Configurations: comma-separated Routes that refer to them.
    pub const ROUTES: &str = "serving.knative.dev/routes";
    /// Annotation that older releases set; ignored, and stripped from copies.
    pub const LAST_PINNED: &str = "serving.knative.dev/lastPinned";
    /// Annotation of a Revision: `true` keeps it from garbage collection.
    pub const NO_GC: &str = "serving.knative.dev/no-gc";
    /// Annotation of Services and Routes: Go duration of the gradual rollout.
    pub const ROLLOUT_DURATION: &str = "serving.knative.dev/rollout-duration";
    /// Other spelling of [`ROLLOUT_DURATION`].
    pub const ROLLOUT_DURATION_ALT: &str = "serving.knative.dev/rolloutDuration";
    /// Annotation: user that created the object.
    pub const CREATOR: &str = "serving.knative.dev/creator";
    /// Annotation: user that last changed the spec.
    pub const LAST_MODIFIER: &str = "serving.knative.dev/lastModifier";
    /// Annotation of a template: Go duration after which a rollout that makes no progress has failed.
    pub const PROGRESS_DEADLINE: &str = "serving.knative.dev/progress-deadline";
    /// Label of a Deployment: digest by which changes are seen.
    pub const DEPLOYMENT_HASH: &str = "serving.knative.dev/deployment-hash";
    /// Label: uid of the DomainMapping that owns the object.
    pub const DOMAIN_MAPPING_UID: &str = "serving.knative.dev/domainMappingUID";
    /// Label: namespace of that DomainMapping.
    pub const DOMAIN_MAPPING_NAMESPACE: &str = "serving.knative.dev/domainMappingNamespace";

    /// Value of [`ROUTING_STATE`]: no Route has been looked at yet.
    pub const ROUTING_STATE_PENDING: &str = "pending";
    /// Value of [`ROUTING_STATE`]: a Route refers to the Revision.
    pub const ROUTING_STATE_ACTIVE: &str = "active";
    /// Value of [`ROUTING_STATE`]: no Route refers to the Revision.
    pub const ROUTING_STATE_RESERVE: &str = "reserve";
    /// Value of [`ROUTING_STATE`]: unset.
    pub const ROUTING_STATE_UNSET: &str = "";

    /// Finalizer of Routes.
    pub const ROUTE_FINALIZER: &str = "routes.serving.knative.dev";
    /// Finalizer of every `DomainMapping`.
    pub const DOMAIN_MAPPING_FINALIZER: &str = "domainmappings.serving.knative.dev";
}

/// `queue.sidecar.serving.knative.dev/…`: annotations of a template for its queue sidecar.
pub mod queue_sidecar {
    /// Prefix of the group.
    pub const GROUP: &str = "queue.sidecar.serving.knative.dev";
    /// Quantity of CPU requested.
    pub const CPU_REQUEST: &str = "queue.sidecar.serving.knative.dev/cpu-resource-request";
    /// Limit of CPU.
    pub const CPU_LIMIT: &str = "queue.sidecar.serving.knative.dev/cpu-resource-limit";
    /// Quantity of memory requested.
    pub const MEMORY_REQUEST: &str = "queue.sidecar.serving.knative.dev/memory-resource-request";
    /// Limit of memory.
    pub const MEMORY_LIMIT: &str = "queue.sidecar.serving.knative.dev/memory-resource-limit";
    /// Quantity of ephemeral storage requested.
    pub const EPHEMERAL_STORAGE_REQUEST: &str =
        "queue.sidecar.serving.knative.dev/ephemeral-storage-resource-request";
    /// Limit of ephemeral storage.
    pub const EPHEMERAL_STORAGE_LIMIT: &str =
        "queue.sidecar.serving.knative.dev/ephemeral-storage-resource-limit";
    /// Share of the user container's resources, 0.1 to 100 percent; deprecated.
    pub const RESOURCE_PERCENTAGE: &str = "queue.sidecar.serving.knative.dev/resource-percentage";
    /// Other spelling of [`RESOURCE_PERCENTAGE`].
    pub const RESOURCE_PERCENTAGE_ALT: &str =
        "queue.sidecar.serving.knative.dev/resourcePercentage";
}

/// `features.knative.dev/…`: annotations of a template that switch a feature for it.
pub mod features {
    /// `Enabled` hands the pod's facts to the queue sidecar.
    pub const QUEUE_PROXY_POD_INFO: &str = "features.knative.dev/queueproxy-podinfo";
    /// `Enabled` reads and writes HTTP/1 at the same time.
    pub const HTTP_FULL_DUPLEX: &str = "features.knative.dev/http-full-duplex";
}

/// `networking.knative.dev/…`.
pub mod networking {
    /// Label of Services and Routes: see [`VISIBILITY_CLUSTER_LOCAL`].
    pub const VISIBILITY: &str = "networking.knative.dev/visibility";
    /// Value of [`VISIBILITY`]: reachable from inside only.
    pub const VISIBILITY_CLUSTER_LOCAL: &str = "cluster-local";
    /// Annotation: which implementation serves the Ingress.
    pub const INGRESS_CLASS: &str = "networking.knative.dev/ingress-class";
    /// Older spelling of [`INGRESS_CLASS`].
    pub const INGRESS_CLASS_ALT: &str = "networking.knative.dev/ingress.class";
    /// Annotation: which implementation issues the Certificate.
    pub const CERTIFICATE_CLASS: &str = "networking.knative.dev/certificate-class";
    /// Older spelling of [`CERTIFICATE_CLASS`].
    pub const CERTIFICATE_CLASS_ALT: &str = "networking.knative.dev/certificate.class";
    /// Annotation of Routes and Services: `true` turns certificates off.
    pub const DISABLE_EXTERNAL_DOMAIN_TLS: &str =
        "networking.knative.dev/disable-external-domain-tls";
    /// Older spelling of [`DISABLE_EXTERNAL_DOMAIN_TLS`].
    pub const DISABLE_AUTO_TLS: &str = "networking.knative.dev/disable-auto-tls";
    /// Oldest spelling of [`DISABLE_EXTERNAL_DOMAIN_TLS`].
    pub const DISABLE_AUTO_TLS_ALT: &str = "networking.knative.dev/disableAutoTLS";
    /// Annotation: `Enabled` or `Redirected`.
    pub const HTTP_PROTOCOL: &str = "networking.knative.dev/http-protocol";
    /// Older spelling of [`HTTP_PROTOCOL`].
    pub const HTTP_OPTION: &str = "networking.knative.dev/httpOption";
    /// Label of a Certificate: the domain of which it covers every name.
    pub const WILDCARD_DOMAIN: &str = "networking.knative.dev/wildcardDomain";
    /// Label of a Certificate: `system-internal`, `cluster-local-domain` or `external-domain`.
    pub const CERTIFICATE_TYPE: &str = "networking.knative.dev/certificate-type";
    /// Label of a ConfigMap: `true` marks a bundle of certificate authorities.
    pub const TRUST_BUNDLE: &str = "networking.knative.dev/trust-bundle";
}

/// `networking.internal.knative.dev/…`: plumbing between controllers.
pub mod networking_internal {
    /// Label: uid of the Certificate that owns the object.
    pub const CERTIFICATE_UID: &str = "networking.internal.knative.dev/certificate-uid";
    /// Label: the Ingress that owns the object.
    pub const INGRESS: &str = "networking.internal.knative.dev/ingress";
    /// Label: name of the Secret that a copy comes from.
    pub const ORIGIN_SECRET_NAME: &str = "networking.internal.knative.dev/originSecretName";
    /// Label: namespace of the Secret that a copy comes from.
    pub const ORIGIN_SECRET_NAMESPACE: &str =
        "networking.internal.knative.dev/originSecretNamespace";
    /// Label of a placeholder Service: the traffic tag that it stands for.
    pub const TAG: &str = "networking.internal.knative.dev/tag";
    /// Label: the ServerlessService that owns the object.
    pub const SERVERLESS_SERVICE: &str = "networking.internal.knative.dev/serverlessservice";
    /// Label of a core Service: `Public` or `Private`.
    pub const SERVICE_TYPE: &str = "networking.internal.knative.dev/serviceType";
    /// Annotation of an Ingress: state of the gradual rollout, JSON.
    pub const ROLLOUT: &str = "networking.internal.knative.dev/rollout";
    /// Annotation of an Ingress: hosts by tag, JSON.
    pub const TAG_TO_HOST: &str = "networking.internal.knative.dev/tag-to-host";
}

/// Label of pods and Deployments: name of the revision.
pub const APP: &str = "app";
/// Annotation of pods: the container that `kubectl logs` and `exec` pick.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Annotation that `kubectl apply` keeps its last input in; never copied to children.
pub const LAST_APPLIED_CONFIGURATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
