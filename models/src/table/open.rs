//! From the DATA argument to a stream of bytes of a known format.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use super::dialect::Separator;
use super::error::{Error, Result};
use super::problem::GzipProblem;

/// The bundled table: penguins of the Palmer archipelago (CC0).
const PENGUINS: &[u8] = include_bytes!("../../data/penguins-raw.csv");

/// Where a table comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The penguins table that the program carries.
    Bundled,
    /// CSV on the standard input: `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// The input that a DATA argument means.
    pub fn from_arg(arg: Option<&Path>) -> Self {
        match arg {
            None => Input::Bundled,
            Some(path) if path == Path::new("-") => Input::Stdin,
            Some(path) => Input::File(path.to_owned()),
        }
    }

    /// How messages call it.
    pub fn name(&self) -> String {
        match self {
            Input::Bundled => "the bundled penguins table".into(),
            Input::Stdin => "standard input".into(),
            Input::File(path) => path.display().to_string(),
        }
    }

    /// Whether it can be read a second time.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Input::Bundled => true,
            Input::Stdin => false,
            Input::File(path) => path.is_file() || path.is_dir(),
        }
    }

    /// Whether it is a text, by the file's name.
    pub fn is_text(&self) -> bool {
        matches!(self.format(), Ok(Format::Text { .. }))
    }

    /// The format, by the file's name.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`].
    pub(super) fn format(&self) -> Result<Format> {
        match self {
            Input::Bundled | Input::Stdin => Ok(Format::Text { separator: Separator::Comma }),
            Input::File(path) => Format::of(path),
        }
    }

    /// Opens the stream and undoes gzip, which is recognised by its first bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsDirectory`], [`Error::Read`], [`Error::BadGzip`] for a `.gz` that is not gzip.
    pub(super) fn open(&self) -> Result<Stream> {
        let file = self.name();
        let reader: Reader = match self {
            Input::Bundled => Box::new(PENGUINS),
            Input::Stdin => Box::new(BufReader::with_capacity(1 << 18, io::stdin())),
            Input::File(path) => Box::new(BufReader::with_capacity(1 << 18, open_file(path)?)),
        };
        let named_gzip = matches!(self, Input::File(path) if has_ending(path, "gz"));
        let (start, reader) = peek::<2>(reader).map_err(|e| Error::reading(&file, e))?;
        match start.as_slice() {
            [0x1f, 0x8b] => {
                let reader = Box::new(BufReader::with_capacity(1 << 18, Members::new(reader)));
                Ok(Stream { file, gzip: true, reader })
            }
            [] | [_] if named_gzip => Err(Error::TruncatedGzip { file }),
            _ if named_gzip => Err(Error::BadGzip { file, problem: GzipProblem::NotGzip }),
            _ => Ok(Stream { file, gzip: false, reader }),
        }
    }
}

/// A reader that one thread begins with and another goes on with.
pub(super) type Reader = Box<dyn BufRead + Send>;

/// The members of a gzip stream, one after the other. Zeros after the last one are padding, of tapes and block devices, and
/// are skipped as by gzip itself.
struct Members(Option<GzDecoder<Reader>>);

impl Members {
    fn new(reader: Reader) -> Members {
        Members(Some(GzDecoder::new(reader)))
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.0.take() else { break };
            let mut rest = member.into_inner();
            self.0 = loop {
                let bytes = rest.fill_buf()?;
                let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
                if bytes.is_empty() {
                    break None;
                }
                if zeros < bytes.len() {
                    rest.consume(zeros);
                    break Some(GzDecoder::new(rest));
                }
                rest.consume(zeros);
            };
        }
        Ok(0)
    }
}

/// Opens a file that is not a directory.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| Error::reading(&name, e))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(Error::IsDirectory { file: name }),
        Ok(_) => Ok(file),
        Err(e) => Err(Error::reading(&name, e)),
    }
}

/// A stream of decompressed bytes.
pub(super) struct Stream {
    /// The input's name, for messages.
    pub(super) file: String,
    gzip: bool,
    /// The bytes.
    pub(super) reader: Reader,
}

impl Stream {
    /// A function that turns an error of reading this stream into the user's.
    pub(super) fn explain(&self) -> impl Fn(io::Error) -> Error + use<> {
        let (file, gzip) = (self.file.clone(), self.gzip);
        move |e| match e.kind() {
            io::ErrorKind::UnexpectedEof if gzip => Error::TruncatedGzip { file: file.clone() },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if gzip => {
                Error::BadGzip { file: file.clone(), problem: GzipProblem::Damaged(e) }
            }
            _ => Error::reading(&file, e),
        }
    }

