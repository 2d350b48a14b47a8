//! The Go types behind the wire format, as far as their traits show on the wire: which zero values are left out,
//! and how the differences between two objects are printed.

mod canonical;
mod diff;
mod edits;
mod path;
mod print;
mod quantity;
mod stringer;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use self::canonical::{canonical, canonicalize};
pub(crate) use self::diff::{equal, short_diff};

/// A type as far as printing and comparing it goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Str,
    Bool,
    Int,
    Quantity,
    IntOrString,
    Time,
    Bytes,
    Ptr(Box<Self>),
    List(Box<Self>),
    Map(&'static str, Box<Self>),
    Struct(&'static str),
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Name in Go.
    pub(crate) name: &'static str,
    /// Name in JSON; `None` where the members are inlined.
    pub(crate) json: Option<&'static str>,
    /// Whether a zero value is left out.
    pub(crate) omit: bool,
    pub(crate) shape: Shape,
    /// Position among the fields when the whole struct is printed as one text.
    pub(crate) number: u32,
}

impl Field {
    /// The value of the field in an object of its struct.
    fn of<'a>(&self, object: Option<&'a Value>) -> Option<&'a Value> {
        match self.json {
            Some(name) => object?.get(name).filter(|value| !value.is_null()),
            None => object,
        }
    }
}

static STRUCTS: LazyLock<BTreeMap<&'static str, Vec<Field>>> =
    LazyLock::new(|| parse(include_str!("types.txt")));

/// The fields of a struct, in order.
pub(crate) fn fields(name: &str) -> &'static [Field] {
    STRUCTS.get(name).map_or(&[], Vec::as_slice)
}

fn parse(text: &'static str) -> BTreeMap<&'static str, Vec<Field>> {
    let mut structs = BTreeMap::new();
    let mut current = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(' ') {
            let fields: &mut Vec<Field> = structs.entry(current).or_default();
            fields.extend(field(line));
        } else {
            current = line;
        }
    }
    structs
}

fn field(line: &'static str) -> Option<Field> {
    let mut words = line.split_ascii_whitespace();
    let (name, json, shape, number) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let bare = json.trim_end_matches('?');
    Some(Field {
        name,
        json: (bare != "-").then_some(bare),
        omit: json.ends_with('?'),
        shape: shape_of(shape),
        number: number.parse().ok()?,
    })
}

fn shape_of(text: &'static str) -> Shape {
    if let Some(inner) = text.strip_prefix('*') {
        return Shape::Ptr(Box::new(shape_of(inner)));
    }
    if let Some(item) = text.strip_prefix("[]") {
        return Shape::List(Box::new(shape_of(item)));
    }
    if let Some(item) = text.strip_prefix("map/") {
        return Shape::Map("map[string]string", Box::new(shape_of(item)));
    }
    match text {
        "string" => Shape::Str,
        "bool" => Shape::Bool,
        "int32" | "int64" => Shape::Int,
        "bytes" => Shape::Bytes,
        "Quantity" => Shape::Quantity,
        "IntOrString" => Shape::IntOrString,
        "Time" => Shape::Time,
        "ResourceList" => Shape::Map("ResourceList", Box::new(Shape::Quantity)),
        name => Shape::Struct(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_struct_that_is_named_is_known() {
        fn check(shape: &Shape) {
            match shape {
                Shape::Ptr(inner) | Shape::List(inner) | Shape::Map(_, inner) => check(inner),
                Shape::Struct(name) => assert!(!fields(name).is_empty(), "{name}"),
                _ => {}
            }
        }
        for field in STRUCTS.values().flatten() {
            check(&field.shape);
        }
    }
}
