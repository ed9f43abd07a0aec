//! Tables of more rows than a block: from pipes and to them, in bounded memory.

use std::fmt::Write as _;

use super::support::{Outcome, Place, number, table};

const IMPUTE: &str = "--proposals 2 --statistic draw --seed 3 --quiet";

/// A table of the columns a, b, c of a small model among many others, so that a block has few rows.
fn wide(rows: usize) -> String {
    let names = (0..40).fold(String::new(), |text, n| text + &format!(",other{n}"));
    let mut text = format!("a,b,c{names}\n");
    for (n, line) in table(rows, 1.0, 0.0).lines().skip(1).enumerate() {
        let others = (0..40).fold(String::new(), |text, other| text + if (n + other) % 50 == 0 { ",NA" } else { ",1" });
        writeln!(text, "{line}{others}").unwrap();
    }
    text
}

/// Files and pipes, one thread and two: the same bytes, and the same scores.
#[test]
fn pipes_and_files_agree() {
    let place = Place::with_run();
    let text = wide(6000);
    place.write("wide.csv", &text);
    place.missvae(&format!("impute run wide.csv {IMPUTE} --threads 1 --out done.csv")).ok();
    let done = place.text("done.csv");
    assert_eq!(done.lines().count(), 6001);
    // A small part alone is imputed as it was in the whole.
    place.write("head.csv", text.lines().take(101).map(|line| format!("{line}\n")).collect::<String>());
    place.missvae(&format!("impute run head.csv {IMPUTE} --out head.done.csv")).ok();
    assert!(done.starts_with(&place.text("head.done.csv")));
    for threads in [1, 2] {
        let piped = place.missvae_reading(&text, &format!("impute run - {IMPUTE} --threads {threads} --out -")).ok();
        assert!(piped.stdout == done, "{threads} threads");
        assert!(piped.stderr.contains("120 cells in \"other0\""), "{}", piped.stderr);
    }
    let report = place.missvae_reading(&text, &format!("impute run - {IMPUTE} --draws 2 --json --out two.csv")).json();
    assert_eq!((number(&report, "rows"), number(&report, "cells_imputed")), (6000.0, 2000.0));
    place.missvae(&format!("impute run wide.csv {IMPUTE} --draws 2 --out again.csv")).ok();
    for draw in ["1", "2"] {
        assert!(place.read(&format!("two.{draw}.csv")) == place.read(&format!("again.{draw}.csv")));
    }
    place.missvae_reading(&text, &format!("impute run - {IMPUTE} --out done.npy")).ok();
    assert_eq!(place.read("done.npy").len(), 128 + 6000 * 3 * 8);

    let score = "--likelihood iwelbo --importance-samples 3 --json";
    let of_file = place.missvae(&format!("evaluate run wide.csv {score} --threads 1 --out rows.csv")).json();
    let of_pipe = place.missvae_reading(&text, &format!("evaluate run - {score} --threads 2 --out rows.csv")).json();
    assert_eq!(of_file, of_pipe);
    let rows = super::support::rows(&place.text("rows.csv"));
    assert_eq!((rows.len(), rows[5999][0]), (6000, 6000.0));
    let mean = rows.iter().map(|row| row[1]).sum::<f64>() / 6000.0;
    assert_eq!(mean, number(&of_file, "log_likelihood"));
}

/// A bad row after the first block: files stay as they were; on standard output are the rows before, and the message says how
/// many. Of a file all is looked at before the first row is written.
#[test]
fn a_bad_row_in_a_later_block() {
    let place = Place::with_run();
    let text = wide(6000);
    let with = |line: &str| {
        text.lines().enumerate().fold(String::new(), |text, (n, old)| text + if n == 5500 { line } else { old } + "\n")
    };
    let others = ",1".repeat(40);
    let spoilt = with(&format!("x,1,2{others}"));
    place.write("spoilt.csv", &spoilt);
    let words = ["\"a\" has text (\"x\" in line 5501"];
    for out in ["--out done.csv", "--out done.csv --draws 2", "--out -"] {
        place.refuses(&format!("impute run spoilt.csv {IMPUTE} {out}"), 2, &words);
    }
    let before = place.snapshot();
    let score = "evaluate run - --likelihood iwelbo --importance-samples 3 --out rows.csv";
    for command in [score, &format!("impute run - {IMPUTE} --out done.csv --draws 2")] {
        place.missvae_reading(&spoilt, command).fails(2, &words);
        assert!(before == place.snapshot(), "{command}");
    }
    place.missvae_reading(&text, &format!("impute run - {IMPUTE} --out done.csv")).ok();
    let done = place.text("done.csv");
    let written = "the completed rows before it are written: 5120";
    // A text, a row of another width, and a number that is too large.
    for (text, word) in [
        (&spoilt, words[0]),
        (&with("x,1,2"), "line 5501: found 3 cells; expected 43"),
        (&with(&format!("1,1e300,2{others}")), "row 5500, column \"b\""),
    ] {
        let Outcome { status, stdout, stderr } = place.missvae_reading(text, &format!("impute run - {IMPUTE} --out -"));
        assert_eq!(stdout.lines().count(), 5121);
        assert!(done.starts_with(&stdout));
        Outcome { status, stdout: String::new(), stderr }.fails(2, &[word, written]);
    }
}

/// A signal ends the program while it waits for rows or for a reader, and leaves nothing.
#[cfg(unix)]
#[test]
fn a_signal_while_rows_come() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    let place = Place::with_run();
    let before = place.snapshot();
    let text = wide(3500);
    for command in [
        format!("impute run - {IMPUTE} --out done.csv --draws 3"),
        format!("impute run - {IMPUTE} --out -"),
        "evaluate run - --likelihood iwelbo --importance-samples 3 --out rows.csv --quiet".to_owned(),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_missvae"))
            .args(command.split_whitespace())
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        // Longer than what a pipe holds, so some of it was read: signals are listened to.
        assert!(text.len() > 3 << 16);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{command}");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("missvae: interrupted"), "{said}");
        assert!(before == place.snapshot(), "{command}");
    }
}

/// Whoever reads the first rows only, closes the pipe: the program ends, and says nothing of it.
#[cfg(unix)]
#[test]
fn a_reader_of_few_rows() {
    let place = Place::with_run();
    place.write("wide.csv", wide(6000));
    let script = format!(
        "(\"{}\" impute run wide.csv {IMPUTE} --out -; echo \"status $?\" >&2) | head -n 2 > two.csv",
        env!("CARGO_BIN_EXE_missvae")
    );
    let outcome = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    let said = String::from_utf8(outcome.stderr).unwrap();
    assert!(said.contains("status 0") && !said.contains("missvae:"), "{said}");
    assert_eq!(place.text("two.csv").lines().count(), 2);
}
