//! Methods that keep imputations, and the samplers that renew them.

use super::support::{Place, SMALL, table};

/// Options that make a run of demiss-vae short.
fn short() -> String {
    format!("--method demiss-vae --components 3 --epochs 4 {} --quiet", SMALL.join(" "))
}

/// A table with a row of which nothing is observed.
fn with_empty_row() -> String {
    format!("{},,\n", table(60, 1.0, 0.0))
}

fn trained(options: &str) -> Place {
    let place = Place::new();
    place.write("table.csv", with_empty_row());
    place.missvae(&format!("train table.csv {} {options} --out run", short())).ok();
    place
}

#[test]
fn each_method_trains_evaluates_and_imputes() {
    for method in ["demiss-vae", "cvi-vae", "mvb-vae"] {
        let place = Place::new();
        place.write("table.csv", with_empty_row());
        let options = short().replace("demiss-vae", method);
        place.missvae(&format!("train table.csv {options} --hide 0.1 --validation 0.2 --out run")).ok();
        let text = place.text("run/config.toml");
        assert!(text.contains("sampler = \"lair\"") && text.contains("impute-from-epoch = 2"), "{text}");
        let metrics = place.text("run/metrics.jsonl");
        let lines: Vec<serde_json::Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines[0].get("effective_sample_size").is_none(), "renewed from the second epoch on: {metrics}");
        assert!(
            lines[1]["effective_sample_size"].as_f64().is_some_and(|size| (1.0..=3.0).contains(&size)),
            "{metrics}"
        );
        assert!(lines.iter().all(|line| line["validation"].as_f64().is_some() && line["replaced"] == 0), "{metrics}");

        for likelihood in ["grid", "iwelbo --importance-samples 50"] {
            let scored = place.missvae(&format!("evaluate run table.csv --likelihood {likelihood} --json")).json();
            assert!(scored["log_likelihood"].as_f64().is_some_and(f64::is_finite), "{scored}");
        }
        let report = place.missvae("impute run table.csv --out done.csv --iterations 6 --json").json();
        assert_eq!((&report["sampler"], &report["iterations"]), (&"lair".into(), &6.into()), "{report}");
    }
}

/// With many importance samples both proposals give the likelihood of the rows: that of the grid, to 0.05 nats a row.
#[test]
fn incomplete_rows_are_scored_with_imputations() {
    let place = trained("");
    let score = |how: &str| -> f64 {
        let scored = place.missvae(&format!("evaluate run table.csv --likelihood {how} --json")).json();
        scored["log_likelihood"].as_f64().unwrap()
    };
    let (grid, sampled) = (score("grid"), score("iwelbo --importance-samples 4000"));
    assert!((grid - sampled).abs() < 0.05, "{grid} on the grid, {sampled} sampled");
}

/// Observed cells come back as they were, a row without any is completed too, and seeds and thread counts do what they
/// should.
#[test]
fn chains_complete_tables() {
    let place = trained("");
    for sampler in ["lair", "lair --replenish 2 --proposals 3", "mwg", "pseudo-gibbs"] {
        let name = sampler.split(' ').next().unwrap();
        for statistic in ["mean", "median", "draw"] {
            let run = |out: &str, more: &str| {
                let options = format!("--sampler {sampler} --iterations 8 --statistic {statistic} --json {more}");
                place.missvae(&format!("impute run table.csv --out {out} {options}")).json()
            };
            let report = run("one.csv", "--threads 1");
            assert_eq!((&report["sampler"], &report["replaced"]), (&name.into(), &0.into()));
            assert_eq!(report["acceptance_rate"].is_number(), name == "mwg", "{report}");
            assert_eq!(report["effective_sample_size"].is_number(), name == "lair", "{report}");
            run("two.csv", "--threads 2");
            run("other.csv", "--seed 5");
            assert_eq!(place.text("one.csv"), place.text("two.csv"), "{sampler}, {statistic}");
            assert_ne!(place.text("one.csv"), place.text("other.csv"), "{sampler}, {statistic}");
            for (before, after) in with_empty_row().lines().zip(place.text("one.csv").lines()) {
                for (before, after) in before.split(',').zip(after.split(',')) {
                    assert!(if before.is_empty() { after.parse::<f64>().is_ok() } else { before == after });
                }
            }
        }
    }
    place.missvae("impute run table.csv --out many.csv --draws 25 --iterations 4 --quiet").ok();
    assert_ne!(place.text("many.1.csv"), place.text("many.25.csv"));
}

