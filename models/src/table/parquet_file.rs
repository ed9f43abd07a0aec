//! Tables of Parquet, in batches of rows. Only the columns that are wanted are read.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::cell::MissingValues;
use super::error::{Error, Result};
use super::open::open_file;
use super::values::Table;
use super::visit::Visitor;

/// A Parquet file that was read and stays open, so that it can be read again, also when another file has got its name.
pub(super) struct ParquetFile {
    name: String,
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "no such file is opened"))]
    file: File,
}

/// Shows a Parquet file to `visitor`. The file is returned.
pub(super) fn read(path: &Path, missing: &MissingValues, visitor: &mut dyn Visitor) -> Result<ParquetFile> {
    let parquet = ParquetFile { name: path.display().to_string(), file: open_file(path)? };
    parquet.read(missing, visitor)?;
    Ok(parquet)
}

#[cfg(not(feature = "parquet"))]
impl ParquetFile {
    fn none<T>(&self) -> Result<T> {
        Err(Error::NoParquet { file: self.name.clone() })
    }

    fn read(&self, _: &MissingValues, _: &mut dyn Visitor) -> Result<()> {
        self.none()
    }

    /// The columns at these places: the name of each, and how many of its cells are missing.
    pub(super) fn missing(&self, _: &[usize], _: &MissingValues) -> Result<Vec<(String, usize)>> {
        self.none()
    }

    /// The columns of texts whose order is told: it is not kept.
    pub(super) fn ordered(&self) -> Result<Vec<String>> {
        self.none()
    }

    /// Checks that the file can hold what a model imputes. `columns` are the table's columns by the file's; `whole` says whether
    /// only whole numbers are imputed to a column of the table.
    pub(super) fn check(&self, _: &[Option<usize>], _: &Table, _: &dyn Fn(usize) -> bool) -> Result<()> {
        self.none()
    }

    /// Writes the file with the missing cells of the table filled in. The inner error is that of the output.
    pub(super) fn write(&self, _: &mut dyn Write, _: &[Option<usize>], _: &Table, _: &[f64]) -> Result<io::Result<()>> {
        self.none()
    }
}

#[cfg(feature = "parquet")]
mod built {
    use std::error::Error as StdError;
    use std::sync::Arc;

