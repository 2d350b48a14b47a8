//! The difference between two objects, one entry per part that differs, as `kmp.ShortDiff` prints it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::edits::{Edit, Likeness, edits};
use super::path::{self, Step};
use super::print::plus_v;
use super::{Shape, fields};

/// What differs between two canonical values of the struct `name`; `root` is how its type is printed.
/// Empty where nothing does.
pub(crate) fn short_diff(
    root: &'static str,
    name: &'static str,
    old: &Value,
    new: &Value,
) -> String {
    let mut walk = Walk::default();
    walk.path.push(Step::Root(root));
    if root.starts_with('*') {
        walk.path.push(Step::Indirect);
    }
    walk.both(&Shape::Struct(name), Some(old), Some(new));
    walk.text
}

/// Whether two canonical values of the struct `name` are the same; quantities are compared by size.
pub(crate) fn equal(name: &'static str, old: &Value, new: &Value) -> bool {
    likeness(&Shape::Struct(name), old, new).is_equal()
}

fn likeness(shape: &Shape, old: &Value, new: &Value) -> Likeness {
    let mut walk = Walk {
        silent: true,
        ..Walk::default()
    };
    walk.both(shape, Some(old), Some(new));
    walk.likeness
}

/// A side of a comparison: not there at all, or there with a value that may be nil.
#[derive(Clone, Copy)]
enum Side<'a> {
    Missing,
    There(Option<&'a Value>),
}

#[derive(Default)]
struct Walk {
    path: Vec<Step>,
    text: String,
    likeness: Likeness,
    silent: bool,
}

impl Walk {
    fn both(&mut self, shape: &Shape, old: Option<&Value>, new: Option<&Value>) {
        match shape {
            Shape::Struct(name) => self.members(name, old, new),
            Shape::IntOrString => self.int_or_string(old, new),
            Shape::Ptr(_) | Shape::List(_) | Shape::Map(..) if old.is_none() || new.is_none() => {
                self.leaf(shape, old, new, old.is_none() && new.is_none());
            }
            Shape::Ptr(inner) => self.step(Step::Indirect, |walk| walk.both(inner, old, new)),
            Shape::List(item) => self.list(item, array(old), array(new)),
            Shape::Map(_, item) => self.map(item, old, new),
            Shape::Quantity => self.leaf(shape, old, new, same_quantity(old, new)),
            Shape::Time => {
                self.step(Step::Field("Time"), |walk| {
                    walk.leaf(shape, old, new, old == new);
                });
            }
            Shape::Str | Shape::Bool | Shape::Int | Shape::Bytes => {
                let same = plus_v(shape, old) == plus_v(shape, new);
                self.leaf(shape, old, new, same);
            }
        }
    }

    fn members(&mut self, name: &str, old: Option<&Value>, new: Option<&Value>) {
        for field in fields(name) {
            self.step(Step::Field(field.name), |walk| {
                walk.both(&field.shape, field.of(old), field.of(new));
            });
        }
    }

    /// A struct of three parts in Go.
    fn int_or_string(&mut self, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (parts(old), parts(new));
        for (index, (name, shape)) in INT_OR_STRING.iter().enumerate() {
            self.step(Step::Field(name), |walk| {
                let (old, new) = (&old[index], &new[index]);
                walk.leaf(shape, Some(old), Some(new), old == new);
            });
        }
    }

    fn list(&mut self, item: &Shape, old: &[Value], new: &[Value]) {
        let script = edits(old.len(), new.len(), &|x, y| {
            likeness(item, &old[x], &new[y])
        });
        let (mut x, mut y) = (0, 0);
        for edit in script {
            match edit {
                Edit::Both => {
                    self.step(Step::Item(Some(x), Some(y)), |walk| {
                        walk.both(item, Some(&old[x]), Some(&new[y]));
                    });
                    x += 1;
                    y += 1;
                }
                Edit::Old => {
                    let gone = Side::There(Some(&old[x]));
                    self.one(Step::Item(Some(x), None), item, gone, Side::Missing);
                    x += 1;
                }
                Edit::New => {
                    let added = Side::There(Some(&new[y]));
                    self.one(Step::Item(None, Some(y)), item, Side::Missing, added);
                    y += 1;
                }
            }
        }
    }

