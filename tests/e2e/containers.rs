//! What containers show and processes cannot.

mod failures;
mod platforms;
mod pods;
mod volumes;

use knative_tests::image::Start;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{
    Outcome, ensure, only,
    platform::{Platform, condition, service, until},
    program::Program,
};

const HELLO: &str = "example.local/hello";

pub(crate) fn trials() -> Vec<Trial> {
    only(
        Program::Docker,
        "containers",
        [
            (
                "a_sidecar_and_an_init_container_share_files_and_localhost",
                pods::pod,
            ),
            (
                "one_of_two_containers_is_restarted_in_its_pod",
                pods::restarted_alone,
            ),
            (
                "files_and_variables_come_from_config_maps_and_secrets",
                pods::references,
            ),
            ("a_missing_secret_is_told_and_awaited", pods::missing_secret),
            (
                "one_that_eats_memory_is_told_by_its_exit_code",
                failures::eats_memory,
            ),
            ("one_that_ends_is_told_with_its_last_words", failures::ends),
            (
                "images_that_cannot_be_had_are_told_as_by_knative",
                failures::no_image,
            ),
            ("an_image_without_a_command_is_told", failures::no_command),
            ("a_user_that_the_image_lacks_is_told", failures::wrong_user),
            (
                "root_is_refused_where_it_is_not_to_run",
                failures::run_as_non_root,
            ),
            ("one_that_floods_its_log_is_bounded", failures::floods_log),
            ("a_volume_in_memory_is_bounded", volumes::bounded),
            (
                "host_paths_and_claims_need_their_feature",
                volumes::features,
            ),
            ("paths_of_volumes_stay_inside", volumes::escapes),
            ("images_are_taken_in_from_archives", platforms::image_add),
            (
                "an_archive_that_is_none_is_one_sentence",
                platforms::bad_archive,
            ),
            ("no_engine_is_one_sentence", platforms::no_engine),
            (
                "two_platforms_leave_each_other_alone",
                platforms::two_platforms,
            ),
            (
                "the_next_platform_after_kill_9_leaves_nothing",
                platforms::crash_and_end,
            ),
            ("another_pool_is_kept", platforms::pool),
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
