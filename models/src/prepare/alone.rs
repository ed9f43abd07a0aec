//! What a column alone says of its values: what a model has to beat.

use linalg::special::HALF_LN_TWO_PI;

use super::coding::code;
use crate::data::Data;
use crate::heads::ColumnType;
use crate::store::Column;

/// The distribution of a column's observed values, in model units.
pub(super) enum Alone {
    /// A normal with mean 0 and scale 1.
    Standard,
    /// Values and the logarithms of their shares, as if each had been seen half a time more.
    Shares(Vec<(f64, f64)>),
}

impl Alone {
    /// Of a column of the rows to train on. None where none of these suits it.
    pub(super) fn of(column: &Column, train: &Data<f32>, d: usize) -> Option<Alone> {
        match column.kind {
            ColumnType::Numeric | ColumnType::Date if (column.mean, column.scale) != (0.0, 1.0) => {
                Some(Alone::Standard)
            }
            kind if kind.has_levels() => {
                let levels = 0..column.levels.len();
                let mut shares: Vec<(f64, f64)> = levels.map(|level| (code(column.kind, level), 0.5)).collect();
                for value in train.observed_values(d) {
                    if let Some((_, count)) = shares.iter_mut().find(|(level, _)| *level == f64::from(value)) {
                        *count += 1.0;
                    }
                }
                let total: f64 = shares.iter().map(|(_, count)| count).sum();
                shares.iter_mut().for_each(|(_, count)| *count = (*count / total).ln());
                (!shares.is_empty()).then_some(Alone::Shares(shares))
            }
            _ => None,
        }
    }

    /// ln p(x), in nats of model units.
    pub(super) fn log_density(&self, x: f64) -> f64 {
        match self {
            Alone::Standard => -0.5 * x * x - HALF_LN_TWO_PI,
            Alone::Shares(shares) => {
                shares.iter().find(|(level, _)| *level == x).map_or(f64::NEG_INFINITY, |(_, log_share)| *log_share)
            }
        }
    }
}
