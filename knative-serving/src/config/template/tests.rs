use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Template, Value};

fn data() -> Value {
    Value::object_meta(&ObjectMeta {
        name: Some("abc".to_owned()),
        namespace: Some("ns".to_owned()),
        labels: Some(BTreeMap::from([("tier".to_owned(), "gold".to_owned())])),
        annotations: Some(BTreeMap::from([("note".to_owned(), "n1".to_owned())])),
        finalizers: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..ObjectMeta::default()
    })
}

#[test]
fn renders() {
    for (source, want) in [
        ("plain", "plain"),
        ("{{.Name}}.{{.Namespace}}", "abc.ns"),
        ("a {{- .Name -}} b", "aabcb"),
        ("a  {{-  .Name  -}}  b", "aabcb"),
        ("{{/* a note */}}x", "x"),
        ("{{.Labels.tier}}", "gold"),
        ("{{.Labels.missing}}", "<no value>"),
        ("{{index .Labels \"missing\"}}", ""),
        ("{{index .Annotations `note`}}", "n1"),
        ("{{or .GenerateName .Name}}", "abc"),
        ("{{and .Name .Namespace}}", "ns"),
        ("{{not .Name}}", "false"),
        ("{{if .Labels}}l{{else}}p{{end}}", "l"),
        ("{{if eq .Name \"x\" \"abc\"}}y{{end}}", "y"),
        ("{{if .UID}}u{{else if .Name}}n{{else}}z{{end}}", "n"),
        ("{{with .Labels}}{{.tier}}{{end}}", "gold"),
        ("{{range .Finalizers}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $f := .Finalizers}}{{$i}}{{$f}}{{end}}", "0a1b"),
        (
            "{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}}",
            "tier=gold",
        ),
        (
            "{{range .Finalizers}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}",
            "a",
        ),
        ("{{$x := .Name}}{{$x}}-{{$.Namespace}}", "abc-ns"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        (
            "{{printf \"%s-%05d-%q-%v\" .Name 7 \"z\" true}}",
            "abc-00007-\"z\"-true",
        ),
        ("{{.Name | printf \"%.2s\"}}", "ab"),
        ("{{len .Name}}{{len (index .Labels \"tier\")}}", "34"),
        ("{{slice .Name 1 2}}", "b"),
        ("{{(index .OwnerReferences 0).Name | print}}", "!"),
        ("{{\"}}\"}}", "}}"),
        (
            "{{range $i := 3}}{{$i}}{{end}}{{range 0x2}}x{{else}}y{{end}}",
            "012xx",
        ),
        (
            "{{urlquery \"a b/c\"}}{{html \"<\"}}{{js \"'\"}}",
            "a+b%2Fc&lt;\\'",
        ),
        (
            "{{.CreationTimestamp}}{{.DeletionTimestamp}}",
            "0001-01-01 00:00:00 +0000 UTC<nil>",
        ),
        ("{{1e21}} {{1.5}}", "1e+21 1.5"),
        (
            "{{lt 1 2}}{{ge 1.5 2.5}}{{ne \"a\" \"b\"}}",
            "truefalsetrue",
        ),
    ] {
        let template =
            Template::parse("t", source).unwrap_or_else(|error| panic!("{source}: {error}"));
        match want {
            "!" => assert!(template.render(&data()).is_err(), "{source}"),
            _ => assert_eq!(template.render(&data()).as_deref(), Ok(want), "{source}"),
        }
    }
}

#[test]
fn refuses() {
    for (source, want) in [
        ("{{", "template: t:1: unclosed action"),
        ("x\n{{.Name", "template: t:2: unclosed action"),
        (
            "{{.Name}.x}}",
            "template: t:1: unexpected bad character U+007D '}' in command",
        ),
        (
            "{{title .Name}}",
            "template: t:1: function \"title\" not defined",
        ),
        ("{{$x}}", "template: t:1: undefined variable \"$x\""),
        ("{{if .Name}}", "template: t:1: unexpected EOF"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{}}", "template: t:1: missing value for command"),
        (
            "{{call .Name}}",
            "template: t:1: function \"call\" not defined",
        ),
        (
            "{{.Name | 1}}",
            "template: t:1: non executable command in pipeline stage 2",
        ),
        ("{{(.Name}}", "template: t:1: unclosed left paren"),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
    ] {
        let error = Template::parse("t", source).expect_err(source);
        assert_eq!(error.to_string(), want, "{source}");
    }
    let deep = format!(
        "{}1{}",
        "{{(".to_owned() + &"(".repeat(10_000),
        ")".repeat(10_001) + "}}"
    );
    assert!(Template::parse("t", &deep).is_err());
}

#[test]
fn does_not_apply() {
    for (source, want) in [
        (
            "{{.Nam}}",
            "template: t:1:2: executing \"t\" at <.Nam>: can't evaluate field Nam in type v1.ObjectMeta",
        ),
        (
            "{{.Name.x}}",
            "template: t:1:2: executing \"t\" at <.Name.x>: can't evaluate field x in type string",
        ),
        (
            "{{len 3}}",
            "template: t:1:2: executing \"t\" at <len>: error calling len: len of type int64",
        ),
        (
            "{{.Name 1}}",
            "template: t:1:2: executing \"t\" at <.Name>: can't give argument to non-function .Name",
        ),
    ] {
        let error = Template::parse("t", source)
            .expect(source)
            .render(&data())
            .expect_err(source);
        assert_eq!(error.to_string(), want, "{source}");
    }
}
