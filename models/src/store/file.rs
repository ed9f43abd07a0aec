//! Safetensors files with a description in their metadata.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::error::{Error, Expected, Kind, Problem, TensorProblem};
use crate::files::{WriteError, replace};

/// The metadata key that everything is under. A single one: the order of several is not fixed, and the same model has
/// to give the same bytes.
const METADATA_KEY: &str = "missvae";

/// The longest header, in bytes: that of the library, which would tell so when the whole file is read.
const LONGEST_HEADER: u64 = 100_000_000;

/// The metadata of a file: its format, a description, and a checksum of the tensors (from format 2 on).
#[derive(Serialize, Deserialize)]
struct Header<D> {
    format: String,
    description: D,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// Of the description. Older files of format 2 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description_checksum: Option<String>,
}

/// Tensors to be written: name, shape, values.
pub(super) type Named<'a> = Vec<(String, Vec<usize>, &'a [f32])>;

/// A checksum of tensors in the order of their names: 128 bits of XXH3 over names, shapes and bytes, lengths before what
/// varies.
struct Checksum(Xxh3);

impl Checksum {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update(&(shape.len() as u64).to_le_bytes());
        shape.iter().for_each(|size| self.0.update(&(*size as u64).to_le_bytes()));
    }

    fn finish(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }

    /// Of a description: of the text that it is written as.
    fn of_description(description: &serde_json::Value) -> String {
        let mut sum = Checksum(Xxh3::new());
        sum.0.update(description.to_string().as_bytes());
        sum.finish()
    }

    /// Of tensors to be written, sorted by name.
    fn of_values(tensors: &Named<'_>) -> String {
        let mut sum = Checksum(Xxh3::new());
        for (name, shape, values) in tensors {
            sum.add(name, shape);
            pieces(values).for_each(|bytes| sum.0.update(&bytes));
        }
        sum.finish()
    }

    /// Of the tensors of a file.
    fn of_file(tensors: &SafeTensors<'_>) -> String {
        let mut names = tensors.names();
        names.sort();
        let mut sum = Checksum(Xxh3::new());
        for name in names {
            if let Ok(view) = tensors.tensor(name) {
                sum.add(name, view.shape());
                sum.0.update(view.data());
            }
        }
        sum.finish()
    }
}

