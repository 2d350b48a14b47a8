//! What containers show and processes cannot.

use knative_tests::engine::Start;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{
    Outcome, ensure, http, only,
    platform::{Platform, condition, service, text, until},
    program::{self, Program},
};

const HELLO: &str = "example.local/hello";

pub(crate) fn trials() -> Vec<Trial> {
    only(
        Program::Docker,
        "containers",
        [
            (
                "a_sidecar_and_an_init_container_share_files_and_localhost",
                pod,
            ),
            (
                "one_of_two_containers_is_restarted_in_its_pod",
                restarted_alone,
            ),
            (
                "files_and_variables_come_from_config_maps_and_secrets",
                references,
            ),
            ("a_missing_secret_is_told_and_awaited", missing_secret),
            ("one_that_eats_memory_is_told_by_its_exit_code", eats_memory),
            ("one_that_ends_is_told_with_its_last_words", ends),
            ("images_that_cannot_be_had_are_told_as_by_knative", no_image),
            ("an_image_without_a_command_is_told", no_command),
            ("a_user_that_the_image_lacks_is_told", wrong_user),
            ("root_is_refused_where_it_is_not_to_run", run_as_non_root),
            ("one_that_floods_its_log_is_bounded", floods_log),
            ("host_paths_and_claims_need_their_feature", features),
            ("paths_of_volumes_stay_inside", escapes),
            ("images_are_taken_in_from_archives", image_add),
            ("an_archive_that_is_none_is_one_sentence", bad_archive),
            ("no_engine_is_one_sentence", no_engine),
            ("two_platforms_leave_each_other_alone", two_platforms),
            (
                "the_next_platform_after_kill_9_leaves_nothing",
                crash_and_end,
            ),
            ("another_pool_is_kept", pool),
        ],
    )
}

/// An image of the workload program in one of its roles.
fn role(platform: &Platform, role: &str) -> Result<String, Failed> {
    let reference = platform.reference(role)?;
    let start = Start {
        entrypoint: vec!["/program".to_owned()],
        arguments: vec![role.to_owned()],
        user: None,
    };
    platform.add_image(&reference, &start)?;
    Ok(reference)
}

/// A service of a pod that is given up after a few seconds.
fn of_pod(name: &str, spec: Value) -> Value {
    let mut service = service(
        name,
        HELLO,
        &[],
        &json!({ "serving.knative.dev/progress-deadline": "5s" }),
    );
    service["spec"]["template"]["spec"] = spec;
    service
}

/// Waits until a service has failed for a reason, and answers with its revision's message.
fn failed(platform: &Platform, name: &str, kind: &str, reason: &str) -> Result<String, Failed> {
    let revision = format!("{name}-00001");
    let mut last = Value::Null;
    let told = until(&format!("{kind} of {revision} to be {reason}"), || {
        last = platform.object("revisions", &revision)?;
        let condition = condition(&last, kind);
        Ok(condition["status"] == "False" && condition["reason"] == reason)
    });
    told.map_err(|error| {
        format!(
            "{}: {}",
            error.message().unwrap_or_default(),
            last["status"]
        )
    })?;
    let message = condition(&last, kind)["message"].as_str();
    Ok(message.unwrap_or_default().to_owned())
}

fn is(text: &str, expected: &str) -> Outcome {
    ensure(text == expected, || format!("{text:?} is not {expected:?}"))
}

