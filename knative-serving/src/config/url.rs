//! Whether a rendered domain can stand in a URL.

/// Checks `https://<rendered>` for a host and for nothing behind it, with the texts of Knative.
pub(super) fn check_host(rendered: &str) -> Result<(), String> {
    let url = format!("https://{rendered}");
    let refuse = |reason: String| format!("parse {}: {reason}", knative_core::object::quote(&url));
    if rendered.chars().any(|c| c.is_ascii_control()) {
        return Err(refuse(
            "net/url: invalid control character in URL".to_owned(),
        ));
    }
    let (before, fragment) = rendered.split_once('#').unwrap_or((rendered, ""));
    let (before, query) = match before.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (before, None),
    };
    let at = before.find('/').unwrap_or(before.len());
    let (authority, path) = before.split_at(at);
    let host = host(authority).map_err(&refuse)?;
    for part in [path, fragment] {
        bad_escape(part).map_or(Ok(()), |escape| {
            Err(refuse(format!("invalid URL escape {escape:?}")))
        })?;
    }
    if hostname(&host).is_empty() {
        return Err("empty hostname".to_owned());
    }
    let path = if path.is_empty() { "/" } else { path };
    match query {
        None if path == "/" => Ok(()),
        None => Err(format!(
            "domain template has url path: {}",
            escape_path(path)
        )),
        Some(query) => Err(format!(
            "domain template has url path: {}?{query}",
            escape_path(path)
        )),
    }
}

/// The host of an authority, checked and unescaped.
fn host(authority: &str) -> Result<String, String> {
    let (user, host) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(user, host)| (user, host));
    if user
        .chars()
        .any(|c| !(c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c)))
    {
        return Err("net/url: invalid userinfo".to_owned());
    }
    if host.starts_with('[') {
        return bracketed(host);
    }
    if let Some(colon) = host.rfind(':') {
        let port = &host[colon..];
        if !is_port(port) {
            return Err(format!("invalid port {port:?} after host"));
        }
    }
    unescape_host(host)
}

fn bracketed(host: &str) -> Result<String, String> {
    let end = host.rfind(']').ok_or("missing ']' in host")?;
    if !is_port(&host[end + 1..]) {
        return Err(format!("invalid port {:?} after host", &host[end + 1..]));
    }
    Ok(host.to_owned())
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()))
}

fn unescape_host(host: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(host.len());
    let mut rest = host.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            // Only bytes beyond ASCII may be escaped in a host.
            b'%' => {
                let escaped = tail
                    .get(..2)
                    .and_then(hexadecimal)
                    .filter(|value| *value >= 0x80);
                bytes.push(
                    escaped.ok_or_else(|| format!("invalid URL escape {:?}", escape_at(rest)))?,
                );
                &tail[2..]
            }
            byte if byte < 0x80
                && !(byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)) =>
            {
                return Err(format!(
                    "invalid character {:?} in host name",
                    char::from(byte).to_string()
                ));
            }
            byte => {
                bytes.push(byte);
                tail
            }
        };
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u8::from_str_radix(text, 16).ok())?
}

fn escape_at(rest: &[u8]) -> String {
    String::from_utf8_lossy(&rest[..rest.len().min(3)]).into_owned()
}

/// The first `%` that two hexadecimal digits do not follow.
fn bad_escape(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let bad = |at: &usize| bytes.get(at + 1..at + 3).and_then(hexadecimal).is_none();
    let at = text.match_indices('%').map(|(at, _)| at).find(bad)?;
    Some(escape_at(&bytes[at..]))
}

/// The host without its port and brackets.
fn hostname(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or("");
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn escape_path(path: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]%".contains(&byte);
    let escaped = path.bytes().map(|byte| match byte {
        byte if kept(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::check_host;

    #[test]
    fn hosts() {
        for (rendered, want) in [
            ("foo.bar.baz.com", Ok(())),
            ("foo.baz.com:8080", Ok(())),
            ("foo.baz.com/", Ok(())),
            ("foo.baz.com#x", Ok(())),
            ("foo/baz.com", Err("domain template has url path: /baz.com")),
            (
                "foo.baz.com?q=1",
                Err("domain template has url path: /?q=1"),
            ),
            ("foo/a b", Err("domain template has url path: /a%20b")),
            ("", Err("empty hostname")),
            (":80", Err("empty hostname")),
            (
                "foo:x",
                Err("parse \"https://foo:x\": invalid port \":x\" after host"),
            ),
            (
                "fo o",
                Err("parse \"https://fo o\": invalid character \" \" in host name"),
            ),
            (
                "foo%2e",
                Err("parse \"https://foo%2e\": invalid URL escape \"%2e\""),
            ),
            (
                "foo/%zz",
                Err("parse \"https://foo/%zz\": invalid URL escape \"%zz\""),
            ),
        ] {
            assert_eq!(
                check_host(rendered),
                want.map_err(str::to_owned),
                "{rendered}"
            );
        }
    }
}
