//! Experiments of the paper, in miniature.

use serde_json::Value;

use super::support::Place;

/// Small networks, one epoch on few rows.
const TINY: &str = "--rows 120 --hidden 4 --blocks 1 --epochs 1 --seeds 1";

fn fig6(options: &str) -> String {
    format!("reproduce fig6 {TINY} --methods mvb-vae,demiss-vae --components 2,3 {options}")
}

/// The files of an experiment are there, and are what they are called.
#[track_caller]
fn check_files(place: &Place, out: &str, name: &str, rows: usize) {
    let table = place.text(&format!("{out}/{name}.csv"));
    assert_eq!(table.lines().count(), rows + 1, "{table}");
    assert!(table.starts_with("experiment,panel,method,components,imputations,first,second,alpha,jsd,"), "{table}");
    assert!(place.text(&format!("{out}/{name}.svg")).starts_with("<svg "));
    assert!(place.read(&format!("{out}/{name}.png")).starts_with(b"\x89PNG"));
}

/// The second time nothing is run and nothing changes; other numbers of jobs and threads, and another directory, make no
/// difference to any byte of the results.
#[test]
fn runs_once_and_gives_the_same_bytes() {
    let place = Place::new();
    let report = place.missvae(&fig6("--jobs 1 --threads 1 --out one --json --quiet")).json();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["log_likelihood"].as_f64().is_some_and(|x| x < 0.0)), "{rows:?}");
    check_files(&place, "one", "fig6", 4);
    let before = place.snapshot();
    let again = place.missvae(&fig6("--out one --json")).ok();
    assert_eq!(again.stderr.matches("finished before").count(), 4, "{again:?}");
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap(), report);
    assert!(before == place.snapshot(), "something changed");

    place.missvae(&fig6("--jobs 3 --threads 2 --out two --quiet")).ok();
    for file in ["fig6.csv", "fig6.svg", "fig6.png", "data-120/train_missing50.csv", "data-120/truth.json"] {
        assert!(place.read(&format!("one/{file}")) == place.read(&format!("two/{file}")), "{file}");
    }
    // The generated data are the data that --data takes: the same runs follow.
    let again = place.missvae(&fig6("--data one/data-120 --out one").replace("--rows 120", "")).ok();
    assert_eq!(again.stderr.matches("finished before").count(), 4, "{again:?}");
}

/// Rejection and both oracles. The run on the true conditional belongs to two panels, and is run once.
#[test]
fn wrong_imputations() {
    let place = Place::new();
    let command = format!("reproduce fig5 {TINY} --methods cvi-vae --points 2 --out five --json --quiet");
    let report = place.missvae(&command).json();
    let rows = report["rows"].as_array().unwrap();
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("panel"), ["rejection", "oracle-1", "oracle-1", "oracle-1", "oracle-2", "oracle-2"]);
    assert_eq!(column("alpha")[1..], [1.0, 0.0, 0.0, 1.0, 0.0]);
    let jsd: Vec<f64> = column("jsd")[1..].iter().map(|jsd| jsd.as_f64().unwrap()).collect();
    assert!(jsd[0] == 0.0 && jsd[3] == 0.0 && jsd[1] > 0.1 && jsd.iter().all(|&jsd| jsd < 0.7), "{jsd:?}");
    let runs = column("run");
    assert!(runs[1] == runs[4] && std::fs::read_dir(place.file("five/runs")).unwrap().count() == 5, "{runs:?}");
    check_files(&place, "five", "fig5", 6);
    // The training options do not say how these imputations are drawn, so `train` must not go on with them.
    for run in &runs[..2] {
        place.refuses(&format!("train --resume five/runs/{}", run.as_str().unwrap()), 2, &["missvae reproduce"]);
    }
}