/// Switches a feature on.
fn enable(platform: &Platform, features: &[&str]) -> Outcome {
    let path = "/api/v1/namespaces/knative-serving/configmaps/config-features";
    until("the ConfigMap to exist", || {
        Ok(platform.get_api(path)?.status == 200)
    })?;
    let data: Value = features
        .iter()
        .map(|feature| ((*feature).to_owned(), json!("enabled")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    platform.expect_api(
        "PATCH",
        path,
        "application/merge-patch+json",
        &json!({ "data": data }),
    )
}

/// Applies what is admitted once the configuration in force has followed its ConfigMap.
fn apply_soon(platform: &Platform, service: &Value) -> Outcome {
    let mut refused = None;
    let applied = until("it to be admitted", || {
        refused = platform.apply(service).err();
        Ok(refused.is_none())
    });
    applied.map_err(|error| refused.unwrap_or(error))
}

fn create(platform: &Platform, plural: &str, object: &Value) -> Outcome {
    let path = format!("/api/v1/namespaces/default/{plural}");
    platform.expect_api("POST", &path, "application/json", object)
}

fn host(name: &str) -> String {
    format!("{name}.default.localhost")
}

fn pod() -> Outcome {
    let platform = Platform::start()?;
    enable(&platform, &["kubernetes.podspec-init-containers"])?;
    let (hello, writes, sidecar) = (
        role(&platform, "hello")?,
        role(&platform, "writes")?,
        role(&platform, "fixed-port")?,
    );
    let mount = json!([{ "name": "shared", "mountPath": "/shared" }]);
    let pod = json!({
        "initContainers": [{
            "name": "writes", "image": writes, "volumeMounts": mount,
            "env": [{ "name": "FILE", "value": "/shared/note" }, { "name": "TEXT", "value": "from before" }],
        }],
        "containers": [
            { "name": "main", "image": hello, "ports": [{ "containerPort": 8080 }], "volumeMounts": mount },
            {
                "name": "beside", "image": sidecar,
                "env": [{ "name": "FIXED_PORT", "value": "9090" }, { "name": "TARGET", "value": "from beside" }],
            },
        ],
        "volumes": [{ "name": "shared", "emptyDir": {} }],
    });
    apply_soon(&platform, &of_pod("pod", pod))?;
    platform.ready("pod")?;
    is(
        &platform.body(&host("pod"), "/file/shared/note")?,
        "from before",
    )?;
    is(
        &platform.body(&host("pod"), "/via/9090")?,
        "Hello from beside!\n",
    )
}

fn restarted_alone() -> Outcome {
    let platform = Platform::start()?;
    let (hello, sidecar) = (role(&platform, "hello")?, role(&platform, "fixed-port")?);
    let main = json!({
        "name": "main", "image": hello, "ports": [{ "containerPort": 8080 }],
        "volumeMounts": [{ "name": "shared", "mountPath": "/shared" }],
    });
    let beside = json!({
        "name": "beside", "image": sidecar,
        "env": [{ "name": "FIXED_PORT", "value": "9090" }],
    });
    let pod = json!({
        "containers": [main, beside],
        "volumes": [{ "name": "shared", "emptyDir": {} }],
    });
    let mut service = of_pod("again", pod);
    // A restart on a busy machine takes its time.
    service["spec"]["template"]["metadata"]["annotations"] = json!({});
    apply_soon(&platform, &service)?;
    platform.ready("again")?;
    let beside = platform.body(&host("again"), "/via/9090/pid")?;
    // It ends before it answers.
    let ended = http::post(platform.gateway(), &host("again"), "/end/shared/mark")?;
    ensure(ended.status == 502, || format!("{ended:?}"))?;
    let mut pods = Value::Null;
    let restarted = until("main to be restarted, and beside to go on", || {
        let answer = platform.get_api("/api/v1/namespaces/default/pods")?;
        pods = serde_json::from_str(&answer.body)?;
        let statuses = &pods["items"][0]["status"]["containerStatuses"];
        let count = |index: usize| statuses[index]["restartCount"].clone();
        Ok(count(0) == 1 && count(1) == 0 && statuses[0]["ready"] == true)
    });
    restarted.map_err(|error| {
        let error = error.message().unwrap_or_default().to_owned();
        format!("{error}: {}", pods["items"][0]["status"])
    })?;
    is(
        &platform.body(&host("again"), "/file/shared/mark")?,
        "ended",
    )?;
    is(&platform.body(&host("again"), "/via/9090/pid")?, &beside)?;
    let name = pods["items"][0]["metadata"]["name"].as_str();
    let name = name.unwrap_or_default();
    let log = format!("/api/v1/namespaces/default/pods/{name}/log?container=main");
    let previous = platform.get_api(&format!("{log}&previous=true&tailLines=1"))?;
    is(&previous.body, "ended by request\n")?;
    let now = platform.get_api(&log)?.body;
    ensure(!now.contains("ended"), || now.clone())
}

fn references() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "settings" }, "data": { "color": "blue" } }),
    )?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "keys" }, "stringData": { "token": "s3cret" } }),
    )?;
    let pod = json!({
        "containers": [{
            "image": image,
            "env": [
                { "name": "COLOR", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "color" } } },
                { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "token" } } },
            ],
            "envFrom": [{ "prefix": "ALL_", "configMapRef": { "name": "settings" } }],
            "volumeMounts": [
                { "name": "settings", "mountPath": "/settings", "readOnly": true },
                { "name": "keys", "mountPath": "/keys", "readOnly": true },
            ],
        }],
        "volumes": [
            { "name": "settings", "configMap": { "name": "settings" } },
            { "name": "keys", "secret": { "secretName": "keys" } },
        ],
    });
    platform.apply(&of_pod("reads", pod))?;
    platform.ready("reads")?;
    for (path, expected) in [
        ("/env/COLOR", "blue"),
        ("/env/TOKEN", "s3cret"),
        ("/env/ALL_color", "blue"),
        ("/file/settings/color", "blue"),
        ("/file/keys/token", "s3cret"),
    ] {
        is(&platform.body(&host("reads"), path)?, expected)?;
    }
    Ok(())
}

