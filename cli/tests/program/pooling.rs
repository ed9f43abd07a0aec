//! Regressions on completed tables, and the long files that `impute` writes for them.

use serde_json::Value;

use super::support::{Numbers, Place, number, table};

/// A completed table of y, x and g; what was imputed depends on `seed`.
fn completed(seed: u64) -> String {
    let (mut same, mut other) = (Numbers(3), Numbers(seed));
    let mut text = String::from("y,x,g,z,Body Mass (g)\n");
    for row in 0..40 {
        let x = 4.0 * same.next() - 2.0;
        let noise = if row % 5 == 0 { other.next() } else { same.next() };
        let g = ["a", "b", "c"][row % 3];
        let z = if x + 4.0 * noise > 2.0 { "yes" } else { "no" };
        text += &format!("{},{x},{g},{z},{}\n", 1.0 + x + noise, 3000.0 + 500.0 * x + 100.0 * noise);
    }
    text
}

fn with_tables() -> Place {
    let place = Place::new();
    for n in 1..=3 {
        place.write(&format!("c.{n}.csv"), completed(n));
    }
    place
}

const FILES: [&str; 4] = ["pool", "c.1.csv", "c.2.csv", "c.3.csv"];

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    FILES.iter().chain(more).copied().collect()
}

#[test]
fn terms_in_text_json_and_csv() {
    let place = with_tables();
    let report = place.run(arguments(&["--formula", "y ~ x*g", "--csv", "terms.csv", "--json"])).json();
    let terms = report["terms"].as_array().unwrap();
    let names: Vec<&str> = terms.iter().map(|term| term["term"].as_str().unwrap()).collect();
    assert_eq!(names, ["(Intercept)", "x", "gb", "gc", "x:gb", "x:gc"]);
    let keys: Vec<&String> = terms[0].as_object().unwrap().keys().collect();
    let expected = [
        "term",
        "m",
        "estimate",
        "std_error",
        "statistic",
        "df",
        "p_value",
        "conf_low",
        "conf_high",
        "ubar",
        "b",
        "t",
        "dfcom",
        "riv",
        "lambda",
        "fmi",
    ];
    assert_eq!(keys, expected);
    assert_eq!((number(&report, "m"), number(&report, "rows"), number(&report, "level")), (3.0, 40.0, 0.95));
    assert_eq!(
        (&report["family"], &report["success"], &report["warnings"]),
        (&"gaussian".into(), &Value::Null, &Value::Array(vec![]))
    );
    assert_eq!((number(&terms[0], "m"), number(&terms[0], "dfcom")), (3.0, 34.0));
    assert!((number(&terms[1], "estimate") - 1.0).abs() < 0.5 && number(&terms[1], "p_value") < 1e-6);

    // The file has the same numbers, to the last bit.
    let csv = place.text("terms.csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap().split(',').collect::<Vec<_>>(), expected);
    for (line, term) in lines.zip(terms) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[0], term["term"]);
        for (cell, key) in cells.iter().zip(expected).skip(1) {
            assert_eq!(cell.parse::<f64>().unwrap(), number(term, key), "{key}");
        }
    }
    assert_eq!(csv.lines().count(), 7);

    // The order of the files does not matter but for rounding, and the interval has the confidence that is asked for.
    let turned =
        place.run(["pool", "c.3.csv", "c.1.csv", "c.2.csv", "--formula", "y ~ x*g", "--level", "0.5", "--json"]);
    let turned = turned.json();
    for (one, other) in terms.iter().zip(turned["terms"].as_array().unwrap()) {
        assert!((number(one, "t") - number(other, "t")).abs() < 1e-12);
        let width = |term: &Value| number(term, "conf_high") - number(term, "conf_low");
        assert!(width(other) < 0.4 * width(one));
    }

    let said = place.run(arguments(&["--formula", "`Body Mass (g)` ~ x + g"])).ok();
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{said:?}");
    assert!(lines[0].starts_with("term") && lines[0].contains("95% interval") && lines[0].ends_with("fmi"));
    assert!(lines[2].starts_with("x ") && lines[3].starts_with("gb ") && lines[4].starts_with("gc "));
    assert!(lines[5].starts_with("linear regression `Body Mass (g)` ~ "), "{said:?}");
    assert_eq!(said.stderr, "");
    assert_eq!(place.run(arguments(&["--formula", "y ~ 1", "--quiet"])).ok().stdout, "");
}

