//! Values of a column that may not be what they seem: codes for missing, outliers, codes of categories.

use super::counts::{Counted, ValueCounts};

/// Shares and counts that decide. A code stands far from the other values; far is measured by their spread.
mod limits {
    /// The most of a column's values that can be taken for codes of several kinds, or outliers: more are a part of its
    /// distribution.
    pub(super) const SHARE: f64 = 0.2;
    /// The most that a few codes can be.
    pub(super) const CODE_SHARE: f64 = 0.9;
    /// Values are gross if they lie further from the others than so many times their range.
    pub(super) const GROSS: f64 = 3.0;
    /// That range is no more than so many times the spread of the middle values: it may have outliers of its own.
    pub(super) const TAILS: f64 = 5.0;
    /// A value that is written as codes are, −9, 99, 999 or −99.9, is far at so many times the spread.
    pub(super) const WRITTEN_AS_CODE: f64 = 0.5;
    /// So is one that is repeated as no other is.
    pub(super) const REPEATED: f64 = 0.3;
    /// It occurs so often at least, and so many times as often as any other.
    pub(super) const REPEATS: usize = 5;
    pub(super) const TIMES: usize = 4;
    /// The most codes on one side of a column, and the most different outliers beside a value that most cells hold: more are
    /// the column's other values.
    pub(super) const CODES: usize = 4;
    /// The fewest values that have a spread: beside codes, and beside other outliers.
    pub(super) const VALUES_BESIDE_CODES: usize = 5;
    pub(super) const VALUES: usize = 8;
    /// The range of grades, beside which 9 is a code.
    pub(super) const GRADES: f64 = 7.0;
    /// The most different whole numbers that look like codes of categories.
    pub(super) const CATEGORIES: usize = 10;
    /// How often each of them must occur on average.
    pub(super) const OCCURRENCES: usize = 5;
}

/// A value far from the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The value.
    pub value: f64,
    /// How often it occurs.
    pub count: usize,
    /// Whether it is written or repeated as a code for a missing value is; else it is an outlier.
    pub code: bool,
    /// The smallest and the largest of the other values.
    pub others: (f64, f64),
}

/// The values of a column that lie far from the others, at either end. `values` are the observed ones.
pub fn suspects(values: impl Iterator<Item = f64>) -> Vec<Suspect> {
    let mut counts = ValueCounts::new(usize::MAX);
    values.for_each(|value| counts.add(value));
    counts.suspects()
}

impl ValueCounts {
    /// The values that lie far from the others, at either end.
    pub fn suspects(self) -> Vec<Suspect> {
        let counted = self.counted();
        let all = counted.iter().map(|one| one.count).sum();
        let low = far_values(&counted, all, 1.0);
        let mirrored: Vec<Counted> =
            counted[low..].iter().rev().map(|one| Counted { value: -one.value, ..*one }).collect();
        let high = counted.len() - far_values(&mirrored, all, -1.0);
        let Some(others) = counted.get(low).zip(counted.get(high.wrapping_sub(1))) else { return Vec::new() };
        let others = (others.0.value, others.1.value);
        let found = counted[..low].iter().chain(&counted[high..]);
        let suspect = |&Counted { value, most, .. }: &Counted| {
            let code = written_as_code(value) || most > 1;
            Suspect { value, count: most, code, others }
        };
        found.map(suspect).collect()
    }
}

/// How many of the different values, ascending and each with its number, lie far from the rest at their lower end. `all` is the
/// number of the column's values, and *sign* is −1 where these are turned around: then the upper end is looked at. The largest
/// block of far values decides.
fn far_values(counted: &[Counted], all: usize, sign: f64) -> usize {
    let below: Vec<usize> = counted
        .iter()
        .scan(0, |sum, one| {
            *sum += one.count;
            Some(*sum)
        })
        .collect();
    (1..counted.len().saturating_sub(1)).rev().find(|&size| is_far(counted, &below, size, (all, sign))).unwrap_or(0)
}

