//! What may be wrong with rows that a model is used on, told while they go by block by block.

use crate::store::{Column, ModelInfo};
use crate::table::{ColumnSchema, Notation, Table, ValueCounts};
use crate::warning::{ColumnOutside, Warning, of_rows, of_suspects, unknown_levels};

/// The most different values that are held, of all columns together, and of one at least.
const VALUES: usize = 1 << 19;
const VALUES_OF_COLUMN: usize = 1 << 10;

/// Looks at the rows of a table whose columns are a model's, block by block: for codes of missing values, for levels that
/// training did not have, and for values far outside of the training range.
///
/// Codes are looked for among all different values of a column, as long as it has few: half a million divided by the
/// columns. Of more the lowest and the highest ones are exact.
#[derive(Clone, Debug)]
pub struct NewRows {
    columns: Vec<Column>,
    schema: Vec<ColumnSchema>,
    /// None of a column that does not hold numbers.
    counts: Vec<Option<ValueCounts>>,
    /// Of each column: its name, the first level that it does not have, and how many cells hold such ones.
    unknown: Vec<Option<(String, String, usize)>>,
    outside: Option<Warning>,
}

impl NewRows {
    /// No rows yet, for this model.
    pub fn new(info: &ModelInfo) -> NewRows {
        let width = info.columns.len();
        let most = (VALUES / width.max(1)).max(VALUES_OF_COLUMN);
        NewRows {
            columns: info.columns.clone(),
            schema: info.schema(),
            counts: vec![Some(ValueCounts::new(most)); width],
            unknown: vec![None; width],
            outside: None,
        }
    }

    /// Takes rows; there are `first` before them.
    pub fn add(&mut self, table: &Table, first: usize) {
        for (d, counts) in self.counts.iter_mut().enumerate() {
            if *table.notation(d) != Notation::Numbers {
                *counts = None;
            }
            if let Some(counts) = counts {
                (0..table.rows()).filter_map(|n| table.value(n, d)).for_each(|value| counts.add(value));
            }
        }
        for (d, found) in unknown_levels(table, &self.schema) {
            match &mut self.unknown[d] {
                Some((_, _, cells)) => *cells += found.2,
                none => *none = Some(found),
            }
        }
        let found = of_rows(table.rows(), &self.columns, |n, d| table.value(n, d), |n| first + n + 1);
        match (&mut self.outside, found) {
            (Some(Warning::OutsideTraining { rows, .. }), Some(Warning::OutsideTraining { rows: more, .. })) => {
                *rows += more;
            }
            (none @ None, found) => *none = found,
            _ => {}
        }
    }

    /// What may be wrong with the rows.
    pub fn warnings(self) -> Vec<Warning> {
        let codes = self.counts.into_iter().zip(&self.schema).map(|(counts, column)| {
            let mut suspects = counts.map(ValueCounts::suspects).unwrap_or_default();
            suspects.retain(|suspect| suspect.code);
            (column.name.clone(), suspects)
        });
        let mut warnings = of_suspects(codes.collect());
        let columns: Vec<_> = self.unknown.into_iter().flatten().collect();
        warnings.extend((!columns.is_empty()).then_some(Warning::UnknownLevels { columns }));
        warnings.extend(self.outside);
        warnings
    }
}

/// Imputed values of the columns of a model that leave the range of the observed ones.
#[derive(Clone, Debug)]
pub struct ImputedValues {
    columns: Vec<OfColumn>,
}

/// Imputed values of one column.
#[derive(Clone, Debug)]
struct OfColumn {
    /// The place in the table, and what is told of it.
    place: usize,
    outside: ColumnOutside,
    /// How far the furthest one is from the range, and whether some value has a sign that no observed one has.
    distance: f64,
    of_other_sign: bool,
}

impl ImputedValues {
    /// No values yet, for this model.
    pub fn new(info: &ModelInfo) -> ImputedValues {
        let column = |(place, column): (usize, &Column)| {
            let range = column.range?;
            let outside = ColumnOutside { column: column.name.clone(), count: 0, of: 0, furthest: 0.0, range };
            Some(OfColumn { place, outside, distance: 0.0, of_other_sign: false })
        };
        ImputedValues { columns: info.columns.iter().enumerate().filter_map(column).collect() }
    }

    /// Takes completed copies of rows.
    pub fn add(&mut self, table: &Table, copies: &[Vec<f64>]) {
        let width = table.width();
        for OfColumn { place, outside, distance, of_other_sign } in &mut self.columns {
            let range = outside.range;
            for n in (0..table.rows()).filter(|&n| !table.observed(n, *place)) {
                for copy in copies {
                    let x = copy[n * width + *place];
                    let beyond = (range[0] - x).max(x - range[1]);
                    outside.of += 1;
                    outside.count += usize::from(beyond > 0.0);
                    *of_other_sign |= (range[0] >= 0.0 && x < 0.0) || (range[1] <= 0.0 && x > 0.0);
                    if beyond > *distance {
                        (*distance, outside.furthest) = (beyond, x);
                    }
                }
            }
        }
    }

    /// Columns whose imputed values leave the range of the observed ones: where a column of values of one sign gets others, or
    /// a tenth of the values lies outside.
    pub fn warning(self) -> Option<Warning> {
        const SHARE: f64 = 0.1;
        let told = |one: &OfColumn| one.of_other_sign || one.outside.count as f64 > SHARE * one.outside.of as f64;
        let mut columns: Vec<ColumnOutside> =
            self.columns.into_iter().filter(told).map(|column| column.outside).collect();
        columns.sort_by(|a, b| (b.count * a.of).cmp(&(a.count * b.of)));
        (!columns.is_empty()).then_some(Warning::ImputedOutside { columns })
    }
}
