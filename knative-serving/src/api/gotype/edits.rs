//! How one list became the other: the greedy search from both ends that go-cmp makes, so that the same items are
//! told to be added, removed or changed. go-cmp tosses a coin for the end that it begins with; here it is the front.

/// One step from the old list to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// The next item of both, equal or changed.
    Both,
    /// An item of the old list only.
    Old,
    /// An item of the new list only.
    New,
}

/// How many parts of two items are the same and how many differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Likeness {
    pub(super) same: usize,
    pub(super) different: usize,
}

impl Likeness {
    pub(super) fn is_equal(self) -> bool {
        self.different == 0
    }

    fn is_similar(self) -> bool {
        self.same + 1 >= self.different
    }
}

#[derive(Clone, Copy, Debug)]
struct Point {
    old: isize,
    new: isize,
}

/// The edits that lead from a list of `old` items to one of `new` items.
pub(super) fn edits(
    old: usize,
    new: usize,
    likeness: &dyn Fn(usize, usize) -> Likeness,
) -> Vec<Edit> {
    Search::new(old, new, likeness).run()
}

struct Search<'a> {
    likeness: &'a dyn Fn(usize, usize) -> Likeness,
    head: Point,
    head_edits: Vec<Edit>,
    tail: Point,
    tail_edits: Vec<Edit>,
    budget: usize,
}

impl<'a> Search<'a> {
    fn new(old: usize, new: usize, likeness: &'a dyn Fn(usize, usize) -> Likeness) -> Self {
        Self {
            likeness,
            head: Point { old: 0, new: 0 },
            head_edits: Vec::new(),
            tail: Point {
                old: old.cast_signed(),
                new: new.cast_signed(),
            },
            tail_edits: Vec::new(),
            budget: 4 * (old + new),
        }
    }

    fn run(mut self) -> Vec<Edit> {
        let mut front = self.head;
        let mut back = self.tail;
        while self.apart(front, back) {
            front = self.search_forward(front);
            if !self.apart(front, back) {
                break;
            }
            back = self.search_backward(back);
        }
        self.connect_forward(self.tail);
        self.head_edits.extend(self.tail_edits.iter().rev());
        self.head_edits
    }

    fn apart(&self, front: Point, back: Point) -> bool {
        front.old < back.old && front.new < back.new && self.budget > 0
    }

    /// `old` and `new` lie within the lists wherever this is called.
    fn compare(&self, old: isize, new: isize) -> Likeness {
        (self.likeness)(old.cast_unsigned(), new.cast_unsigned())
    }

    fn search_forward(&mut self, mut front: Point) -> Point {
        let (mut top, mut bottom, mut step) = (false, false, 0);
        while !(top && bottom) && self.budget > 0 {
            let z = zigzag(step);
            step += 1;
            let p = Point {
                old: front.old + z,
                new: front.new - z,
            };
            if p.old >= self.tail.old || p.new < self.head.new {
                top = true;
            } else if p.new >= self.tail.new || p.old < self.head.old {
                bottom = true;
            } else if self.compare(p.old, p.new).is_equal() {
                self.connect_forward(p);
                self.follow_forward();
                front = self.head;
                break;
            } else {
                self.budget -= 1;
            }
        }
        advance(front, self.tail, 1)
    }

    fn follow_forward(&mut self) {
        self.push_head(Edit::Both);
        while self.head.old < self.tail.old
            && self.head.new < self.tail.new
            && self.compare(self.head.old, self.head.new).is_equal()
        {
            self.push_head(Edit::Both);
        }
    }

    fn search_backward(&mut self, mut back: Point) -> Point {
        let (mut top, mut bottom, mut step) = (false, false, 0);
        while !(top && bottom) && self.budget > 0 {
            let z = zigzag(step);
            step += 1;
            let p = Point {
                old: back.old - z,
                new: back.new + z,
            };
            if self.head.old >= p.old || self.tail.new < p.new {
                top = true;
            } else if self.head.new >= p.new || self.tail.old < p.old {
                bottom = true;
            } else if self.compare(p.old - 1, p.new - 1).is_equal() {
                self.connect_backward(p);
                self.follow_backward();
                back = self.tail;
                break;
            } else {
                self.budget -= 1;
            }
        }
        advance(back, self.head, -1)
    }

