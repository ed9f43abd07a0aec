//! Texts with other separators and decimal marks.

use std::sync::{Arc, Mutex};

use super::*;

/// A file whose rows do not all have the same number of commas.
const GERMAN: &str = "\u{feff}a;\"b\";note\r\n1,50;NA;\"x;y\"\r\n;-2,5e1;3,5 kg\r\n3;4;a, b\r\n";

fn numbers(name: &str, text: &str, options: &ReadOptions) -> Result<String> {
    let file = TestFile::new(name, text.as_bytes());
    read_for_model(&file.input(), options, &numeric(&["a", "b"])).map(|table| shown(&table))
}

#[test]
fn one_table_in_all_dialects() {
    let expected = "[1.5, NaN][NaN, -25.0][3.0, 4.0]";
    let with = |separator: &str, comma: bool| {
        let text = ["a,b,c", "1.50,NA,1", ",-2.5e1,2", "3,4,3", ""].join("\n").replace(',', separator);
        if comma { text.replace('.', ",") } else { text }
    };
    for name in ["a.csv", "a.tsv", "a"] {
        for separator in [";", "\t", "|"] {
            for comma in [true, false] {
                let text = with(separator, comma);
                assert_eq!(numbers(name, &text, &ReadOptions::new()).unwrap(), expected, "{name} {text:?}");
            }
        }
        assert_eq!(numbers(name, &with(",", false), &ReadOptions::new()).unwrap(), expected);
    }
    assert_eq!(numbers("a.csv", GERMAN, &ReadOptions::new()).unwrap(), expected);
}

#[test]
fn what_is_told() {
    let heard = |name: &str, text: &str, options: ReadOptions| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let ear = told.clone();
        let options = options.on_dialect(move |_, dialect| ear.lock().unwrap().push(dialect.to_string()));
        numbers(name, text, &options).unwrap();
        told.lock().unwrap().clone()
    };
    let said = "cells are separated by semicolons, and decimals have commas";
    assert_eq!(heard("a.csv", GERMAN, ReadOptions::new()), [said]);
    assert_eq!(heard("a.csv", GERMAN, ReadOptions::new().separator(Separator::Semicolon)), [said]);
    let given = ReadOptions::new().separator(Separator::Semicolon).decimal(Decimal::Comma);
    assert_eq!(heard("a.csv", GERMAN, given), [""; 0]);
    assert_eq!(heard("a.tsv", "a\tb\n1.5\t2\n3\t4\n", ReadOptions::new()), [""; 0]);
    assert_eq!(heard("a.csv", "a,b\n1.5,2\n3,4\n", ReadOptions::new()), [""; 0]);
}

#[test]
fn what_is_given_wins() {
    let comma = ReadOptions::new().decimal(Decimal::Comma);
    let quoted = "a,b\n\"1,5\",NA\n3,\"4,25\"\n";
    assert_eq!(numbers("a.csv", quoted, &comma).unwrap(), "[1.5, NaN][3.0, 4.25]");
    assert!(matches!(numbers("a.csv", quoted, &ReadOptions::new()), Err(Error::UnusableColumns { .. })));
    let bars = ReadOptions::new().separator(Separator::Bar);
    assert_eq!(numbers("a.csv", "a|b\n1|2\n", &bars).unwrap(), "[1.0, 2.0]");
    assert!(matches!(numbers("a.csv", "a,b\n1,2\n", &bars), Err(Error::MissingColumns { .. })));
    let array = TestFile::new("a.npy", b"");
    array_file(&array);
    let error = read_to_fit(&array.input(), &bars).unwrap_err();
    assert!(matches!(error, Error::SeparatorWithoutText { .. }), "{error}");
}

fn array_file(file: &TestFile) {
    array(&file.path, &[2, 2], &[1.0, 2.0, 3.0, 4.0], npyz::Order::C);
}

#[test]
fn doubts_are_errors() {
    let text = "a;b\n1,5;2,5\n3,5;4\n";
    let error = numbers("a.csv", text, &ReadOptions::new()).unwrap_err();
    assert!(matches!(error, Error::AmbiguousSeparator { separators: [Separator::Semicolon, Separator::Comma], .. }));
    assert!(
        error.to_string().ends_with(
            "its rows hold semicolons and commas, and cells may be separated by either; expected a text that shows by which"
        ),
        "{error}"
    );
    let given = ReadOptions::new().separator(Separator::Semicolon);
    assert_eq!(numbers("a.csv", text, &given).unwrap(), "[1.5, 2.5][3.5, 4.0]");
    // Numbers with both marks, and with marks of thousands, are not guessed at.
    for text in ["a;b;c\n1,5;2.5;\n3;4;\n", "a;b;c\n1,234;2;\n3;4;\n", "a;b;c\n1,5;2,5;\n1.234,5;4;\n"] {
        let error = numbers("a.csv", text, &ReadOptions::new()).unwrap_err();
        assert!(matches!(error, Error::UnusableColumns { .. }), "{error}");
    }
}