    fn map(&mut self, item: &Shape, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (
            old.and_then(Value::as_object),
            new.and_then(Value::as_object),
        );
        let keys: BTreeSet<&String> = old
            .into_iter()
            .chain(new)
            .flat_map(|map| map.keys())
            .collect();
        for key in keys {
            let step = Step::Key(key.clone());
            let old = old.and_then(|map| map.get(key));
            let new = new.and_then(|map| map.get(key));
            match (old, new) {
                (Some(_), Some(_)) => self.step(step, |walk| walk.both(item, old, new)),
                (Some(_), None) => self.one(step, item, Side::There(old), Side::Missing),
                _ => self.one(step, item, Side::Missing, Side::There(new)),
            }
        }
    }

    fn step(&mut self, step: Step, visit: impl FnOnce(&mut Self)) {
        self.path.push(step);
        visit(self);
        self.path.pop();
    }

    fn one(&mut self, step: Step, shape: &Shape, old: Side<'_>, new: Side<'_>) {
        self.step(step, |walk| walk.report(shape, old, new, false));
    }

    fn leaf(&mut self, shape: &Shape, old: Option<&Value>, new: Option<&Value>, same: bool) {
        self.report(shape, Side::There(old), Side::There(new), same);
    }

    fn report(&mut self, shape: &Shape, old: Side<'_>, new: Side<'_>, same: bool) {
        if same {
            self.likeness.same += 1;
            return;
        }
        self.likeness.different += 1;
        if !self.silent {
            let _ = writeln!(self.text, "{}:", path::print(&self.path));
            self.side('-', shape, old);
            self.side('+', shape, new);
        }
    }

    /// Structs are printed with their type.
    fn side(&mut self, sign: char, shape: &Shape, side: Side<'_>) {
        let Side::There(value) = side else {
            return;
        };
        let value = plus_v(shape, value);
        let _ = match shape {
            Shape::Struct(name) => writeln!(self.text, "\t{sign}: v1.{name}: \"{value}\""),
            Shape::Quantity => writeln!(self.text, "\t{sign}: resource.Quantity: \"{value}\""),
            _ => writeln!(self.text, "\t{sign}: \"{value}\""),
        };
    }
}

/// The parts of a port or other number that may be a text.
pub(super) const INT_OR_STRING: [(&str, Shape); 3] = [
    ("Type", Shape::Int),
    ("IntVal", Shape::Int),
    ("StrVal", Shape::Str),
];

/// Values of [`INT_OR_STRING`].
pub(super) fn parts(value: Option<&Value>) -> [Value; 3] {
    match value {
        Some(Value::String(text)) => [1.into(), 0.into(), text.as_str().into()],
        Some(Value::Number(number)) => [0.into(), Value::Number(number.clone()), "".into()],
        _ => [0.into(), 0.into(), "".into()],
    }
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn same_quantity(old: Option<&Value>, new: Option<&Value>) -> bool {
    let parse =
        |value: Option<&Value>| knative_core::object::Quantity::from_json(value?.as_str()?).ok();
    match (parse(old), parse(new)) {
        (Some(old), Some(new)) => old == new,
        _ => old == new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::short_diff;

    fn diff(old: &serde_json::Value, new: &serde_json::Value) -> String {
        short_diff("v1.RevisionSpec", "RevisionSpec", old, new)
    }

    #[test]
    fn equal_objects_have_no_difference() {
        let spec = json!({"containers": [{"name": "a", "ports": [{"containerPort": 1}]}]});
        assert_eq!(diff(&spec, &spec), "");
    }

    #[test]
    fn a_port_is_compared_by_its_parts() {
        let spec = |port: serde_json::Value| json!({"containers": [{"livenessProbe": {"tcpSocket": {"port": port}}}]});
        let path =
            "{v1.RevisionSpec}.PodSpec.Containers[0].LivenessProbe.ProbeHandler.TCPSocket.Port";
        let want = format!(
            "{path}.Type:\n\t-: \"0\"\n\t+: \"1\"\n{path}.IntVal:\n\t-: \"1\"\n\t+: \"0\"\n{path}.StrVal:\n\t-: \"\"\n\t+: \"h2c\"\n"
        );
        assert_eq!(diff(&spec(json!(1)), &spec(json!("h2c"))), want);
    }

    #[test]
    fn what_was_nil_is_printed_whole() {
        let old = json!({});
        let new = json!({"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]});
        let text = diff(&old, &new);
        let begin = "{v1.RevisionSpec}.PodSpec.Volumes:\n\t-: \"[]\"\n\t+: \"[{Name:v VolumeSource:{HostPath:nil ";
        assert!(text.starts_with(begin), "{text}");
        let dir = "EmptyDir:&EmptyDirVolumeSource{Medium:Memory,SizeLimit:<nil>,} ";
        assert!(text.contains(dir), "{text}");
    }
}
