//! Services: applied, shown, changed, selected.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{Cluster, HELLO, squeezed, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applies_and_shows_services() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], HELLO),
                "service.serving.knative.dev/hello created\n"
            );
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], HELLO),
                "service.serving.knative.dev/hello unchanged\n"
            );
            let changed = HELLO.replace("World", "You");
            let output = kubectl.output(&["diff", "-f", "-"], &changed);
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
            assert!(stdout.contains("+          value: You"), "{stdout}");
            assert_eq!(
                kubectl.ok_with(&["apply", "-f", "-"], &changed),
                "service.serving.knative.dev/hello configured\n"
            );

            let status = r#"{"status":{"url":"http://hello.default.localhost","latestCreatedRevisionName":"hello-00002","conditions":[{"type":"Ready","status":"True"}]}}"#;
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "merge", "--subresource", "status", "-p", status]);
            assert_eq!(
                squeezed(&kubectl.ok(&["get", "ksvc"])),
                [
                    "NAME URL LATESTCREATED LATESTREADY READY REASON",
                    "hello http://hello.default.localhost hello-00002 True",
                ]
            );
            assert_eq!(kubectl.ok(&["get", "ksvc", "-o", "name"]), "service.serving.knative.dev/hello\n");
            let yaml = kubectl.ok(&["get", "ksvc", "hello", "-o", "yaml"]);
            assert!(yaml.contains("latestRevision: true"), "{yaml}");
            assert_eq!(
                kubectl.ok(&["wait", "ksvc/hello", "--for=condition=Ready", "--timeout=20s"]),
                "service.serving.knative.dev/hello condition met\n"
            );
            let described = kubectl.ok(&["describe", "ksvc", "hello"]);
            assert!(described.contains("Latest Revision:"), "{described}");
            assert!(kubectl.ok(&["get", "knative"]).contains("hello"));
            assert!(kubectl.ok(&["get", "all"]).contains("service.serving.knative.dev/hello"));
            assert!(kubectl.ok(&["get", "ksvc", "-A", "--sort-by=.metadata.name"]).contains("default"));

            assert_eq!(
                kubectl.ok(&["delete", "ksvc", "hello", "--timeout=20s"]).lines().next(),
                Some("service.serving.knative.dev \"hello\" deleted")
            );
            let gone = kubectl.fails(&["get", "ksvc", "hello"], "");
            assert!(gone.contains("services.serving.knative.dev \"hello\" not found"), "{gone}");
            assert!(kubectl.output(&["get", "ksvc"], "").status.success());
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_services() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            kubectl.ok_with(&["create", "-f", "-"], HELLO);
            let twice = kubectl.fails(&["create", "-f", "-"], HELLO);
            assert!(twice.contains("services.serving.knative.dev \"hello\" already exists"), "{twice}");
            kubectl.ok(&["label", "ksvc", "hello", "a=b"]);
            kubectl.ok(&["annotate", "ksvc", "hello", "note=text"]);
            assert_eq!(kubectl.ok(&["get", "ksvc", "-l", "a=b", "-o", "jsonpath={.items[0].metadata.annotations.note}"]), "text");
            assert_eq!(kubectl.ok(&["get", "ksvc", "-l", "a!=b", "-o", "name"]), "");
            kubectl.ok(&["label", "ksvc", "hello", "a-"]);
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "merge", "-p", r#"{"spec":{"template":{"metadata":{"name":"hello-named"}}}}"#]);
            kubectl.ok(&["patch", "ksvc", "hello", "--type", "json", "-p", r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"two"}]"#]);
            let refused = kubectl.fails(&["patch", "ksvc", "hello", "-p", "{}"], "");
            assert!(refused.contains("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"), "{refused}");
            let refused = kubectl.fails(&["apply", "--server-side", "-f", "-"], HELLO);
            assert!(refused.contains("Server-side apply not available on the server"), "{refused}");

            let editor = kubectl.directory.join("editor");
            fs::write(&editor, "#!/bin/sh\nsed -i 's/image: two/image: three/' \"$1\"\n").expect("a script");
            fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).expect("it may run");
            let mut edit = kubectl.command(&["edit", "ksvc", "hello"]);
            let edited = edit.env("EDITOR", &editor).output().expect("kubectl runs");
            assert!(edited.status.success(), "{:?}", texts(&edited));
            let image = "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.metadata.name}";
            assert_eq!(kubectl.ok(&["get", "ksvc", "hello", "-o", image]), "three hello-named");

            let replaced = kubectl.ok_with(&["replace", "-f", "-"], &HELLO.replace("World", "All"));
            assert_eq!(replaced, "service.serving.knative.dev/hello replaced\n");
            let dry = kubectl.ok_with(&["apply", "--dry-run=server", "-f", "-"], &HELLO.replace("World", "None"));
            assert_eq!(dry, "service.serving.knative.dev/hello configured (server dry run)\n");
            assert!(kubectl.ok(&["get", "ksvc", "hello", "-o", "yaml"]).contains("value: All"));

            let typo = kubectl.fails(&["apply", "-f", "-"], &HELLO.replace("env:", "envs:"));
            assert!(typo.contains("strict decoding error: unknown field \"spec.template.spec.containers[0].envs\""), "{typo}");
            let output = kubectl.output(&["apply", "--validate=warn", "-f", "-"], &HELLO.replace("env:", "envs:"));
            let (_, stderr) = texts(&output);
            assert!(stderr.contains("Warning: unknown field \"spec.template.spec.containers[0].envs\""), "{stderr}");
            kubectl.ok(&["delete", "ksvc", "--all", "--timeout=20s"]);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selects_and_prunes() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            for name in ["a", "b", "c"] {
                let service = HELLO.replace(
                    "name: hello",
                    &format!("name: {name}\n  labels: {{app: x}}"),
                );
                kubectl.ok_with(&["apply", "-f", "-"], &service);
            }
            assert_eq!(
                kubectl
                    .ok(&["get", "ksvc", "--chunk-size=1", "-o", "name"])
                    .lines()
                    .count(),
                3
            );
            let one = kubectl.ok(&[
                "get",
                "ksvc",
                "--field-selector",
                "metadata.name=b",
                "-o",
                "name",
            ]);
            assert_eq!(one, "service.serving.knative.dev/b\n");
            let refused = kubectl.fails(&["get", "ksvc", "--field-selector", "spec.x=1"], "");
            assert!(
                refused.contains("field label not supported: spec.x"),
                "{refused}"
            );
            let only = HELLO.replace("name: hello", "name: a\n  labels: {app: x}");
            let pruned = kubectl.ok_with(
                &[
                    "apply",
                    "-f",
                    "-",
                    "--prune",
                    "-l",
                    "app=x",
                    "--prune-allowlist=serving.knative.dev/v1/Service",
                ],
                &only,
            );
            assert!(
                pruned.contains("service.serving.knative.dev/b pruned"),
                "{pruned}"
            );
            assert_eq!(
                kubectl.ok(&["get", "ksvc", "-o", "name"]),
                "service.serving.knative.dev/a\n"
            );

            let kustomization = "resources: [hello.yaml]\nnamePrefix: k-\n";
            fs::write(kubectl.directory.join("kustomization.yaml"), kustomization).expect("a file");
            fs::write(kubectl.directory.join("hello.yaml"), HELLO).expect("a file");
            let made = kubectl.ok(&["apply", "-k", "."]);
            assert_eq!(made, "service.serving.knative.dev/k-hello created\n");
            let gone = kubectl.ok(&["delete", "-k", ".", "--timeout=20s", "--cascade=foreground"]);
            assert!(gone.contains("\"k-hello\" deleted"), "{gone}");
            let forced =
                kubectl.ok_with(&["replace", "--force", "-f", "-", "--timeout=20s"], &only);
            assert!(
                forced.contains("service.serving.knative.dev/a replaced"),
                "{forced}"
            );
            let missing = kubectl.fails(&["apply", "-n", "nowhere", "-f", "-"], HELLO);
            assert!(
                missing.contains("namespaces \"nowhere\" not found"),
                "{missing}"
            );
            kubectl.ok(&["delete", "ksvc", "nothing", "--ignore-not-found"]);
            assert!(kubectl.ok(&["cluster-info"]).contains("is running at"));
        })
        .await;
}
