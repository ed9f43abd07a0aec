//! What every command promises, but `train`.

use serde_json::Value;

use super::support::{Numbers, Outcome, Place, number, rows, small, table};

#[test]
fn help_is_there_for_everything() {
    let place = Place::new();
    let general = place.missvae("--help").ok();
    let paper: &[&str] = if cfg!(feature = "paper") { &["snr", "reproduce"] } else { &[] };
    for command in ["train", "evaluate", "impute", "sample", "describe", "gradcheck", "bench"].iter().chain(paper) {
        assert!(general.stdout.contains(&format!("  {command} ")), "{general:?}");
        let help = place.missvae(&format!("{command} --help")).ok();
        assert!(help.stdout.contains(&format!("Example: missvae {command}")), "{help:?}");
        for option in ["--json", "--quiet", "--threads"] {
            assert!(help.stdout.contains(option), "{option} in {help:?}");
        }
        // Nothing in the description of a table is random.
        assert_eq!(help.stdout.contains("--seed"), *command != "describe", "{help:?}");
        assert_eq!(help.stderr, "");
    }
    assert!(general.stdout.contains("incomplete") && general.stdout.contains("Try: missvae train"));
    assert!(place.missvae("--version").ok().stdout.starts_with("missvae "));
    let Outcome { status, stdout, stderr } = place.missvae("");
    assert!(status == Some(2) && stdout.is_empty() && stderr.contains("Usage"), "{stderr}");
}

#[test]
fn standard_input() {
    let place = Place::new();
    let text = table(40, 1.0, 0.0);
    place.write("table.csv", &text);
    place.missvae(&small("train table.csv --epochs 2 --quiet --out file")).ok();
    place.missvae_reading(&text, &small("train - --epochs 2 --quiet --out pipe")).ok();
    assert!(place.read("file/model.safetensors") == place.read("pipe/model.safetensors"));
    place.missvae("impute file table.csv --quiet --out file.csv").ok();
    place.missvae_reading(&text, "impute pipe - --quiet --out pipe.csv").ok();
    assert_eq!(place.text("file.csv"), place.text("pipe.csv"));
    let described = place.missvae_reading(&text, "describe - --json").json();
    assert_eq!((number(&described, "rows"), &described["data"]), (40.0, &"standard input".into()));
}

/// A table with all that CSV allows; `_` stands where a cell is missing, and is replaced by several ways of saying so.
#[test]
fn observed_cells_come_back_byte_for_byte() {
    let place = Place::new();
    place.write("train.csv", table(40, 1.0, 0.0));
    place.missvae(&small("train train.csv --epochs 2 --quiet --out run")).ok();
    let template = "note, c ,\"a\",b,\"a \"\"date\"\"\"\r\n\
                    \"one, two\",1.50,+0.25,_,2020-01-01\r\n\
                    NA,\"2.0\",_, 1e-1 ,\"line\nbreak\"\r\n\
                    ,_,_,_,?\r\n\
                    \u{e9}\u{df},-0.0,0.1000000000000000055511151231257827,3,null\r\n\
                    \r\n\
                    last,_,00.5,_,\"\"";
    let mut ways = ["", "NA", "\"NaN\"", " ", "?", "null", "nan"].iter().cycle();
    let pieces: Vec<&str> = template.split('_').collect();
    let mut text = String::from("\u{feff}") + pieces[0];
    for piece in &pieces[1..] {
        text += ways.next().unwrap();
        text += piece;
    }
    place.write("table.csv", &text);
    let report = place.missvae("impute run table.csv --json --out done.csv").json();
    assert_eq!((number(&report, "rows"), number(&report, "cells_imputed")), (5.0, (pieces.len() - 1) as f64));
    assert_eq!(
        (&report["statistic"], &report["draws"], &report["sampler"]),
        (&"mean".into(), &1.into(), &"importance".into())
    );

    let done = place.text("done.csv");
    let mut rest = done.strip_prefix('\u{feff}').unwrap().strip_prefix(pieces[0]).unwrap();
    for piece in &pieces[1..] {
        let end = rest.find([',', '\r']).unwrap_or(rest.len());
        let value: f64 = rest[..end].parse().unwrap_or_else(|_| panic!("{:?} in {done}", &rest[..end]));
        assert!(value.is_finite() && value.abs() < 100.0, "{value}");
        rest = rest[end..].strip_prefix(*piece).unwrap_or_else(|| panic!("{piece:?} does not follow in {done}"));
    }
    assert_eq!(rest, "");

    // A complete table comes back as it is; a file may be completed in its place.
    place.missvae("impute run done.csv --quiet --out again.csv").ok();
    assert_eq!(place.text("again.csv"), done);
    place.missvae("impute run table.csv --quiet --out table.csv").ok();
    assert_eq!(place.text("table.csv"), done);
}

