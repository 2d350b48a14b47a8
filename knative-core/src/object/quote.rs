//! Text in double quotes as Go prints it, for messages that clients compare.

use std::fmt::Write as _;

/// `text` in double quotes with Go's escapes (`%q`).
///
/// ```
/// use knative_core::object::quote;
///
/// assert_eq!(quote("a\"b\n\u{1}é"), r#""a\"b\n\x01é""#);
/// ```
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        push_escaped(&mut quoted, c);
    }
    quoted.push('"');
    quoted
}

fn push_escaped(quoted: &mut String, c: char) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ => return push_rune(quoted, c),
    };
    quoted.push_str(short);
}

fn push_rune(quoted: &mut String, c: char) {
    if is_print(c) {
        return quoted.push(c);
    }
    let code = u32::from(c);
    let written = match code {
        0..0x20 | 0x7f => write!(quoted, "\\x{code:02x}"),
        0..0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a String takes all text");
}

/// A combining mark is escaped only at the start of a text, so it is asked about after a letter.
fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !['a', c]
        .iter()
        .collect::<String>()
        .escape_debug()
        .any(|escaped| escaped == '\\')
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn as_go() {
        let rows = [
            ("", r#""""#),
            ("it's", r#""it's""#),
            ("\u{7}\u{8}\u{c}\u{b}\r\t\\", r#""\a\b\f\v\r\t\\""#),
            ("\u{0}\u{7f}\u{a0}\u{200b}", r#""\x00\x7f\u00a0\u200b""#),
            ("\u{e0001}", r#""\U000e0001""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("日本😀", r#""日本😀""#),
        ];
        for (text, want) in rows {
            assert_eq!(quote(text), want);
        }
    }
}