#[test]
fn logistic_regression_says_what_the_success_is() {
    let place = with_tables();
    let report = place.run(arguments(&["--formula", "z ~ x", "--family", "binomial", "--json"])).json();
    assert_eq!((&report["success"], &report["family"]), (&"yes".into(), &"binomial".into()));
    assert!(number(&report["terms"][1], "estimate") > 0.0);
    let said = place.run(arguments(&["--formula", "z ~ x", "--family", "binomial"])).ok().stdout;
    assert!(said.contains("logistic regression z ~ x, log odds of z being \"yes\"; 3 completed tables"), "{said}");
}

/// Separators, decimal marks and compression are those of the library's reader.
#[test]
fn other_notations() {
    let place = with_tables();
    let expected = place.run(arguments(&["--formula", "y ~ x + g", "--json"])).json();
    for n in 1..=3 {
        let german = place.text(&format!("c.{n}.csv")).replace(',', ";").replace('.', ",");
        place.write(&format!("d.{n}.csv"), german);
    }
    let found = place.run(["pool", "d.1.csv", "d.2.csv", "d.3.csv", "--formula", "y ~ x + g", "--json"]);
    // Told once for all.
    assert!(found.stderr.contains("d.1.csv: cells are separated by semicolons"), "{found:?}");
    assert_eq!(found.stderr.lines().count(), 1, "{found:?}");
    assert_eq!(found.json()["terms"], expected["terms"]);
    // Codes with zeros in front are levels, and so is the response.
    for n in 1..=3 {
        let text = place.text(&format!("c.{n}.csv"));
        let coded = text.replace(",a,", ",007,").replace(",b,", ",010,").replace(",c,", ",120,");
        place.write(&format!("e.{n}.csv"), coded);
    }
    let coded = place.run(["pool", "e.1.csv", "e.2.csv", "e.3.csv", "--formula", "y ~ x + g", "--json"]).json();
    assert_eq!(coded["terms"][2]["term"], "g010");
    assert_eq!(coded["terms"][2]["estimate"], expected["terms"][2]["estimate"]);
    // Day and month change places in a table that has no day beyond the 12th.
    let dates = |name: &str, last: &str| {
        let rows: String = (1..=12).map(|n| format!("{n},{:02}/{:02}/2024\n", n, 13 - n)).collect();
        place.write(name, format!("y,day\n{rows}20,{last}\n"));
    };
    dates("f.1.csv", "11/12/2024");
    dates("f.2.csv", "25/12/2024");
    let mixed = place.run(["pool", "f.1.csv", "f.2.csv", "--formula", "y ~ day"]);
    mixed.fails(2, &["column \"day\": the tables hold dates of different formats", "hint: day and month"]);
    // A long file, also from a pipe, with the incomplete table in it and rows of the tables in turns.
    let rows: Vec<Vec<String>> =
        (1..=3).map(|n| place.text(&format!("c.{n}.csv")).lines().map(String::from).collect()).collect();
    let mut long = format!(".imp,.id,{}\n", rows[0][0]);
    for row in 1..=40 {
        long += &format!("0,{row},NA,,,,\n");
        for (n, rows) in rows.iter().enumerate() {
            long += &format!("{},{row},{}\n", n + 1, rows[row]);
        }
    }
    place.write("long.csv", &long);
    let found = place.run(["pool", "--long", "long.csv", "--formula", "y ~ x + g", "--json"]).json();
    assert_eq!(found["terms"], expected["terms"]);
    let piped = place.missvae_reading(&long, "pool --long - --formula y~x+g --json").json();
    assert_eq!(piped["terms"], expected["terms"]);
}

