//! What a fuzz target does with the bytes it is given: it has a reader read them, and looks at what the reader says.

use std::fs;
use std::path::{Path, PathBuf};

use missvae::Table;
use missvae::config::Options;
use missvae::prepare::TrainingRows;
use missvae::store;
use tempfile::TempDir;

/// The longest message, in bytes.
const LONGEST: usize = 1500;
/// The largest table whose columns are looked at too, in cells.
const LARGEST: usize = 10_000;

/// A directory for the files of this process.
pub struct Place(TempDir);

impl Default for Place {
    fn default() -> Self {
        // In memory, where there is such a place: a file is written for each input.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Place(place.expect("a temporary directory can be made"))
    }
}

impl Place {
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a temporary file can be written");
        path
    }

    /// Reads a table from a file of this name; what was read is prepared for training.
    pub fn table(&self, name: &str, bytes: &[u8]) {
        self.read(&self.file(name, bytes));
    }

    /// Reads a directory that holds one PNG image.
    pub fn image(&self, bytes: &[u8]) {
        self.file("image.png", bytes);
        self.read(self.0.path());
    }

    fn read(&self, path: &Path) {
        match Table::read(path) {
            Ok(table) if table.rows() * table.width() <= LARGEST => {
                told(TrainingRows::of_table("the table", table, &Options::default()).map(|rows| {
                    rows.warnings.iter().for_each(|warning| check(&warning.to_string()));
                }));
            }
            read => told(read.map(drop)),
        }
    }

    /// Reads a model.
    pub fn model(&self, bytes: &[u8]) {
        told(store::load_model(&self.file("model.safetensors", bytes)).map(drop));
    }

    /// Reads a checkpoint.
    pub fn checkpoint(&self, bytes: &[u8]) {
        told(store::load_checkpoint(&self.file("checkpoint.safetensors", bytes)).map(drop));
    }
}

/// Reads a configuration, and resolves it for a table.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Options::from_toml(text) {
        Ok(options) => {
            let options = options.with_preset();
            // Rows of images have as many columns as there are pixels: who reads them sees to that.
            let columns =
                options.image_size.map_or(Some(6), |size| size.checked_mul(size).filter(|area| *area <= 1 << 20));
            columns.into_iter().for_each(|columns| told(options.clone().resolve(100, columns).map(drop)));
        }
        Err(error) => check(&error.to_string()),
    }
}

/// A message is a short line, whatever was read.
fn told<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        check(&error.to_string());
    }
}

fn check(message: &str) {
    assert!(message.len() <= LONGEST, "a message of {} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "a message that is not one line: {message:?}");
}
