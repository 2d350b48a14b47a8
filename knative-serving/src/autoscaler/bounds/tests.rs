use super::*;

fn resolve(annotations: &[(&str, &str)]) -> Bounds {
    resolve_with(annotations, 0, "", &Autoscaler::default())
}

fn resolve_with(
    annotations: &[(&str, &str)],
    container_concurrency: i64,
    reachability: &str,
    config: &Autoscaler,
) -> Bounds {
    let annotations = annotations
        .iter()
        .map(|(key, value)| {
            (
                format!("autoscaling.knative.dev/{key}"),
                (*value).to_owned(),
            )
        })
        .collect();
    Bounds::resolve(&annotations, container_concurrency, reachability, config)
}

#[test]
fn a_target_never_exceeds_the_container_concurrency() {
    let total = |target, limit, metric| {
        let annotations = [("target", target), ("metric", metric)];
        resolve_with(&annotations, limit, "", &Autoscaler::default())
            .decider
            .total_value
    };
    assert!((total("5", 10, "concurrency") - 5.0).abs() < 1e-9);
    assert!((total("15", 10, "concurrency") - 10.0).abs() < 1e-9);
    assert!((total("15", 10, "rps") - 15.0).abs() < 1e-9);
    assert!((total("15", 10, "cpu") - 15.0).abs() < 1e-9);
}

#[test]
fn the_dashed_spelling_wins_even_where_it_does_not_parse() {
    assert_eq!(resolve(&[("minScale", "9")]).min_scale, 9);
    assert_eq!(
        resolve(&[("min-scale", "2"), ("minScale", "9")]).min_scale,
        2
    );
    assert_eq!(
        resolve(&[("min-scale", "two"), ("minScale", "9")]).min_scale,
        0
    );
}

#[test]
fn what_does_not_parse_leaves_the_configuration() {
    let bounds = resolve(&[
        ("window", "60"),
        ("target", "1,5"),
        ("target-burst-capacity", "-"),
    ]);
    assert_eq!(bounds, Bounds { ..resolve(&[]) });
}

#[test]
fn panic_windows_round_to_seconds() {
    let panic = |window, percentage| {
        resolve(&[("window", window), ("panic-window-percentage", percentage)])
            .panic_window
            .as_secs()
    };
    assert_eq!(panic("45s", "10"), 5);
    assert_eq!(panic("25s", "10"), 3);
    assert_eq!(panic("6s", "1"), 1);
    assert_eq!(panic("61s", "7.4"), 5);
}

#[test]
fn unreachable_drops_the_minimum_and_not_the_maximum() {
    let annotations = [("min-scale", "2"), ("max-scale", "5")];
    let bounds = resolve_with(&annotations, 0, UNREACHABLE, &Autoscaler::default());
    assert_eq!((bounds.min_scale, bounds.max_scale), (0, 5));
    assert!(!bounds.decider.reachable);
}

#[test]
fn an_initial_scale_of_zero_has_to_be_allowed() {
    let initial = |allow_zero_initial_scale| {
        let config = Autoscaler {
            allow_zero_initial_scale,
            initial_scale: 4,
            ..Autoscaler::default()
        };
        resolve_with(&[("initial-scale", "0")], 0, "", &config)
            .decider
            .initial_scale
    };
    assert_eq!((initial(false), initial(true)), (4, 0));
}

#[test]
fn other_classes_have_no_default_metric() {
    assert_eq!(
        resolve(&[("class", "hpa.autoscaling.knative.dev")]).metric,
        "cpu"
    );
    assert_eq!(resolve(&[("class", "mine.example.com")]).metric, "");
}

#[test]
fn a_target_burst_capacity_of_minus_one_needs_no_scraping() {
    assert!(resolve(&[]).is_scraped());
    assert!(
        !resolve(&[("target-burst-capacity", "-1")])
            .collect_spec()
            .reported_by_replicas
    );
}
