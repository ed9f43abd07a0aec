//! The signal-to-noise ratio of gradients, estimators side by side.

use serde_json::Value;

use super::support::{Place, table};

/// A small network, two epochs of three minibatches.
const TINY: &str = "snr table.csv --hidden 6 --blocks 1 --components 3 --batch-size 16 --epochs 2 --draws 4 --quiet";

fn place() -> Place {
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    place
}

fn curves(report: &Value) -> &Vec<Value> {
    report["curves"].as_array().unwrap()
}

/// The curves, the CSV, the figure and the raw moments are there and say the same; no byte depends on the number of threads.
#[test]
fn files_and_threads() {
    let place = place();
    let report = place.missvae(&format!("{TINY} --seeds 2 --threads 1 --out one --raw --json")).json();
    let other = place.missvae(&format!("{TINY} --seeds 2 --threads 5 --out many --raw --json")).json();
    assert_eq!(report, other);
    // Two ancestral methods with two pathwise gradients, two stratified ones; 2 protocols, seeds and epochs each.
    assert_eq!(curves(&report).len(), 6 * 8);
    let keys: Vec<&String> = curves(&report)[0].as_object().unwrap().keys().collect();
    let expected = "method pathwise logit_gradient estimator protocol seed epoch snr_encoder snr_decoder mean_snr_encoder \
                    mean_snr_decoder variance_encoder variance_decoder skipped gradients";
    assert_eq!(keys, expected.split(' ').collect::<Vec<_>>());
    for curve in curves(&report) {
        let ancestral = ["miss-vae", "miss-iwae"].contains(&curve["method"].as_str().unwrap());
        assert_eq!(curve["pathwise"].is_string(), ancestral, "{curve}");
        for key in ["snr_encoder", "mean_snr_decoder", "variance_encoder", "variance_decoder"] {
            assert!(curve[key].as_f64().unwrap() > 0.0, "{curve}");
        }
    }
    let by_default = |method: &str, pathwise: &str| {
        let mut found = curves(&report).iter().filter(|c| c["method"] == method && c["pathwise"] == pathwise);
        found.next().unwrap()["logit_gradient"].clone()
    };
    assert_eq!(by_default("miss-vae", "responsibility"), "leave-one-out");
    assert_eq!(by_default("miss-iwae", "responsibility"), "implicit");

    let csv = place.text("one/snr.csv");
    assert_eq!(csv.lines().count(), 6 * 8 + 1);
    assert_eq!(csv.lines().next().unwrap(), expected.split(' ').collect::<Vec<_>>().join(","));
    assert!(place.text("one/snr.svg").contains("MissVAE responsibility + leave-one-out"));
    assert!(place.read("one/snr.png").starts_with(b"\x89PNG"));
    let raw: Vec<_> = std::fs::read_dir(place.file("one/raw")).unwrap().flatten().collect();
    assert_eq!(raw.len(), 6 * 2 * 2);
    let names = raw.iter().map(|file| format!("raw/{}", file.file_name().to_string_lossy()));
    for name in names.chain(["snr.csv", "snr.svg", "snr.png"].map(str::to_owned)) {
        assert!(place.read(&format!("one/{name}")) == place.read(&format!("many/{name}")), "{name}");
    }
}

/// A seed hides its own cells: what it measures does not depend on which seed is the first.
#[test]
fn seeds_hide_their_own_cells() {
    let place = place();
    let command = format!("{TINY} --methods miss-svae --hide 0.3 --json");
    let both = place.missvae(&format!("{command} --seeds 2")).json();
    for seed in [0, 1] {
        let alone = place.missvae(&format!("{command} --seed {seed} --seeds 1")).json();
        let of_both: Vec<&Value> = curves(&both).iter().filter(|curve| curve["seed"] == seed).collect();
        assert_eq!(curves(&alone).iter().collect::<Vec<_>>(), of_both, "seed {seed}");
    }
}

