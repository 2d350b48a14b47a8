//! Makes a tree of the tokens.

use super::{
    Fault,
    lexer::{self, Kind, Token},
    node::{Branch, Node},
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
        End::Block => Err(parser.fault("unexpected {{end}}")),
        End::Else(_) => Err(parser.fault("unexpected {{else}}")),
    }
}

/// What a list of steps stopped at.
enum End {
    Input,
    /// `{{end}}`.
    Block,
    /// `{{else}}`, or `{{else if …}}` and `{{else with …}}` with their word.
    Else(Option<String>),
}

pub(super) struct Parser<'a> {
    pub(super) source: &'a str,
    tokens: &'a [Token],
    pub(super) at: usize,
    depth: usize,
    loops: usize,
    pub(super) variables: Vec<String>,
}

impl<'a> Parser<'a> {
    pub(super) fn position(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.source.len(), |token| token.position)
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.position(), message)
    }

    pub(super) fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    pub(super) fn next(&mut self) -> Option<&'a Kind> {
        let kind = self.peek();
        self.at += 1;
        kind
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek() == Some(&Kind::Space) {
            self.at += 1;
        }
    }

    pub(super) fn take(&mut self, kind: &Kind) -> bool {
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

    pub(super) fn unexpected(&self, context: &str) -> Fault {
        let text = self.source[self.position()..]
            .chars()
            .next()
            .map_or("EOF".to_owned(), |c| format!("{c:?}"));
        self.fault(format!("unexpected {text} in {context}"))
    }

    fn ending(&mut self, keyword: &str) -> Result<End, Fault> {
        if keyword == "end" {
            return self.close("end").map(|()| End::Block);
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

    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
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
            End::Block => Vec::new(),
            End::Else(Some(word)) if word == keyword => vec![self.branch(&word)?],
            End::Else(Some(_)) => return Err(self.unexpected("else")),
            End::Else(None) => match self.list()? {
                (otherwise, End::Block) => otherwise,
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
}

enum Action {
    Node(Node),
    End(End),
}