/// The chains run on any model.
#[test]
fn chains_run_on_finite_mixtures() {
    let place = Place::with_run();
    for sampler in ["lair", "mwg", "pseudo-gibbs"] {
        place.missvae(&format!("impute run table.csv --out {sampler}.csv --sampler {sampler} --iterations 6")).ok();
        assert!(!place.text(&format!("{sampler}.csv")).contains(",,"));
    }
}

/// An encoder of incomplete rows makes what it likes of completed ones, and only pseudo-Gibbs takes it at its word.
#[test]
fn a_chain_that_may_go_astray_is_warned_of() {
    let place = Place::with_run();
    let said = |sampler: &str| {
        let arguments = format!("impute run table.csv --out {sampler}.csv --sampler {sampler} --iterations 2");
        place.missvae(&arguments).ok().stderr.contains("may go astray")
    };
    assert!(said("pseudo-gibbs") && !said("mwg") && !said("lair"));
}

/// LAIR with one imputation and one proposal is pseudo-Gibbs sampling: documented, and no error. Every other choice of the
/// sampler works too.
#[test]
fn samplers_in_training() {
    for options in [
        "--components 1",
        "--sampler pseudo-gibbs --iterations 2",
        "--sampler mwg --impute-from-epoch 1",
        "--proposals 3 --replenish 2 --proposal-weights smis --resampling systematic --resampling-scope local",
        "--iterations 3 --replenish 1 --resample-final --initial-imputations mean",
        "--initial-imputations zero --mask-input --estimator plain --impute-from-epoch 3",
        "--preset power --hidden 8 --blocks 1 --epochs 2 --sampler mwg",
        "--preset gas --hidden 8 --blocks 1 --epochs 2 --iterations 1",
    ] {
        let place = Place::new();
        // The presets are for tables of their width: the three columns again and again.
        let columns = if options.contains("power") {
            6
        } else if options.contains("gas") {
            8
        } else {
            3
        };
        let widened = table(60, 1.0, 0.0).lines().enumerate().fold(String::new(), |text, (n, line)| {
            let cells = line.split(',').cycle().take(columns).enumerate();
            let name = |(d, cell): (usize, &str)| if n == 0 { format!("{cell}{d}") } else { cell.to_owned() };
            text + &cells.map(name).collect::<Vec<_>>().join(",") + "\n"
        });
        place.write("table.csv", widened);
        let base =
            "train table.csv --method demiss-vae --components 2 --epochs 3 --hidden 8 --blocks 1 --quiet --out run";
        let mut arguments: Vec<&str> = base.split(' ').collect();
        for option in options.split(" --").map(|option| option.trim_start_matches("--")) {
            // What is said again replaces what was said.
            let name = format!("--{}", option.split(' ').next().unwrap());
            if let Some(at) = arguments.iter().position(|argument| *argument == name) {
                arguments.drain(at..at + 2);
            }
        }
        arguments.extend(options.split(' '));
        place.run(&arguments).ok();
        // What is resolved is what a resumed run reads.
        place.missvae("train --resume run --quiet").ok();
    }
}