/// Methods of one component spend the budget on samples, the others on components or imputations.
#[test]
fn all_methods_with_one_budget() {
    let place = Place::new();
    // What an earlier command left of fits would be taken for this one's.
    place.write("two/fig2-fit.csv", "old");
    let report = place.missvae(&format!("reproduce fig2 {TINY} --components 3 --out two --json --quiet")).json();
    assert!(!place.exists("two/fig2-fit.csv"));
    let rows = report["rows"].as_array().unwrap();
    check_files(&place, "two", "fig2", 7);
    let settings: Vec<_> = rows
        .iter()
        .map(|row| {
            let config = place.text(&format!("two/runs/{}/config.toml", row["run"].as_str().unwrap()));
            let config: toml::Table = config.parse().unwrap();
            let number = |name: &str| config.get(name).and_then(toml::Value::as_integer).unwrap_or(0);
            (row["method"].as_str().unwrap(), number("components"), number("samples"), number("importance-samples"))
        })
        .collect();
    let expected = [
        ("mvae", 1, 3, 1),
        ("miss-vae", 3, 3, 1),
        ("miss-svae", 3, 1, 1),
        ("miwae", 1, 1, 3),
        ("miss-iwae", 3, 1, 3),
        ("miss-siwae", 3, 1, 1),
        ("demiss-vae", 3, 1, 0),
    ];
    assert_eq!(settings, expected);
    assert!(rows.iter().all(|row| row["components"] == 3 && row["log_likelihood"].as_f64().is_some()), "{rows:?}");
}

/// A row of panels a method, each with contours for five rows of the table.
#[test]
fn posteriors() {
    let place = Place::new();
    let tiny = TINY.replace("--seeds 1", "--components 3");
    for (name, methods, columns) in [("fig1", 1, 4), ("fig9", 3, 3), ("fig10", 3, 4), ("fig11", 1, 4)] {
        let report = place.missvae(&format!("reproduce {name} {tiny} --out out --json --quiet")).json();
        assert_eq!(report["rows"].as_array().unwrap().len(), methods, "one seed");
        check_files(&place, "out", name, methods);
        let figure = place.text(&format!("out/{name}.svg"));
        assert_eq!(figure.matches("<tspan font-style=\"italic\">z</tspan>").count(), 3 * methods * columns, "{name}");
        for colour in ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"] {
            let stroke = format!("stroke=\"{colour}\"");
            assert!(figure.matches(&stroke).count() >= 2 * methods * columns, "{name}: {colour}");
        }
        // Every pair of columns, for each of the ten test rows.
        let fits = report["fits"].as_array().unwrap();
        assert_eq!(fits.len(), methods * 10 * columns * (columns - 1) / 2);
        assert_eq!(place.text(&format!("out/{name}-fit.csv")).lines().count(), fits.len() + 1);
        for fit in fits {
            let number = |key: &str| fit[key].as_f64();
            assert!(number("jsd").is_some_and(|jsd| (0.0..0.694).contains(&jsd)), "{fit}");
            for kl in ["kl_p_q", "kl_q_p"] {
                // The smoothed samples of q_IW end somewhere, and with them the other density's reach.
                assert!(number(kl).map_or(fit["q"] == "q_IW(z|x_obs)", |kl| kl >= 0.0), "{fit}");
            }
        }
    }
    place.write("data/train_missing50.csv", "a,b\n1,2\n2,1\n3,4\n4,\n");
    place.write("data/test.csv", "a,b\n1,\n");
    let tiny = tiny.replace("--rows 120", "--data data");
    place.refuses(&format!("reproduce fig9 {tiny} --out other --quiet"), 2, &["no complete row"]);
    place.refuses(&format!("reproduce fig1 {tiny} --out other --quiet"), 2, &["data", "train_complete.csv"]);
}

