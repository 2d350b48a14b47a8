use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::api::networking::ingress::{HeaderMatch, HttpIngressRuleValue};

fn split(name: &str, percent: i64) -> IngressBackendSplit {
    IngressBackendSplit {
        service_namespace: "n".to_owned(),
        service_name: name.to_owned(),
        percent,
        ..IngressBackendSplit::default()
    }
}

fn path(prefix: &str, headers: &[(&str, &str)], name: &str) -> HttpIngressPath {
    let wanted = headers.iter().map(|(name, value)| {
        let exact = (*value).to_owned();
        ((*name).to_owned(), HeaderMatch { exact })
    });
    HttpIngressPath {
        path: prefix.to_owned(),
        headers: wanted.collect(),
        splits: vec![split(name, 100)],
        ..HttpIngressPath::default()
    }
}

fn rule(paths: Vec<HttpIngressPath>) -> Rule {
    Rule::compile(&IngressRule {
        http: Some(HttpIngressRuleValue { paths }),
        ..IngressRule::default()
    })
}

/// A path, headers, and the revision they lead to.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

fn chosen(
    rule: &Rule,
    path: &str,
    headers: &[(&'static str, &str)],
    random: u64,
) -> Option<String> {
    let headers = headers.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    let headers: HeaderMap = headers.collect();
    match rule.choose(path, &headers, || random)?.target {
        Chosen::Revision(key) => Some(key.name.as_ref().to_owned()),
        Chosen::Host(host) => Some(format!("host {}", host.to_str().unwrap())),
    }
}

#[test]
fn the_longest_prefix_and_then_the_most_headers_win() {
    let rule = rule(vec![
        path("", &[], "all"),
        path("/a", &[], "a"),
        path("/a/b", &[], "b"),
        path("", &[("knative-serving-tag", "blue")], "blue"),
        path("/a", &[("knative-serving-tag", "blue")], "a-blue"),
    ]);
    let rows: [Row; 7] = [
        ("/", &[], "all"),
        ("/a/x", &[], "a"),
        ("/a/b/c", &[], "b"),
        ("/", &[("knative-serving-tag", "blue")], "blue"),
        ("/", &[("knative-serving-tag", "red")], "all"),
        ("/a", &[("knative-serving-tag", "blue")], "a-blue"),
        ("/a/b", &[("knative-serving-tag", "blue")], "b"),
    ];
    for (path, headers, expected) in rows {
        assert_eq!(
            chosen(&rule, path, headers, 0).as_deref(),
            Some(expected),
            "{path} {headers:?}"
        );
    }
}

#[test]
fn a_path_without_match_leads_nowhere() {
    let rule = rule(vec![path("/a", &[], "a")]);
    assert_eq!(chosen(&rule, "/b", &[], 0), None);
    assert_eq!(chosen(&Rule::default(), "/", &[], 0), None);
}

#[test]
fn a_rewritten_host_goes_before_splits() {
    let mut rewritten = path("", &[], "ignored");
    rewritten.rewrite_host = "Hello.Default.svc".to_owned();
    assert_eq!(
        chosen(&rule(vec![rewritten]), "/", &[], 0).as_deref(),
        Some("host hello.default.svc")
    );
}

#[test]
fn headers_for_an_activator_are_not_added() {
    let mut with = path("", &[], "a");
    with.append_headers = BTreeMap::from([
        ("Knative-Serving-Tag".to_owned(), "blue".to_owned()),
        ("Knative-Serving-Revision".to_owned(), "a".to_owned()),
        ("Knative-Serving-Namespace".to_owned(), "n".to_owned()),
    ]);
    let rule = rule(vec![with]);
    let choice = rule.choose("/", &HeaderMap::new(), || 0).unwrap();
    let names: Vec<_> = choice
        .append
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["knative-serving-tag"]);
}

#[test]
fn shares_of_zero_take_part_only_alone() {
    let mut shared = path("", &[], "a");
    shared.splits = vec![split("a", 0), split("b", 100)];
    for random in [0, u64::MAX / 2, u64::MAX] {
        assert_eq!(
            chosen(&rule(vec![shared.clone()]), "/", &[], random).as_deref(),
            Some("b")
        );
    }
    shared.splits = vec![split("a", 0)];
    assert_eq!(
        chosen(&rule(vec![shared.clone()]), "/", &[], 9).as_deref(),
        Some("a")
    );
    shared.splits = Vec::new();
    assert_eq!(chosen(&rule(vec![shared]), "/", &[], 9), None);
}

proptest! {
    #[test]
    fn every_share_is_met_exactly(shares in prop::collection::vec(0_i64..100, 2..6)) {
        let total: i64 = shares.iter().sum();
        prop_assume!(total > 0);
        let mut shared = path("", &[], "");
        shared.splits = shares.iter().enumerate().map(|(n, share)| split(&n.to_string(), *share)).collect();
        let rule = rule(vec![shared]);
        let mut met = vec![0_i64; shares.len()];
        let total = u64::try_from(total).unwrap();
        for point in 0..total {
            // The middle of each of the `total` equal parts of all random numbers.
            let random = (u128::from(2 * point + 1) << 63) / u128::from(total);
            let name = chosen(&rule, "/", &[], u64::try_from(random).unwrap());
            met[name.unwrap().parse::<usize>().unwrap()] += 1;
        }
        prop_assert_eq!(met, shares);
    }
}
