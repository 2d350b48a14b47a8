//! Admission of the kind `ServerlessService`.

use knative_core::admission::FieldErrors;

use super::metadata::annotations;
use super::{Admit, Context, object_reference, template};
use crate::api::networking::serverless_service::{MODE_PROXY, MODE_SERVE};
use crate::api::networking::{ServerlessService, ServerlessServiceSpec};

impl Admit for ServerlessService {
    fn set_defaults(&mut self, _: &Context<'_, Self>) {}

    /// The path of an annotation lacks the metadata, as Knative's does.
    fn validate(&self, _: &Context<'_, Self>) -> FieldErrors {
        template::networking_annotations(annotations(&self.metadata))
            .via_field("annotations")
            .also(spec(&self.spec).via_field("spec"))
    }
}

fn spec(spec: &ServerlessServiceSpec) -> FieldErrors {
    if *spec == ServerlessServiceSpec::default() {
        return FieldErrors::missing_field([""]);
    }
    let mode = match spec.mode.as_str() {
        MODE_PROXY | MODE_SERVE => FieldErrors::none(),
        "" => FieldErrors::missing_field(["mode"]),
        other => FieldErrors::invalid_value(other, "mode"),
    };
    let activators = match spec.num_activators {
        negative if negative < 0 => FieldErrors::invalid_value(negative, "numActivators"),
        _ => FieldErrors::none(),
    };
    mode.also(activators)
        .also(object_reference::validate(&spec.object_ref).via_field("objectRef"))
        .also(object_reference::protocol(&spec.protocol_type))
}
