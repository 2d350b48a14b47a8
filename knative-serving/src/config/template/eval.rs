//! Applies a tree to a value.

use std::ops::ControlFlow;

use super::{
    Fault, Value,
    format::print,
    function,
    node::{Binding, Branch, Node, Operand, Pipe, Term},
};

/// Turns that a `range` over a number may take; no name needs more.
const MAX_TURNS: i64 = 1000;

/// The text that `nodes` make of `data`.
pub(crate) fn render(nodes: &[Node], data: &Value) -> Result<String, Fault> {
    let mut state = State {
        out: String::new(),
        variables: vec![(String::new(), data.clone())],
    };
    match state.walk(nodes, data) {
        ControlFlow::Break(Stop::Fault(fault)) => Err(fault),
        _ => Ok(state.out),
    }
}

/// Why the walk over a list ends early.
enum Stop {
    Break,
    Continue,
    Fault(Fault),
}

type Flow = ControlFlow<Stop>;

struct State {
    out: String,
    variables: Vec<(String, Value)>,
}

fn flow<T>(result: Result<T, Fault>) -> ControlFlow<Stop, T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(fault) => ControlFlow::Break(Stop::Fault(fault)),
    }
}

impl State {
    fn walk(&mut self, nodes: &[Node], dot: &Value) -> Flow {
        nodes.iter().try_for_each(|node| self.step(node, dot))
    }

    fn step(&mut self, node: &Node, dot: &Value) -> Flow {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = flow(self.pipe(pipe, dot))?;
                if pipe.binding == Binding::None {
                    self.out.push_str(&print(&value));
                }
            }
            Node::If(branch) => self.scoped(|state| state.choice(branch, dot, false))?,
            Node::With(branch) => self.scoped(|state| state.choice(branch, dot, true))?,
            Node::Range(branch) => self.scoped(|state| state.range(branch, dot))?,
            Node::Break => return ControlFlow::Break(Stop::Break),
            Node::Continue => return ControlFlow::Break(Stop::Continue),
        }
        ControlFlow::Continue(())
    }

    fn scoped(&mut self, run: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let variables = self.variables.len();
        let result = run(self);
        self.variables.truncate(variables);
        result
    }

    fn choice(&mut self, branch: &Branch, dot: &Value, with: bool) -> Flow {
        let value = flow(self.pipe(&branch.pipe, dot))?;
        if value.is_true() {
            self.walk(&branch.then, if with { &value } else { dot })
        } else {
            self.walk(&branch.otherwise, dot)
        }
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Flow {
        let value = flow(self.value(&branch.pipe, dot))?;
        let items: Vec<(Value, Value)> = match value {
            Value::List(items) => (0..).map(Value::Int).zip(items).collect(),
            Value::Map(entries) => entries
                .into_iter()
                .map(|(key, value)| (Value::Text(key), value))
                .collect(),
            Value::Int(count) if count <= MAX_TURNS => (0..count)
                .map(|turn| (Value::Int(turn), Value::Int(turn)))
                .collect(),
            Value::Missing | Value::Nil => Vec::new(),
            other => {
                let message = format!(
                    "<{}>: range can't iterate over {}",
                    other.type_name(),
                    print(&other)
                );
                return flow(Err(Fault::new(branch.pipe.position, message)));
            }
        };
        if items.is_empty() {
            return self.walk(&branch.otherwise, dot);
        }
        for (key, item) in items {
            match self.scoped(|state| state.turn(branch, &key, &item)) {
                ControlFlow::Break(Stop::Break) => break,
                ControlFlow::Break(Stop::Fault(fault)) => {
                    return ControlFlow::Break(Stop::Fault(fault));
                }
                ControlFlow::Break(Stop::Continue) | ControlFlow::Continue(()) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn turn(&mut self, branch: &Branch, key: &Value, item: &Value) -> Flow {
        let values = match branch.pipe.variables.len() {
            0 | 1 => vec![item],
            _ => vec![key, item],
        };
        for (name, value) in branch.pipe.variables.iter().zip(values) {
            self.bind(branch.pipe.binding, name, value.clone());
        }
        self.walk(&branch.then, item)
    }

    fn bind(&mut self, binding: Binding, name: &str, value: Value) {
        let known = self
            .variables
            .iter_mut()
            .rev()
            .find(|(known, _)| known == name);
        match known {
            Some((_, old)) if binding == Binding::Assign => *old = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    /// The value of a pipeline, which its variables get.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Fault> {
        let value = self.value(pipe, dot)?;
        if pipe.binding != Binding::None {
            for name in &pipe.variables {
                self.bind(pipe.binding, name, value.clone());
            }
        }
        Ok(value)
    }

    fn value(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Fault> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or(Value::Missing))
    }

    fn command(
        &mut self,
        command: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        let Some((first, rest)) = command.split_first() else {
            return Ok(Value::Missing);
        };
        let fault =
            |message: String| Fault::new(first.position, format!("<{}>: {message}", first.text));
        if let Term::Function(name) = &first.term {
            let value = self
                .call(name, rest, dot, last)
                .map_err(|stop| match stop {
                    Called::Argument(fault) => fault,
                    Called::Function(message) => fault(format!("error calling {name}: {message}")),
                })?;
            return fields(value, &first.fields).map_err(fault);
        }
        if !rest.is_empty() || last.is_some() {
            return Err(fault(format!(
                "can't give argument to non-function {}",
                first.text
            )));
        }
        if matches!(first.term, Term::Nil) {
            return Err(fault("nil is not a command".to_owned()));
        }
        self.operand(first, dot)
    }

    /// Calls a function; `and` and `or` evaluate no further than they must.
    fn call(
        &mut self,
        name: &str,
        words: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Called> {
        let stop_at = match name {
            "and" => Some(false),
            "or" => Some(true),
            _ => None,
        };
        let mut arguments = Vec::with_capacity(words.len() + 1);
        for word in words {
            let value = self.operand(word, dot).map_err(Called::Argument)?;
            if stop_at == Some(value.is_true()) {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(last);
        function::call(name, arguments).map_err(Called::Function)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, Fault> {
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => Value::Nil,
            Term::Literal(value) => value.clone(),
            Term::Variable(name) => self.variable(name),
            Term::Group(pipe) => self.pipe(pipe, dot)?,
            Term::Function(_) => self.command(std::slice::from_ref(operand), dot, None)?,
        };
        if matches!(operand.term, Term::Function(_)) {
            return Ok(value);
        }
        fields(value, &operand.fields).map_err(|message| {
            Fault::new(operand.position, format!("<{}>: {message}", operand.text))
        })
    }

    fn variable(&self, name: &str) -> Value {
        let known = self.variables.iter().rev().find(|(known, _)| known == name);
        known.map_or(Value::Missing, |(_, value)| value.clone())
    }
}

/// Where a call failed.
enum Called {
    Argument(Fault),
    Function(String),
}

fn fields(value: Value, names: &[String]) -> Result<Value, String> {
    names
        .iter()
        .try_fold(value, |value, name| value.field(name))
}
