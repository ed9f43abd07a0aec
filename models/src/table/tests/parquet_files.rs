//! Parquet in, Parquet out.

use std::fs::File;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::basic::Compression;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int32Type};
use arrow_array::*;

use super::*;
use crate::heads::ColumnType;

/// A column of each type, with a missing cell in row 1 each, and in row 2 of the last float.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    let texts = [Some("x"), None, Some("y"), Some("x")];
    let list =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None, Some([None]), Some([Some(2)])]);
    let decimal = Decimal128Array::from(vec![Some(150), None, Some(-225), Some(0)]).with_precision_and_scale(9, 2);
    vec![
        ("i8", Arc::new(Int8Array::from(vec![Some(1), None, Some(3), Some(4)])) as ArrayRef),
        ("i64", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None, Some(3), Some(4)]))),
        ("u32", Arc::new(UInt32Array::from(vec![Some(1), None, Some(3), Some(4)]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(3.0), Some(4.0)]))),
        ("f64", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::NAN), Some(4.0)]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]))),
        ("money", Arc::new(decimal.unwrap())),
        ("text", Arc::new(StringArray::from(texts.to_vec()))),
        ("large", Arc::new(LargeStringArray::from(texts.to_vec()))),
        ("kind", Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>())),
        ("day", Arc::new(Date32Array::from(vec![Some(0), None, Some(19_000), Some(-1)]))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None, Some(-1), Some(86_400_000_000)])),
        ),
        ("list", Arc::new(list)),
    ]
}

fn written(columns: Vec<(&str, ArrayRef)>) -> TestFile {
    let file = TestFile::new("a.parquet", b"");
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![KeyValue::new("own".to_owned(), "kept".to_owned())]))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&file.path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn read_back(path: &Path) -> (RecordBatch, Compression, Option<String>) {
    let opened = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = opened.metadata().clone();
    let own = metadata.file_metadata().key_value_metadata().into_iter().flatten().find(|one| one.key == "own");
    let own = own.and_then(|own| own.value.clone());
    let compression = metadata.row_group(0).column(0).compression();
    (opened.build().unwrap().next().unwrap().unwrap(), compression, own)
}

fn schema_of(kinds: &[(&str, ColumnType)]) -> Vec<ColumnSchema> {
    kinds.iter().map(|(name, kind)| ColumnSchema::new(*name, *kind)).collect()
}

/// The rows of a file for a model, which are one block whatever its size, and what is missing in other columns.
fn only_block(file: &TestFile, columns: &[ColumnSchema]) -> (Block, Vec<(String, usize)>) {
    let (input, options) = (file.input(), ReadOptions::new());
    let mut blocks = Blocks::of_model(&input, &options, columns, BlockSize { unit: 1, cells: 0 }, true).unwrap();
    let block = blocks.next_block().unwrap().unwrap();
    assert!(blocks.next_block().unwrap().is_none());
    (block, blocks.missing_elsewhere())
}

fn write_completed(path: &Path, source: &Source, table: &Table, completed: &[f64]) -> Result<()> {
    let mut file = CompletedFile::create(path)?;
    file.write(source, table, completed)?;
    Ok(file.finish()?.commit()?)
}