    use arrow_array::{Array, ArrayRef, RecordBatch, new_empty_array};
    use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowWriter, ProjectionMask};
    use parquet::file::properties::WriterProperties;

    use super::super::parquet_cells::Cells;
    use super::super::parquet_fill::filled;
    use super::super::parquet_guard::guarded;
    use super::super::parquet_problem::ParquetProblem;
    use super::super::problem::Place;
    use super::super::select::Header;
    use super::*;

    /// The cells of a batch, and its most rows.
    const BATCH_CELLS: usize = 1 << 20;
    const BATCH_ROWS: usize = 1 << 13;

    type Opened = ParquetRecordBatchReaderBuilder<File>;

    impl ParquetFile {
        fn wrong(&self, problem: ParquetProblem) -> Error {
            Error::BadParquet { file: self.name.clone(), problem }
        }

        fn damaged(&self, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
            self.wrong(ParquetProblem::Damaged(error.into()))
        }

        /// What a call of the reader returns. It may panic over a damaged file.
        fn call<T, E: Into<Box<dyn StdError + Send + Sync>>>(
            &self,
            call: impl FnOnce() -> std::result::Result<T, E>,
        ) -> Result<T> {
            guarded(call).map_err(|panic| self.damaged(panic))?.map_err(|error| self.damaged(error))
        }

        fn open(&self) -> Result<Opened> {
            let file = self.file.try_clone().map_err(|e| Error::reading(&self.name, e))?;
            self.call(|| Opened::try_new(file))
        }

        /// The batches of the columns at `places`, which ascend.
        fn batches(
            &self,
            opened: Opened,
            places: &[usize],
        ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<'_>> {
            let rows = (BATCH_CELLS / places.len().max(1)).clamp(16, BATCH_ROWS);
            let mask = ProjectionMask::roots(opened.parquet_schema(), places.iter().copied());
            let mut reader = self.call(|| opened.with_projection(mask).with_batch_size(rows).build())?;
            let mut ended = false;
            Ok(std::iter::from_fn(move || {
                if ended {
                    return None;
                }
                let batch = self.call(|| reader.next().transpose()).transpose();
                // After an error the reader is not asked again.
                ended = !matches!(batch, Some(Ok(_)));
                batch
            }))
        }

        fn cells(&self, schema: &SchemaRef, place: usize, array: &ArrayRef) -> Result<Cells> {
            Cells::of(array).ok_or_else(|| {
                let field = schema.field(place);
                let kind = field.data_type().to_string();
                self.wrong(ParquetProblem::ColumnType { column: field.name().clone(), kind })
            })
        }

        pub(super) fn read(&self, missing: &MissingValues, visitor: &mut dyn Visitor) -> Result<()> {
            let opened = self.open()?;
            let schema = opened.schema().clone();
            let names = schema.fields().iter().map(|field| field.name().trim_ascii().to_owned()).collect();
            let header = Header { file: self.name.clone(), line: 1, names, image: None, dialect: None };
            if schema.fields().is_empty() {
                return Err(Error::EmptyFile { file: self.name.clone() });
            }
            // In the visitor's order, and where each of them is among those that are read.
            let wanted = visitor.header(&header)?;
            let mut places = wanted.clone();
            places.sort_unstable();
            places.dedup();
            for &place in &places {
                self.cells(&schema, place, &new_empty_array(schema.field(place).data_type()))?;
            }
            let order: Vec<usize> = wanted.iter().map(|place| places.partition_point(|other| other < place)).collect();
            let mut row = 0;
            for batch in self.batches(opened, &places)? {
                let batch = batch?;
                let columns = batch.columns().iter().zip(&places);
                let columns: Vec<Cells> =
                    columns.map(|(array, &place)| self.cells(&schema, place, array)).collect::<Result<_>>()?;
                for n in 0..batch.num_rows() {
                    row += 1;
                    for (column, &place) in order.iter().enumerate() {
                        visitor.cell(Place::Row(row), column, columns[place].cell(n, missing));
                    }
                    visitor.end_row();
                }
            }
            match row {
                0 => Err(Error::NoRows { file: self.name.clone() }),
                _ => Ok(()),
            }
        }

        /// The columns at these places, which ascend: the name of each, and how many of its cells are missing. Of those that
        /// are no numbers, texts or dates the cells that are null.
        pub(crate) fn missing(&self, places: &[usize], missing: &MissingValues) -> Result<Vec<(String, usize)>> {
            let opened = self.open()?;
            let mut counts: Vec<(String, usize)> =
                places.iter().map(|&place| (opened.schema().field(place).name().clone(), 0)).collect();
            for batch in self.batches(opened, places)? {
                for ((_, count), array) in counts.iter_mut().zip(batch?.columns()) {
                    *count += match Cells::of(array) {
                        Some(cells) => (0..array.len()).filter(|&n| cells.cell(n, missing).is_missing()).count(),
                        None => array.null_count(),
                    };
                }
            }
            Ok(counts)
        }

        /// The columns of texts whose order is told: it is not kept.
        pub(crate) fn ordered(&self) -> Result<Vec<String>> {
            let opened = self.open()?;
            let ordered = opened.schema().fields().iter().filter(|field| field.dict_is_ordered() == Some(true));
            Ok(ordered.map(|field| field.name().clone()).collect())
        }

        /// Checks that the file can hold what a model imputes. `columns` are the table's columns by the file's; `whole` says
        /// whether only whole numbers are imputed to a column of the table.
        pub(crate) fn check(
            &self,
            columns: &[Option<usize>],
            table: &Table,
            whole: &dyn Fn(usize) -> bool,
        ) -> Result<()> {
            let opened = self.open()?;
            for (place, column) in columns.iter().enumerate() {
                let Some(column) = *column else { continue };
                let field = opened.schema().field(place);
                let is_whole = field.data_type().is_integer() || *field.data_type() == DataType::Boolean;
                let missing = || (0..table.rows()).any(|row| !table.observed(row, column));
                if is_whole && !whole(column) && missing() {
                    let (column, kind) = (field.name().clone(), field.data_type().to_string());
                    return Err(self.wrong(ParquetProblem::Fractions { column, kind }));
                }
            }
            Ok(())
        }

        /// Writes the file with the missing cells of the table filled in. The inner error is that of the output.
        pub(crate) fn write(
            &self,
            out: &mut dyn Write,
            columns: &[Option<usize>],
            table: &Table,
            completed: &[f64],
        ) -> Result<io::Result<()>> {
            let opened = self.open()?;
            let (schema, metadata) = (unordered(opened.schema()), opened.metadata().clone());
            let own = metadata.file_metadata().key_value_metadata().cloned();
            let own = own.map(|all| all.into_iter().filter(|one| one.key != ARROW_SCHEMA_META_KEY).collect());
            let compression = metadata.row_groups().iter().flat_map(|group| group.columns()).next();
            let mut properties = WriterProperties::builder().set_key_value_metadata(own);
            if let Some(column) = compression {
                properties = properties.set_compression(column.compression());
            }
            // What is written is passed on batch by batch: the output cannot be given to another thread, as this writer asks.
            let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties.build()))
                .map_err(|e| self.damaged(e))?;
            let every: Vec<usize> = (0..columns.len()).collect();
            let mut first = 0;
            for batch in self.batches(opened, &every)? {
                let batch = batch?;
                let arrays = batch.columns().iter().zip(columns).enumerate().map(|(place, (array, column))| {
                    let Some(column) = *column else { return Ok(array.clone()) };
                    let fill = |n: usize| {
                        let row = first + n;
                        let number = completed[row * table.width() + column];
                        (!table.observed(row, column) && !number.is_nan()).then_some(number)
                    };
                    filled(array, table.notation(column), &fill).map_err(|value| {
                        let (column, kind) = (schema.field(place).name().clone(), array.data_type().to_string());
                        self.wrong(ParquetProblem::Value { column, kind, value })
                    })
                });
                let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
                first += batch.num_rows();
                let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|e| self.damaged(e))?;
                writer.write(&batch).map_err(|e| self.damaged(e))?;
                if let Err(error) = pass_on(writer.inner_mut(), out) {
                    return Ok(Err(error));
                }
            }
            let mut rest = writer.into_inner().map_err(|e| self.damaged(e))?;
            Ok(pass_on(&mut rest, out))
        }
    }

    /// A schema without orders of texts: the writer puts them as they occur, and to call that their order would be wrong.
    fn unordered(schema: &Schema) -> SchemaRef {
        let field = |field: &FieldRef| match field.dict_is_ordered() {
            Some(true) => Arc::new(field.as_ref().clone().with_dict_is_ordered(false)),
            _ => field.clone(),
        };
        let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    fn pass_on(bytes: &mut Vec<u8>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(bytes)?;
        bytes.clear();
        Ok(())
    }
}
