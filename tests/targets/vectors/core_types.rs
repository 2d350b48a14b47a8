//! Small types of knative-core: quantities, durations, names, selectors, image references.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use knative_core::object::{ImageReference, Quantity, format_duration, name, parse_duration};
use knative_core::selector::{FieldSelector, LabelSelector};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::load;

pub(crate) fn trials(dir: &Path) -> Vec<Trial> {
    let mut trials = load::trials(dir, "serving/image-and-misc.json", misc);
    // These are of config maps, and run with the rest of those.
    let elsewhere = ["/runtime-class ", "/example-checksum "];
    trials.retain(|trial| !elsewhere.iter().any(|kind| trial.name().contains(kind)));
    trials.extend(load::trials(dir, "serving/child-names.json", child));
    trials
}

fn child(case: &Value) -> Result<(), Failed> {
    let got = name::child_name(text(case, "parent"), text(case, "suffix"));
    same(&json!(got), &case["child"])
}

fn misc(case: &Value) -> Result<(), Failed> {
    let given = text(case, "text");
    let argument = || case["args"][0].as_str().unwrap_or_default();
    let outcome = match text(case, "kind") {
        "quantity" => return quantity(given, case),
        "quantity-json" => answer(Quantity::from_json(given), |got| {
            json!(format!("\"{got}\""))
        }),
        "quantity-compare" => compare(given, argument()),
        "duration" => answer(
            parse_duration(given),
            |got| json!({"nanoseconds": i64::try_from(got.as_nanos()).ok(), "string": format_duration(got)}),
        ),
        "label-selector" => answer(given.parse(), |got: LabelSelector| labels(&got)),
        "label-selector-match" => matches(given, argument())?,
        "field-selector" => answer(given.parse(), |got: FieldSelector| fields(&got)),
        "image" => answer(given.parse(), |got: ImageReference| image(&got)),
        "fully-qualified-domain-name" => {
            let wrong = name::fully_qualified_domain_name("name", given);
            let error = name::aggregate(&wrong);
            if error.is_empty() {
                Ok(Value::Null)
            } else {
                Err(error)
            }
        }
        kind => match check(kind) {
            Some(check) => Ok(json!(check(given))),
            None => return Err(format!("no check for {kind}").into()),
        },
    };
    match outcome {
        Ok(got) => same(&json!([got, ""]), &json!([case["value"], case["error"]])),
        Err(error) => same(&json!(error), &case["error"]),
    }
}

fn check(kind: &str) -> Option<fn(&str) -> Vec<String>> {
    Some(match kind {
        "dns1123-label" => name::dns1123_label,
        "dns1123-subdomain" => name::dns1123_subdomain,
        "dns1035-label" => name::dns1035_label,
        "name-dns1035-prefix" => name::dns1035_prefix,
        "qualified-name" => name::qualified_name,
        "label-value" => name::label_value,
        "c-identifier" => name::c_identifier,
        "env-var-name" => name::env_var_name,
        "config-map-key" => name::config_map_key,
        _ => return None,
    })
}

fn answer<T, E: Display>(got: Result<T, E>, show: impl Fn(T) -> Value) -> Result<Value, String> {
    got.map(show).map_err(|error| error.to_string())
}

fn quantity(given: &str, case: &Value) -> Result<(), Failed> {
    let parsed = match given.parse::<Quantity>() {
        Ok(parsed) => parsed,
        Err(error) => return same(&json!(error.to_string()), &case["error"]),
    };
    let want = &case["value"];
    let (got, float) = (parsed.to_f64(), want["float"].as_f64().unwrap_or(f64::NAN));
    if (got - float).abs() > float.abs() * 1e-15 {
        return Err(format!("float: got {got}, want {float}").into());
    }
    let whole = |got: Option<i64>, name: &str| {
        // What is capped at the largest integer is recorded as not fitting.
        let capped = got == Some(i64::MAX) && want[name].is_null();
        if capped { Value::Null } else { json!(got) }
    };
    let got = json!({
        "float": want["float"],
        "format": format!("{:?}", parsed.format()).replace("Si", "SI"),
        "milliValue": whole(parsed.milli_value(), "milliValue"),
        "sign": parsed.sign() as i8,
        "string": parsed.to_string(),
        "value": whole(parsed.value(), "value"),
    });
    same(&got, want)
}

fn compare(left: &str, right: &str) -> Result<Value, String> {
    let parse = |text: &str| text.parse::<Quantity>().map_err(|error| error.to_string());
    let (left, right) = (parse(left)?, parse(right)?);
    let sum = left.checked_add(&right).ok_or("the sum does not fit")?;
    Ok(json!({"cmp": left.cmp(&right) as i8, "sum": sum.to_string()}))
}

fn labels(selector: &LabelSelector) -> Value {
    let requirements = selector.requirements().iter().map(|one| {
        json!({
            "key": one.key(),
            "operator": one.operator().as_str(),
            "values": one.values().collect::<Vec<_>>(),
        })
    });
    json!({"requirements": requirements.collect::<Vec<_>>(), "string": selector.to_string()})
}

fn matches(selector: &str, labels: &str) -> Result<Result<Value, String>, Failed> {
    let labels: BTreeMap<String, String> = serde_json::from_str(labels)?;
    Ok(answer(selector.parse(), |selector: LabelSelector| {
        json!(selector.matches(&labels))
    }))
}

fn fields(selector: &FieldSelector) -> Value {
    let requirements = selector.requirements().iter().map(|one| {
        let operator = if one.equal { "=" } else { "!=" };
        json!({"key": one.field, "operator": operator, "values": [one.value]})
    });
    json!({"requirements": requirements.collect::<Vec<_>>(), "string": selector.to_string()})
}

fn image(image: &ImageReference) -> Value {
    let hub = "index.docker.io";
    let masked = |text: &str| match text.strip_prefix(hub) {
        Some(rest) => format!("<default registry>{rest}"),
        None => text.to_owned(),
    };
    json!({
        "identifier": image.identifier(),
        "kind": if image.tag().is_some() { "tag" } else { "digest" },
        "name": masked(&image.to_string()),
        "registry": masked(image.registry()),
        "repository": image.repository(),
        "scheme": image.scheme(),
    })
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_default()
}

fn same(got: &Value, want: &Value) -> Result<(), Failed> {
    if got == want {
        return Ok(());
    }
    Err(format!(" got: {got}\nwant: {want}").into())
}