#[test]
fn imputation_fills_whole_rows_and_obeys_its_options() {
    let place = Place::with_run();
    place.write("new.csv", "c,extra,b,a\n,x,,\n1,y,,0.5\n-1,z,2,\n");
    let report = place.missvae("impute run new.csv --draws 3 --json --out done.csv").json();
    assert_eq!(report["out"], serde_json::json!(["done.1.csv", "done.2.csv", "done.3.csv"]));
    assert_eq!(report["statistic"], "draw");
    assert!(!place.exists("done.csv"));
    let draws = [1, 2, 3].map(|draw| place.text(&format!("done.{draw}.csv")));
    assert!(draws[0] != draws[1] && draws[1] != draws[2]);
    for draw in &draws {
        let lines: Vec<Vec<&str>> = draw.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines[0], ["c", "extra", "b", "a"]);
        assert!((lines[2][0], lines[2][3], lines[3][0], lines[3][2]) == ("1", "0.5", "-1", "2"), "{draw}");
        assert!(lines.iter().all(|line| line.len() == 4 && !line.contains(&"")), "{draw}");
        assert_eq!([lines[1][1], lines[2][1], lines[3][1]], ["x", "y", "z"]);
    }

    place.missvae("impute run new.csv --statistic median --quiet --out median.csv").ok();
    place.missvae("impute run new.csv --statistic mean --quiet --out mean.csv").ok();
    place.missvae("impute run new.csv --quiet --out default.csv").ok();
    assert_eq!(place.text("mean.csv"), place.text("default.csv"));
    assert!(place.text("mean.csv") != place.text("median.csv"));
    place.missvae("impute run new.csv --statistic draw --quiet --out draw.csv").ok();
    assert_eq!(place.text("draw.csv").lines().count(), 4);

    // An array: the model's columns in the file's order, in double precision.
    place.missvae("impute run new.csv --quiet --out done.npy").ok();
    let bytes = place.read("done.npy");
    let header = String::from_utf8_lossy(&bytes[..bytes.len() - 72]).into_owned();
    assert!(header.contains("'<f8'") && header.contains("(3, 3"), "{header}");
    let values: Vec<f64> =
        bytes[bytes.len() - 72..].chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert!(values.iter().all(|value| value.is_finite()));
    assert_eq!((values[3], values[5], values[6], values[7]), (1.0, 0.5, -1.0, 2.0));
    place.missvae("impute run new.csv --quiet --out done.tsv").ok();
    assert!(place.text("done.tsv").starts_with("c\textra\tb\ta\n"));
}

/// Every command gives the same bytes for the same seed, whatever the threads, and others for another seed.
#[test]
fn seeds_and_threads() {
    let place = Place::with_run();
    for threads in [1, 2, 3] {
        let common = format!("--threads {threads} --quiet");
        place.missvae(&format!("train --epochs 2 --batch-size 256 {common} --out run{threads}")).ok();
        place.missvae(&format!("impute run table.csv --draws 2 --seed 4 {common} --out done{threads}.csv")).ok();
        place.missvae(&format!("sample run --rows 3000 --seed 4 {common} --out drawn{threads}.csv")).ok();
        let scored = place.missvae(&format!("evaluate run table.csv --json {common}")).json();
        place.write(&format!("scored{threads}"), scored.to_string());
    }
    for file in ["run*/model.safetensors", "done*.1.csv", "done*.2.csv", "drawn*.csv", "scored*"] {
        let of = |threads: &str| place.read(&file.replace('*', threads));
        assert!(of("1") == of("2") && of("1") == of("3"), "{file}");
    }
    place.missvae("impute run table.csv --draws 2 --seed 5 --quiet --out other.csv").ok();
    assert!(place.read("other.1.csv") != place.read("done1.1.csv"));
    place.missvae("sample run --rows 3000 --seed 5 --quiet --out other.csv").ok();
    assert!(place.read("other.csv") != place.read("drawn1.csv"));
    place.missvae("train --epochs 2 --batch-size 256 --seed 1 --quiet --out run4").ok();
    assert!(place.read("run4/model.safetensors") != place.read("run1/model.safetensors"));
}

