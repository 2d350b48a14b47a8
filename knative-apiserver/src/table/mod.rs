//! Objects as the rows that `kubectl get` prints.

mod age;
mod builtin;
mod jsonpath;

use std::borrow::Cow;

use jiff::Timestamp;
use knative_core::{Column, Kind};
use serde_json::{Value, json};

use self::{builtin::Computed, jsonpath::JsonPath};

/// What a row carries of its object beside the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl Include {
    /// What the query's `includeObject` asks for.
    pub(crate) fn parse(word: Option<&str>) -> Self {
        match word {
            Some("Object") => Self::Object,
            Some("None") => Self::None,
            _ => Self::Metadata,
        }
    }
}

#[derive(Clone, Debug)]
enum Source {
    Path(&'static str, Option<JsonPath>),
    Computed(Computed),
}

#[derive(Clone, Debug)]
struct Printer {
    name: Cow<'static, str>,
    r#type: &'static str,
    priority: i32,
    description: String,
    source: Source,
}

impl Printer {
    fn of_column(column: &Column) -> Self {
        Self {
            name: Cow::Owned(column.name.clone()),
            r#type: column.r#type,
            priority: column.priority,
            description: format!(
                "Custom resource definition column (in JSONPath format): {}",
                column.json_path
            ),
            source: Source::Path(column.r#type, JsonPath::parse(&column.json_path)),
        }
    }

    fn computed(computed: &Computed) -> Self {
        Self {
            name: Cow::Borrowed(computed.name),
            r#type: computed.r#type,
            priority: computed.priority,
            description: String::new(),
            source: Source::Computed(*computed),
        }
    }

    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match &self.source {
            Source::Computed(computed) => (computed.cell)(object, now),
            Source::Path(r#type, path) => path
                .as_ref()
                .and_then(|path| path.find(object))
                .map_or(Value::Null, |value| cell(r#type, value, now)),
        }
    }
}

/// Prints the objects of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Printers {
    version: &'static str,
    include: Include,
    /// Whether the name comes first; Events begin with their age.
    named: bool,
    columns: Vec<Printer>,
}

impl Printers {
    /// The kind's columns, in a version of `meta.k8s.io`.
    pub(crate) fn new(kind: &Kind, version: &'static str, include: Include) -> Self {
        let columns = match builtin::columns(&kind.group, &kind.kind) {
            Some(columns) => columns.iter().map(Printer::computed).collect(),
            None if kind.columns.is_empty() => {
                let age = Column::new("Age", "date", ".metadata.creationTimestamp");
                vec![Printer::of_column(&age)]
            }
            None => kind.columns.iter().map(Printer::of_column).collect(),
        };
        Self {
            version,
            include,
            named: !builtin::is_event(kind),
            columns,
        }
    }

    /// A table of `objects`; without its columns where the client has them already.
    pub(crate) fn table(
        &self,
        objects: &[Value],
        metadata: &Value,
        columns: bool,
        now: Timestamp,
    ) -> Value {
        let rows: Vec<Value> = objects.iter().map(|object| self.row(object, now)).collect();
        let columns = if columns {
            self.definitions()
        } else {
            Value::Null
        };
        json!({
            "kind": "Table",
            "apiVersion": format!("meta.k8s.io/{}", self.version),
            "metadata": metadata,
            "columnDefinitions": columns,
            "rows": rows,
        })
    }

    fn definitions(&self) -> Value {
        let name = json!({
            "name": "Name", "type": "string", "format": "name", "priority": 0,
            "description": "Name must be unique within a namespace.",
        });
        let mut columns = if self.named { vec![name] } else { Vec::new() };
        columns.extend(self.columns.iter().map(|printer| {
            json!({
                "name": printer.name, "type": printer.r#type, "format": "",
                "priority": printer.priority, "description": printer.description,
            })
        }));
        Value::Array(columns)
    }

    fn row(&self, object: &Value, now: Timestamp) -> Value {
        let name = self.named.then(|| object["metadata"]["name"].clone());
        let mut cells: Vec<Value> = name.into_iter().collect();
        cells.extend(self.columns.iter().map(|printer| printer.cell(object, now)));
        match self.include {
            Include::None => json!({"cells": cells}),
            Include::Metadata => {
                json!({"cells": cells, "object": metadata_only(object, self.version)})
            }
            Include::Object => json!({"cells": cells, "object": object}),
        }
    }
}

/// An object's metadata alone, in a version of `meta.k8s.io`.
pub(crate) fn metadata_only(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object["metadata"],
    })
}

fn cell(r#type: &str, value: &Value, now: Timestamp) -> Value {
    match (r#type, value) {
        (_, Value::Null) => Value::Null,
        ("date", Value::String(time)) => json!(age::age(time, now)),
        ("date", _) => json!("<invalid>"),
        ("integer", Value::Number(number)) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a column of whole numbers shows whole numbers"
            )]
            let whole = number
                .as_i64()
                .or_else(|| number.as_f64().map(|number| number as i64));
            json!(whole)
        }
        ("string", Value::String(_))
        | ("number", Value::Number(_))
        | ("boolean", Value::Bool(_)) => value.clone(),
        ("string", other) => json!(other.to_string()),
        _ => Value::Null,
    }
}
