//! Traits of columns, read off their observed values.

use super::coding::nearest_level;
use crate::data::{Data, Standardisation};
use crate::heads::{ColumnTraits, ColumnType};
use crate::table::ColumnSchema;

/// The fewest observed values that show that a column has no negative ones. A column with a tenth of negative values has one
/// among 30 with probability 1 − 0.9³⁰ = 96%.
const ENOUGH: usize = 30;
/// Zero is a value of a column, and not only its bound, if this share of the observed values is zero.
const ZEROS: f64 = 0.01;
/// The most decimal places that a step has: values with more are taken for continuous.
const PLACES: i32 = 6;

/// Traits of the columns of a table in its own units, for the model units of `standardisation`. Without `limits`, only those
/// without which a column's type says nothing; none if there is no such column.
pub(super) fn traits_of(
    data: &Data<f64>,
    columns: &[ColumnSchema],
    standardisation: &Standardisation,
    limits: bool,
) -> Vec<ColumnTraits> {
    let of_column = |(d, column): (usize, &ColumnSchema)| match column.column_type {
        ColumnType::Numeric | ColumnType::Date if limits => {
            of_numbers(data, d, (standardisation.mean[d], standardisation.scale[d]), column.column_type)
        }
        kind if kind.has_shares() => {
            ColumnTraits { frequencies: frequencies(data, d, column), ..ColumnTraits::default() }
        }
        // Its head does not need them; what has to be beaten does.
        ColumnType::Binary if !column.levels.is_empty() => {
            ColumnTraits { frequencies: frequencies(data, d, column), ..ColumnTraits::default() }
        }
        ColumnType::Count => ColumnTraits { counts: Some(moments(data, d)), ..ColumnTraits::default() },
        _ => ColumnTraits::default(),
    };
    let bounded = |(d, column): (usize, &ColumnSchema)| {
        with_bounds(of_column((d, column)), data, d, column, (standardisation.mean[d], standardisation.scale[d]))
    };
    let traits: Vec<ColumnTraits> = columns.iter().enumerate().map(bounded).collect();
    if limits || traits.iter().any(|traits| *traits != ColumnTraits::default()) { traits } else { Vec::new() }
}

/// Limits of a column of numbers, or of dates, whose zero is a day like others.
fn of_numbers(data: &Data<f64>, d: usize, (mean, scale): (f64, f64), kind: ColumnType) -> ColumnTraits {
    let values: Vec<f64> = data.observed_values(d).collect();
    // Rounding to a step moves a value by a uniform error, with this deviation.
    let min_scale = step(&values).map_or(0.0, |step| step / 12.0_f64.sqrt() / scale);
    let positive = kind == ColumnType::Numeric && values.len() >= ENOUGH && values.iter().all(|value| *value >= 0.0);
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    ColumnTraits {
        min_scale,
        min: positive.then(|| above((0.0 - mean) / scale)),
        takes_min: positive && zeros as f64 >= ZEROS * values.len() as f64,
        ..ColumnTraits::default()
    }
}

/// With the bounds that the user gives, in the units of `mean` and `scale`.
fn with_bounds(
    traits: ColumnTraits,
    data: &Data<f64>,
    d: usize,
    column: &ColumnSchema,
    (mean, scale): (f64, f64),
) -> ColumnTraits {
    let (mut bounded, kind) = (traits, column.column_type);
    let whole = is_whole(data, kind, d);
    if let Some(min) = column.min.map(|min| if whole { min.ceil() } else { min }) {
        let (mut at_min, mut all) = (0_u32, 0_u32);
        data.observed_values(d).for_each(|value| {
            at_min += u32::from(value == min);
            all += 1;
        });
        bounded.min = Some(above((min - mean) / scale));
        bounded.takes_min = f64::from(at_min) >= ZEROS * f64::from(all) && at_min > 0;
    }
    if let Some(max) = column.max.map(|max| if whole { max.floor() } else { max }) {
        bounded.max = Some(-above(-((max - mean) / scale)));
    }
    bounded
}

/// The share of each level, as if each had been seen half a time more: one that is hidden in training has a share too.
fn frequencies(data: &Data<f64>, d: usize, column: &ColumnSchema) -> Vec<f64> {
    let (kind, levels) = (column.column_type, column.levels.len());
    let mut counts = vec![0.5; levels];
    data.observed_values(d).for_each(|level| counts[nearest_level(kind, levels, level)] += 1.0);
    let total: f64 = counts.iter().sum();
    counts.into_iter().map(|count| count / total).collect()
}

/// Mean and dispersion of counts: (variance − mean)/mean², at least 0.
fn moments(data: &Data<f64>, d: usize) -> [f64; 2] {
    let values: Vec<f64> = data.observed_values(d).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    [mean, ((variance - mean) / (mean * mean)).max(0.0)]
}

