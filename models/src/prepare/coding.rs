//! From the numbers of a table to those of a model, and back: levels and dates.
//!
//! A level's number in a model is its place among the column's levels, from 1; of two levels, −1 and +1. Numbers and dates are
//! as in the table, before they are standardised.

use crate::data::Data;
use crate::heads::ColumnType;
use crate::table::{ColumnSchema, DateFormat, Notation, Table};

/// A table's numbers as a model's heads take them. A level that the model does not know is missing.
pub(crate) fn coded(table: Table, columns: &[ColumnSchema]) -> Data<f64> {
    let (width, notations) = (table.width(), table.notations().to_vec());
    let (_, mut values, _) = table.into_parts();
    for (d, column) in columns.iter().enumerate().filter(|(_, column)| !column.levels.is_empty()) {
        let index = column.level_index(&notations[d]);
        for value in values.iter_mut().skip(d).step_by(width).filter(|value| !value.is_nan()) {
            *value = index.of(*value).map_or(f64::NAN, |level| code(column.column_type, level));
        }
    }
    let observed = values.iter().map(|value| !value.is_nan()).collect();
    Data::new(width, values, observed)
}

/// A level's number in a model. `level` is its place among the levels, from 0.
pub(crate) fn code(kind: ColumnType, level: usize) -> f64 {
    match kind {
        ColumnType::Binary => 2.0 * level as f64 - 1.0,
        _ => (level + 1) as f64,
    }
}

/// The place of the level that is nearest to a model's number, from 0, of so many.
pub(crate) fn nearest_level(kind: ColumnType, levels: usize, number: f64) -> usize {
    match kind {
        ColumnType::Binary => usize::from(number >= 0.0),
        _ => ((number - 1.0).round().max(0.0) as usize).min(levels - 1),
    }
}

/// The way of a column's numbers from a model to a table.
pub(crate) enum Decoder {
    /// To the number that the nearest level has in the table.
    Levels(ColumnType, Vec<f64>),
    /// To the nearest date that the format can say.
    Dates(DateFormat),
    /// To the nearest whole number.
    Whole,
    /// As they are.
    Plain,
}

impl Decoder {
    /// Of a column that stands in the table in this notation; `whole`: its numbers are whole.
    pub(crate) fn of(column: &ColumnSchema, whole: bool, notation: &Notation) -> Decoder {
        if !column.levels.is_empty() {
            let levels = column.levels.iter().enumerate().map(|(place, level)| match notation {
                Notation::Texts(_) => place as f64,
                _ => level.parse().unwrap_or(f64::NAN),
            });
            return Decoder::Levels(column.column_type, levels.collect());
        }
        match column.format.as_deref().and_then(DateFormat::new) {
            Some(format) => Decoder::Dates(format),
            None if whole => Decoder::Whole,
            None => Decoder::Plain,
        }
    }

    /// A model's number, in the data's units, as one of the table.
    pub(crate) fn number(&self, number: f64) -> f64 {
        match self {
            _ if number.is_nan() => number,
            Decoder::Levels(kind, levels) => levels[nearest_level(*kind, levels.len(), number)],
            Decoder::Dates(format) => format.nearest(number),
            Decoder::Whole => number.round() + 0.0,
            Decoder::Plain => number,
        }
    }
}

/// A table whose texts of a column with levels have their places among these. Others follow them.
pub(crate) fn aligned(table: Table, columns: &[ColumnSchema]) -> Table {
    let (width, mut notations) = (table.width(), table.notations().to_vec());
    let (names, mut values, _) = table.into_parts();
    for (d, column) in columns.iter().enumerate() {
        let Notation::Texts(texts) = &notations[d] else { continue };
        let levels = column.level_texts();
        if texts.starts_with(&levels) || levels.is_empty() {
            continue;
        }
        let mut list = levels.clone();
        list.extend(texts.iter().filter(|text| !levels.contains(text)).cloned());
        let places: Vec<f64> =
            texts.iter().map(|text| list.iter().position(|other| other == text).unwrap_or_default() as f64).collect();
        for value in values.iter_mut().skip(d).step_by(width).filter(|value| !value.is_nan()) {
            *value = places[*value as usize];
        }
        notations[d] = Notation::Texts(list.into());
    }
    Table::of_parts(names, values).with_notations(notations)
}

/// How the columns of a model stand in a file.
pub(crate) fn notations(columns: &[ColumnSchema]) -> Vec<Notation> {
    let of_column = |column: &ColumnSchema| match column.format.as_deref().and_then(DateFormat::new) {
        Some(format) => Notation::Dates(format),
        None => column.level_notation(),
    };
    columns.iter().map(of_column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(column: &ColumnSchema, whole: bool, notation: &Notation, number: f64) -> f64 {
        Decoder::of(column, whole, notation).number(number)
    }

    fn leveled(kind: ColumnType, levels: &[&str]) -> ColumnSchema {
        ColumnSchema::new("a", kind).with_levels(levels.iter().map(|&level| level.to_owned()).collect())
    }

    #[test]
    fn levels_there_and_back() {
        let texts = Notation::Texts(["x", "z", "y"].map(String::from).to_vec().into());
        let table = |notation: &Notation, values: &[f64]| {
            Table::new(vec!["a".into()], values.to_vec()).unwrap().with_notations(vec![notation.clone()])
        };
        let column = leveled(ColumnType::Categorical, &["x", "y"]);
        let raw = table(&texts, &[0.0, 1.0, 2.0, f64::NAN]);
        let found = coded(raw.clone(), std::slice::from_ref(&column));
        // The text z is no level.
        assert_eq!(
            (found.values(0..4), found.observed(0..4)),
            (&[1.0, 0.0, 2.0, 0.0][..], &[true, false, true, false][..])
        );
        let aligned = aligned(raw.clone(), std::slice::from_ref(&column));
        assert_eq!(aligned.values()[..3], [0.0, 2.0, 1.0]);
        assert!((0..4).all(|row| aligned.text(row, 0) == raw.text(row, 0)));
        assert_eq!(decoded(&column, false, aligned.notation(0), 2.0), 1.0);

        let column = leveled(ColumnType::Binary, &["1", "2"]);
        let found = coded(table(&Notation::Numbers, &[1.0, 2.0, 3.0]), std::slice::from_ref(&column));
        assert_eq!((found.values(0..3), found.observed(0..3)), (&[-1.0, 1.0, 0.0][..], &[true, true, false][..]));
        assert_eq!(decoded(&column, false, &Notation::Numbers, 0.2), 2.0);
        assert_eq!(decoded(&column, false, &Notation::Numbers, -0.2), 1.0);
        assert!(decoded(&column, false, &Notation::Numbers, f64::NAN).is_nan());
    }

    #[test]
    fn whole_numbers_and_dates() {
        let plain = ColumnSchema::new("a", ColumnType::Numeric);
        assert_eq!(decoded(&plain, true, &Notation::Numbers, 2.6), 3.0);
        assert_eq!(decoded(&plain, true, &Notation::Numbers, -0.2).to_bits(), 0.0_f64.to_bits());
        assert_eq!(decoded(&plain, false, &Notation::Numbers, 2.6), 2.6);
        let date = ColumnSchema::new("a", ColumnType::Date).with_format("%Y-%m-%d");
        assert_eq!(decoded(&date, false, &Notation::Numbers, 2.6), 3.0);
    }
}
