//! From a pod template and what it refers to, to what a backend starts. Pure.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, EnvVarSource, PodTemplateSpec};

use super::{
    expand::expand,
    resolve::{References, Source, config_error, env_from_name},
    volumes,
};
use crate::runtime::{
    ContainerSpec, InstanceId, InstanceSpec, Place, PortSpec, PullPolicy, PullSecret, StartError,
    TerminationMessage, WorkloadId,
};

/// Who the instance is, for `fieldRef`.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) id: &'a InstanceId,
    pub(super) workload: &'a WorkloadId,
    pub(super) template: &'a PodTemplateSpec,
    pub(super) place: &'a Place,
    pub(super) pull_secrets: &'a [PullSecret],
    pub(super) now: Timestamp,
}

/// Makes an instance of a template.
pub(super) fn render(
    identity: &Identity<'_>,
    references: &References,
    start_timeout: Duration,
) -> Result<InstanceSpec, StartError> {
    let spec = identity
        .template
        .spec
        .as_ref()
        .ok_or_else(|| config_error("the pod template has no spec".to_owned()))?;
    let container = |container: &Container| render_container(identity, references, container);
    let labels = identity
        .template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.clone());
    Ok(InstanceSpec {
        id: identity.id.clone(),
        workload: identity.workload.clone(),
        labels: labels.unwrap_or_default(),
        init_containers: spec
            .init_containers
            .iter()
            .flatten()
            .map(container)
            .collect::<Result<_, _>>()?,
        containers: spec
            .containers
            .iter()
            .map(container)
            .collect::<Result<_, _>>()?,
        volumes: volumes::volumes(identity, references)?,
        security_context: spec.security_context.clone(),
        host_aliases: spec.host_aliases.clone().unwrap_or_default(),
        pull_secrets: identity.pull_secrets.to_vec(),
        start_timeout,
    })
}

fn render_container(
    identity: &Identity<'_>,
    references: &References,
    container: &Container,
) -> Result<ContainerSpec, StartError> {
    let env = environment(identity, references, container)?;
    let variables: BTreeMap<String, String> = env.iter().cloned().collect();
    let expanded = |words: &Option<Vec<String>>| {
        words
            .iter()
            .flatten()
            .map(|word| expand(word, &variables))
            .collect()
    };
    Ok(ContainerSpec {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        command: expanded(&container.command),
        args: expanded(&container.args),
        working_dir: container.working_dir.clone().filter(|dir| !dir.is_empty()),
        env,
        ports: ports(container),
        resources: container.resources.clone().unwrap_or_default(),
        security_context: container.security_context.clone(),
        mounts: volumes::mounts(container, &variables)?,
        pull_policy: pull_policy(container),
        termination_message: termination_message(container),
    })
}

/// As a kubelet takes it: an image without a tag or with `latest` is fetched always, unless its digest is given.
fn pull_policy(container: &Container) -> PullPolicy {
    match container.image_pull_policy.as_deref() {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        Some("IfNotPresent") => PullPolicy::IfNotPresent,
        _ => default_policy(container.image.as_deref().unwrap_or_default()),
    }
}

fn default_policy(image: &str) -> PullPolicy {
    let name = image.rsplit('/').next().unwrap_or(image);
    let moving =
        !name.contains('@') && name.rsplit_once(':').is_none_or(|(_, tag)| tag == "latest");
    if moving {
        PullPolicy::Always
    } else {
        PullPolicy::IfNotPresent
    }
}

fn termination_message(container: &Container) -> TerminationMessage {
    let path = container.termination_message_path.clone();
    TerminationMessage {
        path: path
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| TerminationMessage::default().path),
        fall_back_to_log: container.termination_message_policy.as_deref()
            == Some("FallbackToLogsOnError"),
    }
}

/// The ports that a container declares.
pub(super) fn ports(container: &Container) -> Vec<PortSpec> {
    let ports = container.ports.iter().flatten();
    ports
        .map(|port| PortSpec {
            name: port.name.clone().unwrap_or_default(),
            port: u16::try_from(port.container_port).unwrap_or_default(),
        })
        .collect()
}

