//! Files that are written whole or not at all, and small questions about files.

mod staged;

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use staged::{
    Staged, Staging, abandon_unfinished, commit_all, remove_stale, replace, stage, sync_directory, write_atomic,
};

/// Why a file or a directory could not be written. What was there before is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The directory of the file is not there.
    #[error("{}: cannot be written: there is no directory {}", file.display(), directory.display())]
    NoDirectory {
        /// The file.
        file: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// The name is that of a directory.
    #[error("{}: cannot be written: it is a directory; expected a file name", file.display())]
    IsDirectory {
        /// The file.
        file: PathBuf,
    },
    /// A directory that cannot be made.
    #[error("{}: the directory cannot be made: {source}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No space left, or a quota reached.
    #[error("{}: cannot be written: the disk is full ({source})", file.display())]
    DiskFull {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other failure of the system.
    #[error("{}: cannot be written: {source}", file.display())]
    System {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WriteError {
    /// The error of writing `path`.
    pub fn new(path: &Path, source: io::Error) -> WriteError {
        use io::ErrorKind as Kind;
        let file = path.to_owned();
        match source.kind() {
            Kind::NotFound | Kind::NotADirectory if !path.parent().is_some_and(Path::is_dir) => {
                let directory = path.parent().unwrap_or(Path::new("")).to_owned();
                WriteError::NoDirectory { file, directory }
            }
            Kind::IsADirectory => WriteError::IsDirectory { file },
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => WriteError::DiskFull { file, source },
            _ => WriteError::System { file, source },
        }
    }
}

/// Checks that a file of this name has a place, before any work is done for it.
///
/// # Errors
/// [`WriteError::IsDirectory`]; [`WriteError::NoDirectory`].
pub fn check_place(path: &Path) -> Result<(), WriteError> {
    let missing = path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.is_dir());
    match (path.is_dir(), missing) {
        (true, _) => Err(WriteError::new(path, io::ErrorKind::IsADirectory.into())),
        (_, true) => Err(WriteError::new(path, io::ErrorKind::NotFound.into())),
        _ => Ok(()),
    }
}

/// Makes a directory, and those above it, unless it is there.
///
/// # Errors
/// [`WriteError::Directory`] with the system's reason.
pub fn create_directory(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(|source| WriteError::Directory { directory: path.to_owned(), source })
}

/// Removes a file, if it is there.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A summary that changes when a file, or anything below a directory, changes: the number of files and directories, their
/// length, and the time of the last write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    files: usize,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// What `path` is now; links below it are not followed.
    pub fn of(path: &Path) -> Stamp {
        let mut stamp = Stamp::default();
        if let Ok(metadata) = std::fs::metadata(path) {
            stamp.add(path, &metadata);
        }
        stamp
    }

    fn add(&mut self, path: &Path, metadata: &Metadata) {
        self.files += 1;
        self.length += metadata.len();
        self.modified = self.modified.max(metadata.modified().ok());
        if metadata.is_dir() {
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                if let Ok(metadata) = entry.metadata() {
                    self.add(&entry.path(), &metadata);
                }
            }
        }
    }
}

/// Whether both are names of one file that exists.
pub fn same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// `path` with `.number` before its ending (`.gz` and the ending before it count as one): `out.csv.gz` → `out.2.csv.gz`.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let split = match stem.rfind('.') {
        Some(at) if at > 0 => at,
        _ => stem.len(),
    };
    path.with_file_name(format!("{}.{number}{}", &name[..split], &name[split..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_or_missing_file_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        let missing = Stamp::of(&path);
        fs::write(&path, "one").unwrap();
        let before = Stamp::of(&path);
        assert_eq!(before, Stamp::of(&path));
        fs::write(&path, "longer").unwrap();
        let after = Stamp::of(&path);
        assert!(before != missing && before != after && after != missing);
        // Below a directory, too.
        let below = directory.path().join("one/two");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("b.txt"), "b").unwrap();
        let before = Stamp::of(directory.path());
        assert_eq!(before, Stamp::of(directory.path()));
        fs::write(below.join("b.txt"), "longer").unwrap();
        assert!(before != Stamp::of(directory.path()));
    }

    #[test]
    fn numbers_stand_before_the_ending() {
        let named = |path: &str| numbered(Path::new(path), 2).display().to_string();
        assert_eq!(named("dir.x/out.csv"), "dir.x/out.2.csv");
        assert_eq!(named("out.csv.gz"), "out.2.csv.gz");
        assert_eq!(named("out"), "out.2");
        assert_eq!(named(".hidden"), ".hidden.2");
    }
}
