//! Every way in which a file can be wrong, and what the user is told.

use super::*;

fn message(name: &str, content: &[u8]) -> String {
    let text = fails(name, content).to_string();
    // Without the directory, which is different each time.
    text.rfind(name).map_or(text.clone(), |at| text[at..].to_owned())
}

#[test]
fn files_without_a_table() {
    assert!(matches!(fails("a.csv", b""), Error::EmptyFile { .. }));
    assert!(matches!(fails("a.csv", b"\r\n\n"), Error::EmptyFile { .. }));
    assert!(matches!(fails("a.csv.gz", &gzipped(b"")), Error::EmptyFile { .. }));
    assert!(matches!(fails("a.csv", b"a,b\n"), Error::NoRows { .. }));
    assert!(matches!(fails("a.csv", b"a,b"), Error::NoRows { .. }));
    assert!(matches!(fails("a.csv", b"\0\0\x08\x03\0\0\0\x01"), Error::IdxAsText { .. }));
    let gone = read_to_fit(&Input::File("/none.csv".into()), &ReadOptions::default());
    assert_eq!(gone.unwrap_err().to_string(), "/none.csv: no such file");
    let directory = tempfile::tempdir().unwrap();
    let is_directory = read_to_fit(&Input::File(directory.path().into()), &ReadOptions::default());
    assert!(matches!(is_directory.unwrap_err(), Error::IsDirectory { .. }));
}

#[test]
fn shape_of_the_text() {
    let narrow = message("a.csv", b"a,b\n1,2\n\n\"3\n\",4\n5\n");
    assert_eq!(narrow, "a.csv, line 6: found 1 cells; expected 2, as in the header");
    assert!(matches!(fails("a.csv", b"a,b\n1,2,3\n"), Error::RowWidth { line: 2, found: 3, expected: 2, .. }));
    let open = message("a.csv", b"a,b\n1,\"2\n3,4\n");
    assert_eq!(open, "a.csv, line 2: the quote that opens a cell here is never closed");
    assert!(matches!(fails("a.csv", b"a,b,\n1,2,3\n"), Error::UnnamedColumn { position: 3, line: 1, .. }));
    let headless = fails("a.csv", b"\n0.5,-1\n2,3\n");
    assert!(matches!(headless, Error::NoHeader { line: 2, .. }));
    assert!(matches!(fails("a.csv", b"2001,2002\n1,2,3\n"), Error::RowWidth { .. }), "years are names");
    let twice = message("a.csv", b"\na,b,\" a\"\n1,2,3\n");
    assert_eq!(twice, "a.csv, line 2: columns 1 and 3 are both named \"a\"; names must differ");
}

#[test]
fn text_that_is_not_utf8() {
    let latin1 = fails("a.csv", b"a,b\n1,2\n\xe9,3\n");
    assert!(matches!(latin1, Error::NotUtf8 { line: 3, offset: 8, utf16: false, .. }), "{latin1}");
    let utf16 = fails("a.csv", b"\xff\xfea\0,\0b\0\n\0");
    assert!(matches!(utf16, Error::NotUtf8 { utf16: true, .. }));
}

#[test]
fn broken_gzip() {
    let mut text = String::from("a,b\n");
    for row in 0..20_000 {
        text.push_str(&format!("{},{}\n", row, row * row));
    }
    let whole = gzipped(text.as_bytes());
    for length in [3, 12, whole.len() / 2, whole.len() - 4] {
        assert!(matches!(fails("a.csv.gz", &whole[..length]), Error::TruncatedGzip { .. }), "{length}");
    }
    let mut changed = whole.clone();
    let end = changed.len() - 6;
    changed[end] ^= 1;
    assert!(matches!(fails("a.csv.gz", &changed), Error::BadGzip { .. }));
    assert!(matches!(fails("a.csv.gz", b"a,b\n1,2\n"), Error::BadGzip { .. }));
}

#[test]
fn one_error_for_all_unusable_columns() {
    let content = b"good,text,inf,constant,empty\n1,NA,1,7,\n2,\"cat, dog\",-Infinity,7,NA\n3,b,1e400,7.0,?\n";
    assert_eq!(
        message("a.csv", content),
        "a.csv: 4 of 5 columns cannot be used: \"text\" has text (\"cat, dog\" in line 3 and 1 more, expected numbers); \
         \"inf\" has an infinite value (\"-Infinity\" in line 3); \"constant\" is constant (every observed value is 7); \
         \"empty\" has no observed value"
    );
    let Error::UnusableColumns { usable, chosen, .. } = fails("a.csv", content) else { panic!("other error") };
    assert_eq!((usable, chosen), (names(&["good"]), true));
}

#[test]
fn nothing_observed() {
    assert!(matches!(fails("a.csv", b"a,b\n,NA\n?,\n"), Error::NothingObserved { .. }));
}

#[test]
fn new_data_that_does_not_fit_the_model() {
    let file = TestFile::new("a.csv", b"a,b,c\n1,x,9\n1e999,2,y\n");
    let read =
        |columns: &[&str]| read_for_model(&file.input(), &ReadOptions::default(), &numeric(columns)).unwrap_err();
    let lacking = read(&["a", "d", "e"]).to_string();
    assert!(lacking.contains("the model needs \"d\", \"e\", which the file lacks; the file has \"a\", \"b\", \"c\""));
    let unusable = read(&["b", "a"]).to_string();
    assert!(
        unusable.contains("\"b\" has text (\"x\" in line 2, expected a number); \"a\" has an infinite"),
        "{unusable}"
    );
}
