//! Reading NumPy arrays.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};
use zip::ZipArchive;

use super::cell::MissingValues;
use super::error::{Error, Result};
use super::open::{Stream, open_file};
use super::problem::{ArrayProblem, Place};
use super::select::Header;
use super::source::Numbers;
use super::visit::Visitor;

/// What the names of arrays end in within an archive.
const ENTRY: &str = ".npy";
/// The widest array that is believed: a damaged header must not ask for all the memory there is.
pub(super) const WIDEST: u64 = 1 << 20;

/// Shows the array of a `.npy` stream to `visitor`; all its numbers go to `retained`, if given. Its width is returned.
pub(super) fn read_npy(
    stream: Stream,
    missing: &MissingValues,
    visitor: &mut dyn Visitor,
    retained: Option<&mut Numbers>,
) -> Result<usize> {
    let explain = stream.explain();
    let file = stream.file.clone();
    match NpyFile::new(stream.reader) {
        Ok(array) => read_array(&file, array, missing, visitor, retained, &explain),
        Err(e) => Err(header_error(&file, e, &explain)),
    }
}

/// Shows an array of a `.npz` file to `visitor`, as [`read_npy`]; `key` may be left out where there is one array only.
pub(super) fn read_npz(
    path: &Path,
    key: Option<&str>,
    missing: &MissingValues,
    visitor: &mut dyn Visitor,
    retained: Option<&mut Numbers>,
) -> Result<usize> {
    let file = path.display().to_string();
    let broken = |e: io::Error| match e.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::Other => Error::BadArray { file: file.clone(), problem: ArrayProblem::Archive(e) },
        _ => Error::reading(&file, e),
    };
    let mut archive = ZipArchive::new(BufReader::new(open_file(path)?)).map_err(|e| broken(e.into()))?;
    let names = archive.file_names().filter_map(|name| name.strip_suffix(ENTRY));
    let mut available: Vec<String> = names.map(str::to_owned).collect();
    available.sort();
    let name = match (key, available.as_slice()) {
        (Some(key), _) if available.iter().any(|name| name == key) => key.to_owned(),
        (None, [only]) => only.clone(),
        _ => return Err(Error::ArrayKey { file, key: key.map(str::to_owned), available }),
    };
    let entry = archive.by_name(&format!("{name}{ENTRY}")).map_err(|e| broken(e.into()))?;
    match NpyFile::new(BufReader::new(entry)) {
        Ok(array) => read_array(&file, array, missing, visitor, retained, &broken),
        Err(e) => Err(header_error(&file, e, &broken)),
    }
}

fn header_error(file: &str, e: io::Error, explain: &dyn Fn(io::Error) -> Error) -> Error {
    let kind = e.kind();
    // What the reader says of a damaged gzip stream comes first: the error of the array follows from it.
    match (explain(e), kind) {
        (gzip @ (Error::TruncatedGzip { .. } | Error::BadGzip { .. }), _) => gzip,
        (_, io::ErrorKind::UnexpectedEof) => {
            Error::BadArray { file: file.to_owned(), problem: ArrayProblem::HeaderCutOff }
        }
        (Error::Read { file, source }, io::ErrorKind::InvalidData) => {
            Error::BadArray { file, problem: ArrayProblem::NotNumpy(source) }
        }
        (other, _) => other,
    }
}