/// Whether the first `size` values are far from the rest. `below` has the numbers of values up to each.
fn is_far(counted: &[Counted], below: &[usize], size: usize, (all, sign): (usize, f64)) -> bool {
    let (block, rest) = counted.split_at(size);
    let (count, others) = (below[size - 1], below[below.len() - 1] - below[size - 1]);
    let share = count as f64 / all as f64;
    let (last, lowest, highest) = (block[size - 1], rest[0].value, rest[rest.len() - 1].value);
    let (range, gap) = (highest - lowest, lowest - last.value);
    let quantile = |share: f64| {
        let rank = count + (share * (others - 1) as f64) as usize;
        counted[below.partition_point(|&below| below <= rank)].value
    };
    let middle = (quantile(0.9) - quantile(0.1)) / 0.8;
    let spread = if middle > 0.0 { middle.min(range) } else { range };
    if rest.len() > 2 && all >= limits::VALUES && share <= limits::SHARE && (middle > 0.0 || size <= limits::CODES) {
        let range = if middle > 0.0 { range.min(limits::TAILS * middle) } else { range };
        if gap > limits::GROSS * range {
            return true;
        }
    }
    if size > limits::CODES || all < limits::VALUES_BESIDE_CODES || share > limits::CODE_SHARE {
        return false;
    }
    let grades = counted.iter().all(|one| one.value.fract() == 0.0) && range <= limits::GRADES;
    let written = |value: f64| written_as_code(sign * value) || (grades && value.abs() == 9.0);
    let most = rest.iter().map(|one| one.most).max().unwrap_or_default();
    let repeated = |count: usize| count >= limits::REPEATS && count >= limits::TIMES * most;
    // A sign that no other value has is a code's too.
    let own_sign = sign > 0.0 && last.value < 0.0 && lowest >= 0.0;
    if block.iter().any(|one| written(one.value)) {
        let alike = size == 1 || share <= limits::SHARE;
        let nearest = written(last.value) || repeated(last.most);
        let far = gap > limits::WRITTEN_AS_CODE * spread
            || (nearest && own_sign)
            || (written(last.value) && repeated(last.most));
        return spread > 0.0 && alike && far;
    }
    let far = gap > limits::REPEATED * spread || own_sign;
    size == 1 && repeated(last.most) && spread > 0.0 && far
}

/// Whether the digits are those that people write for "missing": nines alone, and at least two, or −9.
fn written_as_code(value: f64) -> bool {
    let digits: String = format!("{}", value.abs()).chars().filter(char::is_ascii_digit).collect();
    let nines = !digits.is_empty() && digits.chars().all(|digit| digit == '9');
    nines && (digits.len() >= 2 || value < 0.0)
}

/// Whether other programs write this text for a missing value.
pub fn is_missing_elsewhere(text: &str) -> bool {
    MISSING_ELSEWHERE.contains(&text.to_lowercase().as_str())
}

/// Texts that other programs write for a missing value, in lower case.
const MISSING_ELSEWHERE: [&str; 22] = [
    "-",
    "--",
    ".",
    "..",
    "n/a",
    "#n/a",
    "na",
    "n.a.",
    "<na>",
    "#na",
    "none",
    "null",
    "(null)",
    "#null!",
    "#num!",
    "#value!",
    "missing",
    "nil",
    "unknown",
    "not available",
    "-99",
    "-999",
];

