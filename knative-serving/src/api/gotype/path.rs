//! Where in an object a difference is, printed as go-cmp prints a path.

use std::fmt;

use knative_core::object::quote;

/// One step into an object.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The type compared.
    Root(&'static str),
    Field(&'static str),
    /// Through a pointer.
    Indirect,
    /// An item of a list, by its place in the old and in the new one.
    Item(Option<usize>, Option<usize>),
    Key(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => write!(f, "{{{name}}}"),
            Self::Field(name) => write!(f, ".{name}"),
            Self::Indirect => Ok(()),
            Self::Item(old, new) => item(f, *old, *new),
            Self::Key(key) => write!(f, "[{}]", quote(key)),
        }
    }
}

fn item(f: &mut fmt::Formatter<'_>, old: Option<usize>, new: Option<usize>) -> fmt::Result {
    match (old, new) {
        (Some(old), Some(new)) if old == new => write!(f, "[{old}]"),
        (Some(old), Some(new)) => write!(f, "[{old}->{new}]"),
        (Some(old), None) => write!(f, "[{old}->?]"),
        (None, Some(new)) => write!(f, "[?->{new}]"),
        (None, None) => Ok(()),
    }
}

/// The path: a pointer is dereferenced with `*` in front, except where a field follows, which needs none.
pub(super) fn print(steps: &[Step]) -> String {
    let mut front = String::new();
    let mut back = String::new();
    for (index, step) in steps.iter().enumerate() {
        match (step, steps.get(index + 1)) {
            (Step::Indirect, Some(Step::Field(_))) => {}
            (Step::Indirect, None) => front.insert(0, '*'),
            (Step::Indirect, Some(_)) => {
                front.insert_str(0, "(*");
                back.push(')');
            }
            (step, _) => back.push_str(&step.to_string()),
        }
    }
    front + &back
}

#[cfg(test)]
mod tests {
    use super::{Step, print};

    #[test]
    fn pointers_are_dereferenced_where_no_field_follows() {
        let root = Step::Root("v1.RevisionSpec");
        let leaf = [root.clone(), Step::Field("TimeoutSeconds"), Step::Indirect];
        assert_eq!(print(&leaf), "*{v1.RevisionSpec}.TimeoutSeconds");
        let through = [
            root,
            Step::Indirect,
            Step::Field("A"),
            Step::Item(Some(0), None),
        ];
        assert_eq!(print(&through), "{v1.RevisionSpec}.A[0->?]");
    }
}
