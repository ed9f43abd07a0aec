//! Pooled regressions against R's `lm` and `glm` with `mice::pool`, and what must hold for any table.

use std::collections::BTreeMap;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use missvae::Table;
use missvae::pool::{Analysis, Error, Family, Pooled, Problem, Term, Warning, split_long};
use missvae::table::ReadOptions;
use proptest::prelude::*;

/// The rows of a file of expected terms: cells by their column.
fn records(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let named =
        |record: csv::StringRecord| names.iter().map(String::from).zip(record.iter().map(String::from)).collect();
    reader.records().map(|record| named(record.unwrap())).collect()
}

/// A term's numbers by their names, as mice's summary has them or as this library has.
fn numbers(term: &Term) -> [(&'static str, f64); 15] {
    [
        ("m", term.m as f64),
        ("estimate", term.estimate),
        ("std_error", term.std_error),
        ("statistic", term.statistic),
        ("df", term.df),
        ("p_value", term.p_value),
        ("conf_low", term.conf_low),
        ("conf_high", term.conf_high),
        ("ubar", term.ubar),
        ("b", term.b),
        ("t", term.t),
        ("dfcom", term.dfcom as f64),
        ("riv", term.riv),
        ("lambda", term.lambda),
        ("fmi", term.fmi),
    ]
}

/// Compares every number of a term with an expected one.
#[track_caller]
fn compare(term: &Term, expected: &BTreeMap<String, String>, tolerance: f64) {
    assert_eq!(term.term, expected["term"]);
    for (name, found) in numbers(term) {
        let expected = expected.get(name).unwrap_or_else(|| &expected[&name.replace('_', ".")]);
        let expected: f64 = expected.parse().unwrap();
        let error = if found == expected { 0.0 } else { (found - expected).abs() / expected.abs() };
        assert!(error <= tolerance, "{}, {name}: {found}, not {expected} (relative error {error:e})", term.term);
    }
}

/// Completed tables of R, pooled by mice, with whatever R's formulas do with factors and intercepts. Where R cannot estimate a
/// coefficient, this library refuses and names it.
#[test]
fn formulas_as_in_r() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pooling");
    let long = Table::read_with(folder.join("long.csv"), &ReadOptions::new()).unwrap();
    let tables: Vec<Table> = split_long(&long).unwrap().into_iter().map(|(_, table)| table).collect();
    assert_eq!((tables.len(), tables[0].rows()), (4, 40));
    let expected = records(&folder.join("pooled.csv"));
    let (mut compared, mut refused) = (0, 0);
    for rows in expected.chunk_by(|one, other| one["formula"] == other["formula"]) {
        let (formula, family) = (&rows[0]["formula"], &rows[0]["family"]);
        let family = if family == "binomial" { Family::Binomial } else { Family::Gaussian };
        let pooled = Analysis::new(formula).unwrap().family(family).run(&tables);
        if let Some(lost) = rows.iter().find(|row| row["estimate"] == "NA") {
            let Err(Error::InTable { table: 1, problem: Problem::Aliased { term, of } }) = pooled else {
                panic!("{formula}: {pooled:?}")
            };
            assert_eq!((&term, of.is_empty()), (&lost["term"], false), "{formula}: {of:?}");
            refused += 1;
            continue;
        }
        let terms = pooled.unwrap_or_else(|error| panic!("{formula}: {error}")).terms;
        assert_eq!(terms.len(), rows.len(), "{formula}");
        // R's last iteration of a logistic regression leaves a few digits less.
        let tolerance = if family == Family::Binomial { 1e-9 } else { 1e-10 };
        for (term, row) in terms.iter().zip(rows) {
            compare(term, row, tolerance);
        }
        compared += terms.len();
    }
    assert!(compared > 40 && refused >= 2, "{compared} terms compared, {refused} formulas refused");
}

/// The tables of a folder of `../shared/pooling`: from files, which must give the same as the long one.
fn shared_tables(folder: &Path) -> Vec<Table> {
    let file = |n: usize| folder.join(format!("imputed.{n}.csv"));
    let tables: Vec<Table> =
        (1..).map(file).take_while(|path| path.exists()).map(|path| Table::read(path).unwrap()).collect();
    let long = Table::read(folder.join("long.csv")).unwrap();
    assert_eq!(split_long(&long).unwrap().len(), tables.len());
    tables
}

