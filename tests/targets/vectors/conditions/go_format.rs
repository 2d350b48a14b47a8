//! Knative hands some messages to a printf-like function as its format, so that a percent sign in them comes out
//! mangled. Ours come out as they went in; they are compared after the same treatment.

use serde_json::Value;

/// `want` with each mangled message replaced by the message of `got` that it was mangled from.
pub(super) fn undo(want: &Value, got: &Value) -> Value {
    let mut want = want.clone();
    for (index, condition) in want.as_array_mut().into_iter().flatten().enumerate() {
        let ours = got[index]["message"].as_str().unwrap_or_default();
        let theirs = condition["message"].as_str().unwrap_or_default();
        if theirs.contains("%!") && mangled(ours) == theirs {
            condition["message"] = ours.into();
        }
    }
    want
}

/// What Go's `fmt.Sprintf` makes of a format when there are no arguments.
fn mangled(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let verb = after.trim_start_matches(|c| "+-# 0123456789.".contains(c));
        let mut chars = verb.chars();
        match chars.next() {
            None => text.push_str("%!(NOVERB)"),
            Some('%') => text.push('%'),
            Some(verb) => text.extend(["%!", &verb.to_string(), "(MISSING)"]),
        }
        rest = chars.as_str();
    }
    text + rest
}
