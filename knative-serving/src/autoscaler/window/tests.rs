use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn window(algorithm: Algorithm, seconds: i64) -> Window {
    Window::new(algorithm, SignedDuration::from_secs(seconds))
}

#[track_caller]
fn close(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-6, "got {got}, want {want}");
}

#[test]
fn one_write_holds_its_value_until_the_window_ends() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(at(10), 3.0);
    for second in 10..16 {
        close(window.average(at(second)), 3.0);
    }
    close(window.average(at(16)), 0.0);
    assert!(!window.is_empty(at(16)));
    assert!(window.is_empty(at(17)));
}

#[test]
fn reporters_of_one_second_add_up() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(at(10), 3.0);
    window.record(at(10), 4.0);
    close(window.average(at(10)), 7.0);
}

#[test]
fn late_values_count_within_the_window_only() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(at(10), 6.0);
    window.record(at(8), 3.0);
    close(window.average(at(10)), 3.0);
    window.record(at(4), 100.0);
    close(window.average(at(10)), 3.0);
}

#[test]
fn a_write_one_window_later_resets() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(at(10), 6.0);
    window.record(at(16), 1.0);
    close(window.average(at(16)), 1.0);
}

#[test]
fn resize_keeps_the_newest_buckets() {
    let mut window = window(Algorithm::Linear, 6);
    for second in 0..6 {
        window.record(at(second), 6.0);
    }
    window.resize(SignedDuration::from_secs(3), at(5));
    close(window.average(at(5)), 6.0);
    window.resize(SignedDuration::from_secs(10), at(5));
    close(window.average(at(5)), 6.0);
}

#[test]
fn resize_forgets_what_is_older_than_the_window() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(at(0), 6.0);
    window.resize(SignedDuration::from_secs(60), at(7));
    close(window.average(at(7)), 0.0);
}

#[test]
fn times_before_the_epoch_align_downwards() {
    let mut window = window(Algorithm::Linear, 6);
    window.record(Timestamp::new(-1, -500_000_000).unwrap(), 2.0);
    window.record(at(-2), 2.0);
    close(window.average(at(-1)), 4.0);
}

#[test]
fn weighted_windows_follow_the_newest() {
    let mut window = window(Algorithm::WeightedExponential, 6);
    window.record(at(0), 10.0);
    let fresh = window.average(at(0));
    assert!(fresh > 7.0 && fresh < 10.0, "{fresh}");
    assert!(window.average(at(1)) < fresh / 2.0);
}

proptest! {
    #[test]
    fn a_constant_load_averages_to_itself(value in 0_u16..1000, length in 1_i64..120, writes in 1_i64..300) {
        let value = f64::from(value);
        let mut window = window(Algorithm::Linear, length);
        (0..writes).for_each(|second| window.record(at(second), value));
        prop_assert!((window.average(at(writes - 1)) - value).abs() < 1e-5);
    }

    #[test]
    fn an_average_never_exceeds_the_highest_bucket(
        values in prop::collection::vec(0_u16..1000, 1..100),
        length in 1_i64..60,
        later in 0_i64..80,
        weighted: bool,
    ) {
        let algorithm = if weighted { Algorithm::WeightedExponential } else { Algorithm::Linear };
        let mut window = window(algorithm, length);
        let mut end = 0;
        for (second, value) in (0_i64..).zip(&values) {
            window.record(at(second), f64::from(*value));
            end = second;
        }
        let highest = values.iter().copied().max().map_or(0.0, f64::from);
        prop_assert!(window.average(at(end + later)) <= highest + 1e-6);
    }

    #[test]
    fn resizing_there_and_back_at_once_keeps_a_full_window(length in 2_i64..60, larger in 61_i64..120) {
        let mut window = window(Algorithm::Linear, length);
        (0..length).for_each(|second| window.record(at(second), 5.0));
        let before = window.average(at(length - 1));
        window.resize(SignedDuration::from_secs(larger), at(length - 1));
        window.resize(SignedDuration::from_secs(length), at(length - 1));
        prop_assert!((window.average(at(length - 1)) - before).abs() < 1e-5);
    }
}
