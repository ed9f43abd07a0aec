//! Running the program in a directory of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_missvae");
/// A small network: most of these tests are not about its size.
pub(crate) const SMALL: [&str; 4] = ["--hidden", "8", "--blocks", "1"];

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The outcome of a process that must have ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:?}");
        self
    }

    /// The one JSON object on standard output of a process that must have ended well.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let outcome = self.ok();
        let value: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
        assert!(value.is_object() && outcome.stdout.ends_with("}\n"), "{outcome:?}");
        assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
        value
    }

    /// Checks that this is a failure told in one line, and maybe a hint, holding all of `words`.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines[0].starts_with("missvae: "), "{self:?}");
        assert!(lines.len() == 1 || lines.len() == 2 && lines[1].starts_with("hint: "), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not said: {self:?}");
        }
        for word in ["panicked", "unwrap", "backtrace", "RUST_"] {
            assert!(!self.stderr.contains(word), "{self:?}");
        }
    }
}

/// A directory that the program works in, removed in the end.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// The program, with arguments separated by blanks.
    pub(crate) fn missvae(&self, arguments: &str) -> Outcome {
        self.run(arguments.split_whitespace())
    }

    /// The program.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        outcome(self.command(PROGRAM).args(arguments))
    }

    /// The program, with arguments separated by blanks, reading `input`.
    pub(crate) fn missvae_reading(&self, input: &str, arguments: &str) -> Outcome {
        outcome(self.command(PROGRAM).args(arguments.split_whitespace()).write_stdin(input))
    }

    /// The program, where no file may become longer than `blocks` of 512 bytes: a disk that fills up.
    #[cfg(unix)]
    pub(crate) fn missvae_on_full_disk(&self, blocks: usize, arguments: &str) -> Outcome {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        outcome(self.command("sh").args(["-c", &script, PROGRAM]).args(arguments.split_whitespace()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path());
        command
    }

    /// A small model of a small table: files `table.csv` and the directory `run`.
    pub(crate) fn with_run() -> Self {
        let place = Place::new();
        place.write("table.csv", table(40, 1.0, 0.0));
        place.missvae(&format!("train table.csv --epochs 3 {} --quiet --out run", SMALL.join(" "))).ok();
        place
    }

    /// Every file and directory in here, with its content.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.path().to_owned()];
        while let Some(directory) = todo.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let is_directory = path.is_dir() && !path.is_symlink();
                found.insert(path.clone(), path.is_file().then(|| fs::read(&path).unwrap()));
                todo.extend(is_directory.then_some(path));
            }
        }
        found
    }

    /// Runs the program, which must fail so and change no file.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &str, status: i32, words: &[&str]) {
        let before = self.snapshot();
        self.missvae(arguments).fails(status, words);
        assert_eq!(changed(&before, &self.snapshot()), [""; 0], "`missvae {arguments}` left something");
    }
}

fn changed(before: &BTreeMap<PathBuf, Option<Vec<u8>>>, after: &BTreeMap<PathBuf, Option<Vec<u8>>>) -> Vec<String> {
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    paths.filter(|path| before.get(*path) != after.get(*path)).map(|path| path.display().to_string()).collect()
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Numbers that look random, the same ones always (a 64-bit linear congruential generator): from 0 to 1.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A table with columns a, b and c that hang together, every ninth cell missing, the numbers given by `factor` and `shift`.
pub(crate) fn table(rows: usize, factor: f64, shift: f64) -> String {
    let mut numbers = Numbers(7);
    let mut text = String::from("a,b,c\n");
    for row in 0..rows {
        let x = numbers.next() * 4.0 - 2.0;
        let y = [x + 0.3 * numbers.next(), x * x + 0.3 * numbers.next(), 0.2 * numbers.next() - x];
        let cells = y.iter().enumerate().map(|(d, y)| match (3 * row + d) % 9 {
            4 => String::new(),
            _ => format!("{}", y * factor + shift),
        });
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// A file of tensors with a description under the program's key, as safetensors lays it out.
pub(crate) fn safetensors(metadata: &str) -> Vec<u8> {
    let header = format!(r#"{{{metadata}"x":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&1.0f32.to_le_bytes());
    bytes
}

/// `arguments` and the options of a small model.
pub(super) fn small(arguments: &str) -> String {
    format!("{arguments} {}", SMALL.join(" "))
}

#[track_caller]
pub(super) fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

/// Rows of numbers below a header.
pub(super) fn rows(text: &str) -> Vec<Vec<f64>> {
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect()
}
