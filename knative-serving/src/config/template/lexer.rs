//! Cuts a template into texts and the tokens of its actions.

use super::Fault;

/// A token and the byte where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) position: usize,
    pub(crate) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Text(String),
    Open,
    Close,
    Space,
    /// `.`
    Dot,
    /// `.name`
    Field(String),
    /// `$name`
    Variable(String),
    Word(String),
    Quoted(String),
    Number(String),
    Char(char),
    Pipe,
    Comma,
    Declare,
    Assign,
    Left,
    Right,
}

/// All tokens of `source`.
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer {
        source,
        position: 0,
        tokens: Vec::new(),
    };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    position: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.position..]
    }

    fn push(&mut self, position: usize, kind: Kind) {
        self.tokens.push(Token { position, kind });
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut trim = false;
        while self.position < self.source.len() {
            let begin = self.position;
            let end = self
                .rest()
                .find("{{")
                .map_or(self.source.len(), |at| begin + at);
            let trims_left = trim_left(&self.source[end..]);
            let mut text = &self.source[begin..end];
            if trim {
                text = text.trim_start_matches(SPACES);
            }
            if trims_left {
                text = text.trim_end_matches(SPACES);
            }
            if !text.is_empty() {
                let text = text.to_owned();
                self.push(begin, Kind::Text(text));
            }
            self.position = end;
            if end < self.source.len() {
                trim = self.action(if trims_left { 3 } else { 2 })?;
            }
        }
        Ok(())
    }

    /// Reads `{{ … }}` and says whether the text behind it is to be trimmed.
    fn action(&mut self, open: usize) -> Result<bool, Fault> {
        let begin = self.position;
        self.position += open;
        if self.rest().trim_start_matches(SPACES).starts_with("/*") {
            return self.comment(begin);
        }
        self.push(begin, Kind::Open);
        let mut depth = 0_usize;
        loop {
            if let Some((length, trim)) = close(self.rest()) {
                if depth > 0 {
                    return Err(Fault::new(self.position, "unclosed left paren"));
                }
                self.push(self.position, Kind::Close);
                self.position += length;
                return Ok(trim);
            }
            depth = self.token(depth)?;
        }
    }

    fn comment(&mut self, begin: usize) -> Result<bool, Fault> {
        let unclosed = || Fault::new(begin, "unclosed comment");
        let end = self.rest().find("*/").ok_or_else(unclosed)?;
        self.position += end + 2;
        let (length, trim) = close(self.rest())
            .ok_or_else(|| Fault::new(begin, "comment ends before closing delimiter"))?;
        self.position += length;
        Ok(trim)
    }

    fn token(&mut self, depth: usize) -> Result<usize, Fault> {
        let begin = self.position;
        let Some(first) = self.rest().chars().next() else {
            return Err(Fault::new(begin, "unclosed action"));
        };
        let next = self.rest()[first.len_utf8()..].chars().next();
        let mut depth = depth;
        let (length, kind) = match first {
            ' ' | '\t' | '\r' | '\n' => (self.spaces(), Kind::Space),
            '|' => (1, Kind::Pipe),
            ',' => (1, Kind::Comma),
            '=' => (1, Kind::Assign),
            ':' if next == Some('=') => (2, Kind::Declare),
            '(' => {
                depth += 1;
                (1, Kind::Left)
            }
            ')' if depth > 0 => {
                depth -= 1;
                (1, Kind::Right)
            }
            ')' => return Err(Fault::new(begin, "unexpected right paren")),
            '"' | '\'' | '`' => return self.quoted(first).map(|()| depth),
            '.' if !next.is_some_and(|c| c.is_ascii_digit()) => {
                let name = self.word(1);
                match name.len() {
                    0 => (1, Kind::Dot),
                    length => (1 + length, Kind::Field(name)),
                }
            }
            '$' => {
                let name = self.word(1);
                (1 + name.len(), Kind::Variable(name))
            }
            c if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => {
                let length =
                    self.run_of(|c| c.is_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
                (length, Kind::Number(self.rest()[..length].to_owned()))
            }
            c if c.is_alphabetic() || c == '_' => {
                let name = self.word(0);
                (name.len(), Kind::Word(name))
            }
            other => {
                let message = format!(
                    "unexpected bad character U+{:04X} {other:?} in command",
                    u32::from(other)
                );
                return Err(Fault::new(begin, message));
            }
        };
        self.push(begin, kind);
        self.position += length;
        Ok(depth)
    }

    fn run_of(&self, accept: impl Fn(char) -> bool) -> usize {
        self.rest()
            .find(|c| !accept(c))
            .unwrap_or(self.rest().len())
    }

    /// Length of the run of spaces, less the one that belongs to a closing trim marker.
    fn spaces(&self) -> usize {
        let length = self.run_of(|c| SPACES.contains(&c));
        length - usize::from(self.rest()[length..].starts_with("-}}"))
    }

    fn word(&self, skip: usize) -> String {
        let rest = &self.rest()[skip..];
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<(), Fault> {
        let begin = self.position;
        let body = &self.rest()[1..];
        let end =
            closing(body, quote).ok_or_else(|| Fault::new(begin, "unterminated quoted string"))?;
        let text = match quote {
            '`' => Some(body[..end].to_owned()),
            _ => unescape(&body[..end]),
        };
        let text = text.ok_or_else(|| Fault::new(begin, "invalid syntax"))?;
        let mut chars = text.chars();
        let kind = match (quote, chars.next(), chars.next()) {
            ('\'', Some(only), None) => Kind::Char(only),
            ('\'', ..) => return Err(Fault::new(begin, "malformed character constant")),
            _ => Kind::Quoted(text),
        };
        self.position += end + 2;
        self.push(begin, kind);
        Ok(())
    }
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn trim_left(rest: &str) -> bool {
    rest.strip_prefix("{{-")
        .is_some_and(|rest| rest.starts_with(SPACES))
}

/// Length of the closing delimiter that `rest` begins with, and whether it trims.
fn close(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with("}}") {
        return Some((2, false));
    }
    let trimmed = rest.strip_prefix(SPACES)?;
    trimmed.starts_with("-}}").then_some((4, true))
}

fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

fn unescape(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let escape = chars.next()?;
        text.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            '\\' | '"' | '\'' => escape,
            'x' => hexadecimal(&mut chars, 2)?,
            'u' => hexadecimal(&mut chars, 4)?,
            'U' => hexadecimal(&mut chars, 8)?,
            _ => return None,
        });
    }
    Some(text)
}

fn hexadecimal(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}
