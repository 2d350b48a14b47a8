//! What the server says of itself, and to those it refuses.

use super::{Cluster, squeezed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explains_itself() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            let explained = kubectl.ok(&["explain", "ksvc.spec.template.spec.containers.image"]);
            assert!(
                explained.contains("GROUP:      serving.knative.dev"),
                "{explained}"
            );
            assert!(explained.contains("What runs."), "{explained}");
            let explained = kubectl.ok(&["explain", "configmap.data"]);
            assert!(explained.contains("<map[string]string>"), "{explained}");
            assert!(
                kubectl
                    .ok(&["explain", "ksvc", "--recursive"])
                    .contains("containerConcurrency")
            );
            let resources = kubectl.ok(&["api-resources"]);
            let resources = squeezed(&resources);
            assert!(
                resources.contains(
                    &"services kservice,ksvc serving.knative.dev/v1 true Service".to_owned()
                ),
                "{resources:?}"
            );
            assert!(
                kubectl
                    .ok(&["api-versions"])
                    .contains("serving.knative.dev/v1\n")
            );
            let version = kubectl.ok(&["version"]);
            assert!(version.contains("Server Version: v1.34."), "{version}");
            let crd = kubectl.ok(&["get", "crd", "services.serving.knative.dev"]);
            assert!(crd.contains("CREATED AT"), "{crd}");
            kubectl.ok(&[
                "wait",
                "--for=condition=Established",
                "crd/services.serving.knative.dev",
                "--timeout=20s",
            ]);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_strangers() {
    let cluster = Cluster::start().await;
    let (address, token) = (cluster.address, cluster.token.clone());
    cluster
        .run(move |kubectl| {
            let server = format!("https://{address}");
            let raw = [
                "get",
                "--raw",
                "/version",
                "--server",
                &server,
                "--insecure-skip-tls-verify",
                "--kubeconfig=/dev/null",
            ];
            let refused = kubectl.fails(&[&raw[..], &["--token=wrong"]].concat(), "");
            assert!(
                refused.contains("Unauthorized") || refused.contains("logged in"),
                "{refused}"
            );
            let token = format!("--token={token}");
            let version = kubectl.ok(&[&raw[..], &[token.as_str()]].concat());
            assert!(version.contains("v1.34."), "{version}");
            let version = kubectl.ok(&["get", "--raw", "/version"]);
            assert!(version.contains("v1.34."), "{version}");
            let who = kubectl.ok(&["auth", "whoami", "--as=jane", "-o", "json"]);
            assert!(who.contains("\"username\": \"jane\""), "{who}");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_kinds_are_told() {
    let cluster = Cluster::start().await;
    cluster
        .run(|kubectl| {
            for unknown in [
                "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b}\n",
                "apiVersion: serving.knative.dev/v1\nkind: Servce\nmetadata: {name: b}\n",
            ] {
                let refused = kubectl.fails(&["apply", "-f", "-"], unknown);
                assert!(refused.contains("no matches for kind"), "{refused}");
            }
        })
        .await;
}
