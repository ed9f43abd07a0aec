//! The values of a column and how often each occurs, in bounded memory.

/// A value of a column, and others near it that are not told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    /// The value: of several, the most frequent one.
    pub(super) value: f64,
    /// How often all of them occur.
    pub(super) count: usize,
    /// How often the value occurs.
    pub(super) most: usize,
}

/// Values that wait to be sorted and counted.
const WAITING: usize = 1 << 13;

/// The different values of a column, each with its number. If there are too many, values near each other in the middle are
/// counted together; the lowest and the highest ones are exact at any number. The outcome depends on the values and their
/// order, and on nothing else.
#[derive(Clone, Debug)]
pub struct ValueCounts {
    /// Ascending.
    counted: Vec<Counted>,
    waiting: Vec<f64>,
    /// The most entries.
    most: usize,
}

impl ValueCounts {
    /// No values yet; memory for about `most` different ones.
    pub fn new(most: usize) -> ValueCounts {
        ValueCounts { counted: Vec::new(), waiting: Vec::new(), most: most.max(64) }
    }

    /// Takes a value. What is not finite does not count.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.waiting.push(value);
        // As many as there are entries at least: to go through these costs little then.
        if self.waiting.len() >= WAITING.max(self.counted.len()) {
            self.flush();
        }
    }

    /// All entries, ascending.
    pub(super) fn counted(mut self) -> Vec<Counted> {
        self.flush();
        self.counted
    }

    /// Counts what waits.
    fn flush(&mut self) {
        self.waiting.sort_unstable_by(f64::total_cmp);
        let mut merged: Vec<Counted> = Vec::with_capacity(self.counted.len() + self.waiting.len());
        let mut old = self.counted.iter().copied().peekable();
        for value in self.waiting.drain(..) {
            merged.extend(std::iter::from_fn(|| old.next_if(|entry| entry.value <= value)));
            match merged.last_mut() {
                Some(last) if last.value == value => {
                    last.count += 1;
                    last.most += 1;
                }
                _ => merged.push(Counted { value, count: 1, most: 1 }),
            }
        }
        merged.extend(old);
        self.counted = merged;
        if self.counted.len() > self.most {
            self.condense();
        }
    }

    /// Joins pairs of entries in the middle. An eighth at either end stays: a value that is among the lowest at the end was so
    /// at any time.
    fn condense(&mut self) {
        let end = self.most / 8;
        let middle = end..self.counted.len() - end;
        let pair = |pair: &[Counted]| match *pair {
            [one, other] => {
                let count = one.count + other.count;
                Counted { count, ..if other.most > one.most { other } else { one } }
            }
            _ => pair[0],
        };
        let joined: Vec<Counted> = self.counted[middle.clone()].chunks(2).map(pair).collect();
        self.counted.splice(middle, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: impl IntoIterator<Item = f64>, most: usize) -> Vec<Counted> {
        let mut counts = ValueCounts::new(most);
        values.into_iter().for_each(|value| counts.add(value));
        counts.counted()
    }

    #[test]
    fn few_values_are_exact() {
        let values = (0..100_000_u32).map(|i| f64::from(i * 7919 % 501));
        let found = counted(values.chain([f64::NAN, f64::INFINITY]), 1000);
        assert_eq!(found.len(), 501);
        assert!(found.iter().enumerate().all(|(i, one)| one.value == i as f64 && one.count == one.most));
        assert_eq!(found.iter().map(|one| one.count).sum::<usize>(), 100_000);
        let zeros = counted([0.0, -0.0, 1.0], 1000);
        assert_eq!(zeros.iter().map(|one| one.count).collect::<Vec<_>>(), [2, 1]);
    }

    /// Of many values the ends are exact, the numbers add up, and the middle is where it was.
    #[test]
    fn many_values_keep_their_ends() {
        let many = 300_000_u64;
        let value = |i: u64| (i * 48_271 % 2_147_483_647 % many) as f64;
        let found = counted((0..many).map(value).chain([-999.0, -999.0, 1e9]), 1024);
        assert!(found.len() <= 1024 + WAITING);
        assert_eq!(found.iter().map(|one| one.count).sum::<usize>(), many as usize + 3);
        assert_eq!(found[0], Counted { value: -999.0, count: 2, most: 2 });
        assert_eq!(found[found.len() - 1], Counted { value: 1e9, count: 1, most: 1 });
        let mut exact: Vec<f64> = (0..many).map(value).collect();
        exact.sort_unstable_by(f64::total_cmp);
        exact.dedup();
        assert!(found[1..100].iter().zip(&exact).all(|(one, value)| one.value == *value));
        let mut below = 0;
        for one in &found {
            below += one.count;
            let share = (0..many).filter(|&i| value(i) <= one.value).count() as f64 / many as f64;
            if below % 7 == 0 {
                assert!((below as f64 / many as f64 - share).abs() < 0.02, "{one:?}");
            }
        }
    }
}