    /// Looks at the first bytes (fewer, if the stream is shorter) without using them up.
    pub(super) fn first_bytes<const N: usize>(&mut self) -> io::Result<Vec<u8>> {
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let (start, reader) = peek::<N>(reader)?;
        self.reader = reader;
        Ok(start)
    }
}

fn peek<const N: usize>(mut reader: Reader) -> io::Result<(Vec<u8>, Reader)> {
    let mut start = Vec::with_capacity(N);
    reader.by_ref().take(N as u64).read_to_end(&mut start)?;
    let reader = Box::new(Cursor::new(start.clone()).chain(reader));
    Ok((start, reader))
}

/// A format of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Delimited text with a header, and the separator that the name promises.
    Text { separator: Separator },
    /// One NumPy array.
    Npy,
    /// A zip archive of NumPy arrays.
    Npz,
    /// IDX images.
    Idx,
    /// A directory with PNG images in it.
    Folder,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// The format that a file's name promises; a name without an ending means CSV.
    pub(super) fn of(path: &Path) -> Result<Format> {
        let file = path.display().to_string();
        if path.is_dir() {
            return Ok(Format::Folder);
        }
        let stem = if has_ending(path, "gz") { path.with_extension("") } else { path.to_owned() };
        if stem.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-ubyte")) {
            return Ok(Format::Idx);
        }
        match stem.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
            None | Some("csv") => Ok(Format::Text { separator: Separator::Comma }),
            Some("tsv") => Ok(Format::Text { separator: Separator::Tab }),
            Some("idx") => Ok(Format::Idx),
            Some("npy") => Ok(Format::Npy),
            Some("npz") if stem == path => Ok(Format::Npz),
            Some("parquet") if stem == path => Ok(Format::Parquet),
            Some(_) if !path.exists() => Err(Error::NotFound { file }),
            Some(ending) => {
                let gz = if stem == path { "" } else { ".gz" };
                Err(Error::UnknownFormat { file, ending: format!("{ending}{gz}") })
            }
        }
    }
}

/// Whether the name ends in `.ending`, in whatever case.
pub(super) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        assert_eq!(Input::from_arg(None), Input::Bundled);
        assert_eq!(Input::from_arg(Some(Path::new("-"))), Input::Stdin);
        assert_eq!(Input::from_arg(Some(Path::new("a.csv"))), Input::File("a.csv".into()));
        assert_eq!(Input::Stdin.format().unwrap(), Format::Text { separator: Separator::Comma });
    }

    #[test]
    fn formats_by_name() {
        let of = |name: &str| Format::of(Path::new(name));
        assert_eq!(of("a.CSV.GZ").unwrap(), Format::Text { separator: Separator::Comma });
        assert_eq!(of("a.b.tsv").unwrap(), Format::Text { separator: Separator::Tab });
        assert_eq!(of("63").unwrap(), Format::Text { separator: Separator::Comma });
        assert_eq!(of("a.npy.gz").unwrap(), Format::Npy);
        assert_eq!(of("a.npz").unwrap(), Format::Npz);
        assert_eq!(of("a.parquet").unwrap(), Format::Parquet);
        assert_eq!(of("train-images-idx3-ubyte.gz").unwrap(), Format::Idx);
        assert_eq!(of("a.idx").unwrap(), Format::Idx);
        assert!(matches!(of("not-there.xlsx"), Err(Error::NotFound { .. })));
        let file = tempfile::Builder::new().suffix(".xlsx").tempfile().unwrap();
        let error = Format::of(file.path()).unwrap_err();
        assert!(matches!(&error, Error::UnknownFormat { ending, .. } if ending == "xlsx"));
    }

    #[test]
    fn what_cannot_be_opened() {
        let missing = Input::File("/no/such/file.csv".into());
        assert!(matches!(missing.open(), Err(Error::NotFound { .. })));
        let directory = tempfile::tempdir().unwrap();
        let error = Input::File(directory.path().into()).open().err().unwrap();
        assert!(matches!(error, Error::IsDirectory { .. }));
        let denied = Error::reading("a.csv", io::ErrorKind::PermissionDenied.into());
        assert!(matches!(denied, Error::Read { .. }));
        let plain = tempfile::Builder::new().suffix(".csv.gz").tempfile().unwrap();
        assert!(matches!(Input::File(plain.path().into()).open(), Err(Error::TruncatedGzip { .. })));
        std::fs::write(plain.path(), "a,b\n").unwrap();
        assert!(matches!(Input::File(plain.path().into()).open(), Err(Error::BadGzip { .. })));
    }
}
