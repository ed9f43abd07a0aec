//! Tests of reading and writing files as a user sees them.

mod arrays;
mod dialects;
mod errors;
#[cfg(feature = "parquet")]
mod parquet_files;
mod reading;
mod writing;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;

/// A file of a test, in a directory that goes with it.
struct TestFile {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl TestFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        Self { directory, path }
    }

    fn input(&self) -> Input {
        Input::from_arg(Some(&self.path))
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn to_fit(&self) -> Result<Table> {
        read_to_fit(&self.input(), &ReadOptions::default()).map(|read| read.table)
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.into()).collect()
}

fn numeric(list: &[&str]) -> Vec<ColumnSchema> {
    list.iter().map(|&name| ColumnSchema::new(name, crate::heads::ColumnType::Numeric)).collect()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

/// Cells as text, NaN for missing.
fn shown(table: &Table) -> String {
    (0..table.rows()).map(|row| format!("{:?}", table.row(row))).collect()
}

/// Reads a table for `columns` and writes it back with every missing cell set to 0.5: all at once, and in blocks of few rows,
/// which makes no difference.
fn completed(file: &TestFile, columns: &[&str], out: &str) -> Vec<u8> {
    let whole = completed_in(BlockSize::WHOLE, file, columns, out, 0.5);
    for unit in [1, 2, 3] {
        let blocks = completed_in(BlockSize { unit, cells: 0 }, file, columns, out, 0.5);
        // A compressed file has the time and the flushes in it.
        assert!(blocks == whole || out.ends_with("gz"), "{unit} rows");
    }
    whole
}

/// The same with another value and in blocks of some size.
fn completed_in(size: BlockSize, file: &TestFile, columns: &[&str], out: &str, fill: f64) -> Vec<u8> {
    let (input, options, columns) = (file.input(), ReadOptions::default(), numeric(columns));
    let mut blocks = Blocks::of_model(&input, &options, &columns, size, true).unwrap();
    let path = file.beside(out);
    let mut completed = CompletedFile::create(&path).unwrap();
    while let Some(Block { table, source, .. }) = blocks.next_block().unwrap() {
        let values: Vec<f64> = table.values().iter().map(|value| if value.is_nan() { fill } else { -1e9 }).collect();
        completed.write(&source, &table, &values).unwrap();
    }
    completed.finish().unwrap().commit().unwrap();
    std::fs::read(path).unwrap()
}

fn fails(name: &str, content: &[u8]) -> Error {
    let error = TestFile::new(name, content).to_fit().unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

fn array(path: &Path, shape: &[u64], values: &[f32], order: npyz::Order) {
    use npyz::WriterBuilder;
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
    std::fs::write(path, bytes).unwrap();
}
