//! Reading NumPy arrays.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};
use zip::ZipArchive;

use super::array_header::{Fault, checked};
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
    let (file, mut reader) = (stream.file, stream.reader);
    let width = match open_array(&file, &mut reader, &explain)? {
        Ok(array) => read_array(&file, array, missing, visitor, retained, &explain),
        Err(e) => Err(header_error(&file, e, &explain)),
    }?;
    to_its_end(reader).map_err(&explain)?;
    Ok(width)
}

/// Reads what follows an array: at its end a compressed stream tells whether it was damaged.
fn to_its_end(mut rest: impl Read) -> io::Result<()> {
    io::copy(&mut rest, &mut io::sink()).map(|_| ())
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
    let mut entry = BufReader::new(entry);
    let width = match open_array(&file, &mut entry, &broken)? {
        Ok(array) => read_array(&file, array, missing, visitor, retained, &broken),
        Err(e) => Err(header_error(&file, e, &broken)),
    }?;
    to_its_end(entry).map_err(&broken)?;
    Ok(width)
}

/// The array of a stream whose header is short and flat. The inner error is that of the array's reader.
#[expect(clippy::type_complexity, reason = "the stream is put together from two")]
fn open_array<R: BufRead>(
    file: &str,
    reader: R,
    explain: &dyn Fn(io::Error) -> Error,
) -> Result<io::Result<NpyFile<Chain<Cursor<Vec<u8>>, R>>>> {
    match checked(reader) {
        Ok(reader) => Ok(NpyFile::new(reader)),
        Err(Fault::Io(error)) => Err(header_error(file, error, explain)),
        Err(Fault::Problem(problem)) => Err(Error::BadArray { file: file.to_owned(), problem }),
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
    let dtype = array.dtype();
    let kind = match &dtype {
        DType::Plain(plain) => Kind::of(plain.type_char(), plain.size_field()),
        _ => None,
    };
    let kind = kind.ok_or_else(|| wrong(ArrayProblem::NumberType { descr: dtype.descr() }))?;
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
    let places = visitor.header(&Header { file: file.to_owned(), line: 0, names, image, dialect: None })?;
    let mut array_reader = ArrayReader { places, rows, width, missing, visitor, retained };
    if let Some(retained) = &mut array_reader.retained {
        // What is imputed into whole numbers is none, and needs no more than double precision.
        retained.single = matches!(kind, Kind::Single | Kind::Uint1);
    }
    let outcome = match kind {
        Kind::Single => array_reader.read_all::<f32, R>(array),
        Kind::Double => array_reader.read_all::<f64, R>(array),
        Kind::Uint1 => array_reader.read_all::<u8, R>(array),
        Kind::Uint2 => array_reader.read_all::<u16, R>(array),
        Kind::Uint4 => array_reader.read_all::<u32, R>(array),
        Kind::Int1 => array_reader.read_all::<i8, R>(array),
        Kind::Int2 => array_reader.read_all::<i16, R>(array),
        Kind::Int4 => array_reader.read_all::<i32, R>(array),
        Kind::Int8 => array_reader.read_all::<i64, R>(array),
        Kind::Bool => array_reader.read_all::<bool, R>(array),
    };
    match outcome {
        Ok(()) => Ok(width),
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Err(wrong(ArrayProblem::TooLargeInteger)),
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
    Uint1,
    Uint2,
    Uint4,
    Int1,
    Int2,
    Int4,
    Int8,
    Bool,
}

/// A number of an array.
trait Number: Deserialize + Copy {
    /// The same in double precision.
    fn double(self) -> f64;

    /// Whether double precision holds it: it would come back as another number.
    fn is_exact(self) -> bool {
        true
    }
}

macro_rules! numbers {
    ($($type:ty: $x:ident => $double:expr),* $(,)?) => {
        $(impl Number for $type {
            fn double(self) -> f64 {
                let $x = self;
                $double
            }
        })*
    };
}

impl Number for i64 {
    fn double(self) -> f64 {
        self as f64
    }

    fn is_exact(self) -> bool {
        self.unsigned_abs() <= 1 << 53
    }
}

numbers! {
    f32: x => f64::from(x), f64: x => x,
    u8: x => f64::from(x), u16: x => f64::from(x), u32: x => f64::from(x),
    i8: x => f64::from(x), i16: x => f64::from(x), i32: x => f64::from(x),
    bool: x => f64::from(u8::from(x)),
}

impl Kind {
    /// The kind of a type of so many bytes, if it is read. Unsigned numbers of eight bytes are not: they are hashes and
    /// identifiers more often than measurements.
    fn of(kind: TypeChar, bytes: u64) -> Option<Kind> {
        match (kind, bytes) {
            (TypeChar::Float, 4) => Some(Kind::Single),
            (TypeChar::Float, 8) => Some(Kind::Double),
            (TypeChar::Uint, 1) => Some(Kind::Uint1),
            (TypeChar::Uint, 2) => Some(Kind::Uint2),
            (TypeChar::Uint, 4) => Some(Kind::Uint4),
            (TypeChar::Int, 1) => Some(Kind::Int1),
            (TypeChar::Int, 2) => Some(Kind::Int2),
            (TypeChar::Int, 4) => Some(Kind::Int4),
            (TypeChar::Int, 8) => Some(Kind::Int8),
            (TypeChar::Bool, 1) => Some(Kind::Bool),
            _ => None,
        }
    }
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
    fn read_all<T: Number, R: Read>(&mut self, array: NpyFile<R>) -> io::Result<()> {
        let order = array.order();
        // The caller has checked the type; a failure here would be the library's.
        let mut numbers = array.data::<T>().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let mut next = || {
            let number: T = numbers.next().unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
            // Found again by its kind, which no reader gives.
            if number.is_exact() { Ok(number) } else { Err(io::Error::from(io::ErrorKind::Unsupported)) }
        };
        let mut row = vec![0.0; self.width];
        match order {
            Order::C => {
                for number in 1..=self.rows {
                    for slot in &mut row {
                        *slot = next()?.double();
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
                        *slot = columns[column * rows + number].double();
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
