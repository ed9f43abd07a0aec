//! Tables of numbers, counts, categories, ordered levels, codes and dates, from the file and back to it.

use std::collections::HashSet;

use super::support::{Place, number, small};

/// 240 rows of eight columns that depend on each other, an identifier and a constant; an eighth of the cells is missing.
fn mixed() -> String {
    let mut text = String::from("id,group,grade,flag,stage,visits,day,weight,height,site\n");
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for n in 0..240 {
        let kind = random(3);
        let z = kind as f64 + random(100) as f64 / 100.0;
        let cells = [
            ["\"a, b\"", "beta", "gamma"][kind as usize].to_owned(),
            format!("G{}", 1 + (z as u64).min(2)),
            if z > 1.5 { "yes" } else { "no" }.to_owned(),
            (1 + kind + random(2)).to_string(),
            (random(4) * random(5) * (1 + kind)).to_string(),
            format!("2021-{:02}-{:02}", 1 + kind * 4, 1 + random(28)),
            format!("{:.1}", 60.0 + 10.0 * z),
            (150 + (10.0 * z) as u64 + random(20)).to_string(),
        ];
        let cells = cells.map(|cell| if random(8) == 0 { "NA".to_owned() } else { cell });
        text += &format!("r{},{},north\n", 1000 + n * 17 % 240, cells.join(","));
    }
    text
}

/// The cells of a row; a cell in quotes may hold a comma.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\"a, b\"", "a; b");
    line.split(',').map(|cell| cell.replace(';', ",")).collect()
}

/// With no option: observed cells come back byte for byte, and what is imputed are values of the column's kind, for any number
/// of threads.
#[test]
fn tables_of_all_types() {
    let place = Place::new();
    let table = mixed();
    place.write("mixed.csv", &table);
    let said = place.missvae(&small("train mixed.csv --epochs 3 --out run")).ok().stderr;
    assert!(said.contains("left out of the model: \"id\" is an identifier"), "{said}");
    for statistic in ["mean", "median", "draw"] {
        let impute = |threads: usize| {
            let out = format!("{statistic}.{threads}.csv");
            place
                .missvae(&format!("impute run mixed.csv --statistic {statistic} --threads {threads} --out {out}"))
                .ok();
            String::from_utf8(place.read(&out)).unwrap()
        };
        let completed = impute(1);
        assert_eq!(completed, impute(2));
        let levels: [(usize, &[&str]); 4] = [
            (1, &["a, b", "beta", "gamma"]),
            (2, &["G1", "G2", "G3"]),
            (3, &["no", "yes"]),
            (4, &["1", "2", "3", "4"]),
        ];
        for (before, after) in table.lines().zip(completed.lines()).skip(1) {
            let (before, after) = (cells(before), cells(after));
            for (place, (before, after)) in before.iter().zip(&after).enumerate() {
                if before != "NA" {
                    assert_eq!(before, after);
                    continue;
                }
                match levels.iter().find(|(column, _)| *column == place) {
                    Some((_, levels)) => assert!(levels.contains(&&after[..]), "{after}"),
                    None if place == 6 => assert!(after.starts_with("20") && after.len() == 10, "{after}"),
                    None if place == 7 => assert!(after.parse::<f64>().is_ok(), "{after}"),
                    // Counts and whole numbers.
                    None => assert!(after.parse::<u64>().is_ok(), "{after}"),
                }
            }
        }
    }
    place.missvae("sample run --rows 50 --out drawn.csv").ok();
    let drawn = String::from_utf8(place.read("drawn.csv")).unwrap();
    let groups: HashSet<String> = drawn.lines().skip(1).map(|line| cells(line)[0].clone()).collect();
    assert!(groups.iter().all(|group| ["a, b", "beta", "gamma"].contains(&&group[..])), "{groups:?}");
    place.refuses("impute run mixed.csv --out done.npy", 2, &["an array holds numbers", "\"group\""]);
    place.missvae("evaluate run mixed.csv --importance-samples 100").ok();
}

/// A level that training did not have is said, taken for missing, and left as it is.
#[test]
fn levels_that_are_new() {
    let place = Place::new();
    place.write("mixed.csv", mixed());
    place.missvae(&small("train mixed.csv --epochs 1 --out run")).ok();
    let new = mixed().replace("beta", "delta");
    place.write("new.csv", &new);
    let said = place.missvae("impute run new.csv --out done.csv").ok().stderr;
    assert!(said.contains("levels that training did not have, such as \"delta\" in \"group\""), "{said}");
    let done = String::from_utf8(place.read("done.csv")).unwrap();
    assert_eq!(done.matches("delta").count(), new.matches("delta").count());
}

