//! What Kubernetes refuses of a pod that Knative's own rules let pass. Pure.

use std::fmt;

use k8s_openapi::{
    api::core::v1::{Container, PodSpec, ResourceRequirements},
    apimachinery::pkg::api::resource::Quantity as Text,
};
use knative_core::object::{Quantity, name::dns1123_label, quote};

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// A value that no pod may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where, as `spec.containers[0].name`.
    pub(crate) field: String,
    /// What, in Kubernetes' words.
    pub(crate) message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// What is wrong with a pod's containers: their names, pull policies and resources.
pub(crate) fn wrong(pod: &PodSpec) -> Vec<Wrong> {
    let mut found = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let init = pod.init_containers.iter().flatten();
    let lists = [
        ("containers", pod.containers.iter().collect::<Vec<_>>()),
        ("initContainers", init.collect()),
    ];
    for (list, containers) in lists {
        for (at, container) in containers.into_iter().enumerate() {
            let path = format!("spec.{list}[{at}]");
            found.extend(name(&path, &container.name));
            if names.contains(&container.name.as_str()) {
                found.push(Wrong {
                    field: format!("{path}.name"),
                    message: format!("Duplicate value: {}", quote(&container.name)),
                });
            }
            names.push(&container.name);
            found.extend(pull_policy(&path, container));
            let resources = container.resources.as_ref();
            found.extend(
                resources
                    .into_iter()
                    .flat_map(|own| self::resources(&path, own)),
            );
        }
    }
    found
}

fn name(path: &str, name: &str) -> Vec<Wrong> {
    if name.is_empty() {
        return vec![Wrong {
            field: format!("{path}.name"),
            message: "Required value".to_owned(),
        }];
    }
    let reasons = dns1123_label(name).into_iter();
    let wrong = reasons.map(|reason| Wrong {
        field: format!("{path}.name"),
        message: format!("Invalid value: {}: {reason}", quote(name)),
    });
    wrong.collect()
}

fn pull_policy(path: &str, container: &Container) -> Option<Wrong> {
    let policy = container.image_pull_policy.as_deref()?;
    if policy.is_empty() || PULL_POLICIES.contains(&policy) {
        return None;
    }
    let supported = PULL_POLICIES.map(quote).join(", ");
    Some(Wrong {
        field: format!("{path}.imagePullPolicy"),
        message: format!(
            "Unsupported value: {}: supported values: {supported}",
            quote(policy)
        ),
    })
}

/// A request that is not given is the limit, as Kubernetes' defaults have it.
fn resources(path: &str, resources: &ResourceRequirements) -> Vec<Wrong> {
    let limits = resources.limits.iter().flatten();
    let asked = resources.requests.iter().flatten();
    let asked_for = |name: &String| {
        let requests = resources.requests.as_ref();
        requests.is_some_and(|requests| requests.contains_key(name))
    };
    let implied = limits.clone().filter(|(name, _)| !asked_for(name));
    let requests = asked.chain(implied).collect::<Vec<_>>();
    let mut found = Vec::new();
    for (name, amount) in limits {
        found.extend(negative(
            &format!("{path}.resources.limits[{name}]"),
            amount,
        ));
    }
    for (name, amount) in requests {
        let field = format!("{path}.resources.requests");
        found.extend(negative(&format!("{field}[{name}]"), amount));
        let limit = resources
            .limits
            .as_ref()
            .and_then(|limits| limits.get(name));
        let both = parse(amount).zip(limit.and_then(parse));
        let above = both.filter(|(amount, limit)| amount > limit);
        found.extend(above.map(|(amount, limit)| Wrong {
            field,
            message: format!(
                "Invalid value: {}: must be less than or equal to {name} limit of {limit}",
                quote(&amount.to_string())
            ),
        }));
    }
    found
}

fn negative(field: &str, amount: &Text) -> Option<Wrong> {
    let amount = parse(amount)?;
    amount.sign().is_lt().then(|| Wrong {
        field: field.to_owned(),
        message: format!(
            "Invalid value: {}: must be greater than or equal to 0",
            quote(&amount.to_string())
        ),
    })
}

/// What is no quantity was refused before.
fn parse(amount: &Text) -> Option<Quantity> {
    amount.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(pod: Value) -> Vec<String> {
        let pod = serde_json::from_value(pod).unwrap();
        wrong(&pod).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_labels_and_each_is_there_once() {
        let named = |names: &[&str]| {
            let containers = names.iter().map(|name| json!({ "name": name }));
            told(json!({ "containers": containers.collect::<Vec<_>>() }))
        };
        assert_eq!(named(&["user-container", "a"]), [""; 0]);
        for name in ["Bad_Name", "../../etc/shadow", "a/b", "."] {
            let told = named(&[name]);
            let begins = format!("spec.containers[0].name: Invalid value: {}: ", quote(name));
            assert!(told.len() == 1 && told[0].starts_with(&begins), "{told:?}");
        }
        assert_eq!(named(&[""]), ["spec.containers[0].name: Required value"]);
        assert_eq!(
            named(&["a", "a"]),
            ["spec.containers[1].name: Duplicate value: \"a\""]
        );
        let both = json!({ "initContainers": [{ "name": "a" }], "containers": [{ "name": "a" }] });
        assert_eq!(
            told(both),
            ["spec.initContainers[0].name: Duplicate value: \"a\""]
        );
    }

    #[test]
    fn resources_are_not_negative_and_requests_within_limits() {
        let of = |resources: Value| {
            told(json!({ "containers": [{ "name": "a", "resources": resources }] }))
        };
        let path = "spec.containers[0].resources";
        let rows = [
            (json!({ "limits": { "cpu": "1" } }), vec![]),
            (
                json!({ "limits": { "cpu": "-1" } }),
                vec![
                    format!(
                        "{path}.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"
                    ),
                    format!(
                        "{path}.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"
                    ),
                ],
            ),
            (
                json!({ "limits": { "memory": "1Gi" }, "requests": { "memory": "2048Mi", "cpu": "9" } }),
                vec![format!(
                    "{path}.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi"
                )],
            ),
        ];
        for (resources, want) in rows {
            assert_eq!(of(resources.clone()), want, "{resources}");
        }
    }

    #[test]
    fn pull_policies_are_kubernetes() {
        let pod = json!({ "containers": [{ "name": "a", "imagePullPolicy": "Sometimes" }] });
        assert_eq!(
            told(pod),
            [
                "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
            ]
        );
    }
}
