//! Correlations of missing cells and differences of means, against what two passes over the whole table give.

use crate::table::{Description, Input, ReadOptions, describe};

/// Numbers that look random, the same ones always (a 64-bit linear congruential generator): from 0 to 1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A table of cells, each given by its row and column; NaN is missing.
fn described(rows: usize, width: usize, mut cell: impl FnMut(usize, usize) -> f64) -> (Description, Vec<Vec<f64>>) {
    let cells: Vec<Vec<f64>> = (0..rows).map(|row| (0..width).map(|column| cell(row, column)).collect()).collect();
    let header: Vec<String> = (0..width).map(|column| format!("c{column}")).collect();
    let mut text = header.join(",") + "\n";
    for row in &cells {
        text += &(row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.csv");
    std::fs::write(&path, text).unwrap();
    (describe(&Input::File(path), &ReadOptions::default()).unwrap(), cells)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Pearson's correlation of the indicators of missing cells.
fn correlation(cells: &[Vec<f64>], a: usize, b: usize) -> f64 {
    let indicator = |d: usize| -> Vec<f64> { cells.iter().map(|row| f64::from(u8::from(row[d].is_nan()))).collect() };
    let (a, b) = (indicator(a), indicator(b));
    let products: f64 = a.iter().zip(&b).map(|(x, y)| (x - mean(&a)) * (y - mean(&b))).sum();
    products / (a.len() - 1) as f64 / (variance(&a) * variance(&b)).sqrt()
}

/// More columns than a word has bits, and more rows; the first column is complete and the second one empty.
#[test]
fn correlations_of_missing_cells() {
    let mut numbers = Numbers(1);
    let mut first = false;
    let (description, cells) = described(150, 70, |_, column| match column {
        0 => 1.0,
        1 => f64::NAN,
        _ => {
            let chance = numbers.next() < 0.3;
            first = if column == 2 { chance } else { first };
            // Even columns go with the first one.
            let missing = if column % 2 == 0 && numbers.next() < 0.9 { first } else { chance };
            if missing { f64::NAN } else { 1.0 + numbers.next() }
        }
    });
    let nullity = &description.nullity;
    assert_eq!((nullity.columns.len(), nullity.columns_partly_missing, nullity.cut), (68, 68, false));
    assert_eq!(nullity.columns[0], "c2");
    for a in 2..70 {
        for b in 2..70 {
            let (found, expected) = (nullity.correlation[a - 2][b - 2], correlation(&cells, a, b));
            assert!((found - expected).abs() < 1e-12, "c{a}, c{b}: {found}, not {expected}");
        }
    }
    let strongest = &nullity.strong[0];
    assert!(strongest.correlation > 0.8 && nullity.strong.iter().all(|pair| pair.correlation.abs() >= 0.3));
    assert!(nullity.strong.len() > 400, "all pairs of even columns: {}", nullity.strong.len());
    let [a, b] = strongest.columns.each_ref().map(|name| name[1..].parse::<usize>().unwrap());
    let both = cells.iter().filter(|row| row[a].is_nan() && row[b].is_nan()).count();
    assert_eq!(strongest.rows_both, both as u64);
}

/// Columns that are missing in the same rows have exactly 1, and in the others exactly −1.
#[test]
fn equal_and_opposite_columns() {
    let (description, _) = described(97, 3, |row, column| match (row % 3 == 0, column) {
        (true, 0 | 1) | (false, 2) => f64::NAN,
        _ => row as f64,
    });
    assert_eq!(description.nullity.correlation, [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]);
}

#[test]
fn more_columns_than_are_compared() {
    let (description, _) = described(9, 300, |row, column| if row == column % 9 { f64::NAN } else { row as f64 });
    let nullity = &description.nullity;
    assert_eq!((nullity.columns_partly_missing, nullity.columns.len(), nullity.cut), (300, 256, true));
    // Those of the last rows come last.
    assert!(nullity.columns.contains(&"c297".to_owned()) && !nullity.columns.contains(&"c8".to_owned()));
    assert!(description.differences.cut);
}

/// Far from zero, and in any unit.
#[test]
fn differences_of_means() {
    for (shift, unit) in [(0.0, 1.0), (1e9, 1.0), (-3e5, 1e-3), (0.0, 1e-300), (0.0, 1e150)] {
        let mut numbers = Numbers(2);
        let (description, cells) = described(400, 3, |row, column| {
            let random = numbers.next() + numbers.next() + numbers.next();
            match column {
                0 if row % 4 == 1 => f64::NAN,
                1 => shift + unit * (random + if row % 4 == 1 { 1.0 } else { 0.0 }),
                2 if row % 7 == 0 => f64::NAN,
                _ => random,
            }
        });
        let found = &description.differences.found;
        // 0 and 2 where the other one is missing, and 1 where either is.
        assert_eq!((found.len(), description.differences.comparisons), (1, 4), "{found:?}");
        let group = |missing: bool| -> Vec<f64> {
            // In the column's unit: squares of its numbers themselves may be 0 or infinite.
            let rows = cells.iter().filter(|row| row[0].is_nan() == missing);
            rows.map(|row| (row[1] - shift) / unit).collect()
        };
        let (missing, observed) = (group(true), group(false));
        let expected = (mean(&missing) - mean(&observed)) / (0.5 * (variance(&missing) + variance(&observed))).sqrt();
        let one = &found[0];
        assert_eq!((&one.column[..], &one.missing[..]), ("c1", "c0"));
        assert!((one.difference / expected - 1.0).abs() < 1e-6, "{} is not {expected}", one.difference);
        assert_eq!((one.rows_missing, one.rows_observed), (100, 300));
        let within = |found: f64, values: &[f64]| ((found - shift) / unit - mean(values)).abs() < 1e-6;
        assert!(within(one.mean_missing, &missing) && within(one.mean_observed, &observed), "{one:?}");
    }
}

/// A column that says itself where another is missing.
#[test]
fn a_flag_of_missing_cells() {
    let (description, _) = described(60, 2, |row, column| match column {
        0 => f64::from(u8::from(row % 3 == 0)),
        _ if row % 3 == 0 => f64::NAN,
        _ => row as f64,
    });
    let found = &description.differences.found;
    assert_eq!((found.len(), found[0].difference), (1, f64::INFINITY));
    assert_eq!((found[0].mean_missing, found[0].mean_observed), (1.0, 0.0));
    assert!(serde_json::to_value(&description).unwrap()["differences"]["found"][0]["difference"].is_null());
}

/// Groups of fewer than ten numbers are not compared, and squares beyond any number tell nothing.
#[test]
fn what_is_not_compared() {
    let missing =
        |rows: usize| move |row: usize, column: usize| if column == 1 && row < rows { f64::NAN } else { row as f64 };
    let comparisons = |rows: usize| described(40, 2, missing(rows)).0.differences.comparisons;
    assert_eq!([9, 10, 30, 31].map(comparisons), [0, 1, 1, 0]);
    let huge = |row: usize, column: usize| match (row % 2, column) {
        (0, 1) => f64::NAN,
        (_, 0) => {
            if row < 20 {
                1.0 + row as f64
            } else {
                1e200 * row as f64
            }
        }
        _ => row as f64,
    };
    assert_eq!(described(40, 2, huge).0.differences.comparisons, 0);
}

/// Cells missing completely at random: chance alone tells a difference in at most 1 of 100 tables. More than 11 of 300 come
/// with a probability of 0.0001.
#[test]
fn chance_tells_no_difference() {
    let mut numbers = Numbers(3);
    let tables = (0..300).filter(|_| {
        let cell = |_: usize, _: usize| if numbers.next() < 0.3 { f64::NAN } else { numbers.next() };
        let (description, _) = described(100, 5, cell);
        assert!(description.differences.comparisons > 15, "of 20, but for groups that are too small");
        !description.differences.found.is_empty()
    });
    let tables = tables.count();
    assert!(tables <= 11, "{tables} of 300");
}