/// The raw moments come to the ratio that the curve has.
#[test]
fn raw_moments_are_those_of_the_curve() {
    let place = place();
    let command = format!("{TINY} --methods miss-svae --protocol fixed --seeds 1 --seed 3 --out out --raw --json");
    let report = place.missvae(&command).json();
    let last = curves(&report).last().unwrap();
    assert_eq!((&last["seed"], &last["epoch"]), (&Value::from(3), &Value::from(2)));
    let bytes = place.read("out/raw/miss-svae-stl-seed3-fixed.safetensors");
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let numbers = &bytes[8 + header..];
    let header: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    assert!(header["__metadata__"]["missvae"].as_str().unwrap().contains(r#""epoch":2,"gradients":4"#), "{header}");
    let tensor = |name: &str| -> Vec<f64> {
        assert_eq!(header[name]["dtype"], "F64");
        let end = |i: usize| header[name]["data_offsets"][i].as_u64().unwrap() as usize;
        numbers[end(0)..end(1)].chunks_exact(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect()
    };
    for network in ["encoder", "decoder"] {
        let names = header.as_object().unwrap().keys().filter_map(|name| name.strip_prefix("mean."));
        let (mut snr, mut variance) = (0.0, 0.0);
        for name in names.filter(|name| name.starts_with(network)) {
            for (mean, var) in tensor(&format!("mean.{name}")).iter().zip(tensor(&format!("variance.{name}"))) {
                let ratio = mean.abs() / var.sqrt();
                snr += if ratio.is_finite() { ratio } else { 0.0 };
                variance += var;
            }
        }
        for (found, key) in [(snr, "snr"), (variance, "variance")] {
            let said = last[format!("{key}_{network}")].as_f64().unwrap();
            assert!((found - said).abs() < 1e-9 * said, "{key} of the {network}: {found}, not {said}");
        }
    }
}

/// What does not apply is left out, and said once; everything that is left is measured.
#[test]
fn combinations_that_do_not_apply() {
    let place = place();
    let command = TINY.replace(" --quiet", "");
    let by_epoch = command.replace(" --draws 4", " --protocol epoch");
    let all =
        "--methods miss-vae,miss-iwae,miss-svae,mvae --estimator stl,dreg --logit-gradient implicit,leave-one-out";
    let outcome = place.missvae(&format!("{by_epoch} {all} --seeds 1 --every 5 --json")).ok();
    let line = "left out, as they do not apply: dreg with miss-vae, leave-one-out with miss-iwae, dreg with miss-svae, dreg \
                with mvae";
    assert_eq!(outcome.stderr.matches(line).count(), 1, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    // miss-vae: 2 pathwise × 2 logits; miss-iwae: 2 pathwise × 2 estimators; the others one each; the first and last epoch.
    assert_eq!(curves(&report).len(), (4 + 4 + 1 + 1) * 2);
    let text = place.missvae(&format!("{command} --methods miss-svae --seeds 3")).ok().stdout;
    assert!(text.contains("MissSVAE") && text.contains(" ± ") && text.contains("normal noise around 0"), "{text}");
}

#[test]
fn bad_options() {
    let place = place();
    place.write("file", "");
    for (options, words) in [
        ("--seeds 0", vec!["--seeds 0: expected from 1 to"]),
        ("--epochs 0", vec!["--epochs 0: expected from 1"]),
        ("--every 0", vec!["--every 0: expected at least 1"]),
        ("--draws 1", vec!["--draws 1: expected from 2 to"]),
        ("--draws 99999999999", vec!["--draws 99999999999: expected from 2 to"]),
        (
            "--methods miss-vae --logit-gradient leave-one-out --samples 1",
            vec!["hint: ", "miss-vae with several samples"],
        ),
        ("--draws 5 --protocol epoch", vec!["--draws 5", "hint: it applies to --protocol fixed"]),
        ("--methods miss-svea", vec!["--methods miss-svea", "hint: did you mean miss-svae?"]),
        ("--methods demiss-vae", vec!["--methods demiss-vae: it keeps imputations", "miss-svae"]),
        ("--methods mvb-vae", vec!["--methods mvb-vae: it keeps imputations"]),
        ("--methods miss-vae --estimator dreg", vec!["nothing is left to measure: dreg with miss-vae"]),
        ("--methods miss-iwae --logit-gradient leave-one-out", vec!["leave-one-out with miss-iwae", "hint: "]),
        ("--batch-size 64", vec!["at least 2 minibatches, not 1"]),
        ("--protocol both", vec!["'both'", "epoch, fixed"]),
        ("--components 0", vec!["--components 0: expected at least 1"]),
        ("--raw", vec!["--out"]),
        ("--out file", vec!["file"]),
        ("--columns zz", vec!["no column named \"zz\""]),
    ] {
        let said = options.split(' ').next().unwrap();
        // An option may be said once: the one that is tried replaces that of the small network.
        let mut words_of: Vec<&str> = TINY.split(' ').collect();
        if let Some(at) = words_of.iter().position(|word| *word == said) {
            words_of.drain(at..at + 2);
        }
        let drop_draws = options.contains("--protocol epoch");
        let command = words_of.join(" ").replace(if drop_draws { " --draws 4" } else { "\0" }, "");
        place.refuses(&format!("{command} {options}"), 2, &words);
    }
    place.refuses("snr absent.csv", 2, &["absent.csv: no such file"]);
}

/// Ctrl-C ends it with its own status, and no file is half there.
#[cfg(unix)]
#[test]
fn interrupted() {
    use std::process::{Command, Stdio};

    let place = place();
    let command = TINY.replace("--epochs 2", "--epochs 1000000").replace("--draws 4", "--every 1000000 --draws 2");
    let mut child = Command::new(super::support::PROGRAM)
        .args(format!("{command} --seeds 1 --out out").split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Signals are listened for before the directory is made.
    while !place.exists("out") && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8(output.stderr).unwrap().contains("interrupted; the same command goes on"));
    assert_eq!(std::fs::read_dir(place.file("out/measured")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(place.file("out")).unwrap().count(), 1);
}

/// Runs that are finished are not made again; others, as with another number of draws, are.
#[test]
fn finished_runs_are_kept() {
    let place = place();
    let command = TINY.replace(" --quiet", "") + " --methods miss-vae,miss-svae --out out";
    let times = |outcome: &super::support::Outcome| outcome.stderr.matches("finished before").count();
    let first = place.missvae(&format!("{command} --seeds 1")).ok();
    assert_eq!(times(&first), 0);
    let more = place.missvae(&format!("{command} --seeds 2")).ok();
    assert_eq!(times(&more), 3, "{more:?}");
    let kept = place.text("out/snr.csv");
    let whole = place.missvae(&format!("{command} --seeds 2").replace("--out out", "--out whole")).ok();
    assert!(times(&whole) == 0 && place.text("whole/snr.csv") == kept);
    assert_eq!(times(&place.missvae(&format!("{command} --seeds 1").replace("--draws 4", "--draws 5")).ok()), 0);
    assert_eq!(times(&place.missvae(&format!("{command} --seeds 1 --raw")).ok()), 0);
}
