//! Files under a temporary name until they are whole.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use super::WriteError;

/// Writes a file atomically: after any interruption `path` holds the old content or all of the new.
///
/// The bytes go to a hidden temporary file in the same directory and are forced to the disk. A rename, forced to the disk
/// too, gives it the name. An existing file keeps its permissions. A symbolic link stays, and the file that it points to is
/// replaced. A path that is not a regular file, such as `/dev/stdout`, is written directly.
///
/// # Errors
/// [`WriteError`], of every kind but [`WriteError::Directory`]; `path` is then as it was before.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    stage(path, write)?.commit()
}

/// As [`write_atomic`], but a symbolic link is replaced, and what it points to stays: for files that are this program's own.
///
/// # Errors
/// As [`write_atomic`].
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    let link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let existing = if link { None } else { fs::metadata(path).ok() };
    let staging = Staging::begin(path, existing).map_err(|source| WriteError::new(path, source))?;
    fill(staging, write)?.commit()
}

/// The temporary files of this process that have no name yet.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all files of this process that have no name yet, for a process that ends now: from then on none gets a name.
pub fn abandon_unfinished() {
    let files = unfinished();
    // A file that stays is untidy and no more.
    files.iter().for_each(|file| drop(fs::remove_file(file)));
    // Whoever is about to give a file its name waits for the process's end.
    std::mem::forget(files);
}

/// A temporary file, and the name that it takes.
#[derive(Debug)]
struct Temporary {
    file: NamedTempFile,
    target: PathBuf,
    entry: Entry,
}

/// A file's place in the list of the unfinished.
#[derive(Debug)]
struct Entry(PathBuf);

impl Drop for Entry {
    fn drop(&mut self) {
        unfinished().retain(|file| *file != self.0);
    }
}

/// A file that is being written, piece by piece, under a temporary name, or in memory while it is short. Dropped before [`finish`](Staging::finish), it is
/// gone.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    out: Out,
}

#[derive(Debug)]
enum Out {
    /// In memory as long as it is short: a process that is killed at work leaves no file then.
    Memory(Beginning),
    Temporary(Open),
    /// What is no regular file.
    Device(BufWriter<File>),
}

/// A temporary file that is written to.
#[derive(Debug)]
struct Open {
    file: BufWriter<NamedTempFile>,
    target: PathBuf,
    entry: Entry,
    /// Of what the file takes the place of.
    permissions: Option<Permissions>,
}

/// The beginning of a file.
#[derive(Debug)]
struct Beginning {
    bytes: Vec<u8>,
    target: PathBuf,
    /// Of what the file takes the place of.
    permissions: Option<Permissions>,
}

impl Beginning {
    /// Makes the temporary file.
    fn open(self) -> io::Result<Open> {
        let Beginning { bytes, target, permissions } = self;
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let prefix = temporary_prefix(name);
        let mut options = tempfile::Builder::new();
        options.prefix(&prefix).suffix(".tmp").rand_bytes(RANDOM);
        #[cfg(unix)]
        {
            // What a plain `File::create` would ask for; the user's umask still applies.
            options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        let mut list = unfinished();
        let file = options.tempfile_in(directory_of(&target))?;
        list.push(file.path().to_owned());
        drop(list);
        let entry = Entry(file.path().to_owned());
        // Held as long as the file is open; where the system has no locks, a stale file of this name stays.
        let _ = file.as_file().try_lock();
        let mut file = BufWriter::with_capacity(BUFFER, file);
        file.write_all(&bytes)?;
        Ok(Open { file, target, entry, permissions })
    }
}

impl Staging {
    /// Begins to write a file as [`write_atomic`] does.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn create(path: &Path) -> Result<Staging, WriteError> {
        Staging::begin(path, fs::metadata(path).ok()).map_err(|source| WriteError::new(path, source))
    }