/// `envFrom` first, then `env`, later ones replacing earlier ones in place.
fn environment(
    identity: &Identity<'_>,
    references: &References,
    container: &Container,
) -> Result<Vec<(String, String)>, StartError> {
    let mut env = Environment::default();
    for from in container.env_from.iter().flatten() {
        for (name, value) in from_map(references, from)? {
            env.set(name, value);
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(identity, references, variable, &env.by_name)? {
            env.set(variable.name.clone(), value);
        }
    }
    Ok(env.into_list())
}

#[derive(Debug, Default)]
struct Environment {
    order: Vec<String>,
    by_name: BTreeMap<String, String>,
}

impl Environment {
    fn set(&mut self, name: String, value: String) {
        if self.by_name.insert(name.clone(), value).is_none() {
            self.order.push(name);
        }
    }

    fn into_list(mut self) -> Vec<(String, String)> {
        let take = |name: String| self.by_name.remove(&name).map(|value| (name, value));
        self.order.into_iter().filter_map(take).collect()
    }
}

fn from_map(
    references: &References,
    from: &EnvFromSource,
) -> Result<Vec<(String, String)>, StartError> {
    let Some((source, name)) = env_from_name(from) else {
        return Ok(Vec::new());
    };
    let optional = match source {
        Source::ConfigMap => from.config_map_ref.as_ref().and_then(|map| map.optional),
        Source::Secret => from.secret_ref.as_ref().and_then(|secret| secret.optional),
    };
    let data = references.map(source, &name, optional.unwrap_or_default())?;
    let prefix = from.prefix.as_deref().unwrap_or_default();
    let variables = data.into_iter().flatten();
    Ok(variables
        .map(|(key, value)| (format!("{prefix}{key}"), text(value)))
        .collect())
}

fn value_of(
    identity: &Identity<'_>,
    references: &References,
    variable: &EnvVar,
    earlier: &BTreeMap<String, String>,
) -> Result<Option<String>, StartError> {
    match &variable.value_from {
        None => Ok(Some(expand(
            variable.value.as_deref().unwrap_or_default(),
            earlier,
        ))),
        Some(from) => value_from(identity, references, from),
    }
}

fn value_from(
    identity: &Identity<'_>,
    references: &References,
    from: &EnvVarSource,
) -> Result<Option<String>, StartError> {
    if let Some(key) = &from.config_map_key_ref {
        let value = references.value(
            Source::ConfigMap,
            &key.name,
            &key.key,
            key.optional.unwrap_or_default(),
        )?;
        return Ok(value.map(text));
    }
    if let Some(key) = &from.secret_key_ref {
        let value = references.value(
            Source::Secret,
            &key.name,
            &key.key,
            key.optional.unwrap_or_default(),
        )?;
        return Ok(value.map(text));
    }
    match &from.field_ref {
        Some(field) => field_value(identity, &field.field_path).map(Some),
        None => Err(config_error(
            "this source of a variable is not supported".to_owned(),
        )),
    }
}

/// A field of the instance's pod.
pub(super) fn field_value(identity: &Identity<'_>, path: &str) -> Result<String, StartError> {
    let metadata = identity.template.metadata.as_ref();
    let key = |prefix: &str| path.strip_prefix(prefix)?.strip_suffix("']");
    if let Some(key) = key("metadata.labels['") {
        let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
        return Ok(labels
            .and_then(|labels| labels.get(key).cloned())
            .unwrap_or_default());
    }
    if let Some(key) = key("metadata.annotations['") {
        let annotations = metadata.and_then(|metadata| metadata.annotations.as_ref());
        return Ok(annotations
            .and_then(|annotations| annotations.get(key).cloned())
            .unwrap_or_default());
    }
    match path {
        "metadata.name" => Ok(identity.id.to_string()),
        "metadata.namespace" => Ok(identity.workload.namespace.to_string()),
        "spec.serviceAccountName" => Ok(account(identity.template).to_owned()),
        "status.podIP" | "status.podIPs" => Ok(identity.place.address.to_string()),
        "status.hostIP" | "status.hostIPs" => Ok(Ipv4Addr::LOCALHOST.to_string()),
        "spec.nodeName" => Ok("localhost".to_owned()),
        other => Err(config_error(format!(
            "the field {other:?} cannot be referred to"
        ))),
    }
}

/// The service account of a pod.
pub(super) fn account(template: &PodTemplateSpec) -> &str {
    let spec = template.spec.as_ref();
    let name = spec.and_then(|spec| spec.service_account_name.as_deref());
    name.filter(|name| !name.is_empty()).unwrap_or("default")
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}
