//! The tree that a template is parsed into.

use super::Value;

/// One step of a template.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Written as it is.
    Text(String),
    /// `{{pipeline}}`: written unless it declares or assigns.
    Action(Pipe),
    /// `{{if}}`.
    If(Branch),
    /// `{{with}}`.
    With(Branch),
    /// `{{range}}`.
    Range(Branch),
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
}

/// A block with its alternative.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) then: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// What a pipeline does with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// `{{x}}`.
    None,
    /// `{{$v := x}}`.
    Declare,
    /// `{{$v = x}}`.
    Assign,
}

/// Commands, each handing its value to the next as last argument.
#[derive(Debug, Clone)]
pub(crate) struct Pipe {
    pub(crate) position: usize,
    pub(crate) binding: Binding,
    pub(crate) variables: Vec<String>,
    pub(crate) commands: Vec<Vec<Operand>>,
}

/// A word of a command.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub(crate) position: usize,
    pub(crate) text: String,
    pub(crate) term: Term,
    pub(crate) fields: Vec<String>,
}

/// What a word stands for, before its fields.
#[derive(Debug, Clone)]
pub(crate) enum Term {
    /// `.`, which fields may follow.
    Dot,
    /// `nil`.
    Nil,
    /// `$name`.
    Variable(String),
    /// A built-in function.
    Function(String),
    /// A text, number or boolean.
    Literal(Value),
    /// `( … )`.
    Group(Pipe),
}
