//! Texts made safe for other languages.

/// For HTML.
pub(super) fn html(text: &str) -> String {
    each(text, |c| match c {
        '\0' => Some("\u{FFFD}".to_owned()),
        '"' => Some("&#34;".to_owned()),
        '\'' => Some("&#39;".to_owned()),
        '&' => Some("&amp;".to_owned()),
        '<' => Some("&lt;".to_owned()),
        '>' => Some("&gt;".to_owned()),
        _ => None,
    })
}

/// For a text in JavaScript.
pub(super) fn js(text: &str) -> String {
    each(text, |c| match c {
        '\\' | '\'' | '"' => Some(format!("\\{c}")),
        '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
        c if c.is_control() => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    })
}

/// For the query of a URL.
pub(super) fn urlquery(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escaped = text.bytes().map(|byte| match byte {
        b' ' => "+".to_owned(),
        byte if kept(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

fn each(text: &str, replace: impl Fn(char) -> Option<String>) -> String {
    text.chars()
        .map(|c| replace(c).unwrap_or_else(|| c.to_string()))
        .collect()
}
