//! A zoo of awkward tables: each is described, trained on and completed, rightly or not at all.
//!
//! - `draft`: a table as it is made;
//! - `oddities`: what is put into it, and what must become of it;
//! - `judge`: whether a completed table is right.

mod draft;
mod judge;
mod oddities;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use draft::Draft;
use judge::judge;
use oddities::{COLUMNS, Expected, FILES, HEADERS, Oddity, TABLES};

use crate::support::{Outcome, Place, SMALL};

/// What became of a table.
enum Fate {
    /// It was completed; what `describe --json` says of its columns, and the words on the way.
    Completed(serde_json::Value, String),
    /// Training refused it, in these words.
    Refused(String),
}

/// Describes, trains and completes.
///
/// # Errors
/// What is wrong: a status that must not be, an error that is no line, or a table that is not completed rightly.
fn fate(draft: &Draft) -> Result<Fate, String> {
    let place = Place::new();
    place.write("odd.csv", draft.bytes());
    let described = place.missvae("describe odd.csv --json --threads 1");
    let drawn = place.missvae("describe odd.csv --quiet --plot odd.svg --write-schema odd.toml");
    if refusal(&described)?.is_some() != refusal(&drawn)?.is_some() {
        return Err(format!("it is described, but not drawn: {drawn:?}"));
    }
    let options = format!("train odd.csv --epochs 2 --threads 1 {} --out run", SMALL.join(" "));
    let trained = place.missvae(&options);
    if let Some(words) = refusal(&trained)? {
        return match place.exists("run") {
            true => Err("a refused table left a run".to_owned()),
            false => Ok(Fate::Refused(words)),
        };
    }
    let columns = described.json()["columns"].clone();
    let imputed = place.missvae("impute run odd.csv --threads 1 --out done.csv");
    if let Some(words) = refusal(&imputed)? {
        return Err(format!("trained on, but not completed: {words}"));
    }
    judge(draft, &columns, &place.read("done.csv"))?;
    let left = (0..draft.header.len())
        .any(|column| columns[column]["type"] == "ignore" && draft.rows.iter().any(|row| row[column].is_none()));
    if left != imputed.stderr.contains("warning: still missing") {
        return Err(format!("cells that are left missing: {left}; {}", imputed.stderr));
    }
    Ok(Fate::Completed(columns, trained.stderr + &imputed.stderr))
}

/// The words of a refusal; `None` for a success.
///
/// # Errors
/// Another end than status 0, or 2 with a line and maybe a hint.
fn refusal(outcome: &Outcome) -> Result<Option<String>, String> {
    let (text, lines) = (&outcome.stderr, outcome.stderr.lines().filter(|line| !line.starts_with("warning: ")));
    let told = || {
        let mut lines = lines.skip_while(|line| !line.starts_with("missvae: "));
        lines.next().is_some() && lines.next().is_none_or(|hint| hint.starts_with("hint: ")) && lines.next().is_none()
    };
    match outcome.status {
        Some(0) => Ok(None),
        Some(2) if outcome.stdout.is_empty() && text.len() < 2000 && told() => Ok(Some(text.clone())),
        _ => Err(format!("it ends so: {outcome:.2000?}")),
    }
}

/// Checks one oddity.
///
/// # Errors
/// What is wrong.
fn check(oddity: &Oddity) -> Result<(), String> {
    let (_, make, expected) = oddity;
    let mut draft = Draft::new(60);
    make(&mut draft);
    match (fate(&draft)?, expected) {
        (Fate::Completed(..), Expected::Right) => Ok(()),
        (Fate::Completed(columns, _), Expected::Is(kind)) => {
            let odd = columns.as_array().into_iter().flatten().find(|column| column["name"] == "odd");
            match odd.map(|column| &column["type"]) {
                Some(found) if found == kind => Ok(()),
                found => Err(format!("it is {found:?}, not {kind}")),
            }
        }
        (Fate::Completed(_, words), Expected::Warned(warning)) => {
            let told = words.lines().any(|line| line.starts_with("warning: ") && line.contains(warning));
            if told { Ok(()) } else { Err(format!("no warning has {warning:?}: {words}")) }
        }
        (Fate::Refused(words), Expected::Refused(expected)) if words.contains(expected) => Ok(()),
        (Fate::Refused(words), expected) => Err(format!("expected {expected:?}, but it is refused: {words}")),
        (Fate::Completed(..), expected) => Err(format!("expected {expected:?}, but it is completed")),
    }
}

/// Checks two oddities in one table: it is completed rightly, or refused if one of them alone is.
///
/// # Errors
/// What is wrong.
fn check_pair(first: &Oddity, second: &Oddity) -> Result<(), String> {
    let mut draft = Draft::new(60);
    // The columns first: those of the table and of the file concern all of them.
    second.1(&mut draft);
    first.1(&mut draft);
    let refused = [first, second].iter().any(|oddity| matches!(oddity.2, Expected::Refused(_)));
    match fate(&draft)? {
        Fate::Refused(words) if !refused => Err(format!("neither alone is refused, but both are: {words}")),
        Fate::Refused(_) | Fate::Completed(..) => Ok(()),
    }
}

/// Does all the work, on two threads, and fails with all that is wrong.
fn all<T: Sync>(work: &[T], name: impl Fn(&T) -> String + Sync, check: impl Fn(&T) -> Result<(), String> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let Some(one) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(what) = check(one) {
                wrong.lock().unwrap().push(format!("{}: {what}", name(one)));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(worker);
        worker();
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} tables:\n{}", wrong.len(), work.len(), wrong.join("\n"));
}

#[test]
fn each_oddity_alone() {
    let oddities = [FILES, HEADERS, COLUMNS, TABLES].concat();
    assert!(oddities.len() >= 60, "{}", oddities.len());
    all(&oddities, |oddity| oddity.0.to_owned(), check);
}

/// Every oddity of a column with one of the file, and with one of the header or the table, in turn.
#[test]
fn pairs_of_oddities() {
    let others = [HEADERS, TABLES].concat();
    let pair =
        |place: usize| [(FILES[place % FILES.len()], COLUMNS[place]), (others[place % others.len()], COLUMNS[place])];
    let pairs: Vec<(Oddity, Oddity)> = (0..COLUMNS.len()).flat_map(pair).collect();
    all(&pairs, |(first, second)| format!("{} and {}", first.0, second.0), |(first, second)| check_pair(first, second));
}