fn missing_secret() -> Outcome {
    let platform = Platform::start()?;
    let env =
        json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "none", "key": "k" } } }]);
    platform.apply(&of_pod(
        "hello",
        json!({ "containers": [{ "image": HELLO, "env": env }] }),
    ))?;
    let message = failed(
        &platform,
        "hello",
        "ResourcesAvailable",
        "CreateContainerConfigError",
    )?;
    is(&message, "secret \"none\" not found")?;
    create(
        &platform,
        "secrets",
        &json!({ "metadata": { "name": "none" }, "stringData": { "k": "v" } }),
    )?;
    platform.ready("hello").map(drop)
}

fn eats_memory() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "eats-memory")?;
    let limits = json!({ "limits": { "memory": "32Mi" } });
    platform.apply(&of_pod(
        "eats",
        json!({ "containers": [{ "image": image, "resources": limits }] }),
    ))?;
    is(
        &failed(&platform, "eats", "ContainerHealthy", "ExitCode137")?,
        "Container failed with: ",
    )
}

fn ends() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.script("ends", "echo no database; exit 1")?;
    platform.apply(&of_pod(
        "ends",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    is(
        &failed(&platform, "ends", "ContainerHealthy", "ExitCode1")?,
        "Container failed with: no database\n",
    )
}

/// Recorded as `image-never`, `image-pull-fails` and `image-digest-fails`; what the network says is the engine's to word.
fn no_image() -> Outcome {
    let platform = Platform::start()?;
    let digest = format!("dev.local/none@sha256:{}", "0".repeat(64));
    let rows = [
        (
            "never",
            json!({ "image": "dev.local/none:1", "imagePullPolicy": "Never" }),
            ("ResourcesAvailable", "ErrImageNeverPull"),
            "Container image \"dev.local/none:1\" is not present with pull policy of Never"
                .to_owned(),
        ),
        (
            "pull",
            json!({ "image": "dev.local/none:2" }),
            ("ResourcesAvailable", "ImagePullBackOff"),
            "Back-off pulling image \"dev.local/none:2\": ErrImagePull: ".to_owned(),
        ),
        (
            "digest",
            json!({ "image": digest }),
            ("ResourcesAvailable", "ImagePullBackOff"),
            format!("Back-off pulling image \"{digest}\": ErrImagePull: "),
        ),
        (
            "resolve",
            json!({ "image": "image.invalid/none:1" }),
            ("ContainerHealthy", "ContainerMissing"),
            "Unable to fetch image \"image.invalid/none:1\": failed to resolve image to digest: Get \"https://image.invalid/v2/\": "
                .to_owned(),
        ),
    ];
    for (name, container, _, _) in &rows {
        platform.apply(&of_pod(name, json!({ "containers": [container] })))?;
    }
    for (name, _, (kind, reason), message) in &rows {
        let told = failed(&platform, name, kind, reason)?;
        ensure(told.starts_with(message), || format!("{name}: {told:?}"))?;
        let ready = failed(&platform, name, "Ready", reason)?;
        is(&ready, &told)?;
    }
    Ok(())
}

fn no_command() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("empty")?;
    platform.add_image(&image, &Start::default())?;
    platform.apply(&of_pod(
        "empty",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    let service = platform.service_when("empty", "failed", |service| {
        condition(service, "Ready")["status"] == "False"
    })?;
    let conditions = service["status"]["conditions"].to_string();
    ensure(conditions.contains("No command specified"), || conditions)
}

fn wrong_user() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("nobody")?;
    let start = Start {
        entrypoint: vec!["/program".to_owned()],
        user: Some("nobody-knows".to_owned()),
        ..Start::default()
    };
    platform.add_image(&image, &start)?;
    platform.apply(&of_pod(
        "nobody",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    let service = platform.service_when("nobody", "failed", |service| {
        condition(service, "Ready")["status"] == "False"
    })?;
    let conditions = service["status"]["conditions"].to_string();
    ensure(conditions.contains("nobody-knows"), || conditions)
}

fn run_as_non_root() -> Outcome {
    let platform = Platform::start()?;
    let context = json!({ "runAsNonRoot": true });
    platform.apply(&of_pod(
        "root",
        json!({ "containers": [{ "image": HELLO, "securityContext": context }] }),
    ))?;
    let message = failed(
        &platform,
        "root",
        "ResourcesAvailable",
        "CreateContainerConfigError",
    )?;
    ensure(
        message.contains("container has runAsNonRoot and image will run as root"),
        || message,
    )?;
    let context = json!({ "runAsNonRoot": true, "runAsUser": 1000 });
    platform.apply(&of_pod(
        "user",
        json!({ "containers": [{ "image": HELLO, "securityContext": context }] }),
    ))?;
    platform.ready("user").map(drop)
}

fn floods_log() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "floods-log")?;
    platform.apply(&of_pod(
        "floods",
        json!({ "containers": [{ "image": image }] }),
    ))?;
    platform.ready("floods")?;
    let running = platform.running()?;
    let container = running.first().ok_or("nothing runs")?;
    let inspected = platform.engine()?.inspect(container)?;
    let config = inspected
        .host_config
        .and_then(|config| config.log_config?.config);
    let config = config.unwrap_or_default();
    ensure(config.contains_key("max-size"), || {
        format!("its log has no bound: {config:?}")
    })?;
    is(&platform.body(&host("floods"), "/")?, "Hello World!\n")
}

fn features() -> Outcome {
    let platform = Platform::start()?;
    let image = role(&platform, "hello")?;
    let with = |source: Value| {
        let mut volume = source;
        volume["name"] = json!("data");
        json!({
            "containers": [{ "image": image, "volumeMounts": [{ "name": "data", "mountPath": "/data", "readOnly": true }] }],
            "volumes": [volume],
        })
    };
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("note"), "from the host")?;
    let of_host = of_pod(
        "of-host",
        with(json!({ "hostPath": { "path": directory.path(), "type": "Directory" } })),
    );
    let of_claim = of_pod(
        "of-claim",
        with(json!({ "persistentVolumeClaim": { "claimName": "mine", "readOnly": true } })),
    );
    for (service, word) in [
        (&of_host, "hostpath"),
        (&of_claim, "persistent volume claim"),
    ] {
        let refused = platform.apply(service).err().ok_or("it is not refused")?;
        let message = refused.message().unwrap_or_default().to_lowercase();
        ensure(
            message.contains(word) && message.contains("disabled"),
            || message.clone(),
        )?;
    }
    enable(
        &platform,
        &[
            "kubernetes.podspec-volumes-hostpath",
            "kubernetes.podspec-persistent-volume-claim",
        ],
    )?;
    apply_soon(&platform, &of_host)?;
    platform.ready("of-host")?;
    is(
        &platform.body(&host("of-host"), "/file/data/note")?,
        "from the host",
    )?;
    apply_soon(&platform, &of_claim)?;
    platform.ready("of-claim").map(drop)
}