    /// `existing` is what the file takes the place of.
    fn begin(path: &Path, existing: Option<Metadata>) -> io::Result<Staging> {
        let target = match &existing {
            Some(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Some(metadata) if !metadata.is_file() => {
                let device = BufWriter::new(File::options().write(true).open(path)?);
                return Ok(Staging { path: path.to_owned(), out: Out::Device(device) });
            }
            Some(_) => fs::canonicalize(path)?,
            None => path.to_owned(),
        };
        let permissions = existing.map(|metadata| metadata.permissions());
        let beginning = Beginning { bytes: Vec::new(), target, permissions };
        Ok(Staging { path: path.to_owned(), out: Out::Memory(beginning) })
    }

    /// Forces the file to the disk. It lacks its name then.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn finish(self) -> Result<Staged, WriteError> {
        let Staging { path, out } = self;
        let end = |out: Out| -> io::Result<Option<Temporary>> {
            let Open { file, target, entry, permissions } = match out {
                Out::Device(mut device) => return device.flush().map(|()| None),
                Out::Memory(beginning) => beginning.open()?,
                Out::Temporary(open) => open,
            };
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            if let Some(permissions) = permissions {
                file.as_file().set_permissions(permissions)?;
            }
            file.as_file().sync_all()?;
            Ok(Some(Temporary { file, target, entry }))
        };
        let file = end(out).map_err(|source| WriteError::new(&path, source))?;
        Ok(Staged { path, file })
    }
}

impl Write for Staging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Out::Memory(beginning) = &mut self.out
            && beginning.bytes.len() + bytes.len() > SHORT
        {
            let whole = Beginning {
                bytes: std::mem::take(&mut beginning.bytes),
                target: beginning.target.clone(),
                permissions: beginning.permissions.clone(),
            };
            self.out = Out::Temporary(whole.open()?);
        }
        match &mut self.out {
            Out::Memory(beginning) => beginning.bytes.write(bytes),
            Out::Temporary(open) => open.file.write(bytes),
            Out::Device(device) => device.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Memory(_) => Ok(()),
            Out::Temporary(open) => open.file.flush(),
            Out::Device(device) => device.flush(),
        }
    }
}

/// A file that is written and on the disk, but under its temporary name: several are staged, then all get their names.
/// Dropped without [`commit`](Staged::commit), it is gone.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    /// `None` for what is no regular file: it is written.
    file: Option<Temporary>,
}

impl Staged {
    /// Gives the file its name.
    ///
    /// # Errors
    /// As [`write_atomic`]; the path is then as it was before.
    pub fn commit(self) -> Result<(), WriteError> {
        commit_all([self])
    }
}

/// Gives several files their names, right after each other: nothing is waited for in between.
///
/// # Errors
/// As [`write_atomic`], for the first that fails; those before it have their names.
pub fn commit_all(staged: impl IntoIterator<Item = Staged>) -> Result<(), WriteError> {
    // Each with a file in it, to be named if it cannot be forced to the disk.
    let mut directories: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut entries = Vec::new();
    // Those that do not get their turn are dropped when the list is free again.
    let mut staged = staged.into_iter().collect::<Vec<Staged>>().into_iter();
    let list = unfinished();
    let named = staged.try_for_each(|Staged { path, file }| {
        let Some(Temporary { file, target, entry }) = file else { return Ok(()) };
        entries.push(entry);
        file.persist(&target).map_err(|failure| WriteError::new(&path, failure.error))?;
        let directory = directory_of(&target).to_owned();
        if directories.iter().all(|(known, _)| *known != directory) {
            directories.push((directory, path));
        }
        Ok(())
    });
    drop(list);
    drop(entries);
    named?;
    directories
        .iter()
        .try_for_each(|(directory, path)| sync_directory(directory).map_err(|source| WriteError::new(path, source)))
}

