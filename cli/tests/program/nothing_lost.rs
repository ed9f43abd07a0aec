//! A run that replaces another, goes on after its end, or finds damage beside its checkpoint: nothing is lost.

use std::fs;

use super::resume::{start, wait_until};
use super::support::{Place, SMALL, table};

fn small() -> String {
    SMALL.join(" ")
}

/// What there is in a directory, sorted.
fn names(place: &Place, directory: &str) -> Vec<String> {
    let entries = fs::read_dir(place.file(directory)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The part of a model file that follows the header.
fn tensors(file: &[u8]) -> &[u8] {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap());
    &file[8 + length as usize..]
}

/// A run stays until the one that replaces it has a checkpoint, whether that is killed, fails or is interrupted.
#[cfg(unix)]
#[test]
fn a_replaced_run_stays_until_there_is_another() {
    let place = Place::with_run();
    let before = place.snapshot();
    let mut child = start(&place, "train table.csv --epochs 100000 --hidden 8 --blocks 1 --overwrite --out run");
    wait_until(&mut child, || {
        fs::read_to_string(place.file("run/.new/metrics.jsonl")).is_ok_and(|text| text.lines().count() > 1)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    for (path, content) in &before {
        assert!(fs::read(path).ok() == *content, "{}", path.display());
    }
    place.missvae("impute run table.csv --out done.csv --quiet").ok();
    fs::remove_file(place.file("done.csv")).unwrap();

    // No room for the new run's model.
    let train = format!("train table.csv --epochs 2 {} --quiet --overwrite --out run", small());
    let full = place.missvae_on_full_disk(4, &train);
    full.fails(1, &["cannot be written: the disk is full", "What was there before is unchanged"]);
    assert!(before == place.snapshot());
    let told = place.missvae_on_full_disk(4, &train.replace(" --quiet", ""));
    assert!(told.stderr.contains("run: the run that was to be replaced is as it was"), "{told:?}");

    // What a killed process left of a file goes too.
    place.write("run/.summary.json.abcDEF.tmp", "{");
    place.missvae(&train).ok();
    place.missvae(&train.replace("--overwrite --out run", "--out other")).ok();
    assert_eq!(names(&place, "run"), names(&place, "other"));
    assert!(place.read("run/model.safetensors") == place.read("other/model.safetensors"));
}

/// A file cannot take a directory's place, and a link that leads nowhere is no directory: both are said before any work.
#[cfg(unix)]
#[test]
fn what_stands_in_the_way_of_a_run() {
    let place = Place::with_run();
    fs::remove_file(place.file("run/summary.json")).unwrap();
    fs::create_dir(place.file("run/summary.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.file("link")).unwrap();
    let before = place.snapshot();
    for out in ["run --overwrite", "link", "link --overwrite"] {
        let wrong = place.missvae(&format!("train table.csv --epochs 2 {} --out {out}", small()));
        let words =
            if out.starts_with("run") { "this is a directory" } else { "a link to something that is not there" };
        wrong.fails(2, &[words]);
    }
    place.missvae("impute link table.csv --out done.csv").fails(2, &["a link to something that is not there"]);
    assert!(before == place.snapshot());
}

/// A finished run goes on: with a constant learning rate as if it had been longer from the start.
#[test]
fn more_epochs_for_a_finished_run() {
    let place = Place::new();
    place.write("table.csv", table(120, 1.0, 0.0));
    let train = format!("train table.csv {} --schedule constant --validation none --quiet", small());
    place.missvae(&format!("{train} --epochs 6 --out whole")).ok();
    for (name, more) in [("more", "--extend 4"), ("epochs", "--epochs 6"), ("updates", "--updates 12")] {
        place.missvae(&format!("{train} --epochs 2 --out {name}")).ok();
        place.missvae(&format!("train --resume {name} {more} --quiet")).ok();
        let [found, whole] = [name, "whole"].map(|run| place.read(&format!("{run}/model.safetensors")));
        assert!(tensors(&found) == tensors(&whole), "{name}");
        assert_eq!(place.text(&format!("{name}/metrics.jsonl")).lines().count(), 6);
        // It is finished now, and stays so.
        let again = place.missvae(&format!("train --resume {name}")).ok();
        assert!(again.stderr.contains("finished already"), "{again:?}");
    }
    place.refuses("train --resume whole --epochs 6", 2, &["--epochs 6: the run has made 6 epochs already", "--extend"]);
    place.refuses("train --resume whole --extend 0", 2, &["--extend 0"]);
    place.refuses("train --resume whole --extend 2 --hidden 9", 2, &["of others only --extend"]);
    place.refuses("train --extend 2", 2, &["--resume"]);
}

/// Patience begins to count anew in a run that it has ended.
#[test]
fn more_epochs_after_patience() {
    let place = Place::new();
    place.write("table.csv", table(120, 1.0, 0.0));
    let train = format!("train table.csv {} --learning-rate 0.02 --epochs 80 --patience 4 --json --out run", small());
    let first = place.missvae(&train).json();
    assert_eq!(first["stopped_early"], true, "{first}");
    let second = place.missvae("train --resume run --extend 3 --json").json();
    assert_eq!(second["epochs"].as_u64().unwrap(), first["epochs"].as_u64().unwrap() + 3);
}

/// Metrics and a summary that are no text tell nothing, and keep no run from going on.
#[test]
fn damage_beside_the_checkpoint() {
    let place = Place::with_run();
    let model = place.read("run/model.safetensors");
    place.write("run/summary.json", b"{\"method\": \"\xff\xfe");
    place.write("run/metrics.jsonl", b"\xff\xfe\n\xff\n\xff\n");
    let outcome = place.missvae("train --resume run").ok();
    assert!(outcome.stderr.contains("does not tell of epoch 3"), "{outcome:?}");
    assert!(place.read("run/model.safetensors") == model);
    serde_json::from_str::<serde_json::Value>(&place.text("run/summary.json")).unwrap();
}

/// What a link in a run's directory points to is not the run's to change.
#[cfg(unix)]
#[test]
fn links_in_a_run_are_not_followed() {
    let place = Place::with_run();
    for name in ["model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "summary.json", "config.toml"] {
        fs::rename(place.file(&format!("run/{name}")), place.file(&format!("kept-{name}"))).unwrap();
        std::os::unix::fs::symlink(place.file(&format!("kept-{name}")), place.file(&format!("run/{name}"))).unwrap();
    }
    let kept = || names(&place, ".").into_iter().filter(|name| name.starts_with("kept")).map(|name| place.read(&name));
    let before: Vec<Vec<u8>> = kept().collect();
    place.missvae("train --resume run --extend 2 --quiet").ok();
    assert!(kept().eq(before));
    assert!(names(&place, "run").iter().all(|name| !place.file(&format!("run/{name}")).is_symlink()));
}
