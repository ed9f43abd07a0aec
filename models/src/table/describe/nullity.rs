//! Which columns are missing together.

use serde::Serialize;

use super::slots::Slots;

/// The weakest correlation that counts as one between columns, of either sign.
const THRESHOLD: f64 = 0.3;

/// How the missing cells of columns go together: Pearson's correlation of the indicators of a missing cell, as in
/// `missingno` (Bilogur 2018, doi:10.21105/joss.00547). Columns without a missing cell and without an observed one have none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nullity {
    /// How many columns have missing and observed cells.
    pub columns_partly_missing: u64,
    /// The names of those that are compared, in the file's order: 256 at most, those whose first missing cell comes first.
    pub columns: Vec<String>,
    /// Whether there are more than are compared.
    pub cut: bool,
    /// The correlation of each of them with each, −1 to 1.
    pub correlation: Vec<Vec<f64>>,
    /// How strong a correlation is where it is listed: this, or beyond, of either sign.
    pub threshold: f64,
    /// The pairs of columns that are as strong, the strongest first.
    pub strong: Vec<NullityPair>,
}

/// Two columns whose missing cells go together, or avoid each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NullityPair {
    /// Their names.
    pub columns: [String; 2],
    /// The correlation of their missing cells.
    pub correlation: f64,
    /// Rows in which both are missing.
    pub rows_both: u64,
}

/// Counts, for every two columns, the rows in which both are missing.
#[derive(Debug, Default)]
pub(super) struct NullityCounts {
    slots: Slots,
    /// For each place, the rows at hand in which it is missing, a bit each.
    rows: Vec<u64>,
    at_hand: u32,
    /// For each place, the rows in which it is missing and each place up to it is.
    both: Vec<Vec<u64>>,
    /// The places that are missing in the last row.
    pub(super) last: Vec<usize>,
}

impl NullityCounts {
    /// For a table of so many columns.
    pub(super) fn new(width: usize) -> NullityCounts {
        NullityCounts { slots: Slots::new(width), ..NullityCounts::default() }
    }

    /// Takes a row: its missing columns, a bit each.
    pub(super) fn add_row(&mut self, missing: &[u64]) {
        self.last.clear();
        for (word, &bits) in missing.iter().enumerate() {
            let mut left = bits;
            while left != 0 {
                let column = 64 * word + left.trailing_zeros() as usize;
                left &= left - 1;
                self.last.extend(self.slots.place(column));
            }
        }
        let places = self.slots.columns.len();
        self.rows.resize(places, 0);
        self.last.iter().for_each(|&place| self.rows[place] |= 1 << self.at_hand);
        self.at_hand += 1;
        if self.at_hand == u64::BITS {
            self.count();
        }
    }

    /// Counts the rows at hand.
    fn count(&mut self) {
        self.both.extend((self.both.len()..self.rows.len()).map(|place| vec![0; place + 1]));
        for (counts, (place, &rows)) in self.both.iter_mut().zip(self.rows.iter().enumerate()) {
            if rows != 0 {
                let others = counts.iter_mut().zip(&self.rows[..=place]);
                others.for_each(|(count, other)| *count += u64::from((rows & other).count_ones()));
            }
        }
        self.rows.fill(0);
        self.at_hand = 0;
    }

    /// The columns that have places, in their order.
    pub(super) fn columns(&self) -> &[usize] {
        &self.slots.columns
    }

    /// The correlations, of columns with these names and numbers of missing cells in so many rows.
    pub(super) fn finish(&mut self, rows: u64, names: &[&str], missing: &[u64]) -> Nullity {
        self.count();
        let partly = |column: usize| missing[column] > 0 && missing[column] < rows;
        let columns_partly_missing = (0..names.len()).filter(|&column| partly(column)).count();
        let mut compared: Vec<(usize, usize)> = self.slots.columns.iter().copied().zip(0..).collect();
        compared.retain(|&(column, _)| partly(column));
        compared.sort_unstable();
        let both = |(_, a): (usize, usize), (_, b): (usize, usize)| self.both[a.max(b)][a.min(b)];
        let correlation = |a: (usize, usize), b: (usize, usize)| {
            let ([i, j], n) = ([missing[a.0], missing[b.0]].map(|count| count as f64), rows as f64);
            // Whole numbers up to here: equal and opposite columns have exactly 1 and −1.
            let (product, own) = (both(a, b) as f64 * n - i * j, (i * (n - i)) * (j * (n - j)));
            if a == b { 1.0 } else { product / own.sqrt() }
        };
        let matrix = compared.iter().map(|&a| compared.iter().map(|&b| correlation(a, b)).collect()).collect();
        let mut strong = Vec::new();
        for (first, &a) in compared.iter().enumerate() {
            for &b in &compared[first + 1..] {
                let correlation = correlation(a, b);
                if correlation.abs() >= THRESHOLD {
                    let columns = [a, b].map(|(column, _)| names[column].to_owned());
                    strong.push(NullityPair { columns, correlation, rows_both: both(a, b) });
                }
            }
        }
        // Stable: equal ones stay in the file's order.
        strong.sort_by(|a: &NullityPair, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
        Nullity {
            columns_partly_missing: columns_partly_missing as u64,
            columns: compared.iter().map(|&(column, _)| names[column].to_owned()).collect(),
            cut: columns_partly_missing > compared.len(),
            correlation: matrix,
            threshold: THRESHOLD,
            strong,
        }
    }
}
