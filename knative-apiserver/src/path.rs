//! What a path of the Kubernetes API names.

use percent_encoding::percent_decode_str;

/// A group and version, as paths spell them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupVersion {
    /// The group; empty for the core group.
    pub(crate) group: String,
    /// The version.
    pub(crate) version: String,
}

impl GroupVersion {
    /// A group's version.
    pub(crate) fn new(group: &str, version: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
        }
    }

    /// `api/v1` or `apis/group/version`.
    pub(crate) fn path(&self) -> String {
        if self.group.is_empty() {
            format!("api/{}", self.version)
        } else {
            format!("apis/{}/{}", self.group, self.version)
        }
    }

    /// `v1` or `group/version`, as `apiVersion` spells it.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// The objects or the object that a path names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// Where the resource is served.
    pub(crate) group_version: GroupVersion,
    /// The namespace; `None` for cluster-scoped objects and for all namespaces.
    pub(crate) namespace: Option<String>,
    /// The resource.
    pub(crate) plural: String,
    /// The object's name.
    pub(crate) name: Option<String>,
    /// The part of the object, as `status`.
    pub(crate) subresource: Option<String>,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz` and what is below them.
    Health,
    /// `/metrics`.
    Metrics,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/<group>`.
    Group(String),
    /// `/api/v1`, `/apis/<group>/<version>`.
    Resources(GroupVersion),
    /// `/openapi/v2`.
    OpenApiOld,
    /// `/openapi/v3`.
    OpenApiRoot,
    /// `/openapi/v3/<group version>`.
    OpenApi(GroupVersion),
    /// Objects.
    Resource(ResourcePath),
    /// Nothing.
    Unknown,
}

/// Reads a path. Segments are percent-decoded; one trailing slash is ignored.
pub(crate) fn parse(path: &str) -> Target {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(segments) = path.split('/').map(decode).collect::<Option<Vec<_>>>() else {
        return Target::Unknown;
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["version"] => Target::Version,
        ["healthz" | "livez" | "readyz", ..] => Target::Health,
        ["metrics"] => Target::Metrics,
        ["api"] => Target::CoreVersions,
        ["apis"] => Target::Groups,
        ["api", version, rest @ ..] => in_version(GroupVersion::new("", version), rest),
        ["apis", group] => Target::Group((*group).to_owned()),
        ["apis", group, version, rest @ ..] => in_version(GroupVersion::new(group, version), rest),
        ["openapi", "v2"] => Target::OpenApiOld,
        ["openapi", "v3"] => Target::OpenApiRoot,
        ["openapi", "v3", "api", version] => Target::OpenApi(GroupVersion::new("", version)),
        ["openapi", "v3", "apis", group, version] => {
            Target::OpenApi(GroupVersion::new(group, version))
        }
        _ => Target::Unknown,
    }
}

fn decode(segment: &str) -> Option<String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    (!decoded.is_empty()).then(|| decoded.into_owned())
}

fn in_version(group_version: GroupVersion, rest: &[&str]) -> Target {
    if rest.is_empty() {
        return Target::Resources(group_version);
    }
    // A namespace is an object and a place: only these two names behind it are parts of the object.
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !matches!(rest, [] | ["status" | "finalize"]) => {
            (Some((*namespace).to_owned()), rest)
        }
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name), None),
        [plural, name, part] => (plural, Some(name), Some(part)),
        _ => return Target::Unknown,
    };
    Target::Resource(ResourcePath {
        group_version,
        namespace,
        plural: (*plural).to_owned(),
        name: name.map(|name| (*name).to_owned()),
        subresource: subresource.map(|part| (*part).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(
        group: &str,
        namespace: Option<&str>,
        plural: &str,
        name: Option<&str>,
        part: Option<&str>,
    ) -> Target {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Target::Resource(ResourcePath {
            group_version: GroupVersion::new(group, "v1"),
            namespace: text(namespace),
            plural: plural.to_owned(),
            name: text(name),
            subresource: text(part),
        })
    }

    #[test]
    fn paths() {
        let rows = [
            ("/version", Target::Version),
            ("/livez/ping", Target::Health),
            ("/metrics", Target::Metrics),
            ("/api", Target::CoreVersions),
            ("/apis/", Target::Groups),
            ("/apis/a.b", Target::Group("a.b".to_owned())),
            ("/api/v1", Target::Resources(GroupVersion::new("", "v1"))),
            (
                "/openapi/v3/apis/a.b/v1",
                Target::OpenApi(GroupVersion::new("a.b", "v1")),
            ),
            (
                "/api/v1/namespaces",
                resource("", None, "namespaces", None, None),
            ),
            (
                "/api/v1/namespaces/x",
                resource("", None, "namespaces", Some("x"), None),
            ),
            (
                "/api/v1/namespaces/x/status",
                resource("", None, "namespaces", Some("x"), Some("status")),
            ),
            (
                "/api/v1/namespaces/x/pods/p/log",
                resource("", Some("x"), "pods", Some("p"), Some("log")),
            ),
            (
                "/apis/a.b/v1/namespaces/x/services",
                resource("a.b", Some("x"), "services", None, None),
            ),
            (
                "/apis/a.b/v1/services/P%5F1",
                resource("a.b", None, "services", Some("P_1"), None),
            ),
            ("/apis/a.b/v1/namespaces/x/services/y/z/w", Target::Unknown),
            ("/api/v1//pods", Target::Unknown),
            ("/", Target::Unknown),
            ("/openapi/v2", Target::OpenApiOld),
        ];
        for (path, want) in rows {
            assert_eq!(parse(path), want, "{path}");
        }
    }
}
