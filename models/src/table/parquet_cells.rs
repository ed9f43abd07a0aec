//! The cells of a Parquet file's columns, a batch of rows at a time.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;

use super::cell::{Cell, MissingValues};
use super::dialect::Decimal;

/// The cells of one column.
pub(super) enum Cells {
    /// Numbers, NaN where there is none. Booleans are 0 and 1.
    Numbers(Vec<f64>),
    Texts(StringArray),
    LargeTexts(LargeStringArray),
    TextViews(StringViewArray),
    /// Dates and times as ISO 8601 has them, to the second.
    Dates(Vec<Option<String>>),
    /// Places in other cells.
    Places(Vec<Option<usize>>, Box<Cells>),
    /// Nothing in any row.
    Nothing,
}

impl Cells {
    /// The cells of an array. None if they are no numbers, texts or dates.
    pub(super) fn of(array: &ArrayRef) -> Option<Cells> {
        macro_rules! numbers {
            ($type:ty, $number:expr) => {
                Cells::Numbers(array.as_primitive::<$type>().iter().map(|x| x.map_or(f64::NAN, $number)).collect())
            };
        }
        macro_rules! dates {
            ($type:ty, $seconds:expr, $format:expr) => {{
                let text = |x| date_text(x, $seconds(x), $format);
                Cells::Dates(array.as_primitive::<$type>().iter().map(|x| x.map(|x| text(i64::from(x)))).collect())
            }};
        }
        Some(match array.data_type() {
            DataType::Null => Cells::Nothing,
            DataType::Boolean => {
                let number = |x: Option<bool>| x.map_or(f64::NAN, |x| f64::from(u8::from(x)));
                Cells::Numbers(array.as_boolean().iter().map(number).collect())
            }
            DataType::Int8 => numbers!(Int8Type, f64::from),
            DataType::Int16 => numbers!(Int16Type, f64::from),
            DataType::Int32 => numbers!(Int32Type, f64::from),
            DataType::Int64 => numbers!(Int64Type, |x| x as f64),
            DataType::UInt8 => numbers!(UInt8Type, f64::from),
            DataType::UInt16 => numbers!(UInt16Type, f64::from),
            DataType::UInt32 => numbers!(UInt32Type, f64::from),
            DataType::UInt64 => numbers!(UInt64Type, |x| x as f64),
            DataType::Float16 => numbers!(Float16Type, f64::from),
            DataType::Float32 => numbers!(Float32Type, f64::from),
            DataType::Float64 => numbers!(Float64Type, |x| x),
            DataType::Decimal128(_, scale) => {
                let unit = 10_f64.powi(i32::from(*scale));
                numbers!(Decimal128Type, |x| x as f64 / unit)
            }
            DataType::Utf8 => Cells::Texts(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Cells::LargeTexts(array.as_string::<i64>().clone()),
            DataType::Utf8View => Cells::TextViews(array.as_string_view().clone()),
            DataType::Date32 => dates!(Date32Type, |days: i64| days * 86_400, DATE),
            DataType::Date64 => dates!(Date64Type, |x: i64| x.div_euclid(1000), DATE),
            DataType::Timestamp(TimeUnit::Second, _) => dates!(TimestampSecondType, |x: i64| x, TIME),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                dates!(TimestampMillisecondType, |x: i64| x.div_euclid(1000), TIME)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                dates!(TimestampMicrosecondType, |x: i64| x.div_euclid(1_000_000), TIME)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                dates!(TimestampNanosecondType, |x: i64| x.div_euclid(1_000_000_000), TIME)
            }
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let values = Cells::of(dictionary.values())?;
                // Its keys are not counted where there is no value.
                if dictionary.values().is_empty() {
                    return Some(Cells::Nothing);
                }
                let keys = dictionary.normalized_keys().into_iter().enumerate();
                let places = keys.map(|(row, key)| array.is_valid(row).then_some(key)).collect();
                Cells::Places(places, Box::new(values))
            }
            _ => return None,
        })
    }

    /// The cell of a row of the batch.
    pub(super) fn cell(&self, row: usize, missing: &MissingValues) -> Cell<'_> {
        match self {
            Cells::Numbers(numbers) => missing.read_number(numbers[row]),
            Cells::Texts(texts) if texts.is_valid(row) => missing.read(texts.value(row), Decimal::Point),
            Cells::LargeTexts(texts) if texts.is_valid(row) => missing.read(texts.value(row), Decimal::Point),
            Cells::TextViews(texts) if texts.is_valid(row) => missing.read(texts.value(row), Decimal::Point),
            Cells::Dates(texts) => {
                texts[row].as_deref().map_or(Cell::Missing, |text| missing.read(text, Decimal::Point))
            }
            Cells::Places(places, cells) => places[row].map_or(Cell::Missing, |place| cells.cell(place, missing)),
            Cells::Texts(_) | Cells::LargeTexts(_) | Cells::TextViews(_) | Cells::Nothing => Cell::Missing,
        }
    }
}

const DATE: &str = "%Y-%m-%d";
const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// The text of a date; the number that stands for it, if there is no such date.
fn date_text(number: i64, seconds: i64, format: &str) -> String {
    DateTime::from_timestamp(seconds, 0).map_or_else(|| number.to_string(), |date| date.format(format).to_string())
}