/// Whether all observed values of a column of numbers are whole.
pub(super) fn is_whole(data: &Data<f64>, kind: ColumnType, d: usize) -> bool {
    let numbers = matches!(kind, ColumnType::Numeric | ColumnType::Positive | ColumnType::Count);
    numbers && data.observed_values(d).all(|value| value.fract() == 0.0)
}

/// The next number of single precision above, so that neither its rounding nor that of the way back to the data's unit leads
/// below.
fn above(bound: f64) -> f64 {
    f64::from((bound as f32).next_up().next_up())
}

/// What the values were recorded to: the largest number of which the differences of all are multiples. None where they have
/// more than six decimal places, or are all equal.
fn step(values: &[f64]) -> Option<f64> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for places in 0..=PLACES {
        let unit = 10_f64.powi(places);
        if largest * unit > (1_u64 << 51) as f64 {
            return None;
        }
        let whole = |value: &f64| {
            let scaled = value * unit;
            ((scaled - scaled.round()).abs() <= 4.0 * f64::EPSILON * scaled.abs()).then(|| scaled.round() as i64)
        };
        if let Some(counts) = values.iter().map(whole).collect::<Option<Vec<i64>>>() {
            let first = *counts.first()?;
            let common = counts.iter().fold(0, |common, count| gcd(common, count.abs_diff(first)));
            return (common > 0).then_some(common as f64 / unit);
        }
    }
    None
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps() {
        assert_eq!(step(&[39.1, 37.8, 40.0]), Some(0.1));
        assert_eq!(step(&[181.0, 186.0, 195.0]), Some(1.0));
        assert_eq!(step(&[3750.0, 3800.0, 3250.0, 4675.0]), Some(25.0));
        assert_eq!(step(&[0.25, 0.5, -1.0]), Some(0.25));
        assert_eq!(step(&[1e12, 1e12 + 3.0]), Some(3.0));
        // Continuous, or nothing to tell by.
        for values in [&[0.123_456_78, 1.0][..], &[1.0 / 3.0, 2.0], &[2.0, 2.0], &[2.0], &[], &[1e300, 1.0]] {
            assert_eq!(step(values), None, "{values:?}");
        }
    }

    #[test]
    fn limits_in_model_units() {
        let values: Vec<f64> = (0..40).flat_map(|n| [f64::from(n % 7), f64::from(n % 5) - 2.0]).collect();
        let data = Data::new(2, values, vec![true; 80]);
        let standardisation = Standardisation::fit_types(&data, &[ColumnType::Numeric; 2]).unwrap();
        let numeric = |name| ColumnSchema::new(name, ColumnType::Numeric);
        let columns = [numeric("a"), numeric("b")];
        let limits = traits_of(&data, &columns, &standardisation, true);
        let (mean, scale) = (standardisation.mean[0], standardisation.scale[0]);
        assert!((limits[0].min_scale - 1.0 / 12.0_f64.sqrt() / scale).abs() < 1e-15);
        let lower = limits[0].min.unwrap();
        assert!(limits[0].takes_min);
        assert!(mean + scale * lower >= 0.0 && (lower + mean / scale).abs() < 1e-6);
        assert_eq!(limits[1].min, None);
        // Too few values say nothing.
        let few = data.select(&(0..29).collect::<Vec<_>>());
        assert_eq!(traits_of(&few, &columns, &standardisation, true)[0].min, None);
    }

    proptest! {
        /// Multiples of a decimal step, from any start: the step found divides their differences, and is not smaller.
        #[test]
        fn steps_of_any_values(
            counts in prop::collection::vec(-10_000..10_000i64, 2..50),
            unit in prop::sample::select(vec![0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 100.0]),
        ) {
            let values: Vec<f64> = counts.iter().map(|&count| count as f64 * unit).collect();
            if let Some(found) = step(&values) {
                prop_assert!(found >= unit * (1.0 - 1e-12));
                for value in &values {
                    let ratio = (value - values[0]) / found;
                    prop_assert!((ratio - ratio.round()).abs() < 1e-6, "{value}: {found}");
                }
            } else {
                prop_assert!(counts.iter().all(|count| *count == counts[0]));
            }
        }

        /// No number of single precision at or above the bound is negative in the data's unit.
        #[test]
        fn bounds_are_not_below_zero(mean in 1e-3..1e6f64, scale in 1e-3..1e6f64) {
            let lower = above((0.0 - mean) / scale) as f32;
            prop_assert!(mean + scale * f64::from(lower) >= 0.0);
            prop_assert!(mean + scale * f64::from(lower) <= 1e-6 * (mean + scale));
        }
    }
}
