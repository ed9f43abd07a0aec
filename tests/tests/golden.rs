//! Every golden fixture, in both types.
//!
//! The directory is that of `MISSVAE_GOLDEN_DIR`, or `golden/` beside this crate's manifest.

use std::io::Write;
use std::path::{Path, PathBuf};

use linalg::Scalar;
use missvae_verify::golden::{self, Comparison, Computed, Fixture, Tensor, Verdict};

fn default_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Prints past the test harness, which hides what passing tests print.
fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("standard output");
}

/// Checks all fixtures of a directory, with a line of news for each; returns a line for each that failed.
fn run(directory: &Path, say: impl Fn(&str)) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(|error| format!("{}: {error}", directory.display()))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    if paths.is_empty() {
        return Err(format!("{}: no fixture is there", directory.display()));
    }
    let mut failed = Vec::new();
    for path in paths {
        let fixture = match Fixture::read(&path) {
            Ok(fixture) => fixture,
            Err(problem) => {
                failed.push(problem);
                continue;
            }
        };
        if !golden::covers(&fixture.kind) {
            failed.push(format!("{}: unknown kind {:?}", fixture.name, fixture.kind));
            continue;
        }
        for verdict in [golden::check::<f64>(&fixture), golden::check::<f32>(&fixture)] {
            say(&verdict.line());
            if !verdict.passed() {
                failed.push(verdict.line());
            }
        }
    }
    Ok(failed)
}

#[test]
fn golden() {
    let directory = std::env::var_os("MISSVAE_GOLDEN_DIR").map_or_else(default_directory, PathBuf::from);
    let failed = run(&directory, say).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_directory_that_is_missing_or_empty_fails() {
    let directory = tempfile::tempdir().expect("a directory");
    assert!(run(directory.path(), |_| ()).expect_err("an error").contains("no fixture is there"));
    assert!(run(&directory.path().join("missing"), |_| ()).is_err());
}

#[test]
fn files_that_are_no_fixtures_and_unknown_kinds_fail() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(default_directory().join("bound_elbo.json")).expect("a fixture");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("a file");
    write("unknown.json", &text.replace("\"kind\": \"bound\"", "\"kind\": \"bond\""));
    write("broken.json", &text[..text.len() / 2]);
    write("other.json", &text.replace("\"elbo\"", "\"selbo\""));
    write("good.json", &text);
    let failed = run(directory.path(), |_| ()).expect("fixtures");
    assert_eq!(failed.len(), 4, "{failed:#?}");
    for (line, what) in failed.iter().zip(["broken", "other", "other", "unknown"]) {
        assert!(line.contains(what), "{line}");
    }
}

#[test]
fn a_panic_is_a_failure_of_its_fixture() {
    let mut fixture = Fixture::read(&default_directory().join("bound_selbo.json")).expect("a fixture");
    fixture.inputs.get_mut("logits").expect("logits").shape.reverse();
    let verdict = golden::check::<f64>(&fixture);
    assert!(!verdict.passed() && verdict.line().contains("panicked: shapes"), "{}", verdict.line());
}

/// A small fixture whose kind does not matter.
fn fixture(comparison: Comparison) -> Fixture {
    let text = std::fs::read_to_string(default_directory().join("bound_elbo.json")).expect("a fixture");
    let mut fixture = Fixture::parse("small", &text).expect("a fixture");
    fixture.comparison = comparison;
    fixture.outputs.clear();
    fixture.outputs.insert("y".to_owned(), Tensor { shape: vec![3], data: vec![1e-6, -2.0, 400.0] });
    (fixture.tolerance.f64, fixture.tolerance.f32) = (1e-3, 1e-2);
    fixture
}

fn compare<T: Scalar>(fixture: &Fixture, outputs: &[(&str, &[usize], &[f64])]) -> Verdict {
    let mut computed = Computed::default();
    for (name, shape, data) in outputs {
        let tensor = Tensor { shape: shape.to_vec(), data: data.to_vec() };
        computed.outputs.insert((*name).to_owned(), tensor);
    }
    Verdict::new::<T>(fixture, Ok(computed))
}

#[test]
fn the_three_comparisons() {
    // Each entry is held to its own magnitude: errors within and beyond what is allowed, entry by entry.
    let units = [1e-6, 2.0, 400.0];
    for comparison in [Comparison::Tensor, Comparison::Element, Comparison::Relative] {
        let fixture = fixture(comparison);
        for entry in 0..3 {
            for (size, passes) in [(0.3, true), (-0.99, true), (1.01, false), (-3.0, false)] {
                let mut data = [1e-6, -2.0, 400.0];
                data[entry] += size * 1e-3 * units[entry];
                let double = compare::<f64>(&fixture, &[("y", &[3], &data)]);
                assert_eq!(double.passed(), passes, "{}", double.line());
                assert!((double.share - size.abs()).abs() < 1e-6, "{}", double.line());
                assert!(compare::<f32>(&fixture, &[("y", &[3], &data)]).passed());
            }
        }
    }
}

