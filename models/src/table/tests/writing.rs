//! Completed text: everything but the missing cells comes back byte for byte.

use std::io::Read;

use super::*;

#[test]
fn only_missing_cells_change() {
    let cases: [(&[u8], &[u8]); 9] = [
        (b"a,b\n1,NA\n,2\n", b"a,b\n1,0.5\n0.5,2\n"),
        // CRLF, a blank line, no final line end.
        (b"a,b\r\n1.50,NA\r\n\r\n?,+2e0", b"a,b\r\n1.50,0.5\r\n\r\n0.5,+2e0"),
        // A byte-order mark, quotes, blanks.
        (b"\xef\xbb\xbf\"a\", b \n\"1\", 02 \n\"NA\",  \n", b"\xef\xbb\xbf\"a\", b \n\"1\", 02 \n0.5,0.5\n"),
        // Untouched columns with quotes, delimiters and line ends inside; their missing cells stay.
        (
            b"s,a,\"t \"\"u\"\"\",b\n\"x, \"\"y\"\"\r\nz\",1,NA,\n,NA,\"\",3\n",
            b"s,a,\"t \"\"u\"\"\",b\n\"x, \"\"y\"\"\r\nz\",1,NA,0.5\n,0.5,\"\",3\n",
        ),
        // A missing cell at the very end.
        (b"a,b\n1,", b"a,b\n1,0.5"),
        // Mixed line ends; a lone carriage return.
        (b"b,a\r1,NA\n2,3\r\nNaN,4", b"b,a\r1,0.5\n2,3\r\n0.5,4"),
        // Blank lines before the header and at the end; duplicates elsewhere.
        (b"\n\na,b,x,x,\nnull,1,2,3,4\n\n\n", b"\n\na,b,x,x,\n0.5,1,2,3,4\n\n\n"),
        // Nothing missing.
        (b"a,b\n1,2\n", b"a,b\n1,2\n"),
        // Numbers that only the text holds exactly.
        (
            b"a,b\n0.1000000000000000055511151231257827,-0\n9007199254740993,NULL\n",
            b"a,b\n0.1000000000000000055511151231257827,-0\n9007199254740993,0.5\n",
        ),
    ];
    for (content, expected) in cases {
        let file = TestFile::new("in.csv", content);
        let result = completed(&file, &["b", "a"], "out.csv");
        assert_eq!(String::from_utf8_lossy(&result), String::from_utf8_lossy(expected));
    }
}

#[test]
fn random_tables_come_back() {
    let cells = ["1", " 2.50", "\"3\"", "NA", "", "\"\"", " ? ", "1e3 ", "\"NA\""];
    let others = ["x", "\"a,b\"", "\"\n\"", "\"\"\"\"", "", "é", " \"", "NA"];
    let ends = ["\n", "\r\n", "\n\n", "\r"];
    let mut state = 7_u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for _ in 0..300 {
        let (mut content, mut expected) = (String::from("a,o,b\n"), String::from("a,o,b\n"));
        for _ in 0..1 + random(8) {
            let other = others[random(others.len())];
            let end = ends[random(ends.len())];
            for (text, after) in [(None, ","), (Some(other), ","), (None, end)] {
                let cell = text.unwrap_or_else(|| cells[random(cells.len())]);
                let missing = text.is_none() && !cell.contains(['1', '2', '3']);
                content += cell;
                expected += if missing { "0.5" } else { cell };
                content += after;
                expected += after;
            }
        }
        let file = TestFile::new("in.csv", content.as_bytes());
        assert_eq!(String::from_utf8(completed(&file, &["a", "b"], "out.csv")).unwrap(), expected);
    }
}

#[test]
fn the_ending_decides() {
    let file = TestFile::new("in.tsv", b"a\tb\ts\r\nNA\t2\tx, \"y\"\r\n1\t\"2\"\tz\r\n");
    let unzip = |bytes: &[u8]| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(completed(&file, &["a", "b"], "o.tsv"), b"a\tb\ts\r\n0.5\t2\tx, \"y\"\r\n1\t\"2\"\tz\r\n");
    let commas = "a,b,s\r\n0.5,2,\"x, \"\"y\"\"\"\r\n1,\"2\",z\r\n";
    assert_eq!(completed(&file, &["a", "b"], "o.csv"), commas.as_bytes());
    assert_eq!(unzip(&completed(&file, &["a", "b"], "o.csv.gz")), commas);
    let error = CompletedFile::create(&file.beside("o.xlsx")).err().unwrap();
    assert!(matches!(error, Error::OutputFormat { .. }));
}

#[test]
fn a_compressed_file_comes_back_too() {
    let file = TestFile::new("in.csv.gz", &gzipped(b"a,b\r\n1,NA\r\n"));
    assert_eq!(completed(&file, &["a", "b"], "o.csv"), b"a,b\r\n1,0.5\r\n");
}

#[test]
fn imputed_numbers_are_short() {
    let file = TestFile::new("in.csv", b"a\nNA\n");
    assert_eq!(completed_in(BlockSize::WHOLE, &file, &["a"], "o.csv", 0.1), b"a\n0.1\n");
}

#[test]
fn plain_tables() {
    let file = TestFile::new("x", b"");
    let path = file.beside("o.csv");
    write_numbers(&path, &names(&["a, \"b\"", "c"]), &[1.0, 0.3, f64::NAN, 2e-9]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"a, \"\"b\"\"\",c\n1,0.3\nNaN,2e-9\n");
    let table = read_for_model(&Input::File(path), &ReadOptions::default(), &numeric(&["a, \"b\"", "c"])).unwrap();
    assert_eq!(table.rows(), 2);
    let path = file.beside("o.npy");
    write_numbers(&path, &names(&["a", "b"]), &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!(shown(&Input::File(path).read()), "[1.0, 2.0][3.0, 4.0]");
}

impl Input {
    fn read(&self) -> Table {
        read_to_fit(self, &ReadOptions::default()).unwrap().table
    }
}