#[test]
fn what_cannot_be_pooled() {
    let place = with_tables();
    place.write("hole.csv", place.text("c.1.csv").replacen(",a,", ",,", 1));
    place.write("short.csv", place.text("c.1.csv").lines().take(30).collect::<Vec<_>>().join("\n"));
    place.write("other.csv", "y,w\n1,2\n2,3\n");
    place.write("long.csv", ".imp,.id,y\n0,1,1\n0,2,NA\n1,1,1\n1,2,2\n");
    place.write("odd.csv", ".imp,.id,y\n0,1,1\n-1,2,1\n");
    place.write("infinite.csv", place.text("c.1.csv").replacen(",a,", ",b,", 1).replace("yes", "inf"));
    let two = ["c.1.csv", "c.2.csv"];
    let before = place.snapshot();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["c.1.csv", "--formula", "y ~ x"],
            &["c.1.csv: one completed table; pooling needs at least two", "hint: `missvae impute"],
        ),
        (&["c.*.csv", "--formula", "y ~ x"], &["c.*.csv: no such file", "hint: a shell leaves a pattern"]),
        // A formula that a shell has taken apart.
        (
            &["--formula", "y", "~", "x", "+", "g"],
            &["--formula \"y\", character 2: no ~", "hint: give the whole formula in quotes"],
        ),
        (&["c.1.csv", "c.2.csv", "--formula", "y ~ x", "+", "g"], &["hint: put the formula in quotes"]),
        (&[two[0], two[1], "--formula", " ~ x"], &["nothing before the ~", "hint: between double quotes a shell"]),
        (
            &[two[0], two[1], "--formula", "Body Mass (g) ~ x"],
            &["character 6: more than one name", "hint: a name with blanks"],
        ),
        (
            &[two[0], two[1], "--formula", "y ~  + x"],
            &["character 6: \"+\"", "hint: put the formula between single quotes"],
        ),
        (
            &["long.csv", "c.1.csv", "--formula", "y ~ x"],
            &["long.csv: this file has a column .imp", "hint: give a long file"],
        ),
        (&["--long", "long.csv", "--formula", "y ~ .imp"], &["--formula: .imp is the number of the imputation"]),
        (&[two[0], two[1], "--formula", "y ~ x", "--csv", "-"], &["--csv -: expected the name of a file"]),
        (&[two[0], two[1], "--formula", "y ~ log(x)"], &["character 5: the function \"log\"", "hint: add a column"]),
        (&[two[0], two[1], "--formula", "y ~ x + G"], &["c.1.csv: no column named \"G\"", "hint: Did you mean \"g\"?"]),
        (
            &[two[0], two[1], "--formula", "y ~ height"],
            &["no column named \"height\"", "hint: the formula names columns"],
        ),
        (
            &[two[0], "hole.csv", "--formula", "y ~ g"],
            &["hole.csv: row 1, column \"g\": the cell is missing", "hint: pool takes completed tables"],
        ),
        (&[two[0], "short.csv", "--formula", "y ~ g"], &["short.csv: 29 rows; expected 40, as in the first table"]),
        (&[two[0], "other.csv", "--formula", "y ~ x"], &["other.csv: no column named \"x\""]),
        (&[two[0], "c.1.csv", "--formula", "y ~ x"], &["c.1.csv: this table is named twice"]),
        (&[two[0], "./c.1.csv", "--formula", "y ~ x"], &["./c.1.csv: this table is named twice"]),
        (&[two[0], "-", "--formula", "y ~ x"], &["-: standard input holds one table"]),
        (&[two[0], "infinite.csv", "--formula", "z ~ x"], &["infinite.csv: ", "\"z\""]),
        (
            &[two[0], two[1], "--formula", "z ~ x"],
            &["column \"z\": texts cannot be regressed linearly", "hint: add --family binomial"],
        ),
        (
            &[two[0], two[1], "--formula", "g ~ x", "--family", "binomial"],
            &["column \"g\": 3 levels (\"a\", \"b\", \"c\")"],
        ),
        (
            &[two[0], two[1], "--formula", "y ~ x", "--family", "binomial"],
            &["c.1.csv: row 1, column \"y\": ", "expected 0 or 1"],
        ),
        (
            &[two[0], two[1], "--formula", "y ~ x", "--family", "poisson"],
            &["'poisson' for '--family", "gaussian, binomial"],
        ),
        (&[two[0], two[1], "--formula", "y ~ g:z"], &["c.1.csv: the term ", "linear combination of"]),
        (&[two[0], two[1], "--formula", "y ~ x", "--level", "95"], &["--level 95: expected a number between 0 and 1"]),
        (
            &[two[0], two[1], "--formula", "y ~ x", "--csv", "c.2.csv"],
            &["--csv c.2.csv: this is one of the completed tables"],
        ),
        (&[two[0], two[1], "--formula", "y ~ x", "--csv", "no/terms.csv"], &["there is no directory no"]),
        (&[two[0], "--long", "long.csv", "--formula", "y ~ 1"], &["--long"]),
        (&["--formula", "y ~ 1"], &["FILE"]),
        (&[two[0]], &["--formula"]),
        (&["--long", "long.csv", "--formula", "y ~ 1"], &["long.csv: 1 imputations", "pooling needs at least two"]),
        (
            &["--long", "c.1.csv", "--formula", "y ~ 1"],
            &["c.1.csv: no column named \".imp\"", "hint: a long file tells"],
        ),
        (&["--long", "odd.csv", "--formula", "y ~ 1"], &["odd.csv, row 2, column \".imp\": -1; expected 0, 1, 2"]),
    ];
    for (arguments, words) in cases {
        place.run(["pool"].iter().chain(*arguments)).fails(2, words);
    }
    assert!(before == place.snapshot());
}