/// Entries far below the largest of a sum may be off by 32 ε of that, and no more.
#[test]
fn the_floor_under_small_entries() {
    let unit = 32.0 * 400.0 * f64::EPSILON / 2.0;
    for (comparison, floor) in [(Comparison::Tensor, unit), (Comparison::Element, unit), (Comparison::Relative, 0.0)] {
        let mut fixture = fixture(comparison);
        fixture.kind = "objective".to_owned();
        fixture.outputs.get_mut("y").expect("an output").data[0] = 1e-20;
        assert_eq!(golden::floor::<f64>(&fixture, &fixture.outputs["y"]), floor);
        for (size, passes) in [(0.99, floor > 0.0), (1.01, false)] {
            let verdict = compare::<f64>(&fixture, &[("y", &[3], &[size * unit, -2.0, 400.0])]);
            assert_eq!(verdict.passed(), passes, "{comparison:?}: {}", verdict.line());
        }
    }
}

/// How many entries of a fixture are compared and not 0, how many of them pass as 0, and how many of the others pass with
/// an error of ten times the fixture's tolerance. Those that pass as 0 must be below the floor.
fn planted<T: Scalar>(fixture: &Fixture) -> [usize; 3] {
    let computed = golden::compute::<T>(fixture).expect("outputs");
    let [mut entries, mut zeros, mut perturbed] = [0; 3];
    for (name, expected) in &fixture.outputs {
        let floor = golden::floor::<T>(fixture, expected);
        let mut alone = fixture.clone();
        alone.outputs.retain(|output, _| output == name);
        let mut changed = computed.clone();
        changed.outputs.retain(|output, _| output == name);
        assert!(Verdict::new::<T>(&alone, Ok(changed.clone())).passed(), "{}", fixture.name);
        let tolerance = if T::NAME == "f32" { fixture.tolerance.f32 } else { fixture.tolerance.f64 };
        for (i, e) in expected.data.iter().enumerate() {
            if *e == 0.0 || changed.inexact.contains(&i) || e.abs() < changed.least {
                continue;
            }
            entries += 1;
            let mut passes = |value: f64| {
                let right = std::mem::replace(&mut changed.outputs.get_mut(name).expect("the output").data[i], value);
                let verdict = Verdict::new::<T>(&alone, Ok(changed.clone()));
                changed.outputs.get_mut(name).expect("the output").data[i] = right;
                verdict.share <= 1.0
            };
            if passes(0.0) {
                assert!(e.abs() <= floor, "{} {}: {name}[{i}] = {e:e} passes as 0", fixture.name, T::NAME);
                zeros += 1;
            } else if passes(e * (1.0 + 10.0 * tolerance)) {
                perturbed += 1;
            }
        }
    }
    [entries, zeros, perturbed]
}

/// Every entry is held to its own magnitude, however small it is beside others. In `f64` none passes as 0. In `f32` 532
/// do: 424 that the type cannot hold as normal numbers, and 108 below the floor, 104 of them of `mixture_implicit_grad`.
#[test]
fn zeros_and_errors_of_ten_tolerances_fail() {
    let mut counts = [[0; 3]; 2];
    for (name, text) in golden::EMBEDDED {
        let fixture = Fixture::parse(name, text).expect("a fixture");
        for (total, of_fixture) in counts.iter_mut().zip([planted::<f64>(&fixture), planted::<f32>(&fixture)]) {
            total.iter_mut().zip(of_fixture).for_each(|(total, count)| *total += count);
        }
    }
    for ((scalar, [entries, zeros, perturbed]), most) in ["f64", "f32"].iter().zip(counts).zip([[0, 300], [532, 3200]])
    {
        say(&format!("{scalar}: of {entries} entries {zeros} pass as 0, {perturbed} with ten tolerances"));
        assert!(entries > 46_000 && zeros <= most[0] && perturbed <= most[1], "{scalar}");
    }
}

#[test]
fn nan_never_passes() {
    for comparison in [Comparison::Tensor, Comparison::Element, Comparison::Relative] {
        let mut fixture = fixture(comparison);
        for wrong in [f64::NAN, f64::INFINITY] {
            assert!(!compare::<f64>(&fixture, &[("y", &[3], &[1e-6, wrong, 400.0])]).passed());
        }
        fixture.outputs.get_mut("y").expect("an output").data[2] = f64::NAN;
        assert!(!compare::<f64>(&fixture, &[("y", &[3], &[1e-6, -2.0, f64::NAN])]).passed());
        assert!(!compare::<f64>(&fixture, &[("y", &[3], &[1e-6, -2.0, 400.0])]).passed());
    }
}

