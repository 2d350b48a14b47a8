//! What may be done with objects: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod update;
pub(crate) mod watch;

use http::StatusCode;
use knative_core::{
    http::Response,
    object::Object,
    store::{StoreError, Written},
};
use serde_json::{Value, json};

use crate::{
    api::{Api, Call, to_value},
    negotiate::{Output, Shape},
    reply,
    status::Failure,
    table::{Include, Printers, metadata_only},
};

/// What a verb answers.
pub(crate) type Reply = Result<Response, Failure>;

/// The answer that shows one object.
pub(crate) fn show(
    api: &Api,
    call: &Call,
    status: StatusCode,
    output: Output,
    object: &Object,
) -> Reply {
    if output.shape == Shape::Whole {
        return Ok(reply::value(status, output.format, object));
    }
    let object = to_value(object)?;
    Ok(reply::value(
        status,
        output.format,
        &shaped(api, call, output.shape, object),
    ))
}

fn shaped(api: &Api, call: &Call, shape: Shape, object: Value) -> Value {
    match shape {
        Shape::Whole => object,
        Shape::Metadata(version) => metadata_only(&object, version),
        Shape::Table(version) => {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            let printers = printers(call, version);
            printers.table(&[object], &metadata, true, api.now())
        }
    }
}

/// The columns of the call's kind.
pub(crate) fn printers(call: &Call, version: &'static str) -> Printers {
    let include = Include::parse(call.query.get("includeObject"));
    Printers::new(&call.kind, version, include)
}

/// The answer to a write.
pub(crate) fn written(
    api: &Api,
    call: &Call,
    status: StatusCode,
    mut warnings: Vec<String>,
    result: Result<Written, StoreError>,
) -> Reply {
    let output = call.output()?;
    let written = match result {
        Ok(written) => written,
        Err(error) => return Err(api.refused(&error).warned(warnings)),
    };
    let mut response = show(api, call, status, output, &written.object)?;
    warnings.extend(written.warnings);
    reply::warn(&mut response, &warnings);
    Ok(response)
}

/// Objects that are derived from what runs are not written by users.
pub(crate) fn writable(call: &Call, verb: &str) -> Result<(), Failure> {
    if call.kind.volatile {
        return Err(Failure::not_supported(format!(
            "{verb} is not supported on resources of kind \"{}\"",
            call.kind.resource()
        )));
    }
    Ok(())
}
