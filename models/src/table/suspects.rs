//! Values of a column that may not be what they seem: codes for missing, outliers, codes of categories.

/// Shares and counts that decide. A code stands far from the other values; far is measured by their spread.
mod limits {
    /// The most of a column's values that can be taken for codes or outliers: more are a part of its distribution.
    pub(super) const SHARE: f64 = 0.2;
    /// A lone value is gross if it lies further from the others than so many times their spread.
    pub(super) const GROSS: f64 = 3.0;
    /// The same for a value that is written as codes are: −9, 99, 999, −99.9.
    pub(super) const WRITTEN_AS_CODE: f64 = 0.5;
    /// The most codes on one side of a column.
    pub(super) const CODES: usize = 3;
    /// The fewest values that have a spread.
    pub(super) const VALUES: usize = 8;
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
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.len() < limits::VALUES {
        return Vec::new();
    }
    // Each value with its number.
    let mut counted: Vec<(f64, usize)> = Vec::new();
    for value in sorted.iter().copied() {
        match counted.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => counted.push((value, 1)),
        }
    }
    let quantile = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    let middle = (quantile(0.9) - quantile(0.1)) / 0.8;
    let most = (limits::SHARE * sorted.len() as f64) as usize;
    let (mut low, mut high) = (0, counted.len());
    // The largest block of far values at an end decides.
    for codes in (1..=limits::CODES).rev().filter(|codes| counted.len() > codes + 2) {
        let (block, rest) = counted.split_at(codes);
        if low == 0 && far(block, rest, middle, most) {
            low = codes;
        }
    }
    for codes in (1..=limits::CODES).rev().filter(|codes| counted.len() > low + codes + 2) {
        let (rest, block) = counted[low..].split_at(counted.len() - low - codes);
        if high == counted.len() && far(block, rest, middle, most) {
            high = counted.len() - codes;
        }
    }
    let few = |part: &[(f64, usize)]| part.iter().map(|(_, count)| count).sum::<usize>() <= most;
    let low = if few(&counted[..low]) { low } else { 0 };
    let high = if few(&counted[high..]) { high } else { counted.len() };
    let others = (counted[low].0, counted[high - 1].0);
    let found = counted[..low].iter().chain(&counted[high..]);
    found.map(|&(value, count)| Suspect { value, count, code: written_as_code(value) || count > 1, others }).collect()
}

/// Whether a block of values at one end lies far from the rest, both ascending. `middle` is the spread of the middle values of
/// the column: beside it, codes are told from others at the other end.
fn far(block: &[(f64, usize)], rest: &[(f64, usize)], middle: f64, most: usize) -> bool {
    let [Some(lowest), Some(highest)] = [rest.first(), rest.last()] else { return false };
    let [Some(first), Some(last)] = [block.first(), block.last()] else { return false };
    let range = highest.0 - lowest.0;
    let code = block.iter().any(|(value, _)| written_as_code(*value));
    let spread = if code && middle > 0.0 { middle.min(range) } else { range };
    let gap = (lowest.0 - last.0).max(first.0 - highest.0);
    let times = if code { limits::WRITTEN_AS_CODE } else { limits::GROSS };
    // A sign that no other value has is a code's too.
    let own_sign = code && last.0 < 0.0 && lowest.0 >= 0.0;
    let count: usize = block.iter().map(|(_, count)| count).sum();
    count <= most && spread > 0.0 && (gap > times * spread || own_sign)
}

/// Whether the digits are those that people write for "missing": nines alone, and at least two, or −9.
fn written_as_code(value: f64) -> bool {
    let digits: String = format!("{}", value.abs()).chars().filter(char::is_ascii_digit).collect();
    let nines = !digits.is_empty() && digits.chars().all(|digit| digit == '9');
    nines && (digits.len() >= 2 || value < 0.0)
}

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

    #[test]
    fn codes_and_outliers() {
        assert_eq!(found(&with(&[])), []);
        assert_eq!(found(&with(&[999_999_999.0])), [(999_999_999.0, 1, true)]);
        assert_eq!(found(&with(&[-999.0, -999.0])), [(-999.0, 2, true)]);
        assert_eq!(found(&with(&[-99.0, -98.0, 300.0])), [(-99.0, 1, true), (-98.0, 1, false), (300.0, 1, false)]);
        assert_eq!(found(&with(&[-9.0])), [(-9.0, 1, true)]);
        assert_eq!(found(&with(&[9.0, 10.0])), [], "no further than the spread");
        // A third of the column is no code.
        assert_eq!(found(&with(&[99.0; 50])), []);
        // Exponential values have a long tail of their own.
        let tail: Vec<f64> = (1..1000).map(|i| -(f64::from(i) / 1000.0).ln()).collect();
        assert_eq!(found(&tail), []);
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