#[test]
fn missing_outputs_and_other_shapes_fail() {
    let mut fixture = fixture(Comparison::Tensor);
    let right: &[f64] = &[1e-6, -2.0, 400.0];
    assert!(compare::<f64>(&fixture, &[("y", &[3], right)]).passed());
    assert!(!compare::<f64>(&fixture, &[("y", &[1, 3], right)]).passed());
    assert!(!compare::<f64>(&fixture, &[("y", &[2], &right[..2])]).passed());
    assert!(!compare::<f64>(&fixture, &[]).passed());
    fixture.outputs.insert("more".to_owned(), Tensor { shape: vec![], data: vec![1.0] });
    let verdict = compare::<f64>(&fixture, &[("y", &[3], right)]);
    assert!(!verdict.passed() && verdict.line().contains("more was not computed"));
    fixture.outputs.clear();
    assert!(!compare::<f64>(&fixture, &[("y", &[3], right)]).passed());
    assert!(!Verdict::new::<f64>(&fixture, Err("no".to_owned())).passed());
}

/// An output of which no entry counts fails, whatever the others are.
#[test]
fn an_output_without_a_comparison_fails() {
    let mut fixture = fixture(Comparison::Tensor);
    fixture.outputs.insert("more".to_owned(), Tensor { shape: vec![1], data: vec![1.0] });
    let mut computed = Computed { outputs: fixture.outputs.clone(), ..Computed::default() };
    assert!(Verdict::new::<f64>(&fixture, Ok(computed.clone())).passed());
    computed.inexact = vec![0];
    let verdict = Verdict::new::<f64>(&fixture, Ok(computed));
    assert!(!verdict.passed() && verdict.line().contains("nothing was compared in more"));
}

/// With one component every method of a bound coincides, given the same noise or the samples made of it, with or
/// without an axis for the component.
#[test]
fn one_component_makes_the_methods_coincide() {
    for (name, methods) in [
        ("objective_mvae_plain", &["miss-vae", "miss-svae"][..]),
        ("objective_mvae_stl", &["miss-vae", "miss-svae"]),
        ("objective_miwae_plain", &["miss-iwae", "miss-siwae", "miss-siwae-loose"]),
        ("objective_miwae_stl", &["miss-iwae", "miss-siwae", "miss-siwae-loose"]),
        ("objective_miwae_dreg", &["miss-iwae", "miss-siwae"]),
    ] {
        for method in methods {
            let mut fixture = Fixture::read(&default_directory().join(format!("{name}.json"))).expect("a fixture");
            fixture.params.insert("method".to_owned(), (*method).into());
            assert!(golden::check::<f64>(&fixture).passed(), "{}", golden::check::<f64>(&fixture).line());
            if method.contains("miss-s") {
                fixture.inputs.get_mut("noise").expect("noise").shape.insert(3, 1);
                fixture.outputs.get_mut("log_weights").expect("log weights").shape.push(1);
                assert!(golden::check::<f64>(&fixture).passed(), "{}", golden::check::<f64>(&fixture).line());
            }
        }
    }
}

/// The mean over Z of repetitions is the single one: more than one of both Z and I.
#[test]
fn repetitions_change_nothing_but_the_log_weights() {
    for name in [
        "objective_miwae_dreg",
        "objective_miss-iwae_stl",
        "objective_miss-siwae_dreg",
        "objective_miss-siwae-loose_plain",
    ] {
        let mut fixture = Fixture::read(&default_directory().join(format!("{name}.json"))).expect("a fixture");
        assert_eq!(fixture.params["Z"], 1);
        fixture.params.insert("Z".to_owned(), 3.into());
        let drawn = if fixture.inputs.contains_key("z") { "z" } else { "noise" };
        for tensor in [fixture.inputs.get_mut(drawn), fixture.outputs.get_mut("log_weights")] {
            let tensor = tensor.expect("an array");
            tensor.shape[0] = 3;
            tensor.data = tensor.data.repeat(3);
        }
        for verdict in [golden::check::<f64>(&fixture), golden::check::<f32>(&fixture)] {
            assert!(verdict.passed(), "{}", verdict.line());
        }
    }
}

#[test]
fn an_output_that_is_changed_in_a_file_fails() {
    for name in ["bound_siwelbo", "amsgrad", "objective_mvae_stl", "mog_conditional", "mixture_log_prob_k5_d2"] {
        let fixture = Fixture::read(&default_directory().join(format!("{name}.json"))).expect("a fixture");
        assert!(golden::check::<f64>(&fixture).passed(), "{name}");
        for output in fixture.outputs.keys() {
            let largest = fixture.outputs[output].data.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            for entry in [0, fixture.outputs[output].data.len() - 1] {
                let mut changed = fixture.clone();
                let data = &mut changed.outputs.get_mut(output).expect("the output").data;
                data[entry] += 1e-3 * (largest + 0.001);
                for verdict in [golden::check::<f64>(&changed), golden::check::<f32>(&changed)] {
                    assert!(!verdict.passed(), "{name}: {output}: {}", verdict.line());
                }
            }
        }
    }
}
