//! Admission of Revisions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use knative_core::admission::FieldErrors;

use super::metadata::{annotations, name, owner_label};
use super::{AdmissionConfig, Admit, Context, Operation};
use crate::api::autoscaling::annotation::validate_annotations;
use crate::api::gotype::{canonical, canonicalize, short_diff};
use crate::api::keys::serving;
use crate::api::podspec::{self, Site};
use crate::api::{Revision, RevisionSpec};
use crate::config::Defaults;

impl Admit for Revision {
    /// The spec of a stored revision is immutable, so nothing is filled in there.
    fn set_defaults(&mut self, context: &Context<'_, Self>) {
        if matches!(context.operation, Operation::Create | Operation::Read) {
            // The names of containers are made from a parent, which a revision has none of here.
            let site = Site {
                parent: &ObjectMeta::default(),
                create: context.is_create(),
            };
            set_spec_defaults(&mut self.spec, site, context.config);
        }
        canonicalize("RevisionSpec", &mut self.spec);
    }

    fn validate(&self, context: &Context<'_, Self>) -> FieldErrors {
        if let Some(changes) = context
            .old()
            .and_then(|old| immutable(&old.spec, &self.spec))
        {
            return changes;
        }
        let metadata = &self.metadata;
        let notes = validate_annotations(&context.config.autoscaler, annotations(metadata));
        let errors = name(metadata)
            .also(notes.via_field("annotations"))
            .also(owner_label(
                metadata,
                serving::CONFIGURATION,
                "Configuration",
            ))
            .via_field("metadata");
        if context.old().is_some() {
            return errors;
        }
        errors.also(validate_spec(&self.spec, context.config).via_field("spec"))
    }
}

fn immutable(old: &RevisionSpec, new: &RevisionSpec) -> Option<FieldErrors> {
    const TYPE: &str = "RevisionSpec";
    let diff = short_diff(
        "v1.RevisionSpec",
        TYPE,
        &canonical(TYPE, old),
        &canonical(TYPE, new),
    );
    (!diff.is_empty()).then(|| {
        FieldErrors::generic("Immutable fields changed (-old +new)", ["spec"]).with_details(diff)
    })
}

/// Fills in a spec.
pub(super) fn set_spec_defaults(spec: &mut RevisionSpec, site: Site<'_>, config: &AdmissionConfig) {
    timeouts(spec, &config.defaults);
    spec.container_concurrency
        .get_or_insert(config.defaults.container_concurrency);
    podspec::set_defaults(&mut spec.pod, site, &config.defaults, &config.features);
}

/// The partial timeouts get a default only where it can fire before the whole one.
fn timeouts(spec: &mut RevisionSpec, defaults: &Defaults) {
    let whole = spec.timeout_seconds.filter(|seconds| *seconds != 0);
    let whole = whole.unwrap_or(defaults.revision_timeout_seconds);
    spec.timeout_seconds = Some(whole);
    let partial = |default: i64| (default != 0 && default < whole).then_some(default);
    let idle = partial(defaults.revision_idle_timeout_seconds);
    spec.idle_timeout_seconds = spec.idle_timeout_seconds.or(idle);
    let start = partial(defaults.revision_response_start_timeout_seconds);
    spec.response_start_timeout_seconds = spec.response_start_timeout_seconds.or(start);
}

/// Findings about a spec, with paths below it.
pub(super) fn validate_spec(spec: &RevisionSpec, config: &AdmissionConfig) -> FieldErrors {
    let defaults = &config.defaults;
    let mut errors = podspec::validate(&spec.pod, &config.features);
    let longest = defaults.max_revision_timeout_seconds;
    if let Some(seconds) = spec.timeout_seconds.filter(|seconds| *seconds != 0)
        && !(0..=longest).contains(&seconds)
    {
        errors.push(FieldErrors::out_of_bounds(
            seconds,
            0,
            longest,
            "timeoutSeconds",
        ));
    }
    errors.also(concurrency(spec.container_concurrency, defaults))
}

pub(super) fn concurrency(concurrency: Option<i64>, defaults: &Defaults) -> FieldErrors {
    let lowest = i64::from(!defaults.allow_container_concurrency_zero);
    let highest = defaults.container_concurrency_max_limit;
    match concurrency {
        Some(value) if value < lowest || value > highest => {
            FieldErrors::out_of_bounds(value, lowest, highest, "containerConcurrency")
        }
        _ => FieldErrors::none(),
    }
}
