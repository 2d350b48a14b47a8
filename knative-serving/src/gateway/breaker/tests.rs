use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn the_least_busy_instance_is_picked_and_the_oldest_among_equals() {
    let mut throttle = Throttle::<_, ()>::new(0);
    throttle.insert("a");
    throttle.insert("b");
    let picks: Vec<_> = (0..4)
        .filter_map(|_| throttle.assign())
        .map(|(_, member)| member)
        .collect();
    assert_eq!(picks, ["a", "b", "a", "b"]);
}

#[test]
fn a_request_at_a_time_leaves_the_newest_idle() {
    let mut throttle = Throttle::<_, ()>::new(0);
    throttle.insert("a");
    throttle.insert("b");
    for _ in 0..3 {
        let (slot, member) = throttle.assign().unwrap();
        assert_eq!(member, "a");
        throttle.release(slot);
    }
    assert_eq!(throttle.victims(1), [SlotId(1)]);
}

#[test]
fn a_suspect_is_the_last_choice_and_the_first_victim() {
    let mut throttle = Throttle::<_, ()>::new(0);
    throttle.insert("a");
    throttle.insert("b");
    throttle.set_suspect(SlotId(0), true);
    let picks: Vec<_> = (0..2)
        .filter_map(|_| throttle.assign())
        .map(|(_, member)| member)
        .collect();
    assert_eq!(picks, ["b", "b"]);
    assert_eq!(throttle.victims(2), [SlotId(0), SlotId(1)]);
    throttle.set_suspect(SlotId(0), false);
    assert_eq!(throttle.assign().map(|(_, member)| member), Some("a"));
}

#[test]
fn requests_wait_in_their_order_and_get_the_first_free_place() {
    let mut throttle = Throttle::new(1);
    for waiter in ["first", "second", "third"] {
        assert!(throttle.assign().is_none());
        throttle.enqueue(waiter);
    }
    assert!(throttle.bind().is_none());
    throttle.insert("a");
    let (waiter, slot, _) = throttle.bind().unwrap();
    assert_eq!((waiter, throttle.waiting()), ("first", 2));
    assert!(throttle.bind().is_none());
    throttle.release(slot);
    assert_eq!(throttle.bind().map(|(waiter, ..)| waiter), Some("second"));
}

#[test]
fn an_instance_is_drained_when_its_last_request_ends() {
    let mut throttle = Throttle::<_, ()>::new(0);
    throttle.insert("a");
    let (slot, _) = throttle.assign().unwrap();
    assert_eq!(throttle.withdraw(slot), None);
    assert!(throttle.assign().is_none());
    assert_eq!(throttle.release(slot), Some("a"));
    throttle.insert("b");
    assert_eq!(throttle.withdraw(SlotId(0)), Some("b"));
}

#[derive(Clone, Debug)]
enum Step {
    Arrive,
    End(usize),
    Leave(usize),
    Insert,
    Withdraw(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Arrive),
        3 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => Just(Step::Insert),
        1 => any::<usize>().prop_map(Step::Withdraw),
    ];
    prop::collection::vec(step, 0..200)
}

/// Requests as seen from outside.
#[derive(Default)]
struct World {
    served: Vec<(SlotId, u32)>,
    waiting: BTreeSet<Ticket>,
    routed: Vec<(SlotId, u32)>,
    instances: u32,
}

impl World {
    fn bind(&mut self, throttle: &mut Throttle<u32, Ticket>) {
        while let Some((_, slot, member)) = throttle.bind() {
            let first = self.waiting.pop_first();
            assert!(first.is_some());
            self.served.push((slot, member));
        }
    }

    fn step(&mut self, throttle: &mut Throttle<u32, Ticket>, step: &Step) {
        match step {
            Step::Arrive => {
                if let Some(place) = throttle.assign() {
                    self.served.push(place);
                } else {
                    self.waiting.insert(throttle.enqueue(Ticket(0)));
                }
            }
            Step::End(which) if !self.served.is_empty() => {
                let (slot, _) = self.served.swap_remove(which % self.served.len());
                throttle.release(slot);
            }
            Step::Leave(which) if !self.waiting.is_empty() => {
                let ticket = *self.waiting.iter().nth(which % self.waiting.len()).unwrap();
                self.waiting.remove(&ticket);
                assert!(throttle.leave(ticket).is_some());
            }
            Step::Insert => {
                self.instances += 1;
                throttle.insert(self.instances);
                let slot = throttle
                    .routed()
                    .find(|(_, member)| **member == self.instances);
                self.routed
                    .push(slot.map(|(slot, member)| (slot, *member)).unwrap());
            }
            Step::Withdraw(which) if !self.routed.is_empty() => {
                let (slot, member) = self.routed.swap_remove(which % self.routed.len());
                let drained = throttle.withdraw(slot);
                let busy = self.served.iter().any(|(_, served)| *served == member);
                assert_eq!(drained.is_none(), busy);
            }
            _ => {}
        }
        self.bind(throttle);
    }
}

proptest! {
    #[test]
    fn no_instance_gets_more_than_its_limit_and_nobody_waits_beside_a_free_place(
        limit in 0_u32..4,
        steps in steps(),
    ) {
        let mut throttle = Throttle::new(limit);
        let mut world = World::default();
        for step in &steps {
            world.step(&mut throttle, step);
            let load = |member: u32| {
                u32::try_from(world.served.iter().filter(|(_, served)| *served == member).count()).unwrap()
            };
            prop_assert_eq!(throttle.waiting(), world.waiting.len());
            for member in 1..=world.instances {
                prop_assert!(limit == 0 || load(member) <= limit);
            }
            let free = world.routed.iter().any(|(_, member)| limit == 0 || load(*member) < limit);
            prop_assert!(!free || world.waiting.is_empty());
        }
    }
}