/// Writes a file as [`write_atomic`] does, all but the last step.
///
/// # Errors
/// As [`write_atomic`].
pub fn stage(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged, WriteError> {
    fill(Staging::create(path)?, write)
}

fn fill(mut staging: Staging, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged, WriteError> {
    write(&mut staging).map_err(|source| WriteError::new(&staging.path, source))?;
    staging.finish()
}

/// Removes the temporary files beside `path` that a killed process left of it. Those of a process that still writes are
/// locked, and stay.
pub fn remove_stale(path: &Path) {
    let Some(prefix) = path.file_name().map(temporary_prefix) else { return };
    for entry in fs::read_dir(directory_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".tmp"));
        if ours.is_some_and(|middle| middle.len() == RANDOM && middle.chars().all(char::is_alphanumeric))
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            // A file that stays is untidy and no more.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The directory of a file.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The most bytes of a file that is held in memory until it is whole.
const SHORT: usize = 1 << 20;
/// Bytes that wait to be written to a file.
const BUFFER: usize = 1 << 16;
/// Random characters in a temporary name.
const RANDOM: usize = 6;
/// The most bytes of a file's name that its temporary name repeats: names have 255 at most.
const REPEATED: usize = 200;

/// What the temporary names of a file begin with.
fn temporary_prefix(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let mut end = name.len().min(REPEATED);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}.", &name[..end])
}

/// Forces a directory's entries to the disk, where the system can do that.
///
/// # Errors
/// What the system said.
#[cfg(unix)]
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        // A directory that may be written but not listed, or a file system without the call: the rename stands.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Forces a directory's entries to the disk, where the system can do that.
#[cfg(not(unix))]
pub fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entries(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn writes_and_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        write_atomic(&path, |w| w.write_all(b"one")).unwrap();
        write_atomic(&path, |w| w.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(entries(directory.path()), ["a.txt"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let error = write_atomic(&path, |w| {
            w.write_all(&vec![b'x'; SHORT + 1])?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(matches!(error, WriteError::DiskFull { .. }));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(entries(directory.path()), ["a.txt"]);
    }

    /// Nothing is beside the target while a file is short. A longer one has a temporary name, and all its bytes.
    #[test]
    fn short_files_wait_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        let piece: Vec<u8> = (0..SHORT / 4 + 1).map(|i| (i % 251) as u8).collect();
        let mut staging = Staging::create(&path).unwrap();
        for written in 1..=9 {
            staging.write_all(&piece).unwrap();
            assert_eq!(entries(directory.path()).len(), usize::from(written > 3), "{written} pieces");
        }
        assert!(!path.exists());
        staging.finish().unwrap().commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), piece.repeat(9));
        assert_eq!(entries(directory.path()), ["a.txt"]);
    }

    #[test]
    fn staged_files_get_their_names_together() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("1"), directory.path().join("2"));
        let staged = [&one, &two].map(|path| stage(path, |w| w.write_all(b"x")).unwrap());
        remove_stale(&one);
        assert_eq!(entries(directory.path()).len(), 2, "files that are being written stay");
        assert!(!one.exists() && !two.exists());
        commit_all(staged).unwrap();
        assert_eq!(entries(directory.path()), ["1", "2"]);
        drop(stage(&one, |w| w.write_all(b"y")).unwrap());
        assert_eq!(fs::read(&one).unwrap(), b"x");
        for left in [".1.abcDEF.tmp", ".1.a.tmp", ".2.abcdef.tmp", ".1.abc-ef.tmp"] {
            fs::write(directory.path().join(left), "").unwrap();
        }
        remove_stale(&one);
        assert_eq!(entries(directory.path()), [".1.a.tmp", ".1.abc-ef.tmp", ".2.abcdef.tmp", "1", "2"]);
    }

    #[test]
    fn a_long_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("é".repeat(125));
        write_atomic(&path, |w| w.write_all(b"x")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_missing_directory_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let error = write_atomic(&directory.path().join("no/a.txt"), |_| Ok(())).unwrap_err();
        assert!(matches!(error, WriteError::NoDirectory { .. }), "{error}");
        let error = write_atomic(directory.path(), |_| Ok(())).unwrap_err();
        assert!(matches!(error, WriteError::IsDirectory { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.txt"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.txt", &link).unwrap();
        write_atomic(&link, |w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);

        replace(&link, |w| w.write_all(b"own")).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&link).unwrap(), fs::read(&path).unwrap()), (b"own".to_vec(), b"new".to_vec()));

        let (plain, atomic) = (directory.path().join("plain"), directory.path().join("atomic"));
        fs::write(&plain, "").unwrap();
        write_atomic(&atomic, |_| Ok(())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&atomic));
        write_atomic(Path::new("/dev/null"), |w| w.write_all(b"gone")).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_told_apart() {
        let error = write_atomic(Path::new("/dev/full"), |w| w.write_all(b"x")).unwrap_err();
        assert!(matches!(error, WriteError::DiskFull { .. }), "{error}");
    }
}