fn escapes() -> Outcome {
    let platform = Platform::start()?;
    create(
        &platform,
        "configmaps",
        &json!({ "metadata": { "name": "settings" }, "data": { "a": "b" } }),
    )?;
    let outside = platform.data().join("outside");
    let with = |path: &str, mount: Value| {
        json!({
            "containers": [{ "image": HELLO, "volumeMounts": [mount] }],
            "volumes": [{ "name": "settings", "configMap": { "name": "settings", "items": [{ "key": "a", "path": path }] } }],
        })
    };
    let mount = |fields: Value| {
        let mut mount = json!({ "name": "settings", "mountPath": "/settings", "readOnly": true });
        mount
            .as_object_mut()
            .into_iter()
            .zip(fields.as_object())
            .for_each(|(mount, fields)| mount.extend(fields.clone()));
        mount
    };
    let climbs = "../../../outside";
    let absolute = outside.display().to_string();
    for (name, path, mount) in [
        ("climbs", climbs, mount(json!({}))),
        ("absolute", absolute.as_str(), mount(json!({}))),
        ("sub-path", "a", mount(json!({ "subPath": climbs }))),
        ("relative", "a", mount(json!({ "mountPath": "settings" }))),
    ] {
        // Refused when it is applied, or by its revision.
        if platform.apply(&of_pod(name, with(path, mount))).is_err() {
            continue;
        }
        platform.service_when(name, "failed", |service| {
            condition(service, "Ready")["status"] == "False"
        })?;
    }
    ensure(!outside.exists(), || {
        "a file was written outside".to_owned()
    })
}

