//! Columns that repeat another column, and rows that repeat another row.

use std::collections::HashSet;

use xxhash_rust::xxh3::Xxh3;

use super::notation::Notation;
use super::values::Table;

/// The fewest rows with both cells observed, and the fewest different values in them, that show a copy.
const ROWS: usize = 10;
const DISTINCT: usize = 3;
/// How far a copy in another unit may be from its line, in ranges of the column: a rounding error.
const TOLERANCE: f64 = 1e-9;
/// The smallest share of rows that repeat others.
const SHARE: f64 = 0.05;
/// Of so many different rows at least, this share has different values in some column: their number is not that of a few
/// levels, which repeat by chance.
const DIFFERENT_ROWS: usize = 30;
const DIFFERENT_VALUES: f64 = 0.7;

/// The columns of numbers that repeat an earlier one, exactly or in another unit: pairs of places, the copy first.
pub fn copied_columns(table: &Table) -> Vec<(usize, usize)> {
    let numbers: Vec<usize> = (0..table.width()).filter(|&d| *table.notation(d) == Notation::Numbers).collect();
    let shown: Vec<Vec<usize>> = numbers.iter().map(|&d| first_different(table, d)).collect();
    let may_copy = |i: usize, j: usize| !differ(table, numbers[i], numbers[j], &[&shown[i][..], &shown[j]].concat());
    let is_copy = |i: usize, j: usize| may_copy(i, j) && on_one_line(table, numbers[i], numbers[j]);
    let original = |j: usize| (0..j).find(|&i| is_copy(i, j));
    (0..numbers.len()).filter_map(|j| Some((numbers[j], numbers[original(j)?]))).collect()
}

/// The rows with the first different values of a column.
fn first_different(table: &Table, d: usize) -> Vec<usize> {
    let (mut rows, mut seen) = (Vec::with_capacity(DISTINCT), Vec::with_capacity(DISTINCT));
    for (n, value) in (0..table.rows()).filter_map(|n| Some((n, table.value(n, d)?))) {
        if !seen.contains(&value) {
            seen.push(value);
            rows.push(n);
        }
        if rows.len() == DISTINCT {
            break;
        }
    }
    rows
}

/// Whether two of these rows have the same value in one column and different ones in the other. It spares most pairs of
/// columns their reading: columns of nearly equal values differ late.
fn differ(table: &Table, first: usize, second: usize, rows: &[usize]) -> bool {
    let cell = |n: &usize| table.value(*n, first).zip(table.value(*n, second));
    let cells = || rows.iter().filter_map(cell);
    cells().enumerate().any(|(i, (x, y))| cells().take(i).any(|(x1, y1)| (x == x1) != (y == y1)))
}

/// Whether all rows with both columns have them on one line.
fn on_one_line(table: &Table, first: usize, second: usize) -> bool {
    let mut cells = (0..table.rows()).filter_map(|n| table.value(n, first).zip(table.value(n, second)));
    let Some(origin) = cells.next() else { return false };
    // The first different values, as many as are needed.
    let (mut rows, mut seen, mut distinct) = (1, [origin.0; DISTINCT], 1);
    let mut other = None;
    let (mut low, mut high) = (origin.1, origin.1);
    let mut furthest = 0.0f64;
    for (x, y) in cells {
        rows += 1;
        if distinct < DISTINCT && !seen[..distinct].contains(&x) {
            seen[distinct] = x;
            distinct += 1;
        }
        match other {
            None if x == origin.0 && y != origin.1 => return false,
            None if x != origin.0 && y == origin.1 => return false,
            None if x != origin.0 => other = Some((x, y)),
            _ => {}
        }
        (low, high) = (low.min(y), high.max(y));
        if let Some((x1, y1)) = other {
            let slope = (y1 - origin.1) / (x1 - origin.0);
            furthest = furthest.max((origin.1 + slope * (x - origin.0) - y).abs());
            // Not a number where differences overflow: then nothing is said.
            if furthest.is_nan() || furthest > TOLERANCE * (high - low) {
                return false;
            }
        }
    }
    rows >= ROWS && distinct == DISTINCT
}

