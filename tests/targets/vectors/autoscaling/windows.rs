//! `windows.json`: one bucket ring per case.

use knative_serving::autoscaler::{Algorithm, Window};
use libtest_mimic::Failed;
use serde_json::Value;

use super::{close, equal, float, seconds, text, time};

pub(super) fn run(case: &Value) -> Result<(), Failed> {
    let mut window = Window::with_granularity(
        Algorithm::named(text(&case["algorithm"])),
        seconds(&case["window_s"]),
        seconds(&case["granularity_s"]),
    );
    for (index, op) in case["ops"].as_array().into_iter().flatten().enumerate() {
        apply(&mut window, op, &format!("op {index} {op}"))?;
    }
    Ok(())
}

fn apply(window: &mut Window, op: &Value, what: &str) -> Result<(), Failed> {
    let at = time(&op["t_s"])?;
    match text(&op["op"]) {
        "record" => window.record(at, float(&op["value"])),
        "resize" => window.resize(seconds(&op["window_s"]), at),
        "query" => {
            close(what, window.average(at), float(&op["average"]))?;
            equal(what, &window.is_empty(at), &(op["empty"] == true))?;
        }
        other => return Err(format!("unknown op {other}").into()),
    }
    Ok(())
}
