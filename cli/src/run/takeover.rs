//! A run that replaces another: its files stand apart until it has a checkpoint, and then take the others' place.
//!
//! They are written to a directory inside the run's. A rename of that directory, which happens or does not, decides that the
//! new run is the one that counts. Then each file moves to its place. Whoever finds the renamed directory reads the files that
//! are still in it first, and the next process that locks the run moves them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use missvae::files::{remove_if_there, sync_directory as sync};

use super::{Run, system};
use crate::failure::Result;

/// Where the files of a run stand that has no checkpoint yet.
const APART: &str = ".new";
/// Where they stand once they count.
const COUNTS: &str = ".complete";
/// The file that moves first.
const FIRST: &str = "config.toml";
/// The other files that every run with a checkpoint has.
const OTHERS: [&str; 3] = ["model.safetensors", "checkpoint.safetensors", "metrics.jsonl"];
/// Files that a run may not have.
const OPTIONAL: [&str; 3] = ["summary.json", "recipe.json", "evaluation.json"];
/// All of them, in the order in which they move.
const NAMES: [&str; 7] = [FIRST, OTHERS[0], OTHERS[1], OTHERS[2], OPTIONAL[0], OPTIONAL[1], OPTIONAL[2]];

impl Run {
    /// A directory in a place where a run has a file, which could not take the place.
    pub(super) fn directory_in_the_way(path: &Path) -> Option<PathBuf> {
        NAMES.into_iter().map(|name| path.join(name)).find(|file| file.is_dir() && !file.is_symlink())
    }

    /// Where a file of this run is, or will be written.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        if self.stands_apart() {
            return self.path.join(APART).join(name);
        }
        let counts = self.path.join(COUNTS).join(name);
        if counts.exists() { counts } else { self.path.join(name) }
    }

    /// Whether the files of this run stand apart from those of the run that it is to replace.
    pub(crate) fn stands_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }

    /// Removes what a process left that was killed before its run had a checkpoint.
    pub(super) fn clear_apart(&self) -> Result<()> {
        let apart = self.path.join(APART);
        remove_directory(&apart).map_err(|error| system(&apart, error))
    }

    /// Makes room for the files of this run.
    pub(super) fn stand_apart(&self) -> Result<()> {
        let apart = self.path.join(APART);
        fs::create_dir(&apart).map_err(|error| system(&apart, error))?;
        self.apart.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives up what stands apart: the run that was to be replaced stays as it is.
    pub(crate) fn give_up(&self) {
        if self.apart.swap(false, Ordering::Relaxed) {
            // What stays is removed by the next run that is to replace this one.
            let _ = remove_directory(&self.path.join(APART));
        }
    }

    /// Lets this run, which has a checkpoint now, replace the one that was there.
    pub(crate) fn take_over(&self) -> Result<()> {
        if !self.stands_apart() {
            return Ok(());
        }
        let (apart, counts) = (self.path.join(APART), self.path.join(COUNTS));
        sync(&apart).and_then(|()| fs::rename(&apart, &counts)).map_err(|error| system(&apart, error))?;
        self.apart.store(false, Ordering::Relaxed);
        self.settle()
    }

    /// Moves the files of a run that counts to their places, as far as that was not done.
    pub(super) fn settle(&self) -> Result<()> {
        let counts = self.path.join(COUNTS);
        if !counts.is_dir() {
            return Ok(());
        }
        self.settle_from(&counts).map_err(|error| system(&counts, error))
    }

    fn settle_from(&self, counts: &Path) -> io::Result<()> {
        sync(&self.path)?;
        // As long as the first file has not moved, nothing has, and what is not here belongs to the old run.
        if counts.join(FIRST).exists() {
            let absent = OPTIONAL.into_iter().filter(|name| !counts.join(name).exists());
            absent.map(|name| self.path.join(name)).try_for_each(|file| remove_if_there(&file))?;
        }
        for name in NAMES {
            let from = counts.join(name);
            if from.exists() {
                fs::rename(&from, self.path.join(name))?;
            }
        }
        sync(&self.path)?;
        remove_directory(counts)
    }
}

/// Removes a directory and what is in it, if it is there.
fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process may end after any of the moves: the next one makes the same of it, and readers see the new run throughout.
    #[test]
    fn a_takeover_that_ends_anywhere() {
        for moved in 0..=5 {
            let directory = tempfile::tempdir().unwrap();
            NAMES.iter().for_each(|name| fs::write(directory.path().join(name), "old").unwrap());
            let run = Run::create(directory.path(), true).unwrap();
            let _lock = run.lock().unwrap();
            assert!(run.stands_apart());
            // The new run has a recipe, but neither a summary nor a score.
            let new = [FIRST, OTHERS[0], OTHERS[1], OTHERS[2], "recipe.json"];
            new.iter().for_each(|name| fs::write(run.file(name), "new").unwrap());
            assert!(NAMES.iter().all(|name| fs::read(directory.path().join(name)).unwrap() == b"old"));

            let counts = directory.path().join(COUNTS);
            fs::rename(directory.path().join(APART), &counts).unwrap();
            if moved > 0 {
                for name in ["summary.json", "evaluation.json"] {
                    fs::remove_file(directory.path().join(name)).unwrap();
                }
            }
            for name in &new[..moved] {
                fs::rename(counts.join(name), directory.path().join(name)).unwrap();
            }
            let reader = Run::open(directory.path()).unwrap();
            assert!(new.iter().all(|name| fs::read(reader.file(name)).unwrap() == b"new"), "{moved} moved");
            reader.settle().unwrap();
            assert!(new.iter().all(|name| fs::read(directory.path().join(name)).unwrap() == b"new"), "{moved} moved");
            let left: Vec<_> =
                fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left.len(), new.len(), "{moved} moved: {left:?}");
        }
    }

    #[test]
    fn what_is_given_up_leaves_the_old_run() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FIRST), "old").unwrap();
        let run = Run::create(directory.path(), true).unwrap();
        let _lock = run.lock().unwrap();
        fs::write(run.config(), "new").unwrap();
        run.give_up();
        assert_eq!(fs::read(run.config()).unwrap(), b"old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        run.take_over().unwrap();
        assert_eq!(fs::read(run.config()).unwrap(), b"old");
    }
}
