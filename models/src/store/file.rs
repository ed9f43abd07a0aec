//! Safetensors files with a description in their metadata.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::write_atomic;

/// The metadata key that everything is under. A single one: the order of several is not fixed, and the same model has
/// to give the same bytes.
const METADATA_KEY: &str = "missvae";

/// The metadata of a file: its format, and a description.
#[derive(Serialize, Deserialize)]
struct Header<D> {
    format: String,
    description: D,
}

/// Tensors to be written: name, shape, values.
pub(super) type Named<'a> = Vec<(String, Vec<usize>, &'a [f32])>;

/// Writes a safetensors file piece by piece: imputations may be too large to be held twice.
pub(super) fn save(
    path: &Path,
    format: &str,
    description: impl Serialize,
    mut tensors: Named<'_>,
) -> Result<(), Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let header = Header { format: format.to_owned(), description };
    let header = serde_json::to_string(&header).map_err(|error| malformed(error.to_string()))?;
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut end = 0;
    let infos = tensors.iter().map(|(name, shape, values)| {
        let start = end;
        end += size_of_val::<[f32]>(&values[..]);
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    });
    let metadata = [(METADATA_KEY.to_owned(), header)].into_iter().collect();
    let metadata = Metadata::new(Some(metadata), infos.collect()).map_err(|error| malformed(error.to_string()))?;
    let mut head = serde_json::to_vec(&metadata).map_err(|error| malformed(error.to_string()))?;
    // The format aligns the numbers to 8 bytes, by spaces after the header.
    head.resize(head.len().next_multiple_of(8), b' ');
    write_atomic(path, |out| {
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        for (_, _, values) in &tensors {
            for value in *values {
                out.write_all(&value.to_le_bytes())?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Opens a safetensors file of the given format. `kind` names it in errors: model or checkpoint.
pub(super) fn open<'a, D: DeserializeOwned>(
    path: &Path,
    bytes: &'a [u8],
    kind: &str,
    format: &str,
) -> Result<(SafeTensors<'a>, D), Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| malformed(format!("not a whole {kind} file ({error}); it may be cut short")))?;
    let header = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
    let header = header.ok_or_else(|| malformed(format!("a safetensors file, but not a {kind} of this program")))?;
    let found: Header<serde_json::Value> =
        serde_json::from_str(header).map_err(|error| malformed(format!("unreadable description: {error}")))?;
    if found.format != format {
        return Err(malformed(format!("expected a {kind} file ({format}); this is a {}", found.format)));
    }
    let description = serde_json::from_value(found.description)
        .map_err(|error| malformed(format!("its description is not that of a {kind}: {error}")))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| malformed(error.to_string()))?;
    Ok((tensors, description))
}

/// Reads one tensor, which has to be of this shape.
pub(super) fn fill(
    path: &Path,
    tensors: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
    out: &mut [f32],
) -> Result<(), Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let view = tensors.tensor(name).map_err(|_| malformed(format!("it has no tensor {name}")))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        let found = format!("{:?} of shape {:?}", view.dtype(), view.shape());
        return Err(malformed(format!("tensor {name} is {found}, not F32 of shape {shape:?}")));
    }
    for (x, bytes) in out.iter_mut().zip(view.data().chunks_exact(4)) {
        *x = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    Ok(())
}
