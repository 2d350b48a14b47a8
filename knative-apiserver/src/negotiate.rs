//! Which representation a client takes, and which one it sends.

use crate::status::Failure;

/// The media types of answers.
const ANSWERS: [&str; 2] = ["application/json", "application/yaml"];

/// How an answer is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON.
    #[default]
    Json,
    /// YAML.
    Yaml,
}

/// What an answer shows of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of them.
    #[default]
    Whole,
    /// The cells that `kubectl get` prints, in a version of `meta.k8s.io`.
    Table(&'static str),
    /// Their metadata, in a version of `meta.k8s.io`.
    Metadata(&'static str),
}

/// The representation of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// How it is written down.
    pub(crate) format: Format,
    /// What it shows.
    pub(crate) shape: Shape,
}

/// How a discovery document is shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiscoveryShape {
    /// All groups in one document, in a version of `apidiscovery.k8s.io`.
    Aggregated(&'static str),
    /// Names of groups only.
    Legacy,
}

/// The media type of a body that holds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Kubernetes' protobuf envelope.
    Protobuf,
}

/// One acceptable media type.
#[derive(Clone, Debug, PartialEq)]
struct Clause<'a> {
    essence: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let quality = parameters
            .iter()
            .find(|(key, _)| *key == "q")
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(1.0);
        Self {
            essence,
            parameters,
            quality,
        }
    }

    fn parameter(&self, key: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value)
    }

    fn format(&self) -> Option<Format> {
        match self.essence {
            "application/json" | "application/*" | "*/*" => Some(Format::Json),
            "application/yaml" => Some(Format::Yaml),
            _ => None,
        }
    }

    fn shape(&self) -> Option<Shape> {
        let Some(kind) = self.parameter("as") else {
            return Some(Shape::Whole);
        };
        if self.parameter("g") != Some("meta.k8s.io") {
            return None;
        }
        let version = match self.parameter("v") {
            Some("v1") => "v1",
            Some("v1beta1") => "v1beta1",
            _ => return None,
        };
        match kind {
            "Table" => Some(Shape::Table(version)),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Metadata(version)),
            _ => None,
        }
    }
}

fn output_of(clause: &Clause<'_>) -> Option<Output> {
    Some(Output {
        format: clause.format()?,
        shape: clause.shape()?,
    })
}

fn discovery_of(clause: &Clause<'_>) -> Option<DiscoveryShape> {
    clause.format()?;
    let Some(kind) = clause.parameter("as") else {
        return Some(DiscoveryShape::Legacy);
    };
    let known =
        kind == "APIGroupDiscoveryList" && clause.parameter("g") == Some("apidiscovery.k8s.io");
    match clause.parameter("v") {
        Some("v2") if known => Some(DiscoveryShape::Aggregated("v2")),
        Some("v2beta1") if known => Some(DiscoveryShape::Aggregated("v2beta1")),
        _ => None,
    }
}

/// The clauses of an `Accept` header, the preferred one first.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<_> = accept
        .split(',')
        .map(str::trim)
        .map(Clause::parse)
        .collect();
    clauses.retain(|clause| clause.quality > 0.0);
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
}

fn choose<T>(
    accept: Option<&str>,
    default: T,
    of: impl Fn(&Clause<'_>) -> Option<T>,
) -> Result<T, Failure> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return Ok(default);
    };
    clauses(accept)
        .iter()
        .find_map(of)
        .ok_or_else(|| Failure::not_acceptable(&ANSWERS))
}

/// The representation of an answer with objects.
pub(crate) fn output(accept: Option<&str>) -> Result<Output, Failure> {
    choose(accept, Output::default(), output_of)
}

/// The shape of a discovery document.
pub(crate) fn discovery(accept: Option<&str>) -> Result<DiscoveryShape, Failure> {
    choose(accept, DiscoveryShape::Legacy, discovery_of)
}

/// A media type without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// What a body with an object is written in. Protobuf is for the kinds that Kubernetes itself has.
pub(crate) fn input(content_type: Option<&str>, protobuf: bool) -> Result<Input, Failure> {
    match essence(content_type.unwrap_or_default()).as_str() {
        "" | "application/json" => Ok(Input::Json),
        "application/yaml" => Ok(Input::Yaml),
        "application/vnd.kubernetes.protobuf" if protobuf => Ok(Input::Protobuf),
        _ if protobuf => Err(Failure::unsupported_media_type(&[
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
        ])),
        _ => Err(Failure::unsupported_media_type(&ANSWERS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let json = Output::default();
        let rows = [
            (None, Some(json)),
            (Some("*/*"), Some(json)),
            (Some("application/json, */*"), Some(json)),
            (
                Some(table),
                Some(Output {
                    shape: Shape::Table("v1"),
                    ..json
                }),
            ),
            (
                Some("application/vnd.kubernetes.protobuf,application/json"),
                Some(json),
            ),
            (
                Some("application/json;q=0.1, application/yaml"),
                Some(Output {
                    format: Format::Yaml,
                    ..json
                }),
            ),
            (
                Some("application/json;as=Frame;v=v1;g=meta.k8s.io,application/json"),
                Some(json),
            ),
            (Some("application/vnd.kubernetes.protobuf"), None),
            (Some("text/html"), None),
        ];
        for (accept, want) in rows {
            assert_eq!(output(accept).ok(), want, "{accept:?}");
        }
    }

    #[test]
    fn discovery_documents() {
        let kubectl = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        let rows = [
            (Some(kubectl), DiscoveryShape::Aggregated("v2")),
            (Some("application/json"), DiscoveryShape::Legacy),
            (None, DiscoveryShape::Legacy),
        ];
        for (accept, want) in rows {
            assert_eq!(discovery(accept), Ok(want), "{accept:?}");
        }
    }

    #[test]
    fn bodies() {
        assert_eq!(
            input(Some("application/json; charset=utf-8"), false),
            Ok(Input::Json)
        );
        assert_eq!(input(None, false), Ok(Input::Json));
        let protobuf = Some("application/vnd.kubernetes.protobuf");
        assert_eq!(input(protobuf, true), Ok(Input::Protobuf));
        assert_eq!(
            input(protobuf, false).map_err(|failure| failure.message().to_owned()),
            Err("the body of the request was in an unknown format - accepted media types include: application/json, application/yaml".to_owned())
        );
    }
}