    fn follow_backward(&mut self) {
        self.push_tail(Edit::Both);
        while self.head.old < self.tail.old
            && self.head.new < self.tail.new
            && self
                .compare(self.tail.old - 1, self.tail.new - 1)
                .is_equal()
        {
            self.push_tail(Edit::Both);
        }
    }

    fn connect_forward(&mut self, to: Point) {
        while to.old > self.head.old && to.new > self.head.new {
            let edit = if self.compare(self.head.old, self.head.new).is_similar() {
                Edit::Both
            } else if to.old - self.head.old >= to.new - self.head.new {
                Edit::Old
            } else {
                Edit::New
            };
            self.push_head(edit);
        }
        while to.old > self.head.old {
            self.push_head(Edit::Old);
        }
        while to.new > self.head.new {
            self.push_head(Edit::New);
        }
    }

    fn connect_backward(&mut self, to: Point) {
        while self.tail.old > to.old && self.tail.new > to.new {
            let likeness = self.compare(self.tail.old - 1, self.tail.new - 1);
            let edit = if likeness.is_similar() {
                Edit::Both
            } else if self.tail.new - to.new >= self.tail.old - to.old {
                Edit::New
            } else {
                Edit::Old
            };
            self.push_tail(edit);
        }
        while self.tail.old > to.old {
            self.push_tail(Edit::Old);
        }
        while self.tail.new > to.new {
            self.push_tail(Edit::New);
        }
    }

    fn push_head(&mut self, edit: Edit) {
        self.head = moved(self.head, edit, 1);
        self.head_edits.push(edit);
    }

    fn push_tail(&mut self, edit: Edit) {
        self.tail = moved(self.tail, edit, -1);
        self.tail_edits.push(edit);
    }
}

fn moved(from: Point, edit: Edit, by: isize) -> Point {
    Point {
        old: from.old + if edit == Edit::New { 0 } else { by },
        new: from.new + if edit == Edit::Old { 0 } else { by },
    }
}

/// Moves a frontier one step towards the other side, along the longer way.
fn advance(from: Point, to: Point, by: isize) -> Point {
    if (to.old - from.old) * by >= (to.new - from.new) * by {
        moved(from, Edit::Old, by)
    } else {
        moved(from, Edit::New, by)
    }
}

/// 0, −1, 1, −2, 2 …
fn zigzag(step: isize) -> isize {
    if step % 2 == 0 {
        step / 2
    } else {
        -(step / 2) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, Likeness, edits, zigzag};

    fn script(old: &str, new: &str) -> String {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let likeness = |x: usize, y: usize| {
            let same = usize::from(old[x] == new[y]);
            Likeness {
                same,
                different: 2 * (1 - same),
            }
        };
        edits(old.len(), new.len(), &likeness)
            .into_iter()
            .map(|edit| match edit {
                Edit::Both => '.',
                Edit::Old => '-',
                Edit::New => '+',
            })
            .collect()
    }

    #[test]
    fn zigzag_goes_out_on_both_sides() {
        assert_eq!((0..5).map(zigzag).collect::<Vec<_>>(), [0, -1, 1, -2, 2]);
    }

    #[test]
    fn additions_and_removals_are_found() {
        for (old, new, want) in [
            ("", "", ""),
            ("abc", "abc", "..."),
            ("ab", "abc", "..+"),
            ("bc", "abc", "+.."),
            ("abc", "ac", ".-."),
            ("abc", "", "---"),
            ("a", "b", "-+"),
        ] {
            assert_eq!(script(old, new), want, "{old} -> {new}");
        }
    }
}
