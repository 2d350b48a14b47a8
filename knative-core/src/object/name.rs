//! Names: what Kubernetes accepts where, and how names of made objects come about.
//!
//! A check returns what is wrong, in Kubernetes' words; an empty list means that the name will do.

use md5::{Digest as _, Md5};

use crate::object::quote;

const LABEL_LENGTH: usize = 63;
const SUBDOMAIN_LENGTH: usize = 253;
const HASH_LENGTH: usize = 32;
/// What `generateName` may take, so that the random letters still fit a label.
const GENERATED_BASE_LENGTH: usize = 58;
/// No vowels and no digits that look like letters, so that no words come up.
const GENERATED_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

const DNS1123_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS1123_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const C_IDENTIFIER: &str = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
const ENV_VAR_NAME: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
const CONFIG_MAP_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const WILDCARD_SUBDOMAIN: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// The name of an object made for `parent`: `parent` and `suffix`, or where that exceeds 63 bytes as much of the parent as
/// fits, an MD5 of it, and the suffix; as `knative.dev/pkg/kmeta.ChildName`.
///
/// ```
/// use knative_core::object::name::child_name;
///
/// assert_eq!(child_name("hello-00001", "-deployment"), "hello-00001-deployment");
/// assert_eq!(child_name(&"a".repeat(60), "-deployment").len(), 63);
/// ```
pub fn child_name(parent: &str, suffix: &str) -> String {
    if parent.len() + suffix.len() <= LABEL_LENGTH {
        return format!("{parent}{suffix}");
    }
    let head = LABEL_LENGTH - HASH_LENGTH;
    if suffix.len() < head {
        let kept = first_bytes(parent, head - suffix.len());
        return format!("{kept}{}{suffix}", md5_hex(parent));
    }
    let kept = first_bytes(parent, head);
    let hash = md5_hex(&format!("{parent}{suffix}"));
    let room = LABEL_LENGTH - HASH_LENGTH - kept.len();
    let name = format!("{kept}{hash}{}", first_bytes(suffix, room));
    let end = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    end.to_owned()
}

