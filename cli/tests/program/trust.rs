//! Results that may be wrong come with a warning, and what is kept is the best.

use super::support::{Place, SMALL, table};

fn small() -> String {
    SMALL.join(" ")
}

/// A table of 120 rows whose first column has the given text in one row.
fn with_text(text: &str) -> String {
    let table = table(120, 1.0, 0.0);
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let (_, rest) = lines[9].split_once(',').unwrap();
    lines[9] = format!("{text},{rest}");
    lines.join("\n") + "\n"
}

/// The file holds the parameters of the best epoch: those of a run that ends there.
#[test]
fn the_best_epoch_is_kept() {
    let place = Place::new();
    place.write("table.csv", table(120, 1.0, 0.0));
    for average in ["--average=false", "--average"] {
        let options = format!(
            "train table.csv {} --epochs 60 --learning-rate 0.02 --schedule constant {average} --json",
            small()
        );
        let best = place.missvae(&format!("{options} --patience 5 --overwrite --out best")).json();
        let epoch = best["best_epoch"].as_u64().unwrap();
        if average == "--average=false" {
            assert!(best["stopped_early"] == true && best["epochs"] == epoch + 5, "{best}");
        }
        assert_eq!(best["validated_on"], "cells");
        let metrics = place.text("best/metrics.jsonl");
        let scores: Vec<f64> = metrics
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter_map(|line| line["validation"].as_f64())
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!((best["best_validation"].as_f64().unwrap() - largest).abs() < 1e-9, "{best}");

        let options = options.replace("--epochs 60", &format!("--epochs {epoch}"));
        place.missvae(&format!("{options} --keep last --overwrite --out last")).ok();
        place.missvae("impute best table.csv --out best.csv --quiet").ok();
        place.missvae("impute last table.csv --out last.csv --quiet").ok();
        assert_eq!(place.text("best.csv"), place.text("last.csv"));
    }
}

/// The best score is in the unit of the others, of a method that scores completed rows too.
#[test]
fn the_best_score_is_one_of_the_scores() {
    let place = Place::new();
    place.write("table.csv", table(120, 1000.0, 0.0));
    for options in ["--method mvb-vae --components 2 --validation 0.2", "--validation 0.2", ""] {
        let name = format!("run{}", options.len());
        let run =
            place.missvae(&format!("train table.csv {} --epochs 4 {options} --out {name} --json", small())).json();
        let metrics = place.text(&format!("{name}/metrics.jsonl"));
        let line = metrics.lines().nth(run["best_epoch"].as_u64().unwrap() as usize - 1).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["validation"], run["best_validation"], "{options}");
    }
}

/// Warnings stand on standard error, with --quiet too, and in the JSON object.
#[test]
fn a_suspected_code_is_told() {
    for (text, words) in [("-999", "--missing-value -999"), ("4e6", "outlier")] {
        let place = Place::new();
        place.write("table.csv", with_text(text));
        let trained = place.missvae(&format!("train table.csv {} --epochs 2 --out run --json --quiet", small())).ok();
        let warning = trained.stderr.lines().find(|line| line.starts_with("warning: ")).unwrap_or_default();
        assert!(warning.contains(words), "{}", trained.stderr);
        let json: serde_json::Value = serde_json::from_str(&trained.stdout).unwrap();
        let warnings = json["warnings"].as_array().unwrap();
        assert!(warnings.iter().any(|one| warning.ends_with(one.as_str().unwrap())), "{json}");
    }
}

#[test]
fn rows_outside_of_the_training_range_are_told() {
    let place = Place::new();
    place.write("table.csv", table(120, 1.0, 0.0));
    place.missvae(&format!("train table.csv {} --epochs 2 --out run --quiet", small())).ok();
    let header = table(1, 1.0, 0.0).lines().next().unwrap().to_owned();
    place.write("far.csv", format!("{header}\n1000,,\n"));
    let done = place.missvae("impute run far.csv --out far.done.csv --quiet").ok();
    assert!(done.stderr.contains("outside of the training range") && done.stderr.contains("row 1"), "{}", done.stderr);
}

