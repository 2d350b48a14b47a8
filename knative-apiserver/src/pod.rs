//! What logs and commands ask of a pod.

use http::StatusCode;
use knative_core::runtime::RuntimeError;
use serde_json::Value;

use crate::{
    api::{Api, Call, to_value},
    query::Query,
    status::Failure,
};

/// The pod that the path names.
pub(crate) async fn read(api: &Api, call: &Call) -> Result<Value, Failure> {
    let pod = call.store.get(&call.key()?).await;
    to_value(&*pod.map_err(|error| api.refused(&error))?)
}

/// The container that is asked for, or the only one. Clients know what `kubectl.kubernetes.io/default-container` says,
/// and name it.
pub(crate) fn container(query: &Query, pod: &Value) -> Result<String, Failure> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let names = names(pod, "containers");
    if let Some(asked) = query.get("container") {
        let parts = ["initContainers", "ephemeralContainers"];
        let mut others = parts.iter().flat_map(|part| self::names(pod, part));
        return if names.contains(&asked) || others.any(|name| name == asked) {
            Ok(asked.to_owned())
        } else {
            Err(not_valid(asked, name))
        };
    }
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Failure::bad_request(format!(
            "a container name must be specified for pod {name}"
        ))),
        names => Err(Failure::bad_request(choose(
            name,
            names,
            &self::names(pod, "initContainers"),
        ))),
    }
}

fn names<'a>(pod: &'a Value, part: &str) -> Vec<&'a str> {
    let containers = pod["spec"][part].as_array().into_iter().flatten();
    containers
        .filter_map(|container| container["name"].as_str())
        .collect()
}

fn not_valid(container: &str, pod: &str) -> Failure {
    Failure::bad_request(format!("container {container} is not valid for pod {pod}"))
}

fn choose(pod: &str, names: &[&str], first: &[&str]) -> String {
    let names = names.join(" ");
    let or = if first.is_empty() {
        String::new()
    } else {
        format!(" or one of the init containers: [{}]", first.join(" "))
    };
    format!("a container name must be specified for pod {pod}, choose one of: [{names}]{or}")
}

/// What a runtime says, in the words of the API.
pub(crate) fn refused(error: &RuntimeError) -> Failure {
    let message = error.to_string();
    match error {
        RuntimeError::NotFound { .. } => Failure::new(StatusCode::NOT_FOUND, "NotFound", message),
        RuntimeError::NoContainer { .. }
        | RuntimeError::NoPrevious { .. }
        | RuntimeError::Unsupported { .. } => Failure::bad_request(message),
        _ => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message,
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(containers: &[&str], first: &[&str]) -> Value {
        let named = |names: &[&str]| -> Vec<Value> {
            names.iter().map(|name| json!({"name": name})).collect()
        };
        json!({
            "metadata": {"name": "p"},
            "spec": {"containers": named(containers), "initContainers": named(first)},
        })
    }

    #[test]
    fn containers_are_found_as_in_kubernetes() {
        /// Containers, init containers, the query, and what is said.
        type Row = (
            &'static [&'static str],
            &'static [&'static str],
            &'static str,
            Result<&'static str, &'static str>,
        );
        let rows: [Row; 7] = [
            (&["a"], &[], "", Ok("a")),
            (&["a", "b"], &[], "container=b", Ok("b")),
            (&["a"], &["i"], "container=i", Ok("i")),
            (
                &["a"],
                &[],
                "container=x",
                Err("container x is not valid for pod p"),
            ),
            (
                &[],
                &[],
                "",
                Err("a container name must be specified for pod p"),
            ),
            (
                &["a", "b"],
                &[],
                "",
                Err("a container name must be specified for pod p, choose one of: [a b]"),
            ),
            (
                &["a", "b"],
                &["i"],
                "",
                Err(
                    "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]",
                ),
            ),
        ];
        for (containers, first, query, want) in rows {
            let found = container(&Query::parse(Some(query)), &pod(containers, first));
            let found = found.map_err(|failure| failure.message().to_owned());
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, want, "{containers:?} {first:?} {query}");
        }
    }
}