#[test]
fn fixtures_of_mice() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/pooling");
    let folders: Vec<PathBuf> = std::fs::read_dir(&shared)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect())
        .unwrap_or_default();
    if folders.is_empty() {
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(stderr(), "skipped: ../shared/pooling, beside the workspace, is not there");
        return;
    }
    for folder in folders {
        let tables = shared_tables(&folder);
        for (file, formula, family, tolerance) in [
            ("linear.csv", "y ~ x1 + x2 + g", Family::Gaussian, 1e-8),
            ("mean_y.csv", "y ~ 1", Family::Gaussian, 1e-8),
            ("interaction.csv", "y ~ x1 * x2", Family::Gaussian, 1e-8),
            ("logistic.csv", "z ~ x1 + x2", Family::Binomial, 1e-6),
        ] {
            let pooled = Analysis::new(formula).unwrap().family(family).run(&tables).unwrap();
            let expected = records(&folder.join(file));
            assert_eq!(pooled.terms.len(), expected.len());
            pooled.terms.iter().zip(&expected).for_each(|(term, row)| compare(term, row, tolerance));
            assert_eq!(pooled.success.as_deref(), (family == Family::Binomial).then_some("yes"));
            assert_eq!(pooled.warnings, []);
        }
    }
}

fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<f64>>) -> Table {
    Table::from_rows(columns.iter().map(|name| (*name).to_owned()).collect(), rows).unwrap()
}

/// Two tables that are alike but for noise of the first column.
fn pair(columns: &[&str], rows: impl Fn(usize) -> Vec<f64>, noise: f64) -> [Table; 2] {
    [0.0, noise].map(|noise| {
        table(
            columns,
            (0..24).map(|n| {
                let mut row = rows(n);
                row[0] += noise * [1.0, -2.0, 0.5][n % 3];
                row
            }),
        )
    })
}