/// At most `length` bytes of the text, never part of a character.
fn first_bytes(text: &str, length: usize) -> &str {
    let end = (0..=length.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn md5_hex(text: &str) -> String {
    let hash = Md5::digest(text.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// The name for a `generateName`: its first 58 bytes and five letters that follow from `seed`.
///
/// ```
/// use knative_core::object::name::generated_name;
///
/// let name = generated_name("hello-", 7);
/// assert!(name.starts_with("hello-") && name.len() == 11);
/// assert_eq!(name, generated_name("hello-", 7));
/// assert_ne!(name, generated_name("hello-", 8));
/// ```
pub fn generated_name(base: &str, seed: u64) -> String {
    let mut random = mixed(seed);
    let mut name = first_bytes(base, GENERATED_BASE_LENGTH).to_owned();
    for _ in 0..5 {
        let letters = GENERATED_LETTERS.len() as u64;
        let index = usize::try_from(random % letters).unwrap_or_default();
        name.push(char::from(GENERATED_LETTERS[index]));
        random /= letters;
    }
    name
}

/// The finalizer of `SplitMix64`: seeds that follow each other give unlike numbers.
fn mixed(seed: u64) -> u64 {
    let step = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let step = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let step = (step ^ (step >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    step ^ (step >> 31)
}

/// A label of a domain name that may begin with a digit: names of namespaces, containers, volumes.
///
/// ```
/// use knative_core::object::name::dns1123_label;
///
/// assert!(dns1123_label("web-1").is_empty());
/// assert_eq!(dns1123_label("web.1"), ["must not contain dots"]);
/// ```
pub fn dns1123_label(name: &str) -> Vec<String> {
    let mut wrong = too_long(name, LABEL_LENGTH, "characters");
    if is_dns1123_label(name) {
        return wrong;
    }
    let dots = is_dns1123_subdomain(name);
    wrong.push(
        if dots {
            "must not contain dots"
        } else {
            DNS1123_LABEL
        }
        .to_owned(),
    );
    wrong
}

/// Labels with dots between them: names of most objects.
pub fn dns1123_subdomain(name: &str) -> Vec<String> {
    let mut wrong = too_long(name, SUBDOMAIN_LENGTH, "characters");
    wrong.extend(unless(is_dns1123_subdomain(name), DNS1123_SUBDOMAIN));
    wrong
}

/// `*.` and a subdomain.
pub fn wildcard_dns1123_subdomain(name: &str) -> Vec<String> {
    let mut wrong = too_long(name, SUBDOMAIN_LENGTH, "characters");
    let matches = name.strip_prefix("*.").is_some_and(is_dns1123_subdomain);
    wrong.extend(unless(matches, WILDCARD_SUBDOMAIN));
    wrong
}

/// A label of a domain name that begins with a letter: names of services.
pub fn dns1035_label(name: &str) -> Vec<String> {
    let mut wrong = too_long(name, LABEL_LENGTH, "characters");
    let letter_first = name.starts_with(|c: char| c.is_ascii_lowercase());
    wrong.extend(unless(
        letter_first && is_dns1123_label(name),
        DNS1035_LABEL,
    ));
    wrong
}

/// A `generateName` whose names will be DNS-1035 labels.
pub fn dns1035_prefix(prefix: &str) -> Vec<String> {
    dns1035_label(&mask_trailing_dash(prefix))
}

/// A `generateName` whose names will be DNS-1123 labels.
pub fn dns1123_label_prefix(prefix: &str) -> Vec<String> {
    dns1123_label(&mask_trailing_dash(prefix))
}

/// A `generateName` whose names will be DNS-1123 subdomains.
pub fn dns1123_subdomain_prefix(prefix: &str) -> Vec<String> {
    dns1123_subdomain(&mask_trailing_dash(prefix))
}

/// A trailing dash is fine since letters follow; the character before it is masked with it, as Kubernetes does.
fn mask_trailing_dash(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if rest.ends_with(|c: char| c.is_ascii()) => {
            format!("{}a", &rest[..rest.len() - 1])
        }
        _ => prefix.to_owned(),
    }
}

/// A key of labels or annotations: a name, before it perhaps a subdomain and a slash.
pub fn qualified_name(name: &str) -> Vec<String> {
    let (prefix, name) = match name.split_once('/') {
        None => (None, name),
        Some((prefix, name)) if !name.contains('/') => (Some(prefix), name),
        Some(_) => {
            return vec![format!(
                "a valid label key {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    let mut wrong = match prefix {
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => prefixed("prefix part ", dns1123_subdomain(prefix)),
        None => Vec::new(),
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    }
    wrong.extend(prefixed(
        "name part ",
        too_long(name, LABEL_LENGTH, "bytes"),
    ));
    wrong.extend(prefixed(
        "name part ",
        unless(is_name(name), QUALIFIED_NAME),
    ));
    wrong
}

/// The value of a label.
pub fn label_value(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, LABEL_LENGTH, "bytes");
    wrong.extend(unless(value.is_empty() || is_name(value), LABEL_VALUE));
    wrong
}

/// An identifier of the C language.
pub fn c_identifier(name: &str) -> Vec<String> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    unless(
        name.starts_with(first) && name.chars().all(rest),
        C_IDENTIFIER,
    )
}

/// The name of an environment variable.
pub fn env_var_name(name: &str) -> Vec<String> {
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    let matches = !name.is_empty() && !digit_first && name.chars().all(is_name_char);
    let mut wrong = unless(matches, ENV_VAR_NAME);
    wrong.extend(parent_directory(name));
    wrong
}

/// A key of a config map or a secret.
pub fn config_map_key(key: &str) -> Vec<String> {
    let mut wrong = too_long(key, SUBDOMAIN_LENGTH, "characters");
    let matches = !key.is_empty() && key.chars().all(is_name_char);
    wrong.extend(unless(matches, CONFIG_MAP_KEY));
    wrong.extend(parent_directory(key));
    wrong
}

/// A domain name of at least two labels; a dot at its end is accepted. What is wrong is said of the field at `path`.
///
/// ```
/// use knative_core::object::name::fully_qualified_domain_name;
///
/// assert!(fully_qualified_domain_name("name", "shop.acme.dev").is_empty());
/// assert_eq!(
///     fully_qualified_domain_name("name", "shop"),
///     [r#"name: Invalid value: "shop": should be a domain with at least two segments separated by dots"#]
/// );
/// ```
pub fn fully_qualified_domain_name(path: &str, name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec![format!("{path}: Required value")];
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let invalid =
        |value: &str, why: &str| format!("{path}: Invalid value: {}: {why}", quote(value));
    let wrong = dns1123_subdomain(name);
    if !wrong.is_empty() {
        return vec![invalid(name, &wrong.join(","))];
    }
    if !name.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        return vec![invalid(name, why)];
    }
    let labels = name.split('.').map(|label| (label, dns1123_label(label)));
    let wrong = labels.filter(|(_, wrong)| !wrong.is_empty());
    wrong
        .map(|(label, wrong)| invalid(label, &wrong.join(",")))
        .collect()
}

/// Several texts as one, as Kubernetes' `ErrorList.ToAggregate` prints: repeated ones once, in brackets if there are more.
pub fn aggregate(wrong: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for text in wrong {
        if !distinct.contains(&text.as_str()) {
            distinct.push(text);
        }
    }
    match distinct.as_slice() {
        [one] => (*one).to_owned(),
        [] => String::new(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn too_long(text: &str, limit: usize, unit: &str) -> Vec<String> {
    let long = text.len() > limit;
    long.then(|| format!("must be no more than {limit} {unit}"))
        .into_iter()
        .collect()
}

fn unless(matches: bool, message: &str) -> Vec<String> {
    if matches {
        Vec::new()
    } else {
        vec![message.to_owned()]
    }
}

fn prefixed(prefix: &str, wrong: Vec<String>) -> Vec<String> {
    wrong
        .into_iter()
        .map(|text| format!("{prefix}{text}"))
        .collect()
}

/// Such a name would leave the folder in which it becomes a file.
fn parent_directory(name: &str) -> Option<String> {
    match name {
        "." | ".." => Some(format!("must not be '{name}'")),
        _ if name.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

fn is_dns1123_label(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.chars().all(|c| alphanumeric(c) || c == '-')
}

fn is_dns1123_subdomain(name: &str) -> bool {
    name.split('.').all(is_dns1123_label)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_name(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    name.starts_with(alphanumeric) && name.ends_with(alphanumeric) && name.chars().all(is_name_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children() {
        let long = "p".repeat(63);
        let rows = [
            ("fits", "a", "-deployment", "a-deployment".to_owned()),
            (
                "the parent is hashed",
                long.as_str(),
                "-ssssssssssssssssssssssssssss",
                "ppd589298c9732d002373545aecabd1105-ssssssssssssssssssssssssssss".to_owned(),
            ),
            (
                "both are hashed",
                "ddddd",
                "-eeeeeeeeeeeeeeeeeeeeeeee-----ffffffffffffffffffffffffffffff",
                "ddddd7bb7562911f73a9d42ae374d2cb9924e-eeeeeeeeeeeeeeeeeeeeeeee".to_owned(),
            ),
        ];
        for (name, parent, suffix, want) in rows {
            assert_eq!(child_name(parent, suffix), want, "{name}");
        }
        assert_eq!(
            child_name(&"ä".repeat(40), "-x").len(),
            62,
            "characters stay whole"
        );
    }

    #[test]
    fn checks() {
        type Check = fn(&str) -> Vec<String>;
        let x64 = "x".repeat(64);
        let x254 = "x".repeat(254);
        let rows: [(&str, Check, &str, &[&str]); 23] = [
            ("label", dns1123_label, "1-a", &[]),
            ("label: upper case", dns1123_label, "A", &[DNS1123_LABEL]),
            (
                "label: long",
                dns1123_label,
                &x64,
                &["must be no more than 63 characters"],
            ),
            ("label: empty", dns1123_label, "", &[DNS1123_LABEL]),
            ("label prefix", dns1123_label_prefix, "1-", &[]),
            ("subdomain", dns1123_subdomain, "a.1", &[]),
            (
                "subdomain: long",
                dns1123_subdomain,
                &x254,
                &["must be no more than 253 characters"],
            ),
            ("subdomain prefix", dns1123_subdomain_prefix, "a.b-", &[]),
            ("wildcard", wildcard_dns1123_subdomain, "*.a.b", &[]),
            (
                "wildcard: none",
                wildcard_dns1123_subdomain,
                "a.b",
                &[WILDCARD_SUBDOMAIN],
            ),
            ("1035", dns1035_label, "a1", &[]),
            ("1035: digit", dns1035_label, "1a", &[DNS1035_LABEL]),
            ("1035 prefix: masked", dns1035_prefix, "A-", &[]),
            (
                "1035 prefix: dash only",
                dns1035_prefix,
                "-",
                &[DNS1035_LABEL],
            ),
            (
                "1035 prefix: not masked",
                dns1035_prefix,
                "aé-",
                &[DNS1035_LABEL],
            ),
            ("qualified", qualified_name, "acme.dev/Some_Name.x", &[]),
            (
                "qualified: no prefix",
                qualified_name,
                "/a",
                &["prefix part must be non-empty"],
            ),
            (
                "qualified: long",
                qualified_name,
                &x64,
                &["name part must be no more than 63 bytes"],
            ),
            ("value: empty", label_value, "", &[]),
            ("value", label_value, "-a", &[LABEL_VALUE]),
            ("identifier", c_identifier, "_A1", &[]),
            (
                "env: dots",
                env_var_name,
                "..a",
                &["must not start with '..'"],
            ),
            ("key: dot", config_map_key, ".", &["must not be '.'"]),
        ];
        for (name, check, given, want) in rows {
            assert_eq!(check(given), want, "{name}");
        }
    }

    #[test]
    fn domain_names_are_checked_label_by_label() {
        let long = "x".repeat(64);
        let wrong = fully_qualified_domain_name("name", &format!("{long}.a.{long}."));
        let text = format!("name: Invalid value: \"{long}\": must be no more than 63 characters");
        assert_eq!(wrong, [text.clone(), text.clone()]);
        assert_eq!(aggregate(&wrong), text);
        assert_eq!(aggregate(&["a".to_owned(), "b".to_owned()]), "[a, b]");
    }

    #[test]
    fn generated_names_are_labels() {
        let base = "b".repeat(80);
        let name = generated_name(&base, 0);
        assert_eq!(name.len(), 63);
        assert!(dns1035_label(&name).is_empty());
    }
}
