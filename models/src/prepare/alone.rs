//! What a column alone says of its values: what a model has to beat.

use linalg::special::HALF_LN_TWO_PI;
use samplers::likelihood::RowLikelihood;

use super::coding::code;
use crate::heads::{ColumnTraits, ColumnType, Row};
use crate::store::Column;

/// The distribution of a column's observed values, in model units.
#[derive(Clone, Debug)]
pub(crate) enum Alone {
    /// A normal with mean 0 and scale 1.
    Standard,
    /// Values and the logarithms of their shares.
    Shares(Vec<(f64, f64)>),
    /// Its head where the decoder's outputs are zero: they are relative to the training mean and dispersion.
    Head(Row, Vec<f64>),
}

impl Alone {
    /// Of a column with these traits, read off the rows to train on. None where these do not tell: the column is not
    /// standardised, or of a type without such traits.
    pub(crate) fn of(column: &Column, traits: Option<&ColumnTraits>) -> Option<Alone> {
        match column.kind {
            ColumnType::Numeric | ColumnType::Date => {
                ((column.mean, column.scale) != (0.0, 1.0)).then_some(Alone::Standard)
            }
            ColumnType::Count => {
                let traits = traits.filter(|traits| traits.counts.is_some())?;
                let row = Row::new([column.kind.limited_block(1, 0.0, std::slice::from_ref(traits))]);
                let mut decoded = vec![0.0; row.numbers()];
                row.decode(&vec![0.0; row.outputs()], &mut decoded);
                Some(Alone::Head(row, decoded))
            }
            kind if kind.has_levels() => {
                let shares = &traits?.frequencies;
                let share = |(level, share): (usize, &f64)| (code(kind, level), share.ln());
                (!shares.is_empty()).then(|| Alone::Shares(shares.iter().enumerate().map(share).collect()))
            }
            _ => None,
        }
    }

    /// ln p(x), in nats of model units.
    pub(crate) fn log_density(&self, x: f64) -> f64 {
        match self {
            Alone::Standard => -0.5 * x * x - HALF_LN_TWO_PI,
            Alone::Shares(shares) => {
                shares.iter().find(|(level, _)| *level == x).map_or(f64::NEG_INFINITY, |(_, log_share)| *log_share)
            }
            Alone::Head(row, decoded) => {
                let mut log_density = [0.0];
                row.log_densities(&[x], None, decoded, &mut log_density);
                log_density[0]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{Discrete, NegativeBinomial};

    use super::*;

    #[test]
    fn columns_of_all_types() {
        let column = |kind, scale| Column { mean: 2.0, scale, ..Column::new("a", kind) };
        let traits =
            ColumnTraits { frequencies: vec![0.25, 0.75], counts: Some([4.0, 0.5]), ..ColumnTraits::default() };
        let alone = |kind| Alone::of(&column(kind, 3.0), Some(&traits)).unwrap();
        let normal = alone(ColumnType::Numeric).log_density(1.5);
        assert!((normal + 1.125 + HALF_LN_TWO_PI).abs() < 1e-15);
        assert_eq!(alone(ColumnType::Binary).log_density(1.0), 0.75_f64.ln());
        assert_eq!(alone(ColumnType::Binary).log_density(-1.0), 0.25_f64.ln());
        assert_eq!(alone(ColumnType::Ordinal).log_density(2.0), 0.75_f64.ln());
        assert_eq!(alone(ColumnType::Categorical).log_density(3.0), f64::NEG_INFINITY);
        // Mean 4 and dispersion 0.5: two events, each with probability 1/(1 + 0.5·4).
        let expected = NegativeBinomial::new(2.0, 1.0 / 3.0).unwrap().ln_pmf(7);
        assert!((alone(ColumnType::Count).log_density(7.0) - expected).abs() < 1e-10);
        assert!(Alone::of(&column(ColumnType::Positive, 3.0), Some(&traits)).is_none());
        assert!(Alone::of(&Column::new("a", ColumnType::Numeric), Some(&traits)).is_none());
        assert!(Alone::of(&column(ColumnType::Count, 1.0), None).is_none());
    }
}