/// The truth itself: ten pairs of five columns, whose densities integrate to one.
#[test]
fn pairwise_marginals() {
    let place = Place::new();
    let report = place.missvae("reproduce fig7 --rows 20 --out out --json --quiet").json();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(place.text("out/fig7.csv").lines().count(), rows.len() + 1);
    for pair in rows.chunk_by(|a, b| (&a["first"], &a["second"]) == (&b["first"], &b["second"])) {
        let side = (pair.len() as f64).sqrt();
        let cell = (9.0 / (side - 1.0)).powi(2);
        let mass = cell * pair.iter().map(|row| row["density"].as_f64().unwrap()).sum::<f64>();
        // Little lies outside of the square, and the lattice is fine.
        assert!((0.97..1.01).contains(&mass), "{mass}: {}", pair[0]);
    }
    assert_eq!(rows.chunk_by(|a, b| (&a["first"], &a["second"]) == (&b["first"], &b["second"])).count(), 10);
    assert!(place.text("out/fig7.svg").starts_with("<svg "));
    place.write("data/train_missing50.csv", "a,b\n1,2\n2,1\n3,4\n4,\n");
    place.write("data/test.csv", "a,b\n1,3\n");
    place.refuses("reproduce fig7 --data data --out other", 2, &["data", "truth.json"]);
    place.refuses("reproduce fig7 --epochs 3 --out other", 2, &["--epochs", "fig7"]);
}

/// The study of signal-to-noise ratios, under the figure's name.
#[test]
fn signal_to_noise() {
    let place = Place::new();
    let command = "reproduce fig8 --rows 200 --epochs 2 --hidden 4 --blocks 1 --seeds 2 --out out --json --quiet";
    let report = place.missvae(command).json();
    // Two epochs, four methods, two seeds.
    assert_eq!(report["curves"].as_array().unwrap().len(), 16);
    assert_eq!(place.text("out/fig8.csv").lines().count(), 17);
    assert!(place.read("out/fig8.png").starts_with(b"\x89PNG"));
}

/// A CSV table of eight columns.
fn eight_columns(rows: usize) -> String {
    let cell = |n: usize, d: usize| format!("{}", ((n * 8 + d) as f64 * 0.37).sin());
    let row = |n: usize| (0..8).map(|d| cell(n, d)).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = (0..rows).map(row).collect();
    format!("a,b,c,d,e,f,g,h\n{}\n", lines.join("\n"))
}

