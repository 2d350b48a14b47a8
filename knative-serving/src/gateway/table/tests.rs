use super::*;
use crate::gateway::tests::ingress;

fn way(table: &RoutingTable, host: &str) -> Option<String> {
    let mut headers = HeaderMap::new();
    let route = table.route(table.rule(host)?, "/", &mut headers, || 0)?;
    Some(route.revision.to_string())
}

fn key(name: &str) -> IngressKey {
    IngressKey::new("n", name)
}

#[test]
fn a_changed_ingress_replaces_its_hosts_and_leaves_the_old_table_as_it_was() {
    let first = RoutingTable::new().with(&key("a"), &ingress("one", &[("r1", 100)]));
    let second = first.with(&key("a"), &ingress("two", &[("r2", 100)]));
    assert_eq!(way(&first, "one").as_deref(), Some("default/r1"));
    assert_eq!((way(&second, "one"), second.len()), (None, 1));
    assert_eq!(way(&second, "two").as_deref(), Some("default/r2"));
    let third = second.without(&key("a"));
    assert!(third.is_empty() && !second.is_empty());
}

#[test]
fn a_host_that_several_name_belongs_to_the_first_by_name() {
    let of = |name| ingress("shared", &[(name, 100)]);
    let (a, b) = (key("a"), key("b"));
    let one = RoutingTable::new().with(&a, &of("a")).with(&b, &of("b"));
    let other = RoutingTable::new().with(&b, &of("b")).with(&a, &of("a"));
    for table in [&one, &other] {
        assert_eq!(way(table, "shared").as_deref(), Some("default/a"));
    }
    assert_eq!(
        way(&one.without(&a), "shared").as_deref(),
        Some("default/b")
    );
}

#[test]
fn hosts_are_known_in_any_case_and_with_any_port() {
    let table = RoutingTable::new().with(
        &key("a"),
        &ingress("Hello.Default.Example.com", &[("r", 1)]),
    );
    assert!(table.knows("hello.default.example.com:8080"));
    assert!(!table.knows("other.default.example.com"));
    assert_eq!(
        way(&table, "hello.default.example.com").as_deref(),
        Some("default/r")
    );
}

#[test]
fn a_rewritten_host_is_looked_up_and_told() {
    let mut domain = ingress("example.com", &[]);
    if let Some(http) = &mut domain.rules[0].http {
        "hello".clone_into(&mut http.paths[0].rewrite_host);
        let header = ("x-by".to_owned(), "domain".to_owned());
        http.paths[0].append_headers.extend([header]);
    }
    let mut circle = domain.clone();
    circle.rules[0].hosts = vec!["hello".to_owned()];
    let table = RoutingTable::new().with(&key("domain"), &domain);
    let whole = table.with(&key("hello"), &ingress("hello", &[("r", 100)]));
    let mut headers = HeaderMap::new();
    let rule = whole.rule("example.com").unwrap();
    let route = whole.route(rule, "/", &mut headers, || 0).unwrap();
    assert_eq!(route.revision.to_string(), "default/r");
    assert_eq!(route.host.unwrap(), "hello");
    assert_eq!(headers["x-by"], "domain");
    assert_eq!(way(&table, "example.com"), None);
    assert_eq!(
        way(&table.with(&key("circle"), &circle), "example.com"),
        None
    );
}
