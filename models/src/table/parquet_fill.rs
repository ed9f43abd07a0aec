//! Columns of a Parquet file with their missing cells filled in.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, TimeUnit};

use super::notation::Notation;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// An array with some of its cells filled in: `fill` gives the number of a row that is missing. The array's type stays.
///
/// # Errors
/// The first number that the type does not hold.
pub(super) fn filled(
    array: &ArrayRef,
    notation: &Notation,
    fill: &dyn Fn(usize) -> Option<f64>,
) -> Result<ArrayRef, f64> {
    macro_rules! whole {
        ($type:ty) => {
            primitive::<$type>(array, fill, |x| (x.fract() == 0.0).then(|| (x as i128).try_into().ok()).flatten())
        };
    }
    macro_rules! texts {
        ($type:ty, $old:expr) => {{
            let old = $old;
            let text = |row: usize| match fill(row) {
                Some(number) => Some(notation.text(number)),
                None => old.is_valid(row).then(|| old.value(row).to_owned()),
            };
            Ok(Arc::new((0..old.len()).map(text).collect::<$type>()) as ArrayRef)
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            let old = array.as_boolean();
            let value = |row| match fill(row) {
                Some(number) if number == 0.0 || number == 1.0 => Ok(Some(number == 1.0)),
                Some(number) => Err(number),
                None => Ok(old.is_valid(row).then(|| old.value(row))),
            };
            Ok(Arc::new((0..old.len()).map(value).collect::<Result<BooleanArray, f64>>()?))
        }
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::UInt64 => whole!(UInt64Type),
        DataType::Float16 => primitive::<Float16Type>(array, fill, |x| Some(half_of(x))),
        DataType::Float32 => primitive::<Float32Type>(array, fill, |x| Some(x as f32)),
        DataType::Float64 => primitive::<Float64Type>(array, fill, Some),
        // A number is rounded to the decimals that the column has.
        DataType::Decimal128(_, scale) => {
            let unit = 10_f64.powi(i32::from(*scale));
            primitive::<Decimal128Type>(array, fill, |x| Some((x * unit).round() as i128))
        }
        DataType::Date32 => primitive::<Date32Type>(array, fill, |x| i32::try_from(x.round() as i128).ok()),
        DataType::Date64 => primitive::<Date64Type>(array, fill, |x| scaled(x.round() * DAY, 1000)),
        // Days are numbers to the second; their rounding error is not one of a second.
        DataType::Timestamp(unit, _) => {
            let seconds = |x: f64| (x * DAY).round();
            match unit {
                TimeUnit::Second => primitive::<TimestampSecondType>(array, fill, |x| scaled(seconds(x), 1)),
                TimeUnit::Millisecond => {
                    primitive::<TimestampMillisecondType>(array, fill, |x| scaled(seconds(x), 1000))
                }
                TimeUnit::Microsecond => {
                    primitive::<TimestampMicrosecondType>(array, fill, |x| scaled(seconds(x), 1_000_000))
                }
                TimeUnit::Nanosecond => {
                    primitive::<TimestampNanosecondType>(array, fill, |x| scaled(seconds(x), 1_000_000_000))
                }
            }
        }
        DataType::Utf8 => texts!(StringArray, array.as_string::<i32>()),
        DataType::LargeUtf8 => texts!(LargeStringArray, array.as_string::<i64>()),
        DataType::Utf8View => texts!(StringViewArray, array.as_string_view()),
        DataType::Dictionary(key, _) => match **key {
            DataType::Int8 => dictionary::<Int8Type>(array, notation, fill),
            DataType::Int16 => dictionary::<Int16Type>(array, notation, fill),
            DataType::Int32 => dictionary::<Int32Type>(array, notation, fill),
            DataType::Int64 => dictionary::<Int64Type>(array, notation, fill),
            DataType::UInt8 => dictionary::<UInt8Type>(array, notation, fill),
            DataType::UInt16 => dictionary::<UInt16Type>(array, notation, fill),
            DataType::UInt32 => dictionary::<UInt32Type>(array, notation, fill),
            _ => dictionary::<UInt64Type>(array, notation, fill),
        },
        _ => match (0..array.len()).find_map(fill) {
            Some(number) => Err(number),
            None => Ok(array.clone()),
        },
    }
}

fn half_of(x: f64) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from_f64(x)
}

fn scaled(seconds: f64, unit: i64) -> Option<i64> {
    i64::try_from(seconds as i128).ok()?.checked_mul(unit)
}

fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    fill: &dyn Fn(usize) -> Option<f64>,
    value: impl Fn(f64) -> Option<T::Native>,
) -> Result<ArrayRef, f64> {
    let old = array.as_primitive::<T>();
    let cell = |row| match fill(row) {
        Some(number) => value(number).map(Some).ok_or(number),
        None => Ok(old.is_valid(row).then(|| old.value(row))),
    };
    let cells = (0..old.len()).map(cell).collect::<Result<Vec<Option<T::Native>>, f64>>()?;
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(cells).with_data_type(array.data_type().clone())))
}

/// The dictionary keeps its values and gets new ones behind them.
fn dictionary<K: ArrowDictionaryKeyType>(
    array: &ArrayRef,
    notation: &Notation,
    fill: &dyn Fn(usize) -> Option<f64>,
) -> Result<ArrayRef, f64> {
    let old = array.as_dictionary::<K>();
    let mut values: Vec<Option<String>> = match old.values().data_type() {
        DataType::Utf8 => owned(old.values().as_string::<i32>().iter()),
        DataType::LargeUtf8 => owned(old.values().as_string::<i64>().iter()),
        _ => return (0..old.len()).find_map(fill).map_or_else(|| Ok(array.clone()), Err),
    };
    let mut keys = Vec::with_capacity(old.len());
    for row in 0..old.len() {
        let key = match fill(row) {
            None => old.key(row),
            Some(number) => {
                let text = Some(notation.text(number));
                Some(values.iter().position(|value| *value == text).unwrap_or_else(|| {
                    values.push(text);
                    values.len() - 1
                }))
            }
        };
        keys.push(match key {
            None => None,
            // More values than the type of the keys can count.
            Some(place) => Some(K::Native::from_usize(place).ok_or(place as f64)?),
        });
    }
    let keys = PrimitiveArray::<K>::from_iter(keys);
    let values: ArrayRef = match old.values().data_type() {
        DataType::Utf8 => Arc::new(values.into_iter().collect::<StringArray>()),
        _ => Arc::new(values.into_iter().collect::<LargeStringArray>()),
    };
    Ok(Arc::new(DictionaryArray::new(keys, values)))
}

fn owned<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Vec<Option<String>> {
    values.map(|value| value.map(str::to_owned)).collect()
}
