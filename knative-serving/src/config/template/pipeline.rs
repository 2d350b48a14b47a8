//! Pipelines: commands and their operands.

use super::{
    Fault, Value, function,
    lexer::Kind,
    node::{Binding, Operand, Pipe, Term},
    parser::Parser,
};
use crate::config::number::parse_float;

impl Parser<'_> {
    /// A pipeline up to `end`; `context` is what it stands in, for errors.
    pub(super) fn pipe(&mut self, context: &str, end: &Kind) -> Result<Pipe, Fault> {
        self.skip_space();
        let position = self.position();
        let (binding, variables) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let command = self.command(context)?;
            let first = command
                .first()
                .ok_or_else(|| self.fault(format!("missing value for {context}")))?;
            if !commands.is_empty() && !executable(&first.term, &first.fields) {
                let message = format!(
                    "non executable command in pipeline stage {}",
                    commands.len() + 1
                );
                return Err(Fault::new(first.position, message));
            }
            commands.push(command);
            if self.take(&Kind::Pipe) {
                continue;
            }
            if !self.take(end) {
                return Err(self.unexpected(context));
            }
            if binding == Binding::Declare {
                self.variables.extend(variables.iter().cloned());
            }
            return Ok(Pipe {
                position,
                binding,
                variables,
                commands,
            });
        }
    }

    /// `$v :=`, `$v =`, or `$k, $v :=` in a range.
    fn declarations(&mut self, context: &str) -> Result<(Binding, Vec<String>), Fault> {
        let begin = self.at;
        let mut variables = Vec::new();
        while let Some(Kind::Variable(name)) = self.peek() {
            self.at += 1;
            variables.push(name.clone());
            self.skip_space();
            match self.next() {
                Some(Kind::Declare) => return Ok((Binding::Declare, variables)),
                Some(Kind::Assign) => {
                    variables.iter().try_for_each(|name| self.known(name))?;
                    return Ok((Binding::Assign, variables));
                }
                Some(Kind::Comma) if context == "range" && variables.len() == 1 => {
                    self.skip_space();
                }
                _ => break,
            }
        }
        self.at = begin;
        Ok((Binding::None, Vec::new()))
    }

    fn known(&self, variable: &str) -> Result<(), Fault> {
        let name = format!("${variable}");
        if variable.is_empty() || self.variables.iter().any(|known| known == variable) {
            return Ok(());
        }
        Err(self.fault(format!("undefined variable {name:?}")))
    }

    fn command(&mut self, context: &str) -> Result<Vec<Operand>, Fault> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Kind::Pipe | Kind::Close | Kind::Right) => return Ok(operands),
                Some(_) => operands.push(self.operand(context)?),
            }
            if !matches!(
                self.peek(),
                None | Some(Kind::Space | Kind::Pipe | Kind::Close | Kind::Right)
            ) {
                return Err(self.unexpected("operand"));
            }
        }
    }

    fn operand(&mut self, context: &str) -> Result<Operand, Fault> {
        let position = self.position();
        let mut fields = Vec::new();
        let term = match self.peek() {
            Some(Kind::Dot) => Term::Dot,
            Some(Kind::Field(name)) => {
                fields.push(name.clone());
                Term::Dot
            }
            Some(Kind::Variable(name)) => {
                self.known(name)?;
                Term::Variable(name.clone())
            }
            Some(Kind::Word(word)) => self.word(word)?,
            Some(Kind::Quoted(text)) => Term::Literal(Value::Text(text.clone())),
            Some(Kind::Char(c)) => Term::Literal(Value::Int(i64::from(u32::from(*c)))),
            Some(Kind::Number(text)) => Term::Literal(self.number(text)?),
            Some(Kind::Left) => {
                self.at += 1;
                let pipe =
                    self.nested(|parser| parser.pipe("parenthesized pipeline", &Kind::Right))?;
                self.at -= 1;
                Term::Group(pipe)
            }
            _ => return Err(self.unexpected(context)),
        };
        self.at += 1;
        while let Some(Kind::Field(name)) = self.peek() {
            if matches!(term, Term::Literal(_) | Term::Nil) {
                return Err(self.unexpected("operand"));
            }
            self.at += 1;
            fields.push(name.clone());
        }
        let text = self.source[position..self.position()].to_owned();
        Ok(Operand {
            position,
            text,
            term,
            fields,
        })
    }

    fn word(&self, word: &str) -> Result<Term, Fault> {
        match word {
            "nil" => Ok(Term::Nil),
            "true" => Ok(Term::Literal(Value::Bool(true))),
            "false" => Ok(Term::Literal(Value::Bool(false))),
            _ if function::is_known(word) => Ok(Term::Function(word.to_owned())),
            _ => Err(self.fault(format!("function {word:?} not defined"))),
        }
    }

    fn number(&self, text: &str) -> Result<Value, Fault> {
        let digits = text.replace('_', "");
        let hexadecimal = digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"));
        let whole = match hexadecimal {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        whole
            .map(Value::Int)
            .or_else(|_| parse_float(&digits).map(Value::Float))
            .map_err(|_| self.fault(format!("bad number syntax: {text:?}")))
    }
}

/// Whether a later stage of a pipeline can take the value of the stage before it.
fn executable(term: &Term, fields: &[String]) -> bool {
    match term {
        Term::Function(_) | Term::Variable(_) | Term::Group(_) => true,
        Term::Dot => !fields.is_empty(),
        Term::Nil | Term::Literal(_) => false,
    }
}
