//! Runs that are stopped, in whatever way, and gone on with: bit for bit as if they had not been.
#![cfg(unix)]

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use missvae::Model;

use super::library::assert_same_model;
use super::support::{Numbers, PROGRAM, Place};

/// A run that draws from every random stream: dropout, ancestral samples, hidden cells, a split, a shuffle an epoch.
const RUN: &str = "train --method miss-iwae --components 3 --hidden 24 --blocks 1 --dropout 0.1 --hide 0.1 \
                   --validation 0.2 --batch-size 32 --epochs 150 --patience 150 --seed 3 --quiet";
/// Another, whose imputations are a part of its state, and their sampler's latent points too.
const IMPUTING: &str = "train --method demiss-vae --sampler mwg --components 3 --hidden 24 --blocks 1 --dropout 0.1 \
                        --hide 0.1 --validation 0.2 --batch-size 32 --epochs 150 --patience 150 --seed 3 --quiet";
const EPOCHS: usize = 150;

/// A process in the background; what it says is lost.
pub(crate) fn start(place: &Place, arguments: &str) -> Child {
    Command::new(PROGRAM)
        .args(arguments.split_whitespace())
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn epochs_done(place: &Place, run: &str) -> usize {
    let file = place.file(&format!("{run}/metrics.jsonl"));
    std::fs::read(file).map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count())
}

/// Waits until a run has written so many lines of metrics, or has ended.
fn wait_for(place: &Place, run: &str, child: &mut Child, epochs: usize) {
    wait_until(child, || epochs_done(place, run) >= epochs);
}

/// Waits until something holds, or the process has ended.
pub(crate) fn wait_until(child: &mut Child, holds: impl Fn() -> bool) {
    while !holds() && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
}

/// The lines of metrics without the times, one an epoch.
fn metrics(place: &Place, run: &str) -> Vec<Value> {
    let text = place.text(&format!("{run}/metrics.jsonl"));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
            line.as_object_mut().unwrap().remove("seconds");
            line
        })
        .collect();
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["epoch"], i + 1);
    }
    lines
}

/// Checks that two finished runs are the same in all but the time they took.
fn assert_same(place: &Place, one: &str, two: &str) {
    for file in ["model.safetensors", "checkpoint.safetensors"] {
        assert!(place.read(&format!("{one}/{file}")) == place.read(&format!("{two}/{file}")), "{file} of {two}");
    }
    assert_eq!(metrics(place, one), metrics(place, two));
    let summary = |run: &str| {
        let mut summary: Value = serde_json::from_str(&place.text(&format!("{run}/summary.json"))).unwrap();
        for key in ["seconds", "seconds_per_update", "run"] {
            summary.as_object_mut().unwrap().remove(key).unwrap();
        }
        summary
    };
    assert_eq!(summary(one), summary(two));
    let mut files: Vec<_> = std::fs::read_dir(place.file(two)).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let all = ["checkpoint.safetensors", "config.toml", "metrics.jsonl", "model.safetensors", "summary.json"];
    assert_eq!(files, all, "files of {two}");
}

/// Killed at random moments, up to eight times, on one and two threads by turns. When exactly a kill strikes depends on
/// the machine; whenever it does, the end must be the same.
#[test]
fn killed_at_random_moments() {
    for command in [RUN, IMPUTING] {
        kill_and_resume(command);
    }
}

fn kill_and_resume(command: &str) {
    let place = Place::new();
    place.missvae(&format!("{command} --threads 1 --out whole")).ok();
    assert_eq!(metrics(&place, "whole").len(), EPOCHS);
    let mut numbers = Numbers(11);
    for pause in ["0", "0.05"] {
        let run = format!("killed{pause}");
        let mut kills = 0;
        let mut arguments = format!("{command} --checkpoint-every {pause} --threads 2 --out {run}");
        for attempt in 0..8 {
            let mut child = start(&place, &arguments);
            // A few epochs further, or at once; then somewhere within an update or the writing of a checkpoint.
            let further = (numbers.next() * 30.0) as usize;
            wait_for(&place, &run, &mut child, epochs_done(&place, &run) + further);
            sleep(Duration::from_micros((numbers.next() * 20_000.0) as u64));
            let running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            kills += usize::from(running);
            let begun = place.exists(&format!("{run}/config.toml"));
            arguments = match begun {
                true => {
                    format!("train --resume {run} --checkpoint-every {pause} --threads {} --quiet", attempt % 2 + 1)
                }
                false => arguments,
            };
        }
        eprintln!("--checkpoint-every {pause}: killed {kills} times, {} epochs written", epochs_done(&place, &run));
        assert!(kills > 0, "every process ended before it was killed");
        place.missvae(&format!("{} --json", arguments.replace("--quiet", ""))).json();
        assert_same(&place, "whole", &run);
    }
}