#[test]
fn all_types_are_read() {
    let file = written(columns());
    let options = ReadOptions::new().ignore_columns(["list"]);
    let table = Table::read_with(&file.path, &options).unwrap();
    let cell = |row: usize, column: &str| {
        let place = table.columns().iter().position(|name| name == column).unwrap();
        table.text(row, place)
    };
    for (row, column, text) in [
        (0, "i8", "1"),
        (0, "u32", "1"),
        (0, "f64", "0.1"),
        (0, "flag", "1"),
        (2, "money", "-2.25"),
        (0, "text", "x"),
        (2, "large", "y"),
        (3, "kind", "x"),
        (2, "day", "2022-01-08"),
        (3, "day", "1969-12-31"),
        (0, "time", "1970-01-01 00:00:01"),
        (2, "time", "1969-12-31 23:59:59"),
    ] {
        assert_eq!(cell(row, column).as_deref(), Some(text), "{row} {column}");
    }
    assert!((0..12).all(|column| !table.observed(1, column)), "null is missing");
    assert_eq!(cell(2, "f64"), None, "NaN is missing");
    assert_eq!(table.missing_cells(), 13);

    let error = Table::read(&file.path).unwrap_err();
    let Error::BadParquet { problem: ParquetProblem::ColumnType { column, .. }, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(column, "list");
    assert!(!error.to_string().contains('\n'), "{error}");
}

/// What is no missing cell comes back as it was, whatever its type; types, metadata and compression stay.
#[test]
fn only_missing_cells_change() {
    let file = written(columns());
    let (before, ..) = read_back(&file.path);
    let mut schema = schema_of(&[
        ("time", ColumnType::Date),
        ("i8", ColumnType::Numeric),
        ("f64", ColumnType::Numeric),
        ("f32", ColumnType::Numeric),
        ("i64", ColumnType::Numeric),
        ("flag", ColumnType::Binary),
        ("money", ColumnType::Numeric),
        ("kind", ColumnType::Categorical),
        ("large", ColumnType::Categorical),
        ("day", ColumnType::Date),
    ]);
    schema[0] = schema[0].clone().with_format("%Y-%m-%d %H:%M:%S");
    schema[9] = schema[9].clone().with_format("%Y-%m-%d");
    for (d, levels) in [(5, ["0", "1"]), (7, ["x", "z"]), (8, ["x", "y"])] {
        schema[d] = schema[d].clone().with_levels(levels.map(String::from).to_vec());
    }
    let (Block { table, source, .. }, missing) = only_block(&file, &schema);
    check_completed(Some(&file.beside("o.parquet")), &source, &table, |_| true).unwrap();
    let fills = [0.5, 7.0, 0.25, 0.5, -3.0, 1.0, 2.716, 1.0, 0.0, 2.0];
    let completed: Vec<f64> = (0..table.values().len()).map(|cell| fills[cell % fills.len()]).collect();
    // Over itself: it is read from while it is written.
    write_completed(&file.path, &source, &table, &completed).unwrap();
    let (after, compression, own) = read_back(&file.path);
    assert_eq!((compression, own.as_deref()), (Compression::SNAPPY, Some("kept")));
    assert_eq!(after.schema(), before.schema());
    let expected: [(&str, ArrayRef); 8] = [
        ("i8", Arc::new(Int8Array::from(vec![1, 7, 3, 4]))),
        ("i64", Arc::new(Int64Array::from(vec![9_007_199_254_740_993, -3, 3, 4]))),
        ("f32", Arc::new(Float32Array::from(vec![0.1, 0.5, 3.0, 4.0]))),
        ("f64", Arc::new(Float64Array::from(vec![0.1, 0.25, 0.25, 4.0]))),
        ("flag", Arc::new(BooleanArray::from(vec![true, true, false, true]))),
        ("large", Arc::new(LargeStringArray::from(vec!["x", "x", "y", "x"]))),
        ("day", Arc::new(Date32Array::from(vec![0, 2, 19_000, -1]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 43_200_000_000, -1, 86_400_000_000]))),
    ];
    for (name, array) in expected {
        assert_eq!(after.column_by_name(name).unwrap(), &array, "{name}");
    }
    let money = after.column_by_name("money").unwrap().as_primitive::<types::Decimal128Type>();
    assert_eq!(money.values(), &[150, 272, -225, 0]);
    let kinds = after.column_by_name("kind").unwrap().as_any_dictionary();
    let texts = kinds.values().as_string::<i32>();
    let texts: Vec<&str> = kinds.normalized_keys().into_iter().map(|key| texts.value(key)).collect();
    assert_eq!(texts, ["x", "z", "y", "x"]);
    for name in ["u32", "text", "list"] {
        assert_eq!(after.column_by_name(name), before.column_by_name(name), "{name} is not the model's");
    }
    assert_eq!(missing, ["u32", "text", "list"].map(|name| (name.to_owned(), 1)));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let file = written(columns());
    let schema = numeric(&["i8", "f64"]);
    let (Block { table, source, .. }, _) = only_block(&file, &schema);
    let out = file.beside("o.parquet");
    let error = check_completed(Some(&out), &source, &table, |_| false).unwrap_err();
    assert!(matches!(error, Error::BadParquet { problem: ParquetProblem::Fractions { .. }, .. }), "{error}");
    for value in [0.5, 200.0, f64::INFINITY] {
        let error = write_completed(&out, &source, &table, &[value; 8]).unwrap_err();
        assert!(matches!(error, Error::BadParquet { problem: ParquetProblem::Value { .. }, .. }), "{error}");
    }
    // What could not be drawn stays missing.
    write_completed(&out, &source, &table, &[f64::NAN; 8]).unwrap();
    assert_eq!(read_back(&out).0.column_by_name("i8").unwrap().null_count(), 1);
    for (path, to) in [(Some("o.csv"), false), (None, false)] {
        let path = path.map(|name| file.beside(name));
        let error = check_completed(path.as_deref(), &source, &table, |_| true).unwrap_err();
        assert!(matches!(error, Error::FromParquetOnly { to_parquet, .. } if to_parquet == to), "{error}");
    }
    let error = write_completed(&file.beside("o.csv"), &source, &table, &[f64::NAN; 8]).unwrap_err();
    assert!(matches!(error, Error::FromParquetOnly { to_parquet: false, .. }), "{error}");
    let text = TestFile::new("a.csv", b"i8,f64\n1,\n");
    let (Block { table, source, .. }, _) = only_block(&text, &schema);
    let error = check_completed(Some(&out), &source, &table, |_| true).unwrap_err();
    assert!(matches!(error, Error::FromParquetOnly { to_parquet: true, .. }), "{error}");
    let error = write_completed(&out, &source, &table, &[f64::NAN; 2]).unwrap_err();
    assert!(matches!(error, Error::FromParquetOnly { to_parquet: true, .. }), "{error}");
    assert!(matches!(check_output_of(&out, &text.input()), Err(Error::FromParquetOnly { .. })));
    assert!(check_output_of(&out, &file.input()).is_ok());
    assert!(matches!(table.write(&out), Err(Error::FromParquetOnly { .. })));
    let numbers = NumbersFile::create(&out, &names(&["a"])).map(|_| ());
    assert!(matches!(numbers, Err(Error::FromParquetOnly { .. })));
}