/// The grid integrates what importance sampling estimates. A row's estimate has standard deviation about 1/√ESS; 40 rows
/// with ESS above 400: 0.008 in the mean, and a bias of at most 0.0013. Six standard deviations, less than one false alarm
/// in 10⁸ over seeds.
#[test]
fn two_ways_to_a_log_likelihood() {
    let place = Place::with_run();
    let grid = place.missvae("evaluate run table.csv --json").json();
    assert_eq!((&grid["likelihood"], &grid["importance_samples"]), (&"grid".into(), &Value::Null));
    assert_eq!((number(&grid, "rows"), number(&grid, "refit_updates")), (40.0, 0.0));
    assert!(number(&grid, "grid_change") < 1e-4);
    let sampled = place.missvae("evaluate run table.csv --likelihood iwelbo --importance-samples 2000 --json").json();
    assert_eq!((&sampled["likelihood"], number(&sampled, "importance_samples")), (&"iwelbo".into(), 2000.0));
    assert!(number(&sampled, "effective_sample_size") > 400.0, "{sampled}");
    let difference = number(&sampled, "log_likelihood") - number(&grid, "log_likelihood");
    assert!(difference.abs() < 0.05, "{sampled} {grid}");
    for likelihood in ["grid", "iwelbo --importance-samples 700"] {
        let on = |threads: u8| {
            let command = format!("evaluate run table.csv --likelihood {likelihood} --json --threads {threads}");
            place.missvae(&command).json()
        };
        assert_eq!(on(1), on(3), "{likelihood}");
    }
    let refitted = "evaluate run table.csv --likelihood iwelbo --importance-samples 2000 --refit-updates 5 --json";
    let refitted = place.missvae(refitted).json();
    assert_eq!(number(&refitted, "refit_updates"), 5.0);
    let difference = number(&refitted, "log_likelihood") - number(&grid, "log_likelihood");
    assert!(difference.abs() < 0.05, "{refitted} {grid}");
}

