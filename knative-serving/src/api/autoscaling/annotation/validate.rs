//! What the autoscaling annotations may say.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use knative_core::admission::FieldErrors;
use knative_core::object::{format_duration, parse_duration};

use super::{
    ACTIVATION_SCALE, CLASS, CONCURRENCY, HPA, INITIAL_SCALE, KPA, Key, LINEAR, MAX_SCALE, METRIC,
    METRIC_AGGREGATION_ALGORITHM, MIN_SCALE, PANIC_THRESHOLD_PERCENTAGE, PANIC_WINDOW_PERCENTAGE,
    RPS, SCALE_DOWN_DELAY, SCALE_TO_ZERO_POD_RETENTION_PERIOD, TARGET, TARGET_BURST_CAPACITY,
    TARGET_UTILIZATION_PERCENTAGE, WEIGHTED_EXPONENTIAL, WEIGHTED_EXPONENTIAL_ALT, WINDOW,
};
use crate::config::{
    Autoscaler,
    autoscaler::{TARGET_MIN, WINDOW_MAX, WINDOW_MIN, is_unlimited},
    number::{NumberError, is_outside, parse_float, parse_int},
};

type Texts = BTreeMap<String, String>;

/// What is wrong with the autoscaling annotations among `annotations`; the paths are their keys.
///
/// Source: serving `pkg/apis/autoscaling/annotation_validation.go`.
pub fn validate_annotations(
    config: &Autoscaler,
    annotations: &BTreeMap<String, String>,
) -> FieldErrors {
    class(annotations)
        .also(scales(config, annotations))
        .also(floats(annotations))
        .also(window(annotations))
        .also(retention(annotations))
        .also(delay(annotations))
        .also(metric(annotations))
        .also(algorithm(annotations))
        .also(initial_scale(config, annotations))
}

fn class(annotations: &Texts) -> FieldErrors {
    match CLASS.get(annotations) {
        Some((key, class)) if class.ends_with(".knative.dev") && class != KPA && class != HPA => {
            FieldErrors::invalid_value(class, key)
        }
        _ => FieldErrors::none(),
    }
}

/// A scale, 0 where it is absent or wrong.
fn scale(annotations: &Texts, key: Key) -> (i32, FieldErrors) {
    let Some((key, text)) = key.get(annotations) else {
        return (0, FieldErrors::none());
    };
    match parse_int(text) {
        Ok(scale) if scale >= 0 => (scale, FieldErrors::none()),
        Ok(_) | Err(NumberError::Range) => (0, FieldErrors::out_of_bounds(text, 0, i32::MAX, key)),
        Err(NumberError::Syntax) => (0, FieldErrors::invalid_value(text, key)),
    }
}

fn scales(config: &Autoscaler, annotations: &Texts) -> FieldErrors {
    let (min, errors) = scale(annotations, MIN_SCALE);
    let (max, more) = scale(annotations, MAX_SCALE);
    let mut errors = errors.also(more);
    if max != 0 && max < min {
        let message = format!("max-scale={max} is less than min-scale={min}");
        errors.push(FieldErrors::generic(
            message,
            [MAX_SCALE.name(), MIN_SCALE.name()],
        ));
    }
    if let Some((key, _)) = MAX_SCALE.get(annotations) {
        errors.push(within_limit(key, max, config.max_scale_limit));
    }
    errors.also(activation_scale(annotations, min, max))
}

fn within_limit(key: &str, max: i32, limit: i32) -> FieldErrors {
    match (limit, max) {
        (0, _) => FieldErrors::none(),
        (limit, 0) => FieldErrors::generic(
            format!("max-scale=0 (unlimited), must be less than {limit}"),
            [key],
        ),
        (limit, max) if max > limit => FieldErrors::out_of_bounds(max, 1, limit, key),
        _ => FieldErrors::none(),
    }
}

fn activation_scale(annotations: &Texts, min: i32, max: i32) -> FieldErrors {
    let Some((key, text)) = ACTIVATION_SCALE.get(annotations) else {
        return FieldErrors::none();
    };
    let Ok(scale) = parse_int::<i32>(text) else {
        return FieldErrors::invalid_value(text, key);
    };
    let message = if min > scale {
        format!("min-scale={min} is greater than activation-scale={scale}")
    } else if max != 0 && max < scale {
        format!("max-scale={max} is less than activation-scale={scale}")
    } else if scale < 2 {
        format!("activation-scale={scale} must be greater than 1")
    } else {
        return FieldErrors::none();
    };
    FieldErrors::generic(message, [key])
}

/// An annotation that is a number; `rule` says what is wrong with one that parses.
fn float(
    annotations: &Texts,
    key: Key,
    rule: impl Fn(&str, &str, f64) -> FieldErrors,
) -> FieldErrors {
    match key.get(annotations) {
        None => FieldErrors::none(),
        Some((key, text)) => match parse_float(text) {
            Ok(value) => rule(key, text, value),
            Err(_) => FieldErrors::invalid_value(text, key),
        },
    }
}