/// More rows than a batch, and rows of several row groups.
#[test]
fn batches_follow_each_other() {
    let rows = 20_000;
    let numbers: Vec<Option<f64>> = (0..rows).map(|n| (n % 7 != 3).then_some(f64::from(n))).collect();
    let file = written(vec![
        ("b", Arc::new(Float64Array::from(numbers.clone())) as ArrayRef),
        ("a", Arc::new(Int32Array::from_iter_values(0..rows))),
    ]);
    let (Block { table, source, .. }, _) = only_block(&file, &numeric(&["a", "b"]));
    assert_eq!((table.rows(), table.row(19_999)), (20_000, &[19_999.0, 19_999.0][..]));
    let completed: Vec<f64> = (0..2 * rows).map(|cell| -f64::from(cell / 2)).collect();
    write_completed(&file.path, &source, &table, &completed).unwrap();
    let opened = ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = opened.build().unwrap().map(|batch| batch.unwrap()).collect();
    let back = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec());
    let expected = numbers.iter().zip(0..rows).map(|(number, n)| number.unwrap_or(-f64::from(n)));
    assert!(back.eq(expected));
    // An array holds the table's columns.
    let array = file.beside("o.npy");
    let (Block { table, source, .. }, _) = only_block(&file, &numeric(&["a"]));
    write_completed(&array, &source, &table, table.values()).unwrap();
    assert_eq!(Table::read(&array).unwrap().values(), table.values());
}

/// Damage is an error of one line, or changes a number: it is never a panic.
#[test]
fn damaged_files() {
    let file = written(columns());
    let whole = std::fs::read(&file.path).unwrap();
    let options = ReadOptions::new().ignore_columns(["list"]);
    let read = |bytes: &[u8]| {
        std::fs::write(&file.path, bytes).unwrap();
        let read = Table::read_with(&file.path, &options);
        if let Err(error) = &read {
            assert!(!error.to_string().contains('\n') && error.to_string().len() < 1000, "{error}");
        }
        read
    };
    for length in (0..whole.len()).step_by(7) {
        assert!(matches!(read(&whole[..length]), Err(Error::BadParquet { .. })), "{length}");
    }
    assert!(matches!(read(b"a,b\n1,2\n"), Err(Error::BadParquet { .. })));
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        let _ = read(&changed);
    }
    let text = TestFile::new("a.csv", &whole);
    assert!(matches!(text.to_fit(), Err(Error::ParquetAsText { .. })));
    let empty = written(vec![("a", Arc::new(Float64Array::from(Vec::<f64>::new())) as ArrayRef)]);
    assert!(matches!(empty.to_fit(), Err(Error::NoRows { .. })));
}
