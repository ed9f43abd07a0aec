//! Several completed tables in one, as mice's `complete(action = "long")` has them.

use std::collections::BTreeMap;

use super::error::Error;
use crate::table::Table;

/// The column that tells which imputation a row is of.
pub const IMPUTATION: &str = ".imp";

/// The tables in a long one, each with its number in the column `.imp`, by these numbers. Rows of 0, the incomplete table, are left
/// out. The tables have all columns of the long one.
///
/// # Errors
/// [`Error::Imputation`] for what is no number of an imputation.
///
/// # Panics
/// If there is no column `.imp`.
#[track_caller]
pub fn split_long(long: &Table) -> Result<Vec<(u64, Table)>, Error> {
    let place = long.columns().iter().position(|column| column == IMPUTATION).expect("a column .imp");
    let mut rows: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in 0..long.rows() {
        let text = long.text(row, place);
        let number = text.as_deref().and_then(|text| text.parse::<u64>().ok());
        match number {
            Some(0) => {}
            Some(number) => rows.entry(number).or_default().extend_from_slice(long.row(row)),
            None => return Err(Error::Imputation { row: row + 1, value: text }),
        }
    }
    let table = |values| Table::of_parts(long.columns().to_vec(), values).with_notations(long.notations().to_vec());
    Ok(rows.into_iter().map(|(number, values)| (number, table(values))).collect())
}
