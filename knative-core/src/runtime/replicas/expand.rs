//! `$(VAR)` in commands, arguments and values, as a kubelet expands it.

use std::collections::BTreeMap;

/// Replaces `$(NAME)` by the variable's value. `$$` stands for `$`; what names no variable stays as it is.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let (taken, value) = reference(&rest[at..], variables);
        out.push_str(&value);
        rest = &rest[at + taken..];
    }
    out.push_str(rest);
    out
}

/// What stands at a `$`: how many bytes it takes, and its value.
fn reference(text: &str, variables: &BTreeMap<String, String>) -> (usize, String) {
    let after = &text[1..];
    if after.starts_with('$') {
        return (2, "$".to_owned());
    }
    let Some(name) = after
        .strip_prefix('(')
        .and_then(|open| open.split_once(')'))
        .map(|(name, _)| name)
    else {
        return (1, "$".to_owned());
    };
    let length = name.len() + 3;
    let value = variables.get(name).cloned();
    (length, value.unwrap_or_else(|| text[..length].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_a_kubelet() {
        let variables = BTreeMap::from([
            ("A".to_owned(), "1".to_owned()),
            ("B".to_owned(), "two".to_owned()),
        ]);
        let rows = [
            ("plain", "plain"),
            ("$(A)-$(B)", "1-two"),
            ("$(MISSING)", "$(MISSING)"),
            ("$$(A)", "$(A)"),
            ("$A", "$A"),
            ("$(A", "$(A"),
            ("cost: 5$", "cost: 5$"),
            ("$$$(A)", "$1"),
        ];
        for (text, want) in rows {
            assert_eq!(expand(text, &variables), want, "{text}");
        }
    }
}