/// Estimates that grow without end are not printed.
#[test]
fn separation_is_an_error() {
    let place = Place::new();
    for n in 0..2 {
        let rows =
            (0..30).map(|row| format!("{},{},{}\n", u8::from(row > 14), row * 3 - n, ["a", "b"][row as usize % 2]));
        place.write(&format!("s.{n}.csv"), format!("y,x,g\n{}", rows.collect::<String>()));
    }
    let run = |formula: &str| place.run(["pool", "s.0.csv", "s.1.csv", "--family", "binomial", "--formula", formula]);
    run("y ~ x + g").fails(2, &["s.0.csv: complete separation", "\"x\"", "grow without end", "hint: leave terms out"]);
    let said = run("y ~ g").ok();
    assert!(said.stderr.contains("warning: all tables give the same estimates"), "{said:?}");
}

/// What `impute --long` writes: the incomplete table byte for byte, and below it what the same draws are in files of their own.
#[test]
fn long_files() {
    let place = Place::with_run();
    let options = "--seed 4 --proposals 20 --quiet";
    place.missvae(&format!("impute run table.csv --draws 3 --out d.csv {options}")).ok();
    let report =
        place.missvae(&format!("impute run table.csv --draws 3 --long --out long.csv {options} --json")).json();
    assert_eq!((number(&report, "draws"), &report["out"]), (3.0, &Value::from(vec!["long.csv"])));
    let files = ["table.csv", "d.1.csv", "d.2.csv", "d.3.csv"].map(|name| place.text(name));
    let mut expected = format!(".imp,.id,{}\n", files[0].lines().next().unwrap());
    for (n, file) in files.iter().enumerate() {
        for (row, line) in file.lines().skip(1).enumerate() {
            expected += &format!("{n},{},{line}\n", row + 1);
        }
    }
    assert_eq!(place.text("long.csv"), expected);

    let pooled = |arguments: &[&str]| {
        place.run(["pool"].iter().chain(arguments).chain(&["--formula", "a ~ b + c", "--json"])).json()
    };
    let one = pooled(&["--long", "long.csv"]);
    assert_eq!(one["terms"], pooled(&["d.1.csv", "d.2.csv", "d.3.csv"])["terms"]);
    assert!(number(&one["terms"][1], "fmi") > 0.0);

    // From a pipe and to gzip; bytes of the incomplete table stay, and rows stay apart: a mark, CRLF, no last line end.
    place.missvae_reading(&files[0], &format!("impute run - --draws 3 --long --out piped.csv {options}")).ok();
    assert_eq!(place.text("piped.csv"), expected);
    place.missvae(&format!("impute run table.csv --draws 3 --long --out long.csv.gz {options}")).ok();
    assert_eq!(pooled(&["--long", "long.csv.gz"])["terms"], one["terms"]);
    let odd = "\u{feff}note;a;b;c\r\n\"x;1\";1,5;?;-1,5\r\n\r\n NA;NA;0,25;-1,25";
    place.write("odd.csv", odd);
    place.missvae(&format!("impute run odd.csv --draws 2 --long --out odd.long.csv {options}")).ok();
    let text = place.text("odd.long.csv");
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines[..3], ["\u{feff}.imp;.id;note;a;b;c", "0;1;\"x;1\";1,5;?;-1,5", "0;2; NA;NA;0,25;-1,25"]);
    assert!(lines.len() == 7 && text.ends_with("\r\n"), "{text:?}");
    assert!(lines[3].starts_with("1;1;\"x;1\";1,5;") && lines[3].ends_with(";-1,5") && !lines[3].contains('?'));
    assert!(lines[6].starts_with("2;2; NA;") && lines[6].ends_with(";0,25;-1,25") && !lines[6].contains("NA;NA"));
    // Semicolons become tabs under a name that promises them.
    place.missvae(&format!("impute run odd.csv --draws 2 --long --out odd.tsv {options}")).ok();
    assert!(place.text("odd.tsv").starts_with("\u{feff}.imp\t.id\tnote\ta\tb\tc\r\n0\t1\t\"x;1\"\t"));
}

