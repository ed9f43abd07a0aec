//! Columns of numbers that differ between the rows in which another column is missing and those in which it is observed.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::slots::Slots;

/// The smallest standardised difference that is told, of either sign. Half a deviation is a medium one (Cohen 1988).
const THRESHOLD: f64 = 0.5;
/// How often chance alone makes a table's largest difference as clear as one that is told.
const LEVEL: f64 = 0.01;
/// The fewest numbers in either group of rows.
const SMALLEST_GROUP: u64 = 10;

/// Signs that cells are not missing completely at random: a column's mean differs between the rows in which another column is
/// missing and those in which it is observed.
///
/// A difference is told where it is large (a standardised mean difference of `threshold` or more, of either sign) and
/// clear (p ≤ `level` / `comparisons` in Welch's test).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differences {
    /// The smallest that is told.
    pub threshold: f64,
    /// How often chance alone would have one or more told, in tables with cells missing completely at random.
    pub level: f64,
    /// The fewest numbers in either group of rows of a comparison.
    pub smallest_group: u64,
    /// How many pairs of columns were compared.
    pub comparisons: u64,
    /// Whether the table has more columns than are compared: 256 with numbers, and 256 with missing cells.
    pub cut: bool,
    /// Those that are told, the largest first.
    pub found: Vec<Difference>,
}

/// A column whose mean differs between the rows in which another is missing and those in which it is observed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The column of numbers.
    pub column: String,
    /// The other one.
    pub missing: String,
    /// The difference of the means, missing − observed, over the root of the mean of both variances. Infinite (null in JSON)
    /// if neither group varies.
    pub difference: f64,
    /// The mean where the other column is missing.
    pub mean_missing: f64,
    /// The mean where it is observed.
    pub mean_observed: f64,
    /// Numbers where the other column is missing.
    pub rows_missing: u64,
    /// Numbers where it is observed.
    pub rows_observed: u64,
}

/// The count, the sum and the sum of squares of some numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        self.squares += number * number;
    }

    /// Those of the numbers that are not among `part`.
    fn without(self, part: Sums) -> Sums {
        let (count, sum) = (self.count - part.count, self.sum - part.sum);
        Sums { count, sum, squares: self.squares - part.squares }
    }

    fn mean(self) -> f64 {
        self.sum / self.count as f64
    }

    /// The variance (with n − 1). Rounding may bring that of equal numbers below 0, where it is 0.
    fn variance(self) -> f64 {
        ((self.squares - self.sum * self.mean()) / (self.count - 1) as f64).max(0.0)
    }
}

/// The unit of a column while it is read: its first number is 0, and the next different one is 1 or −1. Then neither a large
/// mean nor a small or large unit costs digits.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    zero: Option<f64>,
    one: Option<f64>,
}

impl Unit {
    fn of(&mut self, number: f64) -> f64 {
        let deviation = number - *self.zero.get_or_insert(number);
        if deviation == 0.0 { 0.0 } else { deviation / *self.one.get_or_insert(deviation.abs()) }
    }

    fn back(self, number: f64) -> f64 {
        self.zero.unwrap_or_default() + self.one.unwrap_or_default() * number
    }
}

/// Sums of each column's numbers: over all rows, and over those in which each other column is missing.
#[derive(Debug, Default)]
pub(super) struct DifferenceSums {
    slots: Slots,
    units: Vec<Unit>,
    all: Vec<Sums>,
    /// For each place of a missing column, the sums of each place of a column with numbers.
    missing: Vec<Vec<Sums>>,
    /// The numbers of the row at hand, with their places.
    row: Vec<(usize, f64)>,
}

impl DifferenceSums {
    /// For a table of so many columns.
    pub(super) fn new(width: usize) -> DifferenceSums {
        DifferenceSums { slots: Slots::new(width), ..DifferenceSums::default() }
    }

