//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file atomically: whoever opens `path`, after whatever interruption, finds the old content or all of the new.
///
/// The bytes go to a hidden temporary file in the same directory, are forced to the disk, and take the name by a
/// rename, which is forced to the disk too. An existing file keeps its permissions, a symbolic link to one its place (the
/// file that it points to is replaced). What is no regular file, such as `/dev/stdout`, is written directly.
///
/// # Errors
/// What the system says; `path` is then as it was before.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let existing = fs::metadata(path).ok();
    let target = match &existing {
        Some(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Some(metadata) if !metadata.is_file() => {
            let mut device = BufWriter::new(File::options().write(true).open(path)?);
            write(&mut device)?;
            return device.flush();
        }
        Some(_) => fs::canonicalize(path)?,
        None => path.to_owned(),
    };
    let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };

    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut options = tempfile::Builder::new();
    options.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        // What a plain `File::create` would ask for; the user's umask still applies.
        options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = BufWriter::with_capacity(1 << 18, options.tempfile_in(directory)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(metadata) = existing {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|failure| failure.error)?;
    sync_directory(directory)
}

/// Forces a directory's entries to the disk, where the system can do that.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        // A directory that may be written but not listed, or a file system without the call: the rename stands.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
