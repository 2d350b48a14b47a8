//! Templates of names, in the language of Go's `text/template`.
//!
//! Supported: fields (`{{.Name}}`, `{{.Labels.tier}}`), variables, pipelines, parentheses, literals, `if`, `with`,
//! `range`, `else`, `end`, `break`, `continue`, comments, trim markers and the built-in functions except `call`.
//! Not supported: `define`, `template` and `block`, since a name has no parts.

mod escape;
mod eval;
mod format;
mod function;
mod lexer;
mod node;
mod parser;
mod pipeline;
mod value;

use std::fmt;

pub use self::value::Value;

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    name: &'static str,
    source: String,
    nodes: Vec<node::Node>,
}

/// Why a template does not parse or does not apply to a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{place}: {message}")]
pub struct TemplateError {
    name: &'static str,
    place: String,
    message: String,
}

impl Template {
    /// Parses `source`; `name` appears in errors.
    pub fn parse(name: &'static str, source: &str) -> Result<Self, TemplateError> {
        let nodes = parser::parse(source).map_err(|fault| fault.at_line(name, source))?;
        Ok(Self {
            name,
            source: source.to_owned(),
            nodes,
        })
    }

    /// The template that is this text, whatever braces it has.
    pub fn text(text: &str) -> Self {
        Self {
            name: "text",
            source: text.to_owned(),
            nodes: vec![node::Node::Text(text.to_owned())],
        }
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Applies the template to `data`.
    pub fn render(&self, data: &Value) -> Result<String, TemplateError> {
        eval::render(&self.nodes, data).map_err(|fault| fault.at_column(self.name, &self.source))
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// A mistake at a byte of the source.
#[derive(Debug)]
pub(crate) struct Fault {
    position: usize,
    message: String,
}

impl Fault {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }

    fn before<'a>(&self, source: &'a str) -> &'a str {
        source.get(..self.position).unwrap_or(source)
    }

    fn at_line(self, name: &'static str, source: &str) -> TemplateError {
        let line = self.before(source).matches('\n').count() + 1;
        TemplateError {
            name,
            place: line.to_string(),
            message: self.message,
        }
    }

    fn at_column(self, name: &'static str, source: &str) -> TemplateError {
        let before = self.before(source);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let message = format!("executing {name:?} at {}", self.message);
        TemplateError {
            name,
            place: format!("{line}:{column}"),
            message,
        }
    }
}

#[cfg(test)]
mod tests;
