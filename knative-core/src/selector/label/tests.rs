use super::*;

fn printed(text: &str) -> Result<String, String> {
    let selector = text.parse::<LabelSelector>();
    selector
        .map(|selector| selector.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn texts() {
    let rows = [
        ("", ""),
        (" \t", ""),
        ("a = b", "a=b"),
        ("b,a", "a,b"),
        ("a in ( z , y,x )", "a in (x,y,z)"),
        ("a in ()", "a in ()"),
        ("a in (,x)", "a in (,x)"),
        ("a in (b,,c)", "a in (,b,c)"),
        ("a notin (b,)", "a notin (,b)"),
        ("a=,b!=", "a=,b!="),
        ("! a", "!a"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("a>1,b<2", "a>1,b<2"),
        ("a==b\0 = c", "a==b"),
        ("app.dev/name=x", "app.dev/name=x"),
    ];
    for (text, want) in rows {
        assert_eq!(printed(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn refusals() {
    let rows = [
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        (
            "!",
            "unable to parse requirement: found '', expected: identifier",
        ),
        (
            "(a)",
            "found '(', expected: !, identifier, or 'end of string'",
        ),
        ("a,", "found '', expected: identifier after ','"),
        (
            "a in b",
            "unable to parse requirement: found 'b' expected: '('",
        ),
        (
            "a in (",
            "unable to parse requirement: found '', expected: ',', ')' or identifier",
        ),
        (
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            "a in (b c)",
            "unable to parse requirement: found 'c', expected: ',' or ')'",
        ),
        (
            "a in (b,,)",
            "unable to parse requirement: found ')', expected: ',', or identifier",
        ),
        (
            "a===b",
            "unable to parse requirement: found '=', expected: identifier",
        ),
        (
            "/a",
            "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty",
        ),
        (
            "a>b_",
            "unable to parse requirement: [values[0]: Invalid value: \"b_\": for 'Gt', 'Lt' operators, the value must be an integer, \
             values[0][a]: Invalid value: \"b_\": a valid label must be an empty string or consist of alphanumeric characters, \
             '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
             regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')]",
        ),
    ];
    for (text, want) in rows {
        assert_eq!(printed(text), Err(want.to_owned()), "{text}");
    }
}

#[test]
fn matching() {
    let labels = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let rows = [
        ("", "", true),
        ("a!=b", "", true),
        ("a notin (b)", "a=b", false),
        ("a in (,b)", "a=", true),
        ("a", "a=", true),
        ("!a", "a=", false),
        ("a>1", "a=2", true),
        ("a>1", "a=x", false),
        ("a<1", "", false),
        ("a,b", "a=1", false),
    ];
    for (text, of, want) in rows {
        let selector = text.parse::<LabelSelector>();
        assert_eq!(
            selector.map(|selector| selector.matches(&labels(of))),
            Ok(want),
            "{text} on {of}"
        );
    }
}

#[test]
fn of_an_object() {
    let requirement = |operator: &str, values: &[&str]| metav1::LabelSelector {
        match_labels: Some(BTreeMap::from([("b".to_owned(), "c".to_owned())])),
        match_expressions: Some(vec![metav1::LabelSelectorRequirement {
            key: "a".to_owned(),
            operator: operator.to_owned(),
            values: Some(values.iter().map(ToString::to_string).collect()),
        }]),
    };
    let rows = [
        ("In", &["x"][..], Ok("a in (x),b=c")),
        ("DoesNotExist", &[], Ok("!a,b=c")),
        (
            "in",
            &[],
            Err("\"in\" is not a valid label selector operator"),
        ),
        (
            "NotIn",
            &[],
            Err(
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
            ),
        ),
        (
            "Exists",
            &["x"],
            Err(
                "values: Invalid value: [\"x\"]: values set must be empty for exists and does not exist",
            ),
        ),
    ];
    for (operator, values, want) in rows {
        let selector = LabelSelector::try_from(&requirement(operator, values));
        let got = selector
            .map(|selector| selector.to_string())
            .map_err(|error| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), want, "{operator}");
    }
    assert_eq!(
        LabelSelector::try_from(&metav1::LabelSelector::default()),
        Ok(LabelSelector::everything())
    );
}
