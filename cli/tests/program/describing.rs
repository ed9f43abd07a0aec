//! What `describe` says of how cells came to be missing, and what it draws.

use super::support::{Numbers, Place, number};

/// 200 rows: `late` and `later` are mostly missing together, more so where `age` is high; `free` is missing at random.
fn dropouts() -> String {
    let mut numbers = Numbers(5);
    let mut text = String::from("age,late,later,free\n");
    for _ in 0..200 {
        let [age, chance, late, later, free, at_random] = std::array::from_fn(|_| numbers.next());
        let gone = age + 0.3 * chance > 0.9;
        let cell = |missing: bool, value: f64| if missing { String::new() } else { format!("{value:.3}") };
        let cells = [cell(false, 20.0 + 60.0 * age), cell(gone, late), cell(gone || later > 0.95, later)];
        text += &format!("{},{}\n", cells.join(","), cell(at_random < 0.2, free));
    }
    text
}

#[test]
fn what_is_missing_together_and_what_differs() {
    let place = Place::new();
    place.write("table.csv", dropouts());
    let described = place.missvae("describe table.csv --json").json();
    let nullity = &described["nullity"];
    assert_eq!(nullity["columns"], serde_json::json!(["late", "later", "free"]));
    let correlation = |a: usize, b: usize| nullity["correlation"][a][b].as_f64().unwrap();
    assert!(correlation(0, 1) > 0.85 && correlation(0, 2).abs() < 0.3, "{nullity}");
    assert_eq!((correlation(0, 1), correlation(2, 2)), (correlation(1, 0), 1.0));
    let strong = nullity["strong"].as_array().unwrap();
    assert_eq!((strong.len(), &strong[0]["columns"]), (1, &serde_json::json!(["late", "later"])));
    let differences = &described["differences"];
    // Each of four columns of numbers where one of the three others is missing; but `late` and `later` have too few numbers
    // where the other is missing.
    assert_eq!(number(differences, "comparisons"), 7.0, "{differences}");
    let found = differences["found"].as_array().unwrap();
    let pairs: Vec<(&str, &str)> =
        found.iter().map(|one| (one["column"].as_str().unwrap(), one["missing"].as_str().unwrap())).collect();
    assert_eq!(pairs.len(), 2, "{differences}");
    assert!(pairs.contains(&("age", "late")) && pairs.contains(&("age", "later")), "{differences}");
    assert!(found.iter().all(|one| number(one, "difference") > 1.0 && number(one, "mean_missing") > 60.0));

    let words = place.missvae("describe table.csv").ok().stdout;
    for said in ["1 of 3 pairs of columns", "late, later", "2 of 7 comparisons of means", "completely at random"] {
        assert!(words.contains(said), "{said:?} is not in {words}");
    }
    place.write("whole.csv", "a,b\n1,2\n3,4\n");
    let whole = place.missvae("describe whole.csv").ok().stdout;
    assert!(!whole.contains("together") && !whole.contains("differ"), "{whole}");
}

/// 300 columns of awkward names and 700 rows: the figure says what it leaves out, and holds the names as they are.
#[test]
fn a_figure_of_a_wide_table() {
    let place = Place::new();
    let mut header: Vec<String> = (0..300).map(|column| format!("c{column}")).collect();
    header[0] = "*a* <b> & \"_{c}\"\u{1}".into();
    header[2] = "long ".repeat(200);
    let mut text: String =
        header.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect::<Vec<_>>().join(",") + "\n";
    let mut numbers = Numbers(3);
    for _ in 0..700 {
        let cells: Vec<&str> = (0..300).map(|_| if numbers.next() < 0.2 { "" } else { "1" }).collect();
        text += &(cells.join(",") + "\n");
    }
    place.write("wide.csv", text);
    place.missvae("describe wide.csv --quiet --plot wide.svg").ok();
    let svg = place.text("wide.svg");
    for said in [
        "*a* &lt;b&gt; &amp; &quot;_{c}&quot; </text>",
        "a line is the mean of 4 rows",
        "Only every 2nd column of 300",
        "Every 3rd column of the matrix is named; long names are cut.",
        "It has the 256 columns that are the first to have a missing cell, of 300.",
    ] {
        assert!(svg.contains(said), "{said:?} is not in the figure");
    }
    assert!(!svg.contains('\u{1}') && !svg.contains("NaN") && svg.ends_with("</svg>\n"));
    assert!(svg.len() < 3_000_000, "{} bytes", svg.len());
    place.missvae("describe wide.csv --quiet --plot again.svg").ok();
    assert_eq!(svg, place.text("again.svg"));
}

/// Tables of which little can be drawn.
#[test]
fn small_figures() {
    let place = Place::new();
    for (name, table) in [("one", "a\n1\n"), ("empty", "a,b\n,\n"), ("whole", "a,b\n1,2\n3,4\n"), ("text", "a,b\nx,\n")]
    {
        place.write("table.csv", table);
        place.missvae(&format!("describe table.csv --quiet --plot {name}.svg")).ok();
        let svg = place.text(&format!("{name}.svg"));
        assert!(svg.contains("share observed") && svg.contains("fewer than two columns"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn figures_that_cannot_be_written() {
    let place = Place::new();
    place.write("table.csv", dropouts());
    place.write("taken.svg/inside", "");
    for (name, words) in [
        ("figure.pdf", "expected a name that ends in .svg or .png"),
        ("figure", "expected a name that ends in .svg or .png"),
        ("none/figure.svg", "there is no directory none"),
        ("taken.svg", "it is a directory"),
    ] {
        place.refuses(&format!("describe table.csv --plot {name} --write-schema schema.toml"), 2, &[words]);
    }
    place.refuses("describe absent.csv --plot figure.svg", 2, &["no such file"]);
    if cfg!(not(feature = "paper")) {
        place.refuses("describe table.csv --plot figure.png", 2, &["figure.png", "Name it .svg"]);
    }
}

/// The pixels of the same figure; letters that the bundled font lacks are told.
#[cfg(feature = "paper")]
#[test]
fn a_figure_as_pixels() {
    let place = Place::new();
    place.write("table.csv", dropouts());
    let said = place.missvae("describe table.csv --quiet --plot figure.png").ok().stderr;
    assert_eq!(said, "");
    let read = png::Decoder::new(std::io::Cursor::new(place.read("figure.png"))).read_info().unwrap();
    assert!(read.info().width > 1000 && read.info().height > 500, "{:?}", read.info());
    place.write("table.csv", dropouts().replace("age", "Größe"));
    let described = place.missvae("describe table.csv --plot figure.png --json");
    assert!(described.stderr.contains("its font lacks letters of the names, such as ö"), "{described:?}");
    assert_eq!(described.json()["warnings"].as_array().unwrap().len(), 1);
}