fn within(least: f64, most: f64) -> impl Fn(&str, &str, f64) -> FieldErrors {
    move |key, text, value| {
        if is_outside(value, least, most) {
            FieldErrors::out_of_bounds(text, least, most, key)
        } else {
            FieldErrors::none()
        }
    }
}

fn target(key: &str, text: &str, value: f64) -> FieldErrors {
    if value < TARGET_MIN {
        let message = format!("target {text} should be at least {TARGET_MIN}");
        return FieldErrors::generic(message, [key]);
    }
    FieldErrors::none()
}

fn burst_capacity(key: &str, text: &str, value: f64) -> FieldErrors {
    if value < 0.0 && !is_unlimited(value) {
        return FieldErrors::invalid_value(text, key);
    }
    FieldErrors::none()
}

fn floats(annotations: &Texts) -> FieldErrors {
    float(annotations, PANIC_WINDOW_PERCENTAGE, within(1.0, 100.0))
        .also(float(
            annotations,
            PANIC_THRESHOLD_PERCENTAGE,
            within(110.0, 1000.0),
        ))
        .also(float(annotations, TARGET, target))
        .also(float(
            annotations,
            TARGET_UTILIZATION_PERCENTAGE,
            within(1.0, 100.0),
        ))
        .also(float(annotations, TARGET_BURST_CAPACITY, burst_capacity))
}

/// An annotation that is a duration between `least` and an hour.
fn duration(
    annotations: &Texts,
    key: Key,
    least: SignedDuration,
    rule: impl Fn(&str, SignedDuration) -> FieldErrors,
) -> FieldErrors {
    let Some((key, text)) = key.get(annotations) else {
        return FieldErrors::none();
    };
    match parse_duration(text) {
        Err(_) => FieldErrors::invalid_value(text, key),
        Ok(value) if value < least || value > WINDOW_MAX => FieldErrors::out_of_bounds(
            text,
            format_duration(least),
            format_duration(WINDOW_MAX),
            key,
        ),
        Ok(value) => rule(key, value),
    }
}

fn whole_seconds(key: &str, value: SignedDuration) -> FieldErrors {
    match value.subsec_nanos() {
        0 => FieldErrors::none(),
        _ => FieldErrors::generic("must be specified with at most second precision", [key]),
    }
}

fn window(annotations: &Texts) -> FieldErrors {
    duration(annotations, WINDOW, WINDOW_MIN, whole_seconds)
}

fn retention(annotations: &Texts) -> FieldErrors {
    let any = |_: &str, _: SignedDuration| FieldErrors::none();
    duration(
        annotations,
        SCALE_TO_ZERO_POD_RETENTION_PERIOD,
        SignedDuration::ZERO,
        any,
    )
}

fn delay(annotations: &Texts) -> FieldErrors {
    duration(
        annotations,
        SCALE_DOWN_DELAY,
        SignedDuration::ZERO,
        whole_seconds,
    )
}

fn metric(annotations: &Texts) -> FieldErrors {
    let Some((key, metric)) = METRIC.get(annotations) else {
        return FieldErrors::none();
    };
    let valid = match CLASS.get(annotations).map_or(KPA, |(_, class)| class) {
        KPA => matches!(metric, CONCURRENCY | RPS),
        HPA => !metric.is_empty(),
        _ => true,
    };
    if valid {
        FieldErrors::none()
    } else {
        FieldErrors::invalid_value(metric, key)
    }
}

/// Another autoscaler may have other algorithms, so only an explicit class is held to ours.
fn algorithm(annotations: &Texts) -> FieldErrors {
    if CLASS.get(annotations).is_none_or(|(_, class)| class != KPA) {
        return FieldErrors::none();
    }
    match METRIC_AGGREGATION_ALGORITHM.get(annotations) {
        None | Some((_, "" | LINEAR | WEIGHTED_EXPONENTIAL | WEIGHTED_EXPONENTIAL_ALT)) => {
            FieldErrors::none()
        }
        Some((key, algorithm)) => FieldErrors::invalid_value(algorithm, key),
    }
}

fn initial_scale(config: &Autoscaler, annotations: &Texts) -> FieldErrors {
    let Some((key, text)) = INITIAL_SCALE.get(annotations) else {
        return FieldErrors::none();
    };
    match parse_int::<i64>(text) {
        Err(_) => FieldErrors::invalid_value(text, key),
        Ok(scale) if scale < 0 => {
            FieldErrors::invalid_value(text, format!("{key} must be greater than 0"))
        }
        Ok(0) if !config.allow_zero_initial_scale => {
            FieldErrors::invalid_value(text, format!("{key}=0 not allowed by cluster"))
        }
        Ok(_) => FieldErrors::none(),
    }
}
