//! The shapes of the kinds: those of their Rust types, cut to what Knative's CRDs let through.

use knative_core::schema::Schema;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// Where the protocol of a port is; the one field of Kubernetes' types with a default in the schema.
const PROTOCOL: &str = "/properties/containers/items/properties/ports/items/properties/protocol";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";

/// What objects of a kind hold beside their metadata.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the shape is of interest")]
struct Shape<Spec, Status> {
    #[schemars(default)]
    spec: Option<Spec>,
    #[schemars(default)]
    status: Option<Status>,
}

/// The schema of a kind.
pub(super) fn of<Spec: JsonSchema, Status: JsonSchema>(kind: &str) -> Schema {
    let mut document = Schema::of::<Shape<Spec, Status>>().to_value();
    let pod = match kind {
        "Service" | "Configuration" => {
            preserve(
                document.pointer_mut("/properties/spec/properties/template/properties/metadata"),
            );
            "/properties/spec/properties/template/properties/spec"
        }
        "Revision" => "/properties/spec",
        _ => return Schema::from_value(document).unwrap_or_default(),
    };
    if let Some(pod) = document.pointer_mut(pod) {
        cut(pod, &REVISION_SPEC);
        if let Some(protocol) = pod.pointer_mut(PROTOCOL) {
            protocol["default"] = json!("TCP");
        }
    }
    Schema::from_value(document).unwrap_or_default()
}

fn preserve(node: Option<&mut Value>) {
    if let Some(node) = node {
        node[PRESERVE] = json!(true);
    }
}

/// What of a part of a pod's spec remains.
struct Cut {
    /// Where below the part above, as a JSON pointer into the schema.
    at: &'static str,
    /// Members that are known with their shape.
    known: &'static [&'static str],
    /// Members of any shape: what a feature flag allows is decided by admission.
    open: &'static [&'static str],
    /// Members that may be absent though Kubernetes wants them: defaults fill them in, or admission says it better.
    optional: &'static [&'static str],
    /// Parts of it.
    parts: &'static [Self],
}

const fn leaf(at: &'static str, known: &'static [&'static str]) -> Cut {
    Cut {
        at,
        known,
        open: &[],
        optional: known,
        parts: &[],
    }
}

/// Source: serving `cmd/schema-tweak/overrides.go`.
const REVISION_SPEC: Cut = Cut {
    at: "",
    known: &[
        "automountServiceAccountToken",
        "containerConcurrency",
        "containers",
        "enableServiceLinks",
        "idleTimeoutSeconds",
        "imagePullSecrets",
        "responseStartTimeoutSeconds",
        "serviceAccountName",
        "timeoutSeconds",
        "volumes",
    ],
    open: &[
        "affinity",
        "dnsConfig",
        "dnsPolicy",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "initContainers",
        "nodeSelector",
        "priorityClassName",
        "runtimeClassName",
        "schedulerName",
        "securityContext",
        "shareProcessNamespace",
        "tolerations",
        "topologySpreadConstraints",
    ],
    optional: &[],
    parts: &[CONTAINER, VOLUME],
};

const CONTAINER: Cut = Cut {
    at: "/properties/containers/items",
    known: &[
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "volumeMounts",
        "workingDir",
    ],
    open: &[],
    optional: &["name"],
    parts: &[
        Cut {
            at: "/properties/env/items/properties/valueFrom",
            known: &["configMapKeyRef", "secretKeyRef"],
            open: &["fieldRef", "resourceFieldRef"],
            optional: &[],
            parts: &[],
        },
        leaf(
            "/properties/ports/items",
            &["containerPort", "name", "protocol"],
        ),
        leaf("/properties/resources", &["limits", "requests"]),
        Cut {
            at: "/properties/securityContext",
            known: &[
                "allowPrivilegeEscalation",
                "capabilities",
                "privileged",
                "readOnlyRootFilesystem",
                "runAsGroup",
                "runAsNonRoot",
                "runAsUser",
                "seccompProfile",
            ],
            open: &[],
            optional: &[],
            parts: &[],
        },
        Cut {
            at: "/properties/volumeMounts/items",
            known: &["mountPath", "name", "readOnly", "subPath"],
            open: &["mountPropagation"],
            optional: &[],
            parts: &[],
        },
        probe("/properties/livenessProbe"),
        probe("/properties/readinessProbe"),
        probe("/properties/startupProbe"),
    ],
};

const VOLUME: Cut = Cut {
    at: "/properties/volumes/items",
    known: &["configMap", "name", "projected", "secret"],
    open: &[
        "csi",
        "emptyDir",
        "ephemeral",
        "hostPath",
        "image",
        "persistentVolumeClaim",
    ],
    optional: &[],
    parts: &[],
};

const fn probe(at: &'static str) -> Cut {
    Cut {
        at,
        known: &[
            "exec",
            "failureThreshold",
            "grpc",
            "httpGet",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "tcpSocket",
            "terminationGracePeriodSeconds",
            "timeoutSeconds",
        ],
        open: &[],
        optional: &[],
        parts: &HANDLERS,
    }
}

const HANDLERS: [Cut; 3] = [
    leaf(
        "/properties/httpGet",
        &["host", "httpHeaders", "path", "port", "scheme"],
    ),
    leaf("/properties/tcpSocket", &["host", "port"]),
    leaf("/properties/grpc", &["port", "service"]),
];

fn cut(node: &mut Value, rule: &Cut) {
    if let Some(members) = node.get_mut("properties").and_then(Value::as_object_mut) {
        members.retain(|name, _| {
            rule.known.contains(&name.as_str()) || rule.open.contains(&name.as_str())
        });
        for name in rule.open {
            open(members, name);
        }
    }
    if let Some(required) = node.get_mut("required").and_then(Value::as_array_mut) {
        let wanted = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            rule.known.contains(&name) && !rule.optional.contains(&name)
        };
        required.retain(wanted);
    }
    for part in rule.parts {
        if let Some(child) = node.pointer_mut(part.at) {
            cut(child, part);
        }
    }
}

/// Leaves the shape open but for whether it is a list.
fn open(members: &mut Map<String, Value>, name: &str) {
    let Some(member) = members.get_mut(name) else {
        return;
    };
    let kind = member.get("type").cloned();
    let mut shape = Map::new();
    if let Some(description) = member.get("description") {
        shape.insert("description".to_owned(), description.clone());
    }
    match kind.as_ref().and_then(Value::as_str) {
        Some("array") => {
            shape.insert("type".to_owned(), json!("array"));
            shape.insert(
                "items".to_owned(),
                json!({"type": "object", PRESERVE: true}),
            );
        }
        Some(kind) => {
            shape.insert("type".to_owned(), json!(kind));
        }
        None => {}
    }
    shape.insert(PRESERVE.to_owned(), json!(true));
    *member = shape.into();
}