#[test]
fn a_table_goes_to_standard_output() {
    let place = Place::new();
    place.write("table.csv", table(120, 1.0, 0.0));
    place.missvae(&format!("train table.csv {} --epochs 2 --out run --quiet", small())).ok();
    place.missvae("impute run table.csv --out done.csv --quiet").ok();
    let piped = place.missvae("impute run table.csv --out - --quiet").ok();
    assert_eq!(piped.stdout, place.text("done.csv"));
    place.refuses("impute run table.csv --out - --draws 2", 2, &["--out -", "standard output"]);
    // Where a result stands on standard output already, a table does not fit beside it.
    place.refuses("sample run --rows 2 --out -", 2, &["-: cannot be written in this format"]);
    place.refuses("evaluate run table.csv --out -", 2, &["-: cannot be written in this format"]);
}

/// A column without negative values gets none, whatever is drawn; one with zeros gets zeros too. `--column-limits none` lets
/// them be what the model's normals are.
#[test]
fn columns_without_negative_values() {
    let place = Place::new();
    let mut numbers = super::support::Numbers(3);
    let mut text = String::from("amount,rain,shift\n");
    for row in 0..200 {
        let x = 6.0 * numbers.next() - 3.0;
        let cells = [(x + numbers.next()).exp(), (x + numbers.next() - 0.5).max(0.0), x - numbers.next()];
        let cells = cells
            .iter()
            .enumerate()
            .map(|(d, y)| if (3 * row + d) % 5 == 0 { String::new() } else { format!("{y:.3}") });
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    place.write("table.csv", &text);
    let train = format!("train table.csv {} --epochs 30 --json", small());
    let run = place.missvae(&format!("{train} --out run")).json();
    assert_eq!(run["never_negative"], serde_json::json!(["amount", "rain"]));
    let negative = |run: &str, options: &str| -> [usize; 2] {
        place.missvae(&format!("impute {run} table.csv --out done.csv --quiet {options}")).ok();
        let rows = super::support::rows(&place.text("done.csv"));
        [0, 1].map(|d| rows.iter().filter(|row| row[d] < 0.0).count())
    };
    for options in
        ["--statistic draw", "", "--statistic median", "--sampler pseudo-gibbs --iterations 4 --statistic draw"]
    {
        assert_eq!(negative("run", options), [0, 0], "{options}");
    }
    place.missvae("impute run table.csv --out done.csv --quiet --statistic draw").ok();
    let zeros = |d: usize| super::support::rows(&place.text("done.csv")).iter().filter(|row| row[d] == 0.0).count();
    let observed = text.lines().skip(1).filter(|line| line.split(',').nth(1) == Some("0.000")).count();
    assert!(zeros(1) > observed && zeros(0) == 0);

    let run = place.missvae(&format!("{train} --column-limits none --out free")).json();
    assert_eq!(run["never_negative"], serde_json::json!([]));
    assert!(negative("free", "--statistic draw").iter().sum::<usize>() > 0);
    place.missvae("sample run --rows 300 --out drawn.csv --quiet").ok();
    let drawn = super::support::rows(&place.text("drawn.csv"));
    assert!(drawn.iter().all(|row| row[0] >= 0.0 && row[1] >= 0.0) && drawn.iter().any(|row| row[2] < 0.0));
}

/// Cells that stay missing, as the model does not have their columns, are told.
#[test]
fn columns_that_stay_incomplete() {
    let place = Place::with_run();
    place.write("more.csv", "a,note,b,d,c\n1,,2,5,3\n,x,2,NA,3\n1,,2,7,\n");
    let outcome = place.missvae("impute run more.csv --out done.csv --quiet").ok();
    let told = "still missing, as the model has no such columns: 2 cells in \"note\", 1 cell in \"d\"";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    assert!(place.text("done.csv").lines().nth(2).unwrap().contains(",x,2,NA,3"));
    let outcome = place.missvae("impute run table.csv --out done.csv --quiet").ok();
    assert!(!outcome.stderr.contains("still missing"), "{outcome:?}");
}