/// The bytes of some numbers, piece by piece.
fn pieces(values: &[f32]) -> impl Iterator<Item = Vec<u8>> {
    values.chunks(1 << 14).map(|values| values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// Writes a safetensors file piece by piece: imputations may be too large to be held twice.
pub(super) fn save(
    path: &Path,
    kind: Kind,
    description: impl Serialize,
    mut tensors: Named<'_>,
) -> Result<(), WriteError> {
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let checksum = Some(Checksum::of_values(&tensors));
    let description =
        serde_json::to_value(description).map_err(|error| WriteError::new(path, std::io::Error::other(error)))?;
    let description_checksum = Some(Checksum::of_description(&description));
    let header = Header { format: kind.format().to_owned(), description, checksum, description_checksum };
    let mut end = 0;
    let infos = tensors.iter().map(|(name, shape, values)| {
        let start = end;
        end += size_of_val::<[f32]>(&values[..]);
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    });
    let infos = infos.collect();
    replace(path, |out| {
        let header = serde_json::to_string(&header)?;
        let metadata = [(METADATA_KEY.to_owned(), header)].into_iter().collect();
        let metadata = Metadata::new(Some(metadata), infos).map_err(std::io::Error::other)?;
        let mut head = serde_json::to_vec(&metadata)?;
        // The format aligns the numbers to 8 bytes, by spaces after the header.
        head.resize(head.len().next_multiple_of(8), b' ');
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        for (_, _, values) in &tensors {
            pieces(values).try_for_each(|bytes| out.write_all(&bytes))?;
        }
        Ok(())
    })
}

/// A file that is being read.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) kind: Kind,
    bytes: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Reads the bytes of a file.
    pub(super) fn read(path: &'a Path, kind: Kind) -> Result<Self, Error> {
        let failed = |problem| Error { path: path.to_owned(), problem };
        // Before it is opened: a pipe would be waited for, and a device may have no end.
        let metadata = std::fs::metadata(path).map_err(|error| failed(Problem::Io(error)))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            return Err(failed(Problem::Io(std::io::Error::other(what))));
        }
        let mut file = File::open(path).map_err(|error| failed(Problem::Io(error)))?;
        // A large file of another kind is refused by its first bytes, which are the length of the header.
        let mut bytes = Vec::new();
        file.by_ref().take(8).read_to_end(&mut bytes).map_err(|error| failed(Problem::Io(error)))?;
        if let Ok(length) = <[u8; 8]>::try_from(&bytes[..])
            && u64::from_le_bytes(length) > LONGEST_HEADER
        {
            return Err(failed(Problem::NotWhole { kind, source: SafeTensorError::HeaderTooLarge }));
        }
        file.read_to_end(&mut bytes).map_err(|error| failed(Problem::Io(error)))?;
        Ok(Source { path, kind, bytes })
    }

    /// The most numbers that the file can hold.
    pub(super) fn most_numbers(&self) -> usize {
        self.bytes.len() / size_of::<f32>()
    }

    /// An error of this file.
    pub(super) fn error(&self, problem: Problem) -> Error {
        Error { path: self.path.to_owned(), problem }
    }

    /// A number of the description that cannot be true.
    pub(super) fn field(&self, field: &str, value: impl ToString, expected: Expected) -> Error {
        let (field, value) = (field.to_owned(), value.to_string());
        self.error(Problem::Field { field, value, expected })
    }

    /// The tensors and the description.
    pub(super) fn open<D: DeserializeOwned>(&self) -> Result<(SafeTensors<'_>, D), Error> {
        let kind = self.kind;
        let not_whole = |source| self.error(Problem::NotWhole { kind, source });
        let (_, metadata) = SafeTensors::read_metadata(&self.bytes).map_err(not_whole)?;
        let header = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
        let header = header.ok_or_else(|| self.error(Problem::Foreign { kind }))?;
        let described = |source| self.error(Problem::Description { kind, source });
        let found: Header<serde_json::Value> = serde_json::from_str(header).map_err(described)?;
        if found.format != kind.format() && found.format != kind.old_format() {
            return Err(self.error(Problem::Format { kind, found: found.format }));
        }
        if let Some(expected) = found.description_checksum {
            let sum = Checksum::of_description(&found.description);
            if sum != expected {
                return Err(self.error(Problem::Checksum { expected, found: sum }));
            }
        }
        let description = serde_json::from_value(found.description).map_err(described)?;
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(not_whole)?;
        let expected = match found.checksum {
            None if found.format == kind.old_format() => None,
            checksum => Some(checksum.unwrap_or_default()),
        };
        if let Some(expected) = expected {
            let sum = Checksum::of_file(&tensors);
            if sum != expected {
                return Err(self.error(Problem::Checksum { expected, found: sum }));
            }
        }
        Ok((tensors, description))
    }

    /// Reads one tensor, which has to be of this shape and finite.
    pub(super) fn fill(
        &self,
        tensors: &SafeTensors<'_>,
        name: &str,
        shape: &[usize],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let wrong = |problem| self.error(Problem::Tensor { name: name.to_owned(), problem });
        let view = tensors.tensor(name).map_err(|_| wrong(TensorProblem::Missing))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let (dtype, found, expected) = (view.dtype(), view.shape().to_vec(), shape.to_vec());
            return Err(wrong(TensorProblem::Shape { dtype, found, expected }));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        for (index, (x, value)) in out.iter_mut().zip(values).enumerate() {
            if !value.is_finite() {
                return Err(wrong(TensorProblem::NotFinite { index, value }));
            }
            *x = value;
        }
        Ok(())
    }
}
