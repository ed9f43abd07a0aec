//! Parquet: a table that pandas wrote, with the feature and without.

use super::support::Place;

/// 120 rows as pandas writes them: an identifier, floats of both precisions, nullable whole numbers and booleans,
/// ordered categories, texts, days, and a column of lists.
const PANDAS: &[u8] = include_bytes!("pandas.parquet");

#[cfg(feature = "parquet")]
#[test]
fn a_table_of_pandas() {
    use super::support::{number, small};

    let place = Place::new();
    place.write("table.parquet", PANDAS);
    let words = ["column \"tags\" is of type List", "--ignore-columns"];
    place.refuses("train table.parquet --out run", 2, &words);
    place.missvae(&small("train table.parquet --ignore-columns tags --epochs 2 --out run")).ok();
    let described = place.missvae("describe table.parquet --ignore-columns tags --json").json();
    let columns = described["columns"].as_array().unwrap();
    let types: Vec<&str> = columns.iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["ignore", "numeric", "numeric", "numeric", "binary", "ordinal", "binary", "date"]);
    assert!(number(&described, "cells_missing") > 50.0);

    place.refuses(
        "impute run table.parquet --out done.csv",
        2,
        &["done.csv", "expected an ending of .parquet or .npy"],
    );
    place.refuses("impute run table.parquet --out -", 2, &["standard output"]);
    let said = place.missvae("impute run table.parquet --draws 2 --quiet --out done.parquet").ok().stderr;
    assert!(said.contains("the order of categories is not written, set it again: \"group\""), "{said}");
    for draw in ["done.1.parquet", "done.2.parquet"] {
        let described = place.missvae(&format!("describe {draw} --ignore-columns tags --json")).json();
        assert_eq!(number(&described, "cells_missing"), 0.0);
        let after = described["columns"].as_array().unwrap();
        let types: Vec<&str> = after.iter().map(|column| column["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["ignore", "numeric", "numeric", "numeric", "binary", "ordinal", "binary", "date"]);
    }
    // Without anything missing the rows are the same, and so are what a model makes of them.
    place.missvae("impute run done.1.parquet --quiet --out again.parquet").ok();
    place.missvae("evaluate run again.parquet --likelihood iwelbo --importance-samples 50 --quiet").ok();
    place.refuses("sample run --rows 5 --out drawn.parquet", 2, &["only what was read from a Parquet file"]);

    place.write("cut.parquet", &PANDAS[..PANDAS.len() / 2]);
    place.refuses("impute run cut.parquet --out no.parquet", 2, &["cut.parquet: it cannot be decoded"]);
    let mut damaged = PANDAS.to_vec();
    damaged[200..260].fill(0xff);
    place.write("damaged.parquet", damaged);
    place.refuses("describe damaged.parquet --ignore-columns tags", 2, &["damaged.parquet: it cannot be decoded"]);
    place.write("table.csv", "weight,height\n1,2\n,3\n");
    place.refuses("impute run table.csv --out no.parquet", 2, &["only what was read from a Parquet file"]);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_the_feature() {
    let place = Place::new();
    place.write("table.parquet", PANDAS);
    let words =
        ["table.parquet: this program was built without its feature", "--features parquet", "pandas.read_parquet"];
    place.refuses("describe table.parquet", 2, &words);
    place.refuses("train table.parquet --out run", 2, &words);
    place.refuses("train none.parquet --out run", 2, &["none.parquet: no such file"]);
}
