//! The schema of a Rust type as one self-contained structural document.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

type Document = Map<String, Value>;

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
/// Keywords that mean the same in a structural schema. Rust's defaults are left out: they are not the API's.
const KEPT: [&str; 15] = [
    "description",
    "type",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
];
const FORMATS: [&str; 6] = ["int32", "int64", "float", "double", "date-time", "byte"];

pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let root = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let definitions = root
        .get("$defs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut resolver = Resolver {
        definitions: &definitions,
        open: Vec::new(),
    };
    Value::Object(resolver.resolve(&root))
}

struct Resolver<'a> {
    definitions: &'a Document,
    /// Definitions that are being resolved: one that holds itself is left open there.
    open: Vec<String>,
}

impl Resolver<'_> {
    fn resolve(&mut self, schema: &Value) -> Document {
        let Some(schema) = schema.as_object() else {
            return anything();
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.follow(reference, schema.get("description"));
        }
        let mut document = keep(schema);
        self.children(schema, &mut document);
        for variant in self.variants(schema, "allOf") {
            merge(&mut document, variant);
        }
        for keyword in ["anyOf", "oneOf"] {
            let variants = self.variants(schema, keyword);
            unite(&mut document, variants);
        }
        close(&mut document);
        document
    }

    fn follow(&mut self, reference: &str, description: Option<&Value>) -> Document {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        let definition = self.definitions.get(&name);
        let mut document = match definition {
            // Written as a number, it is one of the texts that a quantity may be.
            Some(_) if name.ends_with("api.resource.Quantity") => quantity(),
            Some(definition) if !self.open.contains(&name) => {
                self.open.push(name);
                let document = self.resolve(definition);
                self.open.pop();
                document
            }
            _ => anything(),
        };
        if let Some(description) = description {
            document.insert("description".to_owned(), description.clone());
        }
        document
    }

    fn children(&mut self, schema: &Document, document: &mut Document) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let resolve =
                |(name, schema): (&String, &Value)| (name.clone(), self.resolve(schema).into());
            let properties: Document = properties.iter().map(resolve).collect();
            document.insert("properties".to_owned(), properties.into());
        }
        for keyword in ["items", "additionalProperties"] {
            match schema.get(keyword) {
                None | Some(Value::Bool(false)) => {}
                Some(child) => {
                    document.insert(keyword.to_owned(), self.resolve(child).into());
                }
            }
        }
    }

    /// The alternatives, but for null, which says no more than absence.
    fn variants(&mut self, schema: &Document, keyword: &str) -> Vec<Document> {
        let variants = schema.get(keyword).and_then(Value::as_array);
        let is_null = |variant: &Value| variant.get("type").is_some_and(|name| name == "null");
        let variants = variants
            .into_iter()
            .flatten()
            .filter(|variant| !is_null(variant));
        variants.map(|variant| self.resolve(variant)).collect()
    }
}

fn anything() -> Document {
    Document::from_iter([(PRESERVE.to_owned(), true.into())])
}

fn quantity() -> Document {
    let either = json!([{"type": "string"}, {"type": "number"}]);
    Document::from_iter([("oneOf".to_owned(), either)])
}

/// The keywords that carry over, `const` as a choice of one, and of several types the one beside null.
fn keep(schema: &Document) -> Document {
    let kept = |(name, _): &(&String, &Value)| {
        name.starts_with("x-kubernetes-") || KEPT.contains(&name.as_str())
    };
    let copy = |(name, value): (&String, &Value)| (name.clone(), value.clone());
    let mut document: Document = schema.iter().filter(kept).map(copy).collect();
    if let Some(Value::Array(types)) = document.remove("type") {
        named_type(&types, &mut document);
    } else if let Some(name) = schema.get("type") {
        document.insert("type".to_owned(), name.clone());
    }
    let format = schema
        .get("format")
        .filter(|format| FORMATS.iter().any(|known| *format == known));
    if let Some(format) = format {
        document.insert("format".to_owned(), format.clone());
    }
    let choices = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(choices)), _) => choices.clone(),
        (_, Some(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    let choices: Vec<_> = choices
        .into_iter()
        .filter(|choice| !choice.is_null())
        .collect();
    if !choices.is_empty() {
        document.insert("enum".to_owned(), choices.into());
    }
    document
}

fn named_type(types: &[Value], document: &mut Document) {
    let types: Vec<_> = types
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| *name != "null")
        .collect();
    match types.as_slice() {
        [one] => {
            document.insert("type".to_owned(), (*one).into());
        }
        ["integer", "string"] | ["string", "integer"] => {
            document.insert(INT_OR_STRING.to_owned(), true.into());
        }
        several => {
            let variants: Vec<Value> = several.iter().map(|name| json!({"type": name})).collect();
            document.insert("oneOf".to_owned(), variants.into());
        }
    }
}

/// Alternatives have no place in a structural schema: what any of them may hold is what the value may hold.
fn unite(document: &mut Document, variants: Vec<Document>) {
    if variants.is_empty() {
        return;
    }
    let name_of = |variant: &Document| variant.get("type").cloned();
    let first = variants.first().and_then(name_of);
    let same = variants.iter().all(|variant| name_of(variant) == first);
    let single = variants.len() == 1;
    let choices = choices_of(&variants).filter(|_| same);
    if !same {
        let types: Vec<_> = variants.iter().filter_map(name_of).collect();
        if types.len() == variants.len() {
            named_type(&types, document);
        } else {
            document.insert(PRESERVE.to_owned(), true.into());
        }
    }
    for mut variant in variants {
        if !single {
            let shape = [
                "type",
                "properties",
                "items",
                "additionalProperties",
                PRESERVE,
            ];
            variant.retain(|name, _| shape.contains(&name.as_str()) && (same || name != "type"));
        }
        merge(document, variant);
    }
    if let Some(choices) = choices {
        document.insert("enum".to_owned(), choices);
    }
}

/// All choices, if every alternative is a choice.
fn choices_of(variants: &[Document]) -> Option<Value> {
    let mut choices = Vec::new();
    for variant in variants {
        choices.extend(variant.get("enum")?.as_array()?.iter().cloned());
    }
    Some(choices.into())
}

/// What the document lacks comes from the other; properties and required names are joined.
fn merge(document: &mut Document, other: Document) {
    for (name, value) in other {
        match (document.get_mut(&name), value) {
            (Some(Value::Object(mine)), Value::Object(theirs)) if name == "properties" => {
                for (name, schema) in theirs {
                    mine.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(mine)), Value::Array(theirs)) if name == "required" => {
                mine.extend(theirs);
            }
            (Some(_), _) => {}
            (None, value) => {
                document.insert(name, value);
            }
        }
    }
}

/// An object of which nothing is said, and a value of which nothing is said, may hold anything.
fn close(document: &mut Document) {
    let says = |name: &str| document.contains_key(name);
    let object = document.get("type").is_none_or(|name| name == "object");
    let shaped = [
        "properties",
        "additionalProperties",
        "enum",
        "oneOf",
        INT_OR_STRING,
    ];
    if object && !shaped.iter().any(|name| says(name)) {
        document.insert(PRESERVE.to_owned(), true.into());
    }
}
