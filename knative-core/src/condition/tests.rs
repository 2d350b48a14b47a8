use super::*;

const SET: ConditionSet = ConditionSet::living(&["A", "B"]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ready(conditions: &[Condition]) -> (ConditionStatus, &str) {
    let ready = find(conditions, READY).unwrap();
    (ready.status, &ready.reason)
}

#[test]
fn prints_as_knative_does() {
    let condition = Condition {
        last_transition_time: Some("2026-01-02T03:04:05.9Z".parse().unwrap()),
        ..Condition::new("Ready", ConditionStatus::False).because("Why", "because")
    };
    assert_eq!(
        serde_json::to_string(&condition).unwrap(),
        r#"{"type":"Ready","status":"False","lastTransitionTime":"2026-01-02T03:04:05Z","reason":"Why","message":"because"}"#
    );
}

#[test]
fn reads_empty_severity_and_null_time() {
    let text = r#"{"type":"A","status":"True","severity":"","lastTransitionTime":null}"#;
    let condition: Condition = serde_json::from_str(text).unwrap();
    assert_eq!(condition, Condition::new("A", ConditionStatus::True));
}

#[test]
fn the_last_failure_of_one_pass_is_copied() {
    let mut conditions = Vec::new();
    let mut manager = SET.manage(&mut conditions, at(1));
    manager.initialize();
    manager.mark_false("B", "First", "");
    manager.mark_false("A", "Second", "");
    manager.mark_true_with_reason("Other", "Seen", "");
    assert_eq!(ready(&conditions), (ConditionStatus::False, "Second"));
    SET.manage(&mut conditions, at(2)).mark_true("A");
    assert_eq!(ready(&conditions), (ConditionStatus::False, "First"));
}

#[test]
fn unknown_leaves_a_failed_top_alone() {
    let mut conditions = Vec::new();
    SET.manage(&mut conditions, at(1))
        .mark_false("B", "Broken", "");
    SET.manage(&mut conditions, at(2))
        .mark_unknown("A", "Waiting", "");
    assert_eq!(ready(&conditions), (ConditionStatus::False, "Broken"));
}

#[test]
fn only_what_changes_moves_in_time() {
    let mut conditions = Vec::new();
    SET.manage(&mut conditions, at(1))
        .mark_unknown("A", "X", "one");
    SET.manage(&mut conditions, at(2))
        .mark_unknown("A", "X", "one");
    assert_eq!(
        find(&conditions, "A").unwrap().last_transition_time,
        Some(at(1))
    );
    SET.manage(&mut conditions, at(3))
        .mark_unknown("A", "X", "two");
    assert_eq!(
        find(&conditions, "A").unwrap().last_transition_time,
        Some(at(3))
    );
}

#[test]
fn clears_only_what_does_not_decide() {
    let mut conditions = Vec::new();
    let mut manager = SET.manage(&mut conditions, at(1));
    manager.mark_true("Other");
    assert!(manager.clear("A").is_err());
    assert_eq!(manager.clear("Other"), Ok(()));
    assert!(manager.get("Other").is_none());
}

#[derive(Default)]
struct Status(Vec<Condition>);

impl Conditioned for Status {
    const SET: ConditionSet = SET;

    fn conditions(&self) -> &[Condition] {
        &self.0
    }
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.0
    }
}

#[test]
fn a_new_generation_makes_readiness_unknown() {
    let mut status = Status::default();
    begin(&mut status, true, at(1));
    assert_eq!(
        ready(&status.0),
        (ConditionStatus::Unknown, NEW_OBSERVED_GENERATION)
    );
    status.manage(at(1)).mark_true("A");
    status.manage(at(1)).mark_true("B");
    assert!(status.is_happy());
    begin(&mut status, false, at(2));
    assert!(status.is_happy());
}

#[test]
fn what_ends_as_it_began_keeps_its_time() {
    let mut status = Status::default();
    begin(&mut status, false, at(1));
    status.manage(at(1)).mark_false("A", "Broken", "");
    let before = status.0.clone();
    status.manage(at(5)).mark_true("A");
    status.manage(at(5)).mark_true("B");
    status.manage(at(5)).mark_false("A", "Broken", "");
    settle(&before, &mut status.0, at(5));
    let time = |name| status.condition(name).unwrap().last_transition_time;
    assert_eq!(
        (time("A"), time("B"), time(READY)),
        (
            before[0].last_transition_time,
            Some(at(5)),
            before[2].last_transition_time
        )
    );
}