fn read_array<R: BufRead>(
    file: &str,
    array: NpyFile<R>,
    missing: &MissingValues,
    visitor: &mut dyn Visitor,
    retained: Option<&mut Numbers>,
    explain: &dyn Fn(io::Error) -> Error,
) -> Result<usize> {
    let wrong = |problem| Error::BadArray { file: file.to_owned(), problem };
    let kind = match array.dtype() {
        DType::Plain(kind) if kind.type_char() == TypeChar::Float && kind.size_field() == 4 => Kind::Single,
        DType::Plain(kind) if kind.type_char() == TypeChar::Float && kind.size_field() == 8 => Kind::Double,
        DType::Plain(kind) if kind.type_char() == TypeChar::Uint && kind.size_field() == 1 => Kind::Byte,
        other => return Err(wrong(ArrayProblem::NumberType { descr: other.descr() })),
    };
    let shape = array.shape().to_vec();
    let size = |n: u64| usize::try_from(n).ok();
    let (rows, width) = match shape.as_slice() {
        [0, _] | [0, _, _] => return Err(Error::NoRows { file: file.to_owned() }),
        &[rows, width @ 1..=WIDEST] if rows.checked_mul(width).and_then(size).is_some() => (rows, width as usize),
        &[images, height, width]
            if height.checked_mul(width).is_some_and(|pixels| {
                (1..=WIDEST).contains(&pixels) && images.checked_mul(pixels).and_then(size).is_some()
            }) && (array.order() == Order::C || height == 1) =>
        {
            (images, (height * width) as usize)
        }
        _ => return Err(wrong(ArrayProblem::Shape { shape })),
    };
    let image = match shape.as_slice() {
        &[_, height, width] => Some([height as usize, width as usize]),
        _ => None,
    };
    let names = (0..width).map(|column| format!("x{column}")).collect();
    let places = visitor.header(&Header { file: file.to_owned(), line: 0, names, image })?;
    let mut array_reader = ArrayReader { places, rows, width, missing, visitor, retained };
    if let Some(retained) = &mut array_reader.retained {
        retained.single = kind != Kind::Double;
    }
    let outcome = match kind {
        Kind::Single => array_reader.read_all::<f32, R>(array),
        Kind::Double => array_reader.read_all::<f64, R>(array),
        Kind::Byte => array_reader.read_all::<u8, R>(array),
    };
    match outcome {
        Ok(()) => Ok(width),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => match explain(e) {
            gzip @ Error::TruncatedGzip { .. } => Err(gzip),
            _ => Err(wrong(ArrayProblem::CutOff { rows, width })),
        },
        Err(e) => Err(explain(e)),
    }
}

/// The numbers of an array.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Single,
    Double,
    Byte,
}

/// The way of an array's numbers to the visitor.
pub(super) struct ArrayReader<'a> {
    pub(super) places: Vec<usize>,
    pub(super) rows: u64,
    pub(super) width: usize,
    pub(super) missing: &'a MissingValues,
    pub(super) visitor: &'a mut dyn Visitor,
    pub(super) retained: Option<&'a mut Numbers>,
}

impl ArrayReader<'_> {
    /// Reads all rows: one by one in C order; in Fortran order the whole array has to be there first.
    fn read_all<T: Deserialize + Into<f64> + Copy, R: Read>(&mut self, array: NpyFile<R>) -> io::Result<()> {
        let order = array.order();
        // The caller has checked the type; a failure here would be the library's.
        let mut numbers = array.data::<T>().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let mut next = || numbers.next().unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()));
        let mut row = vec![0.0; self.width];
        match order {
            Order::C => {
                for number in 1..=self.rows {
                    for slot in &mut row {
                        *slot = next()?.into();
                    }
                    self.visit(number, &row);
                }
            }
            Order::Fortran => {
                // Grown as it is read: a wrong shape in a short file must not ask for all the memory there is.
                let mut columns: Vec<T> = Vec::new();
                for _ in 0..self.rows * self.width as u64 {
                    columns.push(next()?);
                }
                let rows = self.rows as usize;
                for number in 0..rows {
                    for (column, slot) in row.iter_mut().enumerate() {
                        *slot = columns[column * rows + number].into();
                    }
                    self.visit(number as u64 + 1, &row);
                }
            }
        }
        Ok(())
    }

    pub(super) fn visit(&mut self, number: u64, row: &[f64]) {
        for (column, &place) in self.places.iter().enumerate() {
            self.visitor.cell(Place::Row(number), column, self.missing.read_number(row[place]));
        }
        self.visitor.end_row();
        if let Some(retained) = &mut self.retained {
            retained.values.extend_from_slice(row);
        }
    }
}