fn image_add() -> Outcome {
    let platform = Platform::start()?;
    let image = platform.reference("added")?;
    let archive = platform.data().join("hello.tar");
    platform.engine()?.save_image(HELLO, &archive)?;
    let output = program::command()
        .args(["image", "add", &image])
        .arg(&archive)
        .output()?;
    let printed = text(&output);
    ensure(
        output.status.success() && printed.starts_with(&format!("{image}@sha256:")),
        || printed,
    )?;
    platform.apply(&service("added", &image, &[], &json!({})))?;
    platform.ready("added")?;
    is(&platform.body(&host("added"), "/")?, "Hello World!\n")?;
    platform.engine()?.remove_image(&image)?;
    Ok(())
}

fn bad_archive() -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "no archive")?;
    let output = program::command()
        .args(["image", "add", "example.local/bad"])
        .arg(file.path())
        .output()?;
    let printed = text(&output);
    ensure(
        !output.status.success() && printed.trim_end().lines().count() == 1,
        || printed.clone(),
    )?;
    ensure(printed.starts_with("platform-docker: "), || printed)
}

fn no_engine() -> Outcome {
    let data = tempfile::tempdir()?;
    let socket = format!("unix://{}/none.sock", data.path().display());
    for (engine, expected) in [
        (
            socket.as_str(),
            format!("no Docker engine answers at {socket}"),
        ),
        (
            "carrier-pigeon",
            "\"carrier-pigeon\" is no address of a Docker engine".to_owned(),
        ),
    ] {
        let output = std::process::Command::new(program::PROGRAM.1)
            .args([
                "--api",
                "127.0.0.1:0",
                "--gateway",
                "127.0.0.1:0",
                "--docker",
                engine,
                "--data",
            ])
            .arg(data.path())
            .output()?;
        let printed = text(&output);
        ensure(
            !output.status.success() && printed.trim_end().lines().count() == 1,
            || printed.clone(),
        )?;
        ensure(printed.contains(&expected), || printed)?;
    }
    Ok(())
}

fn two_platforms() -> Outcome {
    let mut first = Platform::start()?;
    let second = Platform::start()?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "1" });
    for platform in [&first, &second] {
        platform.apply(&service("hello", HELLO, &[], &always))?;
        platform.ready("hello")?;
    }
    let before = second.running()?;
    first.terminate()?;
    let left = first.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))?;
    ensure(second.running()? == before, || {
        "the other platform's containers changed".to_owned()
    })?;
    is(&second.body(&host("hello"), "/")?, "Hello World!\n")
}

fn crash_and_end() -> Outcome {
    let mut platform = Platform::start()?;
    let always = json!({ "autoscaling.knative.dev/min-scale": "2" });
    platform.apply(&service("hello", HELLO, &[], &always))?;
    platform.ready("hello")?;
    until("both instances to run", || {
        Ok(platform.running()?.len() == 2)
    })?;
    let before = platform.running()?;
    platform.crash()?;
    platform.ready("hello")?;
    is(&platform.body(&host("hello"), "/")?, "Hello World!\n")?;
    let after = platform.running()?;
    ensure(after == before, || format!("{before:?} became {after:?}"))?;
    platform.terminate()?;
    let left = platform.left()?;
    ensure(left.is_empty(), || format!("{left:?} is left"))
}

fn pool() -> Outcome {
    let platform = Platform::start_with(&["--pool", "3"])?;
    let name = platform.name()?;
    until("three networks to wait", || {
        let waiting = platform.engine()?.objects(&name)?;
        Ok(waiting
            .iter()
            .filter(|object| object.ends_with(".sandbox"))
            .count()
            == 3)
    })
}
