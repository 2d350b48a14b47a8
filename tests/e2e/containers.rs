//! What containers show and processes cannot.

mod failures;
mod platforms;
mod pods;
mod probes;
mod security;
mod surroundings;
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
            (
                "a_pod_says_that_memory_ended_its_container",
                failures::killed_for_memory,
            ),
            (
                "a_file_of_last_words_goes_before_the_log",
                failures::termination_message,
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
            ("a_claim_outlives_its_revision", volumes::kept),
            (
                "a_projected_volume_has_files_of_all_its_sources",
                volumes::projected,
            ),
            ("a_container_finds_its_names", surroundings::names),
            ("aliases_of_hosts_are_found", surroundings::aliases),
            ("input_is_at_its_end", surroundings::input),
            (
                "a_template_says_how_a_container_starts",
                surroundings::command,
            ),
            (
                "variables_tell_of_their_pod",
                surroundings::fields_of_its_pod,
            ),
            (
                "one_that_may_do_nothing_can_do_nothing",
                security::restricted,
            ),
            ("files_are_of_the_group_of_their_pod", security::group),
            ("limits_are_those_of_the_kernel", security::limits),
            ("privileges_of_the_host_are_refused", security::refused),
            (
                "one_whose_readiness_fails_is_not_ready",
                probes::never_ready,
            ),
            ("readiness_goes_and_comes_back", probes::readiness),
            ("one_starts_when_its_startup_probe_says", probes::startup),
            ("one_that_is_not_alive_is_started_again", probes::liveness),
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

/// The same with Knative's own deadline: what happens after a start, and again, takes its time on a busy machine.
fn patient(name: &str, spec: Value) -> Value {
    let mut service = of_pod(name, spec);
    service["spec"]["template"]["metadata"]["annotations"] = json!({});
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

/// The pod of a service that has one instance.
fn pod_of(platform: &Platform, service: &str) -> Result<Value, Failed> {
    let pods = platform.get_api(&format!(
        "/api/v1/namespaces/default/pods?labelSelector=serving.knative.dev/service={service}"
    ))?;
    let mut pods: Value = serde_json::from_str(&pods.body)?;
    match pods["items"].as_array_mut().map(Vec::as_mut_slice) {
        Some([pod]) => Ok(pod.take()),
        _ => Err(format!("{service} has not one pod: {pods}").into()),
    }
}

/// Waits until something holds for the pod of a service that has one instance.
fn pod_when(
    platform: &Platform,
    service: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Result<Value, Failed> {
    let mut last = Value::Null;
    let met = until(&format!("the pod of {service} to be {what}"), || {
        // There may be none yet.
        last = pod_of(platform, service).unwrap_or_default();
        Ok(holds(&last))
    });
    met.map_err(|error| {
        format!(
            "{}: {}",
            error.message().unwrap_or_default(),
            last["status"]
        )
    })?;
    Ok(last)
}

fn host(name: &str) -> String {
    format!("{name}.default.localhost")
}