/// Without a checkpoint a run begins anew.
#[test]
fn killed_before_the_first_checkpoint() {
    let place = Place::new();
    place.missvae(&format!("{RUN} --out whole")).ok();
    let mut child = start(&place, &format!("{RUN} --checkpoint-every 1e9 --out killed"));
    wait_for(&place, "killed", &mut child, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    place.missvae("train --resume killed --quiet").ok();
    assert_same(&place, "whole", "killed");
}

/// A line of metrics that was cut, lines beyond the checkpoint, a summary that is not there yet, and temporary files are
/// what a crash may leave behind.
#[test]
fn debris_is_cleared_away() {
    let place = Place::new();
    place.missvae(&format!("{RUN} --out whole")).ok();
    place.missvae(&format!("{RUN} --out crashed")).ok();
    let lines = place.text("crashed/metrics.jsonl");
    let again = lines.lines().last().unwrap();
    place.write("crashed/metrics.jsonl", format!("{lines}{again}\n{{\"epoch\":1"));
    std::fs::remove_file(place.file("crashed/summary.json")).unwrap();
    place.write("crashed/.model.safetensors.a1B2c3.tmp", "half");
    place.write("crashed/.evaluation.json.a1B2c3.tmp", "half");
    place.missvae("train --resume crashed --quiet").ok();
    assert_same(&place, "whole", "crashed");
}

/// Metrics that end before the checkpoint, as after a power failure: another epoch's objective is not taken for the last one's.
#[test]
fn metrics_behind_the_checkpoint() {
    let place = Place::new();
    place.missvae(&format!("{RUN} --out cut")).ok();
    let lines = place.text("cut/metrics.jsonl");
    let half: Vec<&str> = lines.lines().take(EPOCHS / 2).collect();
    place.write("cut/metrics.jsonl", half.join("\n") + "\n");
    std::fs::remove_file(place.file("cut/summary.json")).unwrap();
    let outcome = place.missvae("train --resume cut").ok();
    assert!(outcome.stderr.contains(&format!("does not tell of epoch {EPOCHS}")), "{outcome:?}");
    let summary: Value = serde_json::from_str(&place.text("cut/summary.json")).unwrap();
    assert_eq!((&summary["objective"], &summary["epochs"]), (&Value::Null, &EPOCHS.into()));
    place.missvae("train --resume cut").ok();
}

/// An interrupted run ends with status 130 and a checkpoint after some number of updates. A run of just as many updates,
/// at a constant learning rate, has the same model; and so once more after a second interruption.
#[test]
fn interrupted() {
    let place = Place::new();
    let options = "--keep last --hidden 16 --blocks 1 --schedule constant --dropout 0.1 --batch-size 32";
    let mut arguments = format!("train --epochs 100000 {options} --out stopped");
    for round in 1..=2 {
        let done = epochs_done(&place, "stopped");
        let mut child = start(&place, &arguments);
        // A new line of metrics shows that signals are listened to.
        wait_for(&place, "stopped", &mut child, done + 5);
        let signal = format!("kill -{} {}", ["INT", "TERM"][round - 1], child.id());
        assert!(Command::new("sh").args(["-c", &signal]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));

        let updates = updates(&place.read("stopped/model.safetensors"));
        assert!(updates > 0);
        place.missvae(&format!("train --updates {updates} {options} --quiet --out whole{round}")).ok();
        // The files differ in the options inside: the length of one run is in updates, that of the other in epochs.
        let model = |run: &str| Model::load(place.file(run).join("model.safetensors")).unwrap();
        assert_same_model(&model(&format!("whole{round}")), &model("stopped"));
        assert!(!place.exists("stopped/summary.json"));
        arguments = "train --resume stopped".to_owned();
    }
    // A checkpoint within an epoch goes with its batch size, and any checkpoint with its length.
    let config = place.text("stopped/config.toml");
    place.write("stopped/config.toml", config.replace("batch-size = 32", "batch-size = 344"));
    if !updates(&place.read("stopped/model.safetensors")).is_multiple_of(11) {
        place.refuses("train --resume stopped", 2, &["does not fit the batch size or the length in its config.toml"]);
    }
    place.write("stopped/config.toml", config);
    // What it says.
    let done = epochs_done(&place, "stopped");
    let mut child = Command::new(PROGRAM)
        .args(["train", "--resume", "stopped", "--quiet"])
        .current_dir(place.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&place, "stopped", &mut child, done + 2);
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "missvae: interrupted; go on with: missvae train --resume stopped\n");
    metrics(&place, "stopped");
}

/// Two processes do not write to one run: the second is refused, and the first goes on.
#[cfg(unix)]
#[test]
fn at_work_already() {
    let place = Place::new();
    let locked = std::fs::File::open(place.path()).and_then(|directory| Ok(directory.try_lock()?));
    if locked.is_err() {
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(std::io::stderr(), "skipped: directories cannot be locked on this file system");
        return;
    }
    let mut child = start(&place, "train --epochs 100000 --hidden 4 --blocks 1 --out busy");
    wait_for(&place, "busy", &mut child, 2);
    let words = ["busy: another process is at work in this directory", "--out"];
    place.missvae("train --resume busy").fails(2, &words);
    place.missvae("train --epochs 1 --hidden 4 --blocks 1 --overwrite --out busy").fails(2, &words);
    let done = epochs_done(&place, "busy");
    wait_for(&place, "busy", &mut child, done + 2);
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The lock ends with the process.
    let config = place.text("busy/config.toml").replace("epochs = 100000", "epochs = 1");
    place.write("busy/config.toml", config);
    place.refuses("train --resume busy", 2, &["does not fit"]);
}

/// The number of updates that a model file says its parameters have seen.
fn updates(model: &[u8]) -> u64 {
    let length = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&model[8..8 + length]).unwrap();
    let description: Value = serde_json::from_str(header["__metadata__"]["missvae"].as_str().unwrap()).unwrap();
    description["description"]["updates"].as_u64().unwrap()
}
