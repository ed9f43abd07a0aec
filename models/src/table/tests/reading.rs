//! What is read from text.

use super::*;

#[test]
fn the_bundled_table_has_its_measurements() {
    let table = read_to_fit(&Input::Bundled, &ReadOptions::default()).unwrap().table;
    assert_eq!((table.rows(), table.width()), (344, 6));
    assert_eq!((table.missing_cells(), &Table::penguins()), (35, &table));
    assert_eq!(table.columns()[0], "Culmen Length (mm)");
    assert_eq!(&table.row(0)[..4], [39.1, 18.7, 181.0, 3750.0]);
    assert!(!table.observed(0, 4) && table.observed(0, 0));
    let empty = (0..table.rows()).filter(|&row| table.row(row).iter().all(|value| value.is_nan()));
    assert_eq!(empty.collect::<Vec<_>>(), [3, 271]);
    assert_eq!(table.mask().iter().filter(|observed| !**observed).count(), table.missing_cells());
    let ignore = ReadOptions::new().ignore_columns(["Body Mass (g)"]);
    assert_eq!(read_to_fit(&Input::Bundled, &ignore).unwrap().table.width(), 5);
}

#[test]
fn text_in_all_its_forms() {
    let expected = "[1.0, NaN, 3.0][NaN, 5.0, 6.5]";
    let forms: [(&str, &[u8]); 7] = [
        ("a.csv", b"a,b,c\n1,NA,3\n?,5,6.5\n"),
        ("a.csv", b"\xef\xbb\xbfa,\"b\",c\r\n1,, 3 \r\n\r\nnull,\"5\",6.5"),
        ("a.csv", b"\n a , b ,c\r1,nan,3\r\"NA\", 5,6.5\r"),
        ("a.tsv", b"a\tb\tc\n1\t \t3\n\t5\t6.5\n"),
        ("a.csv.gz", &gzipped(b"a,b,c\n1,NA,3\n?,5,6.5\n")),
        ("a.csv.gz", &[gzipped(b"a,b,c\n1,NA,"), gzipped(b"3\n?,5,6.5\n")].concat()),
        ("a", b"a,b,c\n1,NA,3\n?,5,6.5\n"),
    ];
    for (name, content) in forms {
        let file = TestFile::new(name, content);
        let table = read_for_model(&file.input(), &ReadOptions::default(), &numeric(&["a", "b", "c"])).unwrap();
        assert_eq!(shown(&table), expected, "{name}");
    }
}

#[test]
fn columns_are_chosen_and_ordered() {
    let file = TestFile::new("a.csv", b"id,b,a,s\nq,1,2,x\nr,3,4,y\n");
    let selection = ReadOptions::new().columns(["a", "b"]);
    let table = read_to_fit(&file.input(), &selection).unwrap().table;
    assert_eq!((table.columns(), shown(&table).as_str()), (&names(&["b", "a"])[..], "[1.0, 2.0][3.0, 4.0]"));
    let table = read_for_model(&file.input(), &ReadOptions::default(), &numeric(&["a", "b"])).unwrap();
    assert_eq!((table.columns(), shown(&table).as_str()), (&names(&["a", "b"])[..], "[2.0, 1.0][4.0, 3.0]"));
}

#[test]
fn new_data_may_be_constant_or_missing() {
    let file = TestFile::new("a.csv", b"a,b,a2,a2,\n1,,x,1,\n1,NA,y,2,\n");
    let table = read_for_model(&file.input(), &ReadOptions::default(), &numeric(&["b", "a"])).unwrap();
    assert_eq!(shown(&table), "[NaN, 1.0][NaN, 1.0]");
}

#[test]
fn unnamed_and_duplicate_columns_do_not_matter_unless_chosen() {
    let file = TestFile::new("a.csv", b",a,b,b\nr1,1,2,3\nr2,2,3,4\n");
    let pick = |column: &str| ReadOptions::new().columns([column]);
    assert_eq!(read_to_fit(&file.input(), &pick("a")).unwrap().table.rows(), 2);
    let error = read_to_fit(&file.input(), &pick("b")).unwrap_err();
    assert!(matches!(error, Error::DuplicateColumn { first: 3, second: 4, .. }));
}

#[test]
fn extra_missing_values() {
    let file = TestFile::new("a.csv", b"a\n1\n-999.0\nnone\n2\n");
    let options = ReadOptions::new().missing_values(["-999", "none"]);
    let table = read_to_fit(&file.input(), &options).unwrap().table;
    assert_eq!(shown(&table), "[1.0][NaN][NaN][2.0]");
}

#[test]
fn a_large_table_keeps_only_its_numbers() {
    let mut text = String::from("a,b\n");
    for row in 0..50_000 {
        text.push_str(&format!("{row},{}\n", if row % 3 == 0 { "NA".into() } else { (row as f64 / 7.0).to_string() }));
    }
    let table = TestFile::new("a.csv", text.as_bytes()).to_fit().unwrap();
    assert_eq!((table.rows(), table.missing_cells()), (50_000, 16_667));
    let (_, values, _) = table.into_parts();
    assert_eq!(values.len(), values.capacity());
}