    /// Takes a number of the row at hand.
    pub(super) fn add(&mut self, column: usize, number: f64) {
        let Some(place) = self.slots.place(column) else { return };
        if place == self.units.len() {
            self.units.push(Unit::default());
            self.all.push(Sums::default());
        }
        let number = self.units[place].of(number);
        self.all[place].add(number);
        self.row.push((place, number));
    }

    /// Ends the row, in which the columns with these places among those with missing cells are missing.
    pub(super) fn end_row(&mut self, missing: &[usize]) {
        for &other in missing {
            if other >= self.missing.len() {
                self.missing.resize_with(other + 1, Vec::new);
            }
            let sums = &mut self.missing[other];
            sums.resize(self.units.len(), Sums::default());
            self.row.iter().for_each(|&(place, number)| sums[place].add(number));
        }
        self.row.clear();
    }

    /// What differs. `others` are the columns with missing cells, by their places, and maybe not all (`others_cut`); only
    /// columns that are `numeric` are compared.
    pub(super) fn finish(&self, names: &[&str], numeric: &[bool], others: &[usize], others_cut: bool) -> Differences {
        let mut compared: Vec<(Difference, f64)> = Vec::new();
        let mut places: Vec<(usize, usize)> = self.slots.columns.iter().copied().zip(0..).collect();
        places.retain(|&(column, _)| numeric[column]);
        places.sort_unstable();
        let mut missing: Vec<(usize, &Vec<Sums>)> = others.iter().copied().zip(&self.missing).collect();
        missing.sort_unstable_by_key(|&(other, _)| other);
        for &(column, place) in &places {
            for &(other, sums) in &missing {
                let part = sums.get(place).copied().unwrap_or_default();
                let rest = self.all[place].without(part);
                let Some((difference, p)) = compare(part, rest) else { continue };
                let mean = |sums: Sums| self.units[place].back(sums.mean());
                let difference = Difference {
                    column: names[column].to_owned(),
                    missing: names[other].to_owned(),
                    difference,
                    mean_missing: mean(part),
                    mean_observed: mean(rest),
                    rows_missing: part.count,
                    rows_observed: rest.count,
                };
                compared.push((difference, p));
            }
        }
        let comparisons = compared.len();
        let told = |(difference, p): &(Difference, f64)| {
            difference.difference.abs() >= THRESHOLD && p * comparisons as f64 <= LEVEL
        };
        let mut found: Vec<Difference> = compared.into_iter().filter(told).map(|(difference, _)| difference).collect();
        // Stable: equal ones stay in the file's order.
        found.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
        Differences {
            threshold: THRESHOLD,
            level: LEVEL,
            smallest_group: SMALLEST_GROUP,
            comparisons: comparisons as u64,
            cut: others_cut || numeric.iter().filter(|numeric| **numeric).count() > places.len(),
            found,
        }
    }
}

/// The standardised difference of the means of two groups, and how often chance makes one as clear (Welch's test). `None` for
/// groups that are too small, for a column of one number, and where squares are beyond any number.
fn compare(missing: Sums, observed: Sums) -> Option<(f64, f64)> {
    let groups = [missing, observed];
    if groups.iter().any(|group| group.count < SMALLEST_GROUP || !group.squares.is_finite()) {
        return None;
    }
    let [v1, v0] = groups.map(Sums::variance);
    let [e1, e0] = [v1 / missing.count as f64, v0 / observed.count as f64];
    let apart = missing.mean() - observed.mean();
    if e1 + e0 == 0.0 {
        return (apart != 0.0).then_some((f64::INFINITY.copysign(apart), 0.0));
    }
    let freedom = (e1 + e0).powi(2) / (e1 * e1 / (missing.count - 1) as f64 + e0 * e0 / (observed.count - 1) as f64);
    let t = apart / (e1 + e0).sqrt();
    let p = 2.0 * StudentsT::new(0.0, 1.0, freedom).ok()?.sf(t.abs());
    Some((apart / (0.5 * (v1 + v0)).sqrt(), p))
}