#[test]
fn options_that_make_no_sense() {
    let cases: &[(&str, &[&str])] = &[
        ("--proposals 0", &["--proposals 0: expected from 1"]),
        ("--replenish -1", &["invalid value '-1' for '--replenish <R>': expected a whole number"]),
        ("--iterations 0", &["--iterations 0: expected from 1"]),
        ("--impute-from-epoch 0", &["--impute-from-epoch 0: expected at least 1"]),
        (
            "--epochs 3 --impute-from-epoch 4",
            &["--impute-from-epoch 4: expected an epoch from 1 to 3, the last one of the run"],
        ),
        ("--resample-final", &["--resample-final: a sweep of one iteration", "hint: add --iterations"]),
        ("--components 0", &["--components 0: expected at least 1"]),
        ("--samples 0", &["--samples 0: expected at least 1"]),
        ("--sampler importance", &["'importance' for '--sampler", "pseudo-gibbs, mwg, lair"]),
        (
            "--sampler mwg --proposals 3",
            &["--proposals 3: mwg has no such option", "hint: it applies to --sampler lair"],
        ),
        ("--sampler pseudo-gibbs --replenish 1", &["--replenish 1: pseudo-gibbs has no such option"]),
        ("--sampler mwg --resample-final", &["--resample-final: mwg has no such option"]),
        ("--sampler mwg --resampling systematic", &["--resampling: mwg has no such option"]),
        ("--initial-imputations median", &["'median' for '--initial-imputations", "observed, mean, zero"]),
        ("--estimator dreg", &["dreg needs an importance-weighted bound"]),
        ("--pathwise responsibility", &["--pathwise: demiss-vae has neither", "hint: "]),
        ("--logit-gradient implicit", &["--logit-gradient: demiss-vae has neither"]),
        ("--importance-samples 4", &["--importance-samples: demiss-vae has neither"]),
        (
            "--method miss-svae --sampler lair",
            &["--sampler lair: miss-svae keeps no imputations", "hint: it applies to"],
        ),
        ("--method mvae --impute-from-epoch 2", &["--impute-from-epoch 2: mvae keeps no imputations"]),
    ];
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    for (options, words) in cases {
        let method = if options.contains("--method") { "" } else { "--method demiss-vae" };
        place.refuses(&format!("train table.csv {method} {options} --out run"), 2, words);
    }

    let place = trained("");
    let cases: &[(&str, &[&str])] = &[
        (
            "impute run table.csv --out done.csv --sampler importance",
            &["encoder needs completed rows", "hint: use lair"],
        ),
        ("impute run table.csv --out done.csv --proposals 0", &["--proposals 0: expected from 1"]),
        ("impute run table.csv --out done.csv --iterations 0", &["--iterations 0: expected from 1"]),
        ("impute run table.csv --out done.csv --sampler mwg --replenish 1", &["mwg has no such option"]),
        (
            "impute run table.csv --out done.csv --sampler gibbs",
            &["'gibbs' for '--sampler", "importance, pseudo-gibbs"],
        ),
        (
            "evaluate run table.csv --likelihood iwelbo --importance-samples 5 --refit-updates 3",
            &["cells are missing", "complete rows"],
        ),
    ];
    for (arguments, words) in cases {
        place.refuses(arguments, 2, words);
    }
    let place = Place::with_run();
    place.refuses(
        "impute run table.csv --out done.csv --iterations 3",
        2,
        &["--iterations 3: importance has no such option", "hint: "],
    );
}

/// Complete rows can be refitted to.
#[test]
fn encoders_of_completed_rows_are_refitted_to_complete_rows() {
    let place = trained("");
    let text = table(60, 1.0, 0.0);
    let complete: Vec<&str> = text.lines().filter(|line| !line.split(',').any(str::is_empty)).collect();
    place.write("complete.csv", complete.join("\n") + "\n");
    let arguments = "evaluate run complete.csv --likelihood iwelbo --importance-samples 20 --refit-updates 3 --json";
    let scored = place.missvae(arguments).json();
    assert_eq!((&scored["refit_updates"], &scored["rows"]), (&3.into(), &(complete.len() - 1).into()));
}
