use super::*;

fn described(name: &str, text: &str) -> Description {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    describe(&Input::File(path), &ReadOptions::default()).unwrap()
}

#[test]
fn numbers_texts_and_patterns() {
    let table = described("a.csv", "a,s,,e\n1,x,2,\nNA,y,2,NA\n4,x,,\n,,,\n7,NA,2,\n");
    assert_eq!((table.rows, table.cells, table.cells_missing), (5, 20, 11));
    assert_eq!((table.complete_rows, table.empty_rows, table.distinct_patterns), (0, 1, 5));
    let [a, s, third, e] = &table.columns[..] else { panic!("four columns") };
    assert_eq!((a.kind, a.missing, a.mean, a.sd), (Kind::Numeric, 2, Some(4.0), Some(3.0)));
    assert_eq!((a.min, a.max, a.distinct), (Some(1.0), Some(7.0), Some(3)));
    assert_eq!((s.kind, s.missing, s.text_cells, s.distinct, s.mean), (Kind::Text, 2, 3, Some(2), None));
    assert_eq!((third.name.as_str(), third.sd, third.distinct), ("column 3", Some(0.0), Some(1)));
    assert_eq!((e.kind, e.missing_share, e.min), (Kind::Empty, 1.0, None));
    assert_eq!(table.patterns[0].missing, ["e"]);
    assert_eq!(table.patterns[4].missing, ["a", "s", "column 3", "e"]);
}

#[test]
fn the_bundled_table() {
    let table = describe(&Input::Bundled, &ReadOptions::default()).unwrap();
    assert_eq!((table.rows, table.columns.len()), (344, 6));
    let mass = &table.columns[3];
    // The published summary of the data.
    assert!((mass.mean.unwrap() - 4201.754).abs() < 1e-3 && (mass.sd.unwrap() - 801.9545).abs() < 1e-4);
    assert_eq!(table.patterns[0].missing.len(), 0);
    assert_eq!(table.patterns.iter().map(|pattern| pattern.rows).sum::<u64>(), 344);
    let json = serde_json::to_value(&table).unwrap();
    assert_eq!(json["columns"][0]["type"], "numeric");
    assert_eq!(json["patterns"][0]["rows"], 330);
}

#[test]
fn infinite_numbers_are_counted_apart() {
    let table = described("a.csv", "a\n1\ninf\n-Infinity\n1e999\n");
    let a = &table.columns[0];
    assert_eq!((a.infinite, a.mean, a.sd, a.distinct), (3, Some(1.0), None, Some(3)));
    let all = described("a.csv", "a\ninf\n");
    assert_eq!((all.columns[0].kind, all.columns[0].mean), (Kind::Numeric, None));
}

#[test]
fn many_columns_and_many_patterns() {
    let header: Vec<String> = (0..130).map(|column| format!("c{column}")).collect();
    let mut text = header.join(",") + "\n";
    for row in 0..130 {
        let cells: Vec<&str> = (0..130).map(|column| if column < row { "" } else { "1" }).collect();
        text += &(cells.join(",") + "\n");
    }
    let table = described("a.csv", &text);
    assert_eq!((table.distinct_patterns, table.patterns.len()), (130, PATTERNS));
    assert_eq!(table.patterns[9].missing.len(), 9);
    assert_eq!((table.complete_rows, table.columns[128].missing), (1, 1));
}

#[test]
fn distinct_numbers_are_counted_up_to_a_limit() {
    let mut text = String::from("a,b\n");
    for row in 0..5000 {
        text += &format!("{row},x{row}\n");
    }
    let table = described("a.csv", &text);
    assert_eq!((table.columns[0].distinct, table.columns[1].distinct), (None, Some(5000)));
}
