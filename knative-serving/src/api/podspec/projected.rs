//! Volumes put together from several sources.

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, VolumeProjection};
use knative_core::admission::FieldErrors;

use super::mask;
use super::volume::{items, required};

const SOURCES: [&str; 4] = ["secret", "configMap", "serviceAccountToken", "downwardAPI"];

pub(super) fn validate(sources: &[VolumeProjection]) -> FieldErrors {
    sources
        .iter()
        .enumerate()
        .fold(FieldErrors::none(), |errors, (index, source)| {
            errors.also(one(source).via_field_index("projected", index))
        })
}

fn one(source: &VolumeProjection) -> FieldErrors {
    let found = [
        source
            .secret
            .as_ref()
            .map(|secret| named(&secret.name, secret.items.as_deref())),
        source
            .config_map
            .as_ref()
            .map(|map| named(&map.name, map.items.as_deref())),
        source
            .service_account_token
            .as_ref()
            .map(|token| required(&token.path, "path")),
        source
            .downward_api
            .as_ref()
            .map(|api| files(api.items.as_deref().unwrap_or_default())),
    ];
    let given: Vec<&str> = SOURCES
        .into_iter()
        .zip(&found)
        .filter(|(_, found)| found.is_some())
        .map(|(name, _)| name)
        .collect();
    let number = match given.len() {
        0 => FieldErrors::missing_one_of(SOURCES),
        1 => FieldErrors::none(),
        _ => FieldErrors::multiple_one_of(given),
    };
    SOURCES
        .into_iter()
        .zip(found)
        .filter_map(|(name, found)| Some(found?.via_field(name)))
        .fold(mask::projection(source), FieldErrors::also)
        .also(number)
}

fn named(name: &str, keys: Option<&[k8s_openapi::api::core::v1::KeyToPath]>) -> FieldErrors {
    required(name, "name").also(items(keys.unwrap_or_default()))
}

fn files(files: &[DownwardAPIVolumeFile]) -> FieldErrors {
    files
        .iter()
        .enumerate()
        .fold(FieldErrors::none(), |errors, (index, item)| {
            errors.also(file(item).via_field_index("items", index))
        })
}

fn file(file: &DownwardAPIVolumeFile) -> FieldErrors {
    let number = match (&file.field_ref, &file.resource_field_ref) {
        (None, None) => FieldErrors::missing_one_of(["fieldRef", "resourceFieldRef"]),
        (Some(_), Some(_)) => {
            let message = "Within a single item, cannot set both";
            FieldErrors::generic(message, ["resourceFieldRef", "fieldRef"])
        }
        _ => FieldErrors::none(),
    };
    number.also(required(&file.path, "path"))
}