/// How many rows repeat an earlier one, if they are many, and the table has a column whose values hardly repeat otherwise.
pub fn repeated_rows(table: &Table) -> Option<usize> {
    let (mut rows, mut with_cells) = (HashSet::new(), 0);
    for n in 0..table.rows() {
        let observed = (0..table.width()).filter(|&d| table.observed(n, d)).count();
        // One value repeats by chance.
        if observed < 2 {
            continue;
        }
        with_cells += 1;
        let mut hash = Xxh3::new();
        (0..table.width()).for_each(|d| {
            hash.update(&table.value(n, d).map_or(f64::NAN, |value| value + 0.0).to_bits().to_le_bytes());
        });
        rows.insert(hash.digest128());
    }
    let repeated = with_cells - rows.len();
    let many = repeated > 0 && repeated as f64 >= SHARE * with_cells as f64;
    let fine = |d: usize| {
        let values: HashSet<u64> = (0..table.rows()).filter_map(|n| table.value(n, d)).map(f64::to_bits).collect();
        values.len() as f64 >= DIFFERENT_VALUES * rows.len() as f64
    };
    (many && rows.len() >= DIFFERENT_ROWS && (0..table.width()).any(fine)).then_some(repeated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<const D: usize>(rows: impl IntoIterator<Item = [f64; D]>) -> Table {
        Table::from_rows((0..D).map(|d| format!("x{d}")).collect(), rows).unwrap()
    }

    /// Values without a pattern.
    fn noise(n: usize) -> f64 {
        ((n * 7919 + 13) % 1009) as f64 / 10.0
    }

    #[test]
    fn copies_and_other_units() {
        let row = |n: usize| {
            let missing = if n.is_multiple_of(3) { f64::NAN } else { noise(n) };
            [noise(n), noise(n + 500), missing, 32.0 + 1.8 * noise(n), noise(n) + if n == 29 { 0.1 } else { 0.0 }]
        };
        assert_eq!(copied_columns(&table((0..30).map(row))), [(2, 0), (3, 0)]);
    }

    /// Nearly all of their values are equal, and where the first other one stands says which are copies.
    #[test]
    fn copies_of_sparse_columns() {
        let spikes = |n: usize, start: usize| if n < start { 0.0 } else { (n - start) as f64 };
        let row = |n: usize| {
            [spikes(n, 30), spikes(n, 31), 5.0 - 2.0 * spikes(n, 30), if n < 5 { f64::NAN } else { spikes(n, 31) }]
        };
        assert_eq!(copied_columns(&table((0..40).map(row))), [(2, 0), (3, 1)]);
    }

    #[test]
    fn what_is_no_copy() {
        // Two values, too few rows, nothing in common, a constant beside a column.
        assert_eq!(copied_columns(&table((0..40).map(|n| [f64::from(n % 2), f64::from(1 - n % 2)]))), []);
        assert_eq!(copied_columns(&table((0..9).map(|n| [noise(n), noise(n)]))), []);
        let apart = |n: usize| if n < 20 { [noise(n), f64::NAN] } else { [f64::NAN, noise(n)] };
        assert_eq!(copied_columns(&table((0..40).map(apart))), []);
        assert_eq!(copied_columns(&table((0..40).map(|n| [1.0, noise(n)]))), []);
        assert_eq!(copied_columns(&table((0..40).map(|n| [noise(n), 1.0]))), []);
    }

    #[test]
    fn rows_that_repeat() {
        let row = |n: usize| [noise(n % 100), noise(n % 100 + 500), f64::NAN];
        assert_eq!(repeated_rows(&table((0..110).map(row))), Some(10));
        assert_eq!(repeated_rows(&table((0..200).map(row))), Some(100));
        assert_eq!(repeated_rows(&table((0..100).map(row))), None);
        assert_eq!(repeated_rows(&table((0..101).map(row))), None, "few");
        // Tables of levels repeat rows.
        assert_eq!(repeated_rows(&table((0..200).map(|n| [f64::from(n % 3), f64::from(n % 2)]))), None);
        // So do rows with one observed cell.
        assert_eq!(repeated_rows(&table((0..200).map(|n| [noise(n % 50), f64::NAN]))), None);
    }
}