/// Blocks leave no trace in a long file.
#[test]
fn long_files_of_many_blocks() {
    let place = Place::with_run();
    place.write("many.csv", table(30_000, 1.0, 0.0));
    let options = "--statistic draw --draws 12 --proposals 2 --seed 3 --quiet";
    place.missvae(&format!("impute run many.csv {options} --out d.csv")).ok();
    place.missvae(&format!("impute run many.csv {options} --out long.csv --long")).ok();
    let long = place.text("long.csv");
    let mut lines = long.lines().skip(1 + 30_000);
    for draw in 1..=12 {
        let file = place.text(&format!("d.{draw}.csv"));
        for (row, line) in file.lines().skip(1).enumerate() {
            assert_eq!(lines.next(), Some(&format!("{draw},{},{line}", row + 1)[..]));
        }
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn long_files_that_cannot_be() {
    let place = Place::with_run();
    place.write("taken.csv", "a,b,c,.id\n1,2,,4\n");
    for (arguments, words) in [
        ("table.csv --draws 3 --long --out d.npy", "d.npy: a long file is a text with named columns"),
        ("table.csv --draws 3 --long --out d.txt", "d.txt: cannot be written in this format"),
        ("table.csv --long --out d.csv", "--long: a long file holds several draws"),
        ("table.csv --draws 3 --long --out -", "--out -: standard output takes one table"),
        (
            "table.csv --draws 3 --long --out table.csv",
            "--out table.csv: the completed tables would take the place of DATA",
        ),
        ("table.csv --draws 3 --long --out no/d.csv", "there is no directory no"),
        ("taken.csv --draws 3 --long --out d.csv", "taken.csv: the table has a column \".id\" already"),
        ("table.csv --draws 3 --long --statistic mean --out d.csv", "every table would be the same"),
    ] {
        place.refuses(&format!("impute run {arguments}"), 2, &[words]);
    }
}

/// A pattern such as drawn.*.csv would take the draws of an earlier run, too.
#[test]
fn draws_of_another_run_are_told() {
    let place = Place::with_run();
    let told = |draws: usize| place.missvae(&format!("impute run table.csv --draws {draws} --out d.csv")).ok().stderr;
    assert!(!told(3).contains("another run"));
    assert!(!told(3).contains("another run"));
    let words = "warning: d.3.csv and what follows it are draws of another run";
    assert!(told(2).contains(words));
    let long = place.missvae("impute run table.csv --draws 2 --long --out d.csv").ok().stderr;
    assert!(!long.contains("another run"), "{long}");
}
