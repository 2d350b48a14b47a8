//! Makes a tree of the tokens.

use super::{
    Fault, Value, function,
    lexer::{self, Kind, Token},
    node::{Binding, Branch, Node, Operand, Pipe, Term},
};

/// Blocks and parentheses within one another; more is a mistake, not a name.
const MAX_DEPTH: usize = 64;

/// The steps of `source`.
pub(crate) fn parse(source: &str) -> Result<Vec<Node>, Fault> {
    let tokens = lexer::tokens(source)?;
    let mut parser = Parser {
        source,
        tokens: &tokens,
        at: 0,
        depth: 0,
        loops: 0,
        variables: vec!["$".to_owned()],
    };
    let (nodes, end) = parser.list()?;
    match end {
        End::Input => Ok(nodes),
        End::End => Err(parser.fault("unexpected {{end}}")),
        End::Else(_) => Err(parser.fault("unexpected {{else}}")),
    }
}

/// What a list of steps stopped at.
enum End {
    Input,
    End,
    /// `{{else}}`, or `{{else if …}}` and `{{else with …}}` with their word.
    Else(Option<String>),
}

struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    loops: usize,
    variables: Vec<String>,
}

impl<'a> Parser<'a> {
    fn position(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.source.len(), |token| token.position)
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.position(), message)
    }

    fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<&'a Kind> {
        let kind = self.peek();
        self.at += 1;
        kind
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Kind::Space) {
            self.at += 1;
        }
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    fn list(&mut self) -> Result<(Vec<Node>, End), Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.next() {
                None => return Ok((nodes, End::Input)),
                Some(Kind::Text(text)) => nodes.push(Node::Text(text.clone())),
                Some(_) => match self.action()? {
                    Action::Node(node) => nodes.push(node),
                    Action::End(end) => return Ok((nodes, end)),
                },
            }
        }
    }

    fn action(&mut self) -> Result<Action, Fault> {
        self.skip_space();
        let Some(Kind::Word(word)) = self.peek() else {
            return self
                .pipe("command", &Kind::Close)
                .map(|pipe| Action::Node(Node::Action(pipe)));
        };
        let keyword = word.as_str();
        let position = self.position();
        match keyword {
            "if" | "with" | "range" => {
                self.at += 1;
                self.branch(keyword).map(Action::Node)
            }
            "end" | "else" => {
                self.at += 1;
                self.ending(keyword).map(Action::End)
            }
            "break" | "continue" => {
                self.at += 1;
                if self.loops == 0 {
                    return Err(Fault::new(
                        position,
                        format!("{{{{{keyword}}}}} outside {{{{range}}}}"),
                    ));
                }
                self.close(keyword)?;
                Ok(Action::Node(if keyword == "break" {
                    Node::Break
                } else {
                    Node::Continue
                }))
            }
            "define" | "template" | "block" => Err(Fault::new(
                position,
                format!("{{{{{keyword}}}}} is not supported in a name"),
            )),
            _ => self
                .pipe("command", &Kind::Close)
                .map(|pipe| Action::Node(Node::Action(pipe))),
        }
    }

    fn close(&mut self, context: &str) -> Result<(), Fault> {
        self.skip_space();
        if self.take(&Kind::Close) {
            Ok(())
        } else {
            Err(self.unexpected(context))
        }
    }

    fn unexpected(&self, context: &str) -> Fault {
        let text = self.source[self.position()..]
            .chars()
            .next()
            .map_or("EOF".to_owned(), |c| format!("{c:?}"));
        self.fault(format!("unexpected {text} in {context}"))
    }

    fn ending(&mut self, keyword: &str) -> Result<End, Fault> {
        if keyword == "end" {
            return self.close("end").map(|()| End::End);
        }
        self.skip_space();
        match self.peek() {
            Some(Kind::Word(word)) if word == "if" || word == "with" => {
                self.at += 1;
                Ok(End::Else(Some(word.clone())))
            }
            _ => self.close("else").map(|()| End::Else(None)),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("too many levels"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// What follows `{{if`, `{{with` or `{{range`, up to its end.
    fn branch(&mut self, keyword: &str) -> Result<Node, Fault> {
        self.nested(|parser| {
            let scope = parser.variables.len();
            let branch = parser.branch_body(keyword);
            parser.variables.truncate(scope);
            branch.map(match keyword {
                "if" => Node::If,
                "with" => Node::With,
                _ => Node::Range,
            })
        })
    }

    fn branch_body(&mut self, keyword: &str) -> Result<Branch, Fault> {
        let pipe = self.pipe(keyword, &Kind::Close)?;
        let loops = self.loops;
        self.loops += usize::from(keyword == "range");
        let (then, end) = self.list()?;
        self.loops = loops;
        let otherwise = match end {
            End::Input => return Err(self.fault("unexpected EOF")),
            End::End => Vec::new(),
            End::Else(Some(word)) if word == keyword => vec![self.branch(&word)?],
            End::Else(Some(_)) => return Err(self.unexpected("else")),
            End::Else(None) => match self.list()? {
                (otherwise, End::End) => otherwise,
                (_, End::Input) => return Err(self.fault("unexpected EOF")),
                (_, End::Else(_)) => return Err(self.fault("expected end; found {{else}}")),
            },
        };
        Ok(Branch {
            pipe,
            then,
            otherwise,
        })
    }

    fn pipe(&mut self, context: &str, end: &Kind) -> Result<Pipe, Fault> {
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
                    self.skip_space()
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
        let whole = digits.parse().map(Value::Int);
        whole
            .or_else(|_| digits.parse().map(Value::Float))
            .map_err(|_| self.fault(format!("bad number syntax: {text:?}")))
    }
}

enum Action {
    Node(Node),
    End(End),
}

/// Whether a later stage of a pipeline can take the value of the stage before it.
fn executable(term: &Term, fields: &[String]) -> bool {
    match term {
        Term::Function(_) | Term::Variable(_) | Term::Group(_) => true,
        Term::Dot => !fields.is_empty(),
        Term::Nil | Term::Literal(_) => false,
    }
}