/// `--out` writes what the reported mean, its standard error and the effective sample size are of, row by row, without rows that
/// there is nothing to score of.
#[test]
fn rows_are_scored_one_by_one() {
    let place = Place::with_run();
    let lines: Vec<String> = place.text("table.csv").lines().map(str::to_owned).collect();
    let empty = vec![""; lines[0].split(',').count()].join(",");
    place.write(
        "holes.csv",
        [&lines[0], &lines[1], &empty, &lines[2], &lines[3]].map(|line| format!("{line}\n")).concat(),
    );
    for (likelihood, columns) in [
        ("grid", "row,log_likelihood"),
        ("iwelbo --importance-samples 50", "row,log_likelihood,effective_sample_size,pareto_k"),
    ] {
        let command = format!("evaluate run holes.csv --likelihood {likelihood} --json");
        let report = place.missvae(&format!("{command} --out rows.csv")).json();
        assert_eq!((number(&report, "rows"), &report["out"]), (3.0, &"rows.csv".into()));
        let text = place.text("rows.csv");
        let (header, rows) = text.split_once('\n').expect("a header");
        assert_eq!(header, columns);
        let rows: Vec<Vec<f64>> =
            rows.lines().map(|row| row.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
        let column = |i: usize| -> Vec<f64> { rows.iter().map(|row| row[i]).collect() };
        assert_eq!(column(0), [1.0, 3.0, 4.0]);
        let mean = column(1).iter().sum::<f64>() / 3.0;
        let variance = column(1).iter().map(|score| (score - mean).powi(2)).sum::<f64>() / 2.0;
        assert!((mean - number(&report, "log_likelihood")).abs() < 1e-9, "{text} {report}");
        assert!(((variance / 3.0).sqrt() - number(&report, "standard_error")).abs() < 1e-9, "{text} {report}");
        if columns.ends_with("effective_sample_size") {
            let effective = column(2).iter().sum::<f64>() / 3.0;
            assert!((effective - number(&report, "effective_sample_size")).abs() < 1e-9, "{text} {report}");
        }
    }
    place.refuses("evaluate run holes.csv --out ./holes.csv", 2, &["--out ./holes.csv: this is DATA itself"]);
    place.refuses("evaluate run holes.csv --out rows.txt", 2, &["rows.txt: "]);
}

/// The distance of a model's samples to its training rows is finite and far below that to rows of another place, and needs
/// complete rows and features of the same columns.
#[test]
fn frechet_distances() {
    let place = Place::with_run();
    place.missvae("sample run --rows 300 --out complete.csv --quiet").ok();
    place.missvae(&small("train complete.csv --method mvae --epochs 3 --quiet --out features")).ok();
    let distance = |table: &str| {
        let command = format!("evaluate run {table} --frechet --feature-model features --threads 2 --json");
        let report = place.missvae(&command).json();
        assert_eq!(number(&report, "frechet_samples"), 20_000.0);
        assert!(number(&report, "log_likelihood").is_finite());
        number(&report, "frechet")
    };
    let shifted: String = place.text("complete.csv").lines().enumerate().fold(String::new(), |text, (n, line)| {
        let moved = |cell: &str| (cell.parse::<f64>().unwrap() + 3.0).to_string();
        let line = if n == 0 { line.to_owned() } else { line.split(',').map(moved).collect::<Vec<_>>().join(",") };
        text + &line + "\n"
    });
    place.write("shifted.csv", shifted);
    let (near, far) = (distance("complete.csv"), distance("shifted.csv"));
    // Fewer rows than features: their covariance has no full rank.
    for rows in 2..6 {
        let few: Vec<String> = place.text("complete.csv").lines().take(1 + rows).map(str::to_owned).collect();
        place.write("few.csv", few.join("\n"));
        assert!(distance("few.csv").is_finite(), "{rows} rows");
    }
    assert!(near >= 0.0 && far > 3.0 * near, "{near} and {far}");

    // Told as the training goes on; the last one is that of the finished model.
    place.write("held.csv", place.text("complete.csv"));
    let tracked =
        "train complete.csv --validation held.csv --frechet-every 2 --feature-model features --keep last --quiet";
    place.missvae(&small(&format!("{tracked} --epochs 4 --out tracked"))).ok();
    let metrics = place.text("tracked/metrics.jsonl");
    let told: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(told[0].get("frechet").is_none() && told[2].get("frechet").is_none(), "{metrics}");
    let command = "evaluate tracked complete.csv --frechet --feature-model features --json";
    let last = number(&place.missvae(command).json(), "frechet");
    assert!(number(&told[1], "frechet").is_finite());
    assert_eq!(number(&told[3], "frechet").to_bits(), last.to_bits());
    let summary: Value = serde_json::from_str(&place.text("tracked/summary.json")).unwrap();
    assert_eq!(number(&summary, "frechet").to_bits(), last.to_bits());
    let changed = &["tracked", "the validation rows or the feature model have changed"];
    place.write("held.csv", place.text("shifted.csv"));
    place.refuses("train --resume tracked", 2, changed);
    let lost = small(&format!("{tracked} --out features --overwrite"));
    place.refuses(&lost, 2, &["--out features", "feature model"]);
    let nowhere = small(&format!("{} --out x", tracked.replace("features", "nowhere")));
    place.refuses(&nowhere, 2, &["--feature-model ", "nowhere", "no such run directory"]);
    let piped = small(&format!("{} --out x", tracked.replace("held.csv", "-")));
    place.refuses(&piped, 2, &["--validation -", "standard input"]);
    let tracked = tracked.replace("--validation held.csv", "");
    place.refuses(&small(&format!("{tracked} --out x")), 2, &["--frechet-every", "validation rows"]);
    let tracked = tracked.replace("--frechet-every 2", "--frechet-every 0 --validation 0.5");
    place.refuses(&small(&format!("{tracked} --out x")), 2, &["--frechet-every 0", "at least 1"]);
    let tracked = tracked.replace("--frechet-every 0", "--frechet-every 1").replace("complete.csv", "table.csv");
    place.refuses(&small(&format!("{tracked} --out x")), 2, &["--validation 0.5", "cells are missing"]);

    let frechet = "--frechet --feature-model";
    let piped =
        place.missvae_reading(&place.text("complete.csv"), &format!("evaluate run - {frechet} features --json"));
    assert_eq!(number(&piped.json(), "frechet").to_bits(), near.to_bits());
    // A row without a cell is scored nowhere, and is no complete row either.
    let hole = place.text("complete.csv") + ",,\n";
    place.write("hole.csv", hole);
    place.refuses(&format!("evaluate run hole.csv {frechet} features"), 2, &["hole.csv: ", "cells are missing"]);
    place.refuses(&format!("evaluate run table.csv {frechet} features"), 2, &["table.csv: ", "cells are missing"]);
    place.refuses(&format!("evaluate run complete.csv {frechet} run"), 2, &["--feature-model run: ", "components"]);
    place.refuses("evaluate run complete.csv --frechet", 2, &["--feature-model"]);

    // Another model in the place of the one whose features were taken.
    place.write("held.csv", place.text("complete.csv"));
    place.missvae("train --resume tracked").ok();
    place.missvae(&small("train complete.csv --method mvae --epochs 1 --quiet --out features --overwrite")).ok();
    place.refuses("train --resume tracked", 2, changed);
}

/// A standard error needs two rows; a row without a number is no row.
#[test]
fn rows_are_scored_on_what_they_have() {
    let place = Place::with_run();
    let score = |name: &str| place.missvae(&format!("evaluate run {name} --json")).json();
    // Columns in another order, others between them, and another way of saying that nothing is there: the same score.
    place.write("one.csv", "a,b,c\n0.5,,1\n");
    place.write("other.csv", "c,more,b,a\n1,x,?,0.5\n");
    let one = score("one.csv");
    assert_eq!(one, score("other.csv"));
    assert_eq!((&one["standard_error"], number(&one, "rows")), (&Value::Null, 1.0));
    // The mean of two scores, and half their distance.
    place.write("two.csv", "a,b,c\n-1,1,0.3\n");
    place.write("both.csv", "a,b,c\n0.5,,1\n,NA,\n-1,1,0.3\n");
    let both = score("both.csv");
    assert_eq!((number(&both, "rows"), number(&both, "rows_dropped")), (2.0, 1.0));
    let (x, y) = (number(&one, "log_likelihood"), number(&score("two.csv"), "log_likelihood"));
    assert!((number(&both, "log_likelihood") - (x + y) / 2.0).abs() < 1e-3, "{both}");
    assert!((number(&both, "standard_error") - (x - y).abs() / 2.0).abs() < 1e-3, "{both}");
}

/// The same table in other units: 1000·x + 5. The models are the same but for rounding, so a row with n numbers has a log
/// density that is n·ln 1000 lower. Rounding of the standardised table (1e-7) grows over 12 updates to far less than 0.01;
/// the difference is 6.9 a number.
#[test]
fn log_likelihoods_are_in_the_units_of_the_data() {
    let place = Place::new();
    for (name, factor, shift) in [("x", 1.0, 0.0), ("y", 1000.0, 5.0)] {
        place.write(&format!("{name}.csv"), table(120, factor, shift));
        place.missvae(&small(&format!("train {name}.csv --validation none --epochs 6 --quiet --out {name}"))).ok();
    }
    place.write("x1.csv", "a,b,c\n0.5,,\n");
    place.write("y1.csv", "a,b,c\n505,,\n");
    place.write("x3.csv", "a,b,c\n0.5,0.7,-0.2\n");
    place.write("y3.csv", "a,b,c\n505,705,-195\n");
    let score = |run: &str, table: &str| {
        number(&place.missvae(&format!("evaluate {run} {table} --json")).json(), "log_likelihood")
    };
    let observed =
        |text: String| text.lines().skip(1).flat_map(|line| line.split(',')).filter(|c| !c.is_empty()).count();
    let numbers_per_row = observed(place.text("x.csv")) as f64 / 120.0;
    assert!(numbers_per_row < 2.8, "some cells are missing");
    for (table, numbers) in [("1.csv", 1.0), ("3.csv", 3.0), (".csv", numbers_per_row)] {
        let lower = score("x", &format!("x{table}")) - score("y", &format!("y{table}"));
        assert!((lower - numbers * 1000f64.ln()).abs() < 0.01, "{table}: {lower}");
    }
    // So is the objective.
    let objective = |run: &str| {
        let summary: Value = serde_json::from_str(&place.text(&format!("{run}/summary.json"))).unwrap();
        number(&summary, "objective")
    };
    let lower = objective("x") - objective("y");
    assert!((lower - numbers_per_row * 1000f64.ln()).abs() < 0.01, "{lower}");
}

/// After some training the model's rows look like the data's: means within a third of a deviation (with 20,000 rows,
/// sampling moves them by less than 0.01), deviations within a third.
#[test]
fn drawn_rows_look_like_the_data() {
    let place = Place::new();
    let mut numbers = Numbers(3);
    let mut text = String::from("long name,b\n");
    for _ in 0..300 {
        let x = numbers.next() + numbers.next() + numbers.next();
        text += &format!("{},{}\n", 100.0 + 10.0 * x, -5.0 * x + numbers.next());
    }
    place.write("table.csv", &text);
    place.missvae("train table.csv --hidden 32 --blocks 1 --epochs 150 --quiet --out run").ok();
    let report = place.missvae("sample run --rows 20000 --json --out drawn.csv").json();
    assert_eq!((number(&report, "rows"), &report["out"]), (20000.0, &"drawn.csv".into()));
    let drawn = place.text("drawn.csv");
    assert!(drawn.starts_with("long name,b\n"));
    let (drawn, data) = (rows(&drawn), rows(&text));
    assert_eq!(drawn.len(), 20000);
    let moments = |rows: &[Vec<f64>], d: usize| {
        let mean = rows.iter().map(|row| row[d]).sum::<f64>() / rows.len() as f64;
        let variance = rows.iter().map(|row| (row[d] - mean).powi(2)).sum::<f64>() / rows.len() as f64;
        (mean, variance.sqrt())
    };
    for d in 0..2 {
        let ((mean, deviation), (expected, scale)) = (moments(&drawn, d), moments(&data, d));
        assert!((mean - expected).abs() < scale / 3.0, "mean {mean} of column {d}, expected {expected}");
        assert!((deviation / scale - 1.0).abs() < 1.0 / 3.0, "deviation {deviation} of column {d}, expected {scale}");
    }
    place.missvae("sample run --rows 7 --quiet --out drawn.npy").ok();
    assert!(String::from_utf8_lossy(&place.read("drawn.npy")).contains("(7, 2"));
}

#[test]
fn every_gradient_passes() {
    let report = Place::new().missvae("gradcheck --json").json();
    assert_eq!(report["passed"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 20 && checks.iter().all(|check| check["pass"] == true), "{report}");
}

#[test]
fn descriptions() {
    let place = Place::new();
    place.write("table.csv", "a,name,b\n1,x,\n,y,\n3,x,4\n5,,\n");
    let described = place.missvae("describe table.csv --json").json();
    for (key, value) in
        [("rows", 4.0), ("cells", 12.0), ("cells_missing", 5.0), ("complete_rows", 1.0), ("empty_rows", 0.0)]
    {
        assert_eq!(number(&described, key), value, "{key}");
    }
    assert_eq!(number(&described, "distinct_patterns"), 4.0);
    let (a, name) = (&described["columns"][0], &described["columns"][1]);
    assert_eq!(
        (&a["name"], &a["type"], number(a, "missing"), number(a, "mean")),
        (&"a".into(), &"numeric".into(), 1.0, 3.0)
    );
    assert_eq!((&name["type"], number(name, "text_cells"), number(name, "distinct")), (&"binary".into(), 3.0, 2.0));
    assert_eq!((&name["holds"], &name["levels"]), (&"text".into(), &vec!["x", "y"].into()));
    assert_eq!(name["mean"], Value::Null);
    assert_eq!(described["patterns"].as_array().unwrap().len(), 4);

    let words = place.missvae("describe table.csv").ok().stdout;
    assert!(
        words.contains("table.csv: 4 rows, 3 columns") && words.contains("binary") && words.contains("x, y"),
        "{words}"
    );
    let chosen = place.missvae("describe table.csv --ignore-columns name --json").json();
    assert_eq!(chosen["columns"].as_array().unwrap().len(), 2);
    let more = place.missvae("describe table.csv --missing-value x --missing-value 3 --json").json();
    assert_eq!(number(&more, "cells_missing"), 8.0);
}

/// The figures of a step fit together; which times they are is not tested.
#[test]
fn a_step_against_the_machine() {
    let place = Place::new();
    let report = place.missvae("bench --preset mog --method miss-svae --threads 1 --seconds 0.01 --json").json();
    let [ms, p5, flops] = ["step_ms", "step_ms_p5", "gemm_flops"].map(|key| number(&report, key));
    // By hand, as in the benchmarks' own test.
    let (encoder, decoder, hidden) = (2.0 * 64.0, 2.0 * 64.0 * 5.0, 6.0 * 200.0 * 200.0);
    let inner = encoder * (hidden + 200.0 * 25.0) + decoder * (2.0 * 200.0 + hidden + 200.0 * 10.0);
    assert_eq!(flops, 3.0 * inner + 2.0 * encoder * 10.0 * 200.0);
    assert!(0.0 < p5 && p5 <= ms);
    assert_eq!((number(&report, "threads"), number(&report, "samples")), (1.0, 5.0));
    let limit = ["fma_peak_gflops", "floor_ms", "ratio"];
    if report["simd"] == "plain" {
        // matrixmultiply, which serves processors without known vectors, allocates a buffer for each product, and is not held
        // to the peak of instructions that it may not use.
        assert!(limit.iter().all(|key| report[key].is_null()), "{report}");
    } else {
        let [peak, floor, ratio] = limit.map(|key| number(&report, key));
        assert!(peak > 0.0 && (floor - flops / peak / 1e6).abs() < 1e-9 * floor);
        assert!((ratio - ms / floor).abs() < 1e-9 * ms / floor);
        if cfg!(feature = "count-allocations") {
            assert_eq!((number(&report, "allocations"), number(&report, "bytes")), (0.0, 0.0));
        }
    }
    if !cfg!(feature = "count-allocations") {
        assert!(report["allocations"].is_null() && report["bytes"].is_null(), "{report}");
    }
    let operations = report["operations"].as_array().unwrap();
    let total: f64 = operations.iter().map(|operation| number(operation, "share")).sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");
    assert!(operations.iter().any(|op| op["name"] == "residual block" && number(op, "gflops") > 0.0));

    let text = place.missvae("bench --preset mog --method mvae,demiss-vae --threads 1 --seconds 0.01").ok().stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().nth(2).unwrap().starts_with("mog     demiss-vae"), "{text}");
    place.missvae("bench --seconds 0").fails(2, &["--seconds 0", "more than 0"]);
    place.missvae("bench --components 0").fails(2, &["--components 0", "at least 1"]);
    place.missvae("bench --method misvae").fails(2, &["--method misvae", "did you mean"]);
}

/// The hint quotes what a shell would split.
#[test]
fn hints_can_be_typed() {
    let place = Place::new();
    place.write("my table's.csv", table(30, 1.0, 0.0));
    let arguments = ["train", "my table's.csv", "--epochs", "1", "--hidden", "4", "--blocks", "1", "--out", "my run"];
    let said = place.run(arguments).ok().stdout;
    assert!(said.contains("missvae impute 'my run' 'my table'\\''s.csv' --out completed.csv"), "{said}");
}

/// The preview calls rows by their numbers in the table, whichever of them are set aside; of a wide table it shows a few cells.
#[test]
fn previews_name_rows_and_end() {
    let place = Place::new();
    // Only every tenth row is incomplete.
    let mut text = String::from("a,b\n");
    for row in 1..=60 {
        text += &if row % 10 == 0 { format!("{row}.5,\n") } else { format!("{row}.5,{}\n", row * row % 17) };
    }
    place.write("tenth.csv", &text);
    for validation in ["0.5", "0.2"] {
        let said = place
            .missvae(&small(&format!("train tenth.csv --epochs 1 --validation {validation} --out run --overwrite")));
        let said = said.ok().stdout;
        let rows: Vec<usize> =
            said.lines().filter_map(|line| line.strip_prefix("  row ")?.split(',').next()?.parse().ok()).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row % 10 == 0), "{said}");
    }
    let names: Vec<String> = (0..40).map(|d| format!("x{d}")).collect();
    let mut wide = names.join(",") + "\n";
    for row in 0..20 {
        let cells: Vec<String> = (0..40)
            .map(|d| if (row + d) % 2 == 0 { String::new() } else { ((row * row + row + 3 * d) % 7).to_string() })
            .collect();
        wide += &(cells.join(",") + "\n");
    }
    place.write("wide.csv", wide);
    let said = place.missvae(&small("train wide.csv --epochs 1 --out wide")).ok().stdout;
    assert!(said.lines().count() < 30 && said.contains("… and 68 more in these rows"), "{said}");
}