/// The schema that `describe` writes is what `train` infers; an edited one wins.
#[test]
fn schemas() {
    let place = Place::new();
    place.write("mixed.csv", mixed());
    place.missvae("describe mixed.csv --write-schema schema.toml").ok();
    let model = |options: &str| {
        place.missvae(&small(&format!("train mixed.csv --epochs 1 --out run --overwrite {options}"))).ok();
        place.read("run/model.safetensors")
    };
    assert_eq!(model(""), model("--schema schema.toml"));
    place.write("own.toml", "[columns.stage]\ntype = \"count\"\n[columns.day]\ntype = \"ignore\"\n");
    let own = String::from_utf8_lossy(&model("--schema own.toml")).into_owned();
    assert!(
        own.contains("\\\"columns\\\":7,") && own.contains("\\\"name\\\":\\\"stage\\\",\\\"kind\\\":\\\"count\\\""),
        "{own:.900}"
    );
    place.write("wrong.toml", "[columns.stage]\ntype = \"grade\"\n");
    place.refuses("train mixed.csv --schema wrong.toml --out new", 2, &["wrong.toml: column \"stage\"", "\"grade\""]);
    place.write("other.toml", "[columns.none]\ntype = \"count\"\n");
    place.refuses("train mixed.csv --schema other.toml --out new", 2, &["no column named \"none\""]);
    place.refuses("train mixed.csv --column-types numeric --out new", 2, &["\"group\" has text"]);
}

/// Bounds of a schema hold for every draw and every mean; an observed value beyond them is refused, and told in a new table.
#[test]
fn bounds_of_a_schema() {
    let place = Place::new();
    let table = mixed();
    place.write("mixed.csv", &table);
    // Narrower than the columns, so that many draws would lie outside; observed cells beyond are made missing.
    let bounds = |column: usize| -> (f64, f64) {
        [(2.0, 9.0), (70.0, 80.0), (155.5, 170.0)][[5, 7, 8].iter().position(|c| *c == column).unwrap()]
    };
    let day = ["2021-02-01", "2021-09-15"];
    let narrow: Vec<String> = table
        .lines()
        .enumerate()
        .map(|(n, line)| {
            if n == 0 {
                return line.to_owned();
            }
            let inside = |(column, cell): (usize, &String)| match column {
                5 | 7 | 8 => cell.parse().is_ok_and(|x: f64| bounds(column).0 <= x && x <= bounds(column).1),
                6 => day[0] <= &cell[..] && &cell[..] <= day[1],
                _ => true,
            };
            let kept = |pair: (usize, &String)| {
                if inside(pair) { pair.1.replace("a, b", "\"a, b\"") } else { "NA".to_owned() }
            };
            cells(line).iter().enumerate().map(kept).collect::<Vec<String>>().join(",")
        })
        .collect();
    place.write("narrow.csv", narrow.join("\n") + "\n");
    let schema = |kind: &str| {
        format!(
            "[columns.visits]\ntype = \"count\"\nmin = 2\nmax = 9\n[columns.day]\ntype = \"date\"\nmin = \"{}\"\nmax = \"{}\"\n\
             [columns.weight]\ntype = \"{kind}\"\nmin = 70\nmax = 80.0\n[columns.height]\ntype = \"numeric\"\nmin = 155.5\nmax = 170\n",
            day[0], day[1]
        )
    };
    for kind in ["numeric", "positive"] {
        place.write("bounds.toml", schema(kind));
        place.missvae(&small("train narrow.csv --epochs 2 --schema bounds.toml --out run --overwrite")).ok();
        for statistic in ["mean", "median", "draw"] {
            place.missvae(&format!("impute run narrow.csv --statistic {statistic} --out done.csv")).ok();
            let mut imputed = 0;
            for (before, after) in narrow.iter().zip(place.text("done.csv").lines()).skip(1) {
                let (before, after) = (cells(before), cells(after));
                assert!(before.iter().zip(&after).all(|(before, after)| before == "NA" || before == after));
                for column in [5, 7, 8] {
                    let (low, high) = bounds(column);
                    let x: f64 = after[column].parse().unwrap();
                    assert!(low <= x && x <= high, "{statistic} of column {column}: {x}");
                    imputed += usize::from(before[column] == "NA");
                }
                assert!(day[0] <= &after[6][..] && &after[6][..] <= day[1], "{}", after[6]);
            }
            assert!(imputed > 200, "{imputed}");
        }
    }
    place.refuses(
        "train mixed.csv --schema bounds.toml --out new",
        2,
        &["mixed.csv, row ", "expected from", "by the schema"],
    );
    let said = place.missvae("evaluate run mixed.csv --importance-samples 100").ok().stderr;
    assert!(said.contains("outside of the training range"), "{said}");
}

/// Errors on hidden cells are in the column's own unit, and shares of wrong levels where there is none.
#[test]
fn hidden_errors_of_all_types() {
    let place = Place::new();
    place.write("mixed.csv", mixed());
    let summary = place.missvae(&small("train mixed.csv --epochs 2 --hide 0.3 --out run --json")).json();
    let columns = summary["hidden"]["columns"].as_array().unwrap();
    let of = |name: &str| columns.iter().find(|column| column["column"] == name).unwrap();
    // The deviation of the visits is about 7; a third of the rows are in the largest group.
    let deviation = number(of("visits"), "rmse_column_mean");
    assert!((3.0..15.0).contains(&deviation), "{deviation}");
    let group = of("group");
    assert!(group["rmse"].is_null() && (0.4..0.8).contains(&number(group, "error_rate_most_frequent")), "{group}");
    let levels = &summary["hidden"]["levels"];
    assert!((0.0..=1.0).contains(&number(levels, "error_rate")) && number(levels, "cells") > 100.0, "{levels}");
    let written: serde_json::Value = serde_json::from_str(&place.text("run/summary.json")).unwrap();
    assert_eq!(written["hidden"], summary["hidden"]);
    place.missvae("train --resume run --json").json();
}