/// Numbers with the other decimal mark are no categories, however often each occurs.
#[test]
fn the_other_mark_makes_no_levels() {
    let often = |row: &str| format!("a;b;c\n{}", row.repeat(30));
    let typed = ReadOptions::new().typed(true);
    let comma = typed.clone().decimal(Decimal::Comma);
    for (row, options) in [("1,5;2;1\n2.5;3;2\n", typed), ("1;2,5;1\n2,5;3,25;2\n4;3.5;1\n", comma)] {
        let file = TestFile::new("a.csv", often(row).as_bytes());
        let error = read_to_fit(&file.input(), &options).unwrap_err();
        assert!(matches!(error, Error::UnusableColumns { .. }), "{error}");
    }
}

#[test]
fn missing_values_have_either_mark() {
    let text = "a;b;c\n-9,50;1;\n2,5;-9,5;\n1;1;\n";
    for missing in ["-9.5", "-9,5"] {
        let options = ReadOptions::new().missing_values([missing]);
        assert_eq!(numbers("a.csv", text, &options).unwrap(), "[NaN, 1.0][2.5, NaN][1.0, 1.0]");
    }
}

#[test]
fn only_missing_cells_change() {
    let expected = GERMAN.replace("NA", "0,5").replace("\n;", "\n0,5;");
    let completed = |name: &str, text: &str, out: &str| {
        String::from_utf8(completed(&TestFile::new(name, text.as_bytes()), &["b", "a"], out)).unwrap()
    };
    assert_eq!(completed("in.csv", GERMAN, "o.csv"), expected);
    assert_eq!(completed("in", GERMAN, "o.csv"), expected);
    // Another ending means another separator, and no commas around decimal commas.
    let tabs = "\u{feff}a\t\"b\"\tnote\r\n1,50\t0,5\t\"x;y\"\r\n0,5\t-2,5e1\t3,5 kg\r\n3\t4\ta, b\r\n";
    assert_eq!(completed("in.csv", GERMAN, "o.tsv"), tabs);
    assert_eq!(completed("in.tsv", tabs, "o.csv"), expected);
    assert_eq!(completed("in.tsv", "a|b\n1.5|\n", "o.tsv"), "a|b\n1.5|0.5\n");
    assert_eq!(completed("in.csv", "a\tb\n1.5\t\n", "o.csv"), "a\tb\n1.5\t0.5\n");
    assert_eq!(completed("in.tsv", "a|b\n1.5|\n", "o.csv"), "a,b\n1.5,0.5\n");
    // Where commas separate, a filled number with a comma is quoted.
    let file = TestFile::new("in.csv", b"a,b\n\"1,5\",NA\n2,\"0,25\"\n");
    let options = ReadOptions::new().decimal(Decimal::Comma);
    let (input, columns) = (file.input(), numeric(&["a", "b"]));
    let mut blocks = Blocks::of_model(&input, &options, &columns, BlockSize::WHOLE, true).unwrap();
    let Block { table, source, .. } = blocks.next_block().unwrap().unwrap();
    let path = file.beside("o.csv");
    let mut written = CompletedFile::create(&path).unwrap();
    written.write(&source, &table, &[0.0, 0.75, 0.0, 0.0]).unwrap();
    written.finish().unwrap().commit().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "a,b\n\"1,5\",\"0,75\"\n2,\"0,25\"\n");
    // Standard output is CSV.
    let mut out = Vec::new();
    print_completed(&mut out, &source, &table, &[0.0, 0.75, 0.0, 0.0]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "a,b\n\"1,5\",\"0,75\"\n2,\"0,25\"\n");
}

#[test]
fn cells_beside_the_models_are_read_alike() {
    let file = TestFile::new("a.csv", b"a;b;c\n1,5;2;-9,5\n2;3;NA\n");
    let options = ReadOptions::new().missing_values(["-9.5"]);
    let (input, columns) = (file.input(), numeric(&["a", "b"]));
    let mut blocks = Blocks::of_model(&input, &options, &columns, BlockSize::WHOLE, true).unwrap();
    while blocks.next_block().unwrap().is_some() {}
    assert_eq!(blocks.missing_elsewhere(), [("c".to_owned(), 2)]);
}

#[test]
fn a_description_says_how_a_text_is_written() {
    let described = |name: &str, text: &str| {
        let file = TestFile::new(name, text.as_bytes());
        let description = describe(&file.input(), &ReadOptions::new()).unwrap();
        serde_json::to_value(&description).unwrap()
    };
    let german = described("a.csv", GERMAN);
    assert_eq!((&german["separator"], &german["decimal"]), (&";".into(), &",".into()));
    assert_eq!(german["columns"][0]["mean"], 2.25);
    assert_eq!(described("a.tsv", "a\tb\n1\t2\n")["separator"], "tab");
}

/// What is behind the window changes nothing silently.
#[test]
fn the_end_of_a_long_text() {
    let long = |end: &str| format!("a;b\n{}{end}\n", "1;2\n".repeat(70_000));
    assert_eq!(numbers("a.csv", &long("3;4"), &ReadOptions::new()).unwrap().matches('[').count(), 70_001);
    assert!(matches!(numbers("a.csv", &long("3;4,5"), &ReadOptions::new()), Err(Error::UnusableColumns { .. })));
    assert!(matches!(numbers("a.csv", &long("3"), &ReadOptions::new()), Err(Error::RowWidth { line: 70_002, .. })));
}