fn problem(result: Result<Pooled, Error>) -> (usize, Problem) {
    match result {
        Err(Error::InTable { table, problem }) => (table, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_that_do_not_fit() {
    let rows = |n: usize| vec![n as f64 * 0.5, (n * n % 7) as f64, 1.0];
    let [one, two] = pair(&["y", "x", "c"], rows, 0.1);
    let run = |formula: &str, tables: &[Table]| Analysis::new(formula).unwrap().run(tables);
    assert!(matches!(run("y ~ x", &[]), Err(Error::FewTables { tables: 0 })));
    assert!(matches!(run("y ~ x", std::slice::from_ref(&one)), Err(Error::FewTables { tables: 1 })));
    let level = Analysis::new("y ~ x").unwrap().level(1.0).run(&[one.clone(), two.clone()]);
    assert!(matches!(level, Err(Error::Level { level: 1.0 })));

    let shorter = table(&["y", "x", "c"], (0..20).map(rows));
    assert_eq!(problem(run("y ~ x", &[one.clone(), shorter])), (2, Problem::Rows { found: 20, expected: 24 }));
    let other = table(&["y", "z"], (0..24).map(|n| vec![n as f64, 1.0]));
    let available = ["y", "z"].map(String::from).to_vec();
    assert_eq!(
        problem(run("y ~ x", &[one.clone(), other])),
        (2, Problem::NoSuchColumn { name: "x".to_owned(), available })
    );
    let hole = table(&["y", "x", "c"], (0..24).map(|n| if n == 3 { vec![1.0, f64::NAN, 1.0] } else { rows(n) }));
    // A column that the formula does not have may be incomplete.
    run("y ~ 1", &[one.clone(), hole.clone()]).unwrap();
    let missing = (2, Problem::MissingCell { row: 4, column: "x".to_owned() });
    assert_eq!(problem(run("y ~ x", &[one.clone(), hole])), missing);

    let aliased = |term: &str, of: &[&str]| {
        (1, Problem::Aliased { term: term.to_owned(), of: of.iter().map(|name| (*name).to_owned()).collect() })
    };
    let tables = [one, two];
    assert_eq!(problem(run("y ~ x + c", &tables)), aliased("c", &["(Intercept)"]));
    assert_eq!(problem(run("y ~ factor(x) + x", &tables)).1, {
        let of = ["(Intercept)", "factor(x)1", "factor(x)2", "factor(x)4"].map(String::from).to_vec();
        Problem::Aliased { term: "x".to_owned(), of: of[1..].to_vec() }
    });
    assert!(matches!(run("y ~ factor(c)", &tables), Err(Error::OneLevel { .. })));
    let few = problem(run("x ~ factor(y)", &tables[..1].iter().chain(&tables[..1]).cloned().collect::<Vec<_>>()));
    assert_eq!(few, (1, Problem::FewRows { rows: 24, coefficients: 24 }));
    let binary = Analysis::new("y ~ x").unwrap().family(Family::Binomial).run(&tables);
    assert_eq!(problem(binary), (1, Problem::NotBinary { row: 2, column: "y".to_owned(), value: 0.5 }));
}

#[test]
fn results_that_may_be_wrong() {
    let run = |formula: &str, tables: &[Table]| Analysis::new(formula).unwrap().run(tables).unwrap();
    let [one, two] = pair(&["y", "x"], |n| vec![(n * 5 % 11) as f64, n as f64], 0.3);
    assert_eq!(run("y ~ x", &[one.clone(), two]).warnings, []);
    assert_eq!(run("y ~ x", &[one.clone(), one]).warnings, [Warning::SameTables]);
    let line = |slope: f64| table(&["y", "x"], (0..24).map(|n| vec![1.0 + slope * n as f64, n as f64]));
    let perfect = run("y ~ x", &[line(1.0), line(3.0)]);
    assert_eq!(perfect.warnings, [Warning::PerfectFit { tables: 2, of: 2 }]);
    assert!((perfect.terms[1].estimate - 2.0).abs() < 1e-12);
}

/// Where R's `glm` gives slopes of some dozens, with or without a warning, there are no estimates.
#[test]
fn separation_is_told() {
    let separated = |columns: &[&str], rows: &dyn Fn(usize) -> Vec<f64>, formula: &str| {
        let tables = [table(columns, (0..24).map(rows)), table(columns, (0..24).map(rows))];
        match Analysis::new(formula).unwrap().family(Family::Binomial).run(&tables) {
            Err(Error::InTable { table: 1, problem: Problem::Separated { complete, terms } }) => {
                Some((complete, terms))
            }
            Err(error) => panic!("{formula}: {error}"),
            Ok(_) => None,
        }
    };
    let bit = |yes: bool| f64::from(u8::from(yes));
    let x = |n: usize| n as f64 - 11.5;
    // Complete: at a threshold; without a success; by two columns together.
    let (complete, terms) = separated(&["y", "x"], &|n| vec![bit(n >= 9), x(n)], "y ~ x").unwrap();
    assert!(complete && terms.contains(&"x".to_owned()), "{terms:?}");
    assert_eq!(separated(&["y"], &|_| vec![0.0], "y ~ 1").unwrap(), (true, vec!["(Intercept)".to_owned()]));
    let both = |n: usize| {
        let (a, b) = ((n * 7 % 24) as f64, (n * 5 % 24) as f64);
        vec![bit(a + b > 22.5), a, b]
    };
    let (complete, terms) = separated(&["y", "a", "b"], &both, "y ~ a + b").unwrap();
    assert!(complete && terms.len() >= 2, "{terms:?}");
    // Quasi-complete: a group without a failure, beside a slope that can be estimated; a tie at the threshold.
    let group = |n: usize| vec![bit(n.is_multiple_of(4) || n * 5 % 9 < 4), bit(n.is_multiple_of(4)), x(n * 7 % 24)];
    assert_eq!(separated(&["y", "g", "x"], &group, "y ~ g + x").unwrap(), (false, vec!["g".to_owned()]));
    let tie = |n: usize| vec![bit(n > 12 || n == 11), x(if n == 11 { 12 } else { n })];
    let (complete, terms) = separated(&["y", "x"], &tie, "y ~ x").unwrap();
    assert!(!complete && terms.contains(&"x".to_owned()), "{terms:?}");
    // An overlap of one row is none: the slope is steep, and can be estimated.
    let overlap = |n: usize| vec![bit(n == 9 || n > 11), x(n)];
    assert_eq!(separated(&["y", "x"], &overlap, "y ~ x"), None);
    let far = |n: usize| vec![bit(n.is_multiple_of(3)), if n == 0 { 1e6 } else { x(n) }];
    assert_eq!(separated(&["y", "x"], &far, "y ~ x"), None);
}

/// A slope so steep that probabilities round to 0 and 1 is told, as by `glm`.
#[test]
fn extreme_probabilities_are_told() {
    let rows = |n: usize| vec![f64::from(u8::from(n == 9 || n > 11)), if n == 23 { 1e4 } else { n as f64 }];
    let tables = [0, 1].map(|_| table(&["y", "x"], (0..24).map(rows)));
    let pooled = Analysis::new("y ~ x").unwrap().family(Family::Binomial).run(&tables).unwrap();
    let expected = [Warning::ExtremeProbabilities { tables: 2, of: 2 }, Warning::SameTables];
    assert_eq!(pooled.warnings, expected);
}

/// Completed tables of 20 rows with columns y, x (numbers) and g (three levels).
fn completed() -> impl Strategy<Value = Vec<Vec<[f64; 3]>>> {
    let cell = (-100..100_i32, -100..100_i32).prop_map(|(y, x)| [f64::from(y) / 16.0, f64::from(x) / 32.0, 0.0]);
    prop::collection::vec(prop::collection::vec(cell, 20), 2..6)
}

fn tables(completed: &[Vec<[f64; 3]>]) -> Vec<Table> {
    let rows = |rows: &Vec<[f64; 3]>| {
        let level = |n: usize| (n % 3) as f64;
        table(&["y", "x", "g"], rows.iter().enumerate().map(|(n, row)| vec![row[0], row[1], level(n)]))
    };
    completed.iter().map(rows).collect()
}

fn run(tables: &[Table]) -> Option<Pooled> {
    // Columns may be dependent by chance.
    Analysis::new("y ~ x * factor(g)").unwrap().run(tables).ok()
}

fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * one.abs().max(other.abs()).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of equal tables nothing is between: the result is that of the single table.
    #[test]
    fn equal_tables(completed in completed(), m in 2..6_usize) {
        let Some(pooled) = run(&tables(&vec![completed[0].clone(); m])) else { return Ok(()) };
        let two = run(&tables(&vec![completed[0].clone(); 2])).unwrap();
        prop_assert!(pooled.warnings.contains(&Warning::SameTables));
        for (term, other) in pooled.terms.iter().zip(&two.terms) {
            prop_assert_eq!((term.b, term.riv, term.lambda), (0.0, 0.0, 0.0));
            prop_assert!(close(term.t, term.ubar, 1e-15));
            prop_assert!(close(term.estimate, other.estimate, 1e-14) && close(term.t, other.t, 1e-14));
            // 20 rows less 6 coefficients; (ν + 1)/(ν + 3)·ν by Barnard and Rubin.
            prop_assert!(term.dfcom == 14 && close(term.df, 15.0 / 17.0 * 14.0, 1e-3));
        }
    }

    /// Neither the order of the tables nor that of their rows matters, but for rounding.
    #[test]
    fn order_does_not_matter(completed in completed(), shift in 0..20_usize) {
        let Some(pooled) = run(&tables(&completed)) else { return Ok(()) };
        let mut turned = tables(&completed);
        turned.reverse();
        let turned: Vec<Table> = turned.iter().map(|one| {
            let rows = (0..20).map(|n| one.row((n + shift) % 20).to_vec());
            table(&["y", "x", "g"], rows)
        }).collect();
        let turned = run(&turned).unwrap();
        for (term, other) in pooled.terms.iter().zip(&turned.terms) {
            for ((name, one), (_, other)) in numbers(term).into_iter().zip(numbers(other)) {
                prop_assert!(close(one, other, 1e-7), "{name}: {one}, {other}");
            }
        }
    }

    /// In another unit of the response estimates and errors change by it, and tests do not.
    #[test]
    fn units_of_the_response(completed in completed()) {
        let Some(pooled) = run(&tables(&completed)) else { return Ok(()) };
        let scaled: Vec<_> = completed.iter().map(|rows| rows.iter().map(|row| [8.0 * row[0], row[1], 0.0]).collect()).collect();
        for (term, other) in pooled.terms.iter().zip(run(&tables(&scaled)).unwrap().terms) {
            prop_assert!(close(8.0 * term.estimate, other.estimate, 1e-12) && close(64.0 * term.t, other.t, 1e-12));
            prop_assert!(close(term.p_value, other.p_value, 1e-12) && close(term.df, other.df, 1e-12));
        }
    }
}