/// The number of different values of a column that holds a few whole numbers, each of them often; else `None`.
pub fn whole_numbered_categories(values: impl Iterator<Item = f64>) -> Option<usize> {
    let mut different: Vec<f64> = Vec::new();
    let mut count = 0;
    for value in values {
        count += 1;
        if value.fract() != 0.0 {
            return None;
        }
        if !different.contains(&value) {
            different.push(value);
            if different.len() > limits::CATEGORIES {
                return None;
            }
        }
    }
    (different.len() > 1 && count >= limits::OCCURRENCES * different.len()).then_some(different.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64]) -> Vec<(f64, usize, bool)> {
        suspects(values.iter().copied()).into_iter().map(|one| (one.value, one.count, one.code)).collect()
    }

    /// Values near 5, from 3 to 7.
    fn with(more: &[f64]) -> Vec<f64> {
        (0..100).map(|i| 3.0 + 0.04 * f64::from(i)).chain(more.iter().copied()).collect()
    }

    fn repeated(value: f64, times: usize) -> Vec<f64> {
        vec![value; times]
    }

    #[test]
    fn codes_and_outliers() {
        assert_eq!(found(&with(&[])), []);
        assert_eq!(found(&with(&[999_999_999.0])), [(999_999_999.0, 1, true)]);
        assert_eq!(found(&with(&[-999.0, -999.0])), [(-999.0, 2, true)]);
        assert_eq!(found(&with(&[-99.0, -98.0, 300.0])), [(-99.0, 1, true), (-98.0, 1, false), (300.0, 1, false)]);
        assert_eq!(found(&with(&[-9.0])), [(-9.0, 1, true)]);
        assert_eq!(found(&with(&[9.0, 10.0])), [], "no further than the spread");
        // Exponential values have a long tail of their own.
        let tail: Vec<f64> = (1..1000).map(|i| -(f64::from(i) / 1000.0).ln()).collect();
        assert_eq!(found(&tail), []);
        // So have the squares of normal ones, and their exponentials.
        let normal = |i: u32| samplers::quantile::mixture_quantile((f64::from(i) - 0.5) / 1e3, &[1.0], &[0.0], &[1.0]);
        for bend in [|x: f64| x * x, f64::exp, |x: f64| x, |x: f64| x.powi(3)] {
            assert_eq!(found(&(1..=1000).map(|i| bend(normal(i))).collect::<Vec<f64>>()), []);
        }
    }

    /// Many cells with one code, and codes or outliers of several kinds.
    #[test]
    fn frequent_and_several_codes() {
        assert_eq!(found(&with(&repeated(-999.0, 45))), [(-999.0, 45, true)]);
        assert_eq!(found(&with(&repeated(f64::from(i32::MIN), 45))), [(f64::from(i32::MIN), 45, true)]);
        let codes: Vec<f64> = [-999.0, -998.0, -997.0, -996.0].into_iter().flat_map(|code| repeated(code, 2)).collect();
        assert_eq!(found(&with(&codes)).len(), 4);
        assert_eq!(found(&with(&[1e3, 4e3, 16e3, 63e3])).len(), 4);
        let other_unit: Vec<f64> = (0..9).map(|i| 3000.0 + 411.0 * f64::from(i)).collect();
        assert_eq!(found(&with(&other_unit)).len(), 9);
        // A value that is repeated as no other one is, at an end.
        assert_eq!(found(&with(&repeated(0.0, 15))), [(0.0, 15, true)]);
        assert_eq!(found(&with(&repeated(-1.0, 15))), [(-1.0, 15, true)]);
        assert_eq!(found(&with(&repeated(7.0, 15))), [], "a bound");
        let ages: Vec<f64> = (0..300).map(|i| f64::from(18 + i % 73)).chain(repeated(99.0, 45)).collect();
        assert_eq!(found(&ages), [(99.0, 45, true)]);
        let scale: Vec<f64> = (0..100).map(|i| f64::from(1 + i % 5)).chain(repeated(9.0, 10)).collect();
        assert_eq!(found(&scale), [(9.0, 10, true)]);
        assert_eq!(found(&[5.1, 4.8, 5.0, 5.3, 4.9, 999.0]), [(999.0, 1, true)]);
        // One code, and an ordinary value that alone has its sign.
        let near_zero: Vec<f64> =
            with(&[-999.0, -999.0]).into_iter().map(|x| if x > 0.0 { x - 3.01 } else { x }).collect();
        assert_eq!(found(&near_zero), [(-999.0, 2, true)]);
    }

    /// Zero in nearly all cells: the others are no outliers of it.
    #[test]
    fn sparse_columns() {
        let sparse = |n: i32| if n % 40 == 0 { f64::from(n * n % 1009) / 1009.0 } else { 0.0 };
        assert_eq!(found(&(0..1000).map(sparse).collect::<Vec<f64>>()), []);
        let one = (0..1000).map(|n| if n == 500 { 1e6 } else { sparse(n) });
        assert_eq!(found(&one.collect::<Vec<f64>>()), [(1e6, 1, false)]);
    }

    #[test]
    fn categories_of_whole_numbers() {
        let stages = (0..60).map(|i| f64::from(i % 4));
        assert_eq!(whole_numbered_categories(stages.clone()), Some(4));
        assert_eq!(whole_numbered_categories(stages.clone().take(8)), None, "too few of each");
        assert_eq!(whole_numbered_categories((0..60).map(f64::from)), None);
        assert_eq!(whole_numbered_categories(stages.map(|x| x + 0.5)), None);
        assert_eq!(whole_numbered_categories(std::iter::repeat_n(1.0, 9)), None, "a constant");
    }
}