/// Distances while training: a run on complete rows first, which the others take features from. Following a run changes nothing
/// of it, and it is gone on with by the same command only.
#[test]
fn distances_to_complete_rows() {
    let place = Place::new();
    place.write("sets/gas/train.csv", eight_columns(60));
    place.write("sets/gas/test.csv", eight_columns(30));
    let small = "--data sets --rates 0.5 --methods mvae,miss-svae --seeds 2 --updates 4 --hidden 4 --blocks 1 --quiet";
    let command = format!("reproduce fig12 {small} --json");
    let plan = place.missvae(&format!("{command} --dry-run --out out")).json();
    assert_eq!(plan["runs"].as_array().unwrap().len(), 5);
    let report = place.missvae(&format!("{command} --out out")).json();
    let rows = report["rows"].as_array().unwrap();
    check_files(&place, "out", "fig12", 4);
    assert!(place.text("out/fig12.svg").contains("GAS, 50% missing"));
    // The features' encoder has no mask input (docs/methods.md §7), the others have one.
    let runs = std::fs::read_dir(place.file("out/runs")).unwrap().map(|run| run.unwrap().path());
    let configs: Vec<String> = runs.map(|run| std::fs::read_to_string(run.join("config.toml")).unwrap()).collect();
    let without = configs.iter().filter(|config| config.contains("mask-input = false\n")).count();
    assert_eq!((configs.len(), without), (5, 1));
    for row in rows {
        let run = format!("out/runs/{}", row["run"].as_str().unwrap());
        let metrics = place.text(&format!("{run}/metrics.jsonl"));
        let distances: Vec<f64> = metrics
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["frechet"].as_f64().unwrap())
            .collect();
        assert!(distances.len() == 4 && distances.iter().all(|distance| *distance > 0.0), "{metrics}");
        assert_eq!((row["frechet"].as_f64(), row["log_likelihood"].as_f64()), (distances.last().copied(), None));
        place.refuses(&format!("train --resume {run}"), 2, &["only an experiment", "missvae reproduce"]);
    }
    // The same bits elsewhere, and the same model as of a run that is not followed.
    place.missvae(&format!("{command} --jobs 1 --threads 1 --out other")).ok();
    assert!(place.read("out/fig12.csv") == place.read("other/fig12.csv"));
    let scored =
        format!("reproduce fig3 {small} --importance-samples 5 --refit-updates 0 --test-rows 2 --out plain --json");
    let plain = place.missvae(&scored).json();
    for (row, plain) in rows.iter().zip(plain["rows"].as_array().unwrap()) {
        let model = |out: &str, row: &Value| {
            place.read(&format!("{out}/runs/{}/model.safetensors", row["run"].as_str().unwrap()))
        };
        assert!(row["run"] != plain["run"] && model("out", row) == model("plain", plain));
    }
    // What is lost after training is made again from the checkpoint and the metrics, with the same result.
    let run = place.file(&format!("other/runs/{}", rows[3]["run"].as_str().unwrap()));
    for file in ["evaluation.json", "summary.json"] {
        std::fs::remove_file(run.join(file)).unwrap();
    }
    place.missvae(&format!("{command} --out other")).ok();
    assert!(place.read("out/fig12.csv") == place.read("other/fig12.csv"));
    // A features' model that is lost too, before it is looked for in vain.
    let model = |run: &std::path::PathBuf| run.join("model.safetensors");
    let runs: Vec<_> = std::fs::read_dir(place.file("other/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    let recipe = |run: &std::path::PathBuf| std::fs::read_to_string(run.join("recipe.json")).unwrap();
    let features = runs.iter().find(|run| recipe(run).contains(r#""for": "features""#)).expect("a features' run");
    let whole = std::fs::read(model(features)).unwrap();
    std::fs::remove_file(model(features)).unwrap();
    place.missvae(&format!("{command} --seeds 3 --out other").replace("--seeds 2 ", "")).ok();
    assert!(std::fs::read(model(features)).unwrap() == whole);
    place.refuses("reproduce fig12 --data sets --test-rows 3", 2, &["--test-rows", "fig12"]);
}

/// Tables of the user's: a run for each, each share of hidden cells, method and seed; a score that would be made
/// otherwise now is made again, without another training.
#[test]
fn tables_with_cells_hidden() {
    let place = Place::new();
    place.write("sets/gas/train.csv", eight_columns(60));
    place.write("sets/gas/test.csv", eight_columns(30));
    let command = "reproduce fig3 --data sets --rates 0.2,0.8 --methods mvae,demiss-vae --seeds 2 --updates 2 --hidden 4 \
                   --blocks 1 --test-rows 5 --importance-samples 20 --refit-updates 1 --out out";
    let report = place.missvae(&format!("{command} --json --quiet")).json();
    let rows = report["rows"].as_array().unwrap();
    check_files(&place, "out", "fig3", 8);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(number("log_likelihood").is_finite() && number("log_likelihood_before_refit").is_finite(), "{row}");
        assert_eq!((number("test_rows"), number("importance_samples"), number("latent")), (5.0, 20.0, 16.0));
        let config = place.text(&format!("out/runs/{}/config.toml", row["run"].as_str().unwrap()));
        assert!(config.contains(&format!("hide = {}", number("hidden"))), "{config}");
    }
    let again = place.missvae(command).ok();
    assert_eq!(again.stderr.matches("finished before").count(), 8, "{again:?}");
    let run = rows[0]["run"].as_str().unwrap();
    let trained = place.read(&format!("out/runs/{run}/model.safetensors"));
    let other = place.missvae(&format!("{command} --json --quiet").replace("--test-rows 5", "--test-rows 6")).json();
    assert!(other["rows"][0]["test_rows"] == 6 && other["rows"][0]["run"] == run, "{other}");
    assert!(trained == place.read(&format!("out/runs/{run}/model.safetensors")));
    let plan = place.missvae(&format!("{command} --dry-run")).ok().stdout;
    assert!(plan.contains("8 runs are left to do"), "scored otherwise last time: {plan}");

    let gaps = eight_columns(30).replacen("0,", ",", 1);
    place.write("gaps/gas/train.csv", eight_columns(60));
    place.write("gaps/gas/test.csv", gaps);
    place.write("narrow/gas/train.csv", "a,b\n1,2\n2,1\n");
    place.write("narrow/gas/test.csv", "a,b\n1,2\n");
    place.write("empty/gas/train.csv", eight_columns(60));
    for (arguments, words) in [
        ("fig3 --out x", ["fig3 needs --data", "gas/"]),
        ("fig3 --data out", ["out: there is no gas/", "miniboone/"]),
        ("fig3 --data gaps --out x", ["gaps/gas/test.csv: 1 cell is missing in 30 rows", "complete"]),
        ("fig3 --data narrow --out x", ["UCI Gas", "8 columns"]),
        ("fig3 --data empty --out x", ["empty/gas: there is no file test", ".npy"]),
        ("fig3 --data sets --rates 1.5 --out x", ["--rates 1.5", "less than 1"]),
        ("fig3 --data sets --latents 3 --out x", ["--latents", "fig3"]),
        ("fig4 --data sets --out x", ["there is no mnist/", "omniglot/"]),
        ("fig2 --test-rows 3 --out x", ["--test-rows", "fig2"]),
        ("fig8 --components 5,15 --out x", ["--components", "one number"]),
        ("fig8 --rows 3 --out x", ["--rows 3", "from 10 to"]),
        ("fig8 --methods mvea --out x", ["mvea", "mvae"]),
    ] {
        place.refuses(&format!("reproduce {arguments}"), 2, &words);
    }
}

/// Images of the user's, for networks of a few channels.
#[test]
fn images_with_quadrants_hidden() {
    let place = Place::new();
    place.write("sets/omniglot/train-images-idx3-ubyte", super::images::idx(150, 28));
    place.write("sets/omniglot/t10k-images-idx3-ubyte", super::images::idx(4, 28));
    let command = "--data sets --methods miwae,demiss-vae --seeds 1 --updates 2 --encoder-widths 2,2 --decoder-widths 2,2 \
                   --importance-samples 10 --refit-updates 1 --out out --json --quiet";
    let report = place.missvae(&format!("reproduce fig4 {command}")).json();
    let rows = report["rows"].as_array().unwrap();
    check_files(&place, "out", "fig4", 2);
    assert!(rows.iter().all(|row| row["log_likelihood"].as_f64().is_some_and(|x| x < -100.0)), "{rows:?}");
    assert!(rows[1]["imputations"] == "pseudo-gibbs" && rows[0]["hidden"] == 2.0, "{rows:?}");
    let report = place.missvae(&format!("reproduce fig13 {command} --latents 50,3")).json();
    let rows = report["rows"].as_array().unwrap();
    let latents: Vec<_> = rows.iter().map(|row| row["latent"].as_u64().unwrap()).collect();
    assert_eq!(latents, [50, 50, 3, 3]);
    assert_eq!(std::fs::read_dir(place.file("out/runs")).unwrap().count(), 4, "fig4 and fig13 share runs");
    check_files(&place, "out", "fig13", 4);
}

/// Generated data, and curves, do not take the place of what is the user's.
#[test]
fn files_of_the_user_stay() {
    let place = Place::new();
    place.write("data-120/test.csv", "mine");
    place.refuses(
        &format!("{} --out . --quiet", fig6("")),
        2,
        &["data-120/test.csv: it is not one of the generated tables", "another --out"],
    );
    place.write("snr.csv", eight_columns(60));
    place.refuses("snr snr.csv --epochs 1 --seeds 1 --out .", 2, &["the curves would replace DATA", "snr.csv"]);
    assert!(place.text("data-120/test.csv") == "mine" && place.text("snr.csv") == eight_columns(60));
}

/// A plan is printed, and nothing else happens.
#[test]
fn dry_run_leaves_nothing() {
    let place = Place::new();
    let plan = place.missvae(&fig6("--dry-run --json --jobs 2")).json();
    assert!(plan["seconds"].as_f64().unwrap() > 0.0 && plan["jobs"] == 2, "{plan}");
    let runs = plan["runs"].as_array().unwrap();
    assert!(runs.len() == 4 && runs.iter().all(|run| run["updates"] == 2 && run["finished"] == false), "{plan}");
    let text = place.missvae(&fig6("--dry-run")).ok().stdout;
    assert!(text.contains("4 runs are left to do") && text.contains("demiss-vae"), "{text}");
    assert!(place.snapshot().is_empty());
    place.missvae(&fig6("--quiet --out done")).ok();
    let plan = place.missvae(&fig6("--dry-run --json --out done")).json();
    assert!(plan["seconds"] == 0.0 && plan["runs"][0]["finished"] == true, "{plan}");
}

/// The same of the study of gradients, whose finished runs are known too.
#[test]
fn dry_run_of_gradients_leaves_nothing() {
    let place = Place::new();
    let fig8 =
        "reproduce fig8 --rows 200 --epochs 1 --hidden 4 --blocks 1 --seeds 2 --methods miss-vae,miss-svae --out out";
    let plan = place.missvae(&format!("{fig8} --dry-run --json")).json();
    let runs = plan["runs"].as_array().unwrap();
    assert!(plan["seconds"].as_f64().unwrap() > 0.0 && runs.len() == 4, "{plan}");
    assert!(runs.iter().all(|run| run["components"] == 5 && run["finished"] == false), "{plan}");
    let text = place.missvae(&format!("{fig8} --dry-run")).ok().stdout;
    assert!(text.contains("4 runs are left to do") && text.contains("MissSVAE"), "{text}");
    assert!(place.snapshot().is_empty());
    place.missvae(&format!("{fig8} --quiet")).ok();
    let plan = place.missvae(&format!("{fig8} --dry-run --json")).json();
    assert!(plan["seconds"] == 0.0 && plan["runs"][3]["finished"] == true, "{plan}");
}

/// An interrupted experiment ends with a checkpoint, and the same command goes on from it to the same bytes.
#[cfg(unix)]
#[test]
fn interrupted_and_gone_on_with() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let place = Place::new();
    let command = fig6("--jobs 2 --quiet").replace("--epochs 1", "--epochs 400");
    place.missvae(&format!("{command} --out whole")).ok();
    let mut child = Command::new(super::support::PROGRAM)
        .args(format!("{command} --out part").split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = || {
        let runs = std::fs::read_dir(place.file("part/runs")).into_iter().flatten().flatten();
        runs.filter(|run| std::fs::metadata(run.path().join("metrics.jsonl")).is_ok_and(|file| file.len() > 500))
            .count()
    };
    while begun() == 0 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap().code();
    // On a slow machine the signal may come when all is done.
    assert!(status == Some(130) || status == Some(0) && place.exists("part/fig6.csv"), "{status:?}");
    place.missvae(&format!("{command} --out part")).ok();
    assert!(place.read("whole/fig6.csv") == place.read("part/fig6.csv"));
}

/// Each run reads the file to train on: if it is another one than that of the runs before, the command ends.
#[test]
fn a_file_that_changes_meanwhile() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let place = Place::new();
    place.write("sets/gas/train.csv", eight_columns(60));
    place.write("sets/gas/test.csv", eight_columns(30));
    let command = "reproduce fig3 --data sets --rates 0.2 --methods mvae --seeds 2 --jobs 1 --updates 3000 --hidden 4 \
                   --blocks 1 --importance-samples 5 --refit-updates 0 --out out --quiet";
    let mut child = Command::new(super::support::PROGRAM)
        .args(command.split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Rows are read before there are metrics.
    let begun = || {
        let mut runs = std::fs::read_dir(place.file("out/runs")).into_iter().flatten().flatten();
        runs.any(|run| run.path().join("metrics.jsonl").exists())
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    place.write("sets/gas/train.csv", eight_columns(61));
    let outcome = child.wait_with_output().unwrap();
    let said = String::from_utf8(outcome.stderr).unwrap();
    // On a slow machine the second run may have begun, too.
    if outcome.status.code() != Some(0) {
        assert_eq!(outcome.status.code(), Some(2), "{said}");
        assert!(said.contains("sets/gas/train.csv: the file has changed since this command began"), "{said}");
    }
}

/// Scoring can be long, and is no more deaf to signals than training; the trained model stays.
#[cfg(unix)]
#[test]
fn interrupted_while_scoring() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let place = Place::new();
    place.write("sets/gas/train.csv", eight_columns(60));
    place.write("sets/gas/test.csv", eight_columns(30));
    let command = "reproduce fig3 --data sets --rates 0.2 --methods mvae --seeds 1 --updates 2 --hidden 4 --blocks 1 \
                   --importance-samples 5 --out out";
    // Refitting would take hours.
    let long = format!("{command} --refit-updates 1000000000 --quiet");
    let mut child = Command::new(super::support::PROGRAM)
        .args(long.split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let trained = || {
        let mut runs = std::fs::read_dir(place.file("out/runs")).into_iter().flatten().flatten();
        runs.any(|run| run.path().join("summary.json").exists())
    };
    while !trained() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    // An update takes microseconds; a process that does not heed the signal is not waited for.
    let ended = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap()
    });
    if ended.is_none() {
        child.kill().unwrap();
    }
    assert_eq!(ended.and_then(|status| status.code()), Some(130));

    place.missvae(&format!("{command} --refit-updates 0 --quiet")).ok();
    assert!(place.exists("out/fig3.csv"));
}

#[test]
fn bad_names_and_options() {
    let place = Place::new();
    place.write("file", "");
    place.write("half/train_missing50.csv", "a,b\n1,2\n2,1\n3,4\n4,\n");
    for (arguments, words) in [
        ("fig99", ["fig99", "fig5"]),
        ("fig7 --seed 5", ["--seed", "fig7"]),
        ("fig9 --seeds 2", ["--seeds 2", "single run"]),
        ("fig9 --components 0", ["--components 0", "at least 1"]),
        ("fig6 --methods miwae", ["--methods miwae", "demiss-vae"]),
        ("fig6 --methods demis-vae", ["--methods demis-vae", "did you mean demiss-vae?"]),
        ("fig6 --components 0", ["--components 0", "at least 1"]),
        ("fig6 --seeds 0", ["--seeds 0", "at least 1"]),
        ("fig6 --jobs 0", ["--jobs 0", "from 1"]),
        ("fig6 --epochs 0", ["--epochs 0", "from 1"]),
        ("fig6 --rows 3", ["--rows 3", "from 10 to"]),
        ("fig5 --points 1", ["--points 1", "at least 2"]),
        ("fig5 --components 5,15", ["--components", "fig5"]),
        ("fig6 --epochs 1 --updates 1", ["--epochs", "--updates"]),
        ("fig6 --data nowhere", ["nowhere", "no such directory"]),
        ("fig6 --data half", ["half/test.csv", "no such file"]),
        ("fig6 --rows 20 --out file", ["file/data-20: the directory cannot be made", "--out"]),
    ] {
        place.refuses(&format!("reproduce {arguments}"), 2, &words);
    }
    place.write("half/test.csv", "a,b\n1,2\n1e30,2\n");
    place.refuses("reproduce fig2 --data half --out x", 2, &["half/test.csv, row 2, column \"a\"", "too large"]);
    place.write("sets/gas/train.csv", eight_columns(60));
    place.write("sets/gas/test.csv", eight_columns(30) + "1,1,1,1e30,1,1,1,1\n");
    place.refuses("reproduce fig3 --data sets --out x", 2, &["sets/gas/test.csv, row 31, column \"d\"", "too large"]);
    place.write("half/test.csv", "a,b\n1,2\n");
    place.refuses("reproduce fig5 --data half --out x", 2, &["half", "truth.json"]);
    place.write("half/truth.json", r#"{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 2], [2, 1]]]}"#);
    place.refuses("reproduce fig5 --data half --out x", 2, &["half/truth.json", "not positive definite"]);
}
