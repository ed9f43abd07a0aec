//! Rows that come block by block: nothing of the blocks is left in what is written, told or scored.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use missvae::evaluate::{RowScores, RunningScore, ScoreSummary, in_data_units, iwelbo_after};
use missvae::impute::{ImputationSampler, ImputationSummary, Imputer, SamplerOptions, Statistic};
use missvae::monitor::{ImputedValues, NewRows};
use missvae::prepare::{ModelBlock, ModelFile};
use missvae::table::{BlockSize, CompletedFile, Input, ReadOptions};
use missvae::{Fit, Model, Table, Warning};

/// The raw penguins, with texts, levels and dates, in a form that is hard to bring back: line ends of two bytes, one within a
/// cell, blank lines, and no line end after the last row.
fn penguins(directory: &Path) -> PathBuf {
    let raw = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/penguins-raw.csv")).unwrap();
    let mut text = raw.trim_end().lines().collect::<Vec<_>>().join("\r\n");
    let comment = ",\"Nest never observed\r\nwith a \"\"full\"\" clutch.\"\r\n";
    text = text.replace(",Nest never observed with full clutch.\r\n", comment);
    let third = text.match_indices("\r\nPAL").map(|(at, _)| at).nth(100).unwrap();
    text.insert_str(third, "\r\n");
    assert!(text.contains("observed\r\nwith") && text.contains("\r\n\r\n"));
    let path = directory.join("penguins.csv");
    fs::write(&path, text).unwrap();
    path
}

fn fitted(path: &Path) -> Model {
    let table = Table::read_with(path, &ReadOptions::new().ignore_columns(["Comments"])).unwrap();
    let fit = Fit::new().method("miss-svae".parse().unwrap()).latent(2).hidden(8).epochs(4).seed(1);
    fit.run(&table).unwrap()
}

/// The file completed in blocks of this size, how it went, and the warnings.
fn completed(model: &Model, path: &Path, unit: usize, statistic: Statistic) -> (Vec<u8>, String, Vec<Warning>) {
    let (input, reading, info) = (Input::File(path.to_owned()), ReadOptions::new(), model.info());
    let file = ModelFile::new(&input, &reading, info, 3);
    let options = SamplerOptions { proposals: Some(40), ..SamplerOptions::default() };
    let sampler = ImputationSampler::new(options, &info.vae).unwrap();
    let mut imputer = Imputer::new(model.fitted(), &info.columns, &sampler, statistic, 3);
    let mut blocks = file.blocks(BlockSize { unit, cells: 0 }, true).unwrap();
    let out = path.with_file_name("completed.csv");
    let mut written = CompletedFile::create(&out).unwrap();
    let (mut new_rows, mut imputed, mut number) = (NewRows::new(info), ImputedValues::new(info), 0);
    while let Some(ModelBlock { first, table, source, data, units }) = blocks.next_block().unwrap() {
        let copies = imputer.next_rows(&table, (&data, &units), |_| ControlFlow::Continue(())).unwrap();
        new_rows.add(&table, first);
        imputed.add(&table, &copies);
        written.write(&source, &table, &copies[0]).unwrap();
        number += 1;
    }
    assert_eq!(number, 344_usize.div_ceil(unit));
    written.finish().unwrap().commit().unwrap();
    let mut warnings = new_rows.warnings();
    warnings.extend(imputed.warning());
    let columns = blocks.missing_elsewhere();
    warnings.push(Warning::StillMissing { columns });
    // The mean over blocks is rounded otherwise in others.
    let summary = ImputationSummary { effective_sample_size: None, ..imputer.summary() };
    (fs::read(out).unwrap(), format!("{summary:?}"), warnings)
}

#[test]
fn completed_rows_do_not_depend_on_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let path = penguins(directory.path());
    let model = fitted(&path);
    // A level that training did not have, and a code, in later rows.
    let mut text = fs::read_to_string(&path).unwrap();
    let at = text.rfind(",Yes,").unwrap();
    text.replace_range(at..at + 5, ",Perhaps,");
    fs::write(&path, &text).unwrap();
    for statistic in [Statistic::Mean, Statistic::Median, Statistic::Draws(1)] {
        let whole = completed(&model, &path, 1000, statistic);
        for unit in [1, 16, 50, 343] {
            assert!(completed(&model, &path, unit, statistic) == whole, "{unit} rows");
        }
        let (bytes, _, warnings) = whole;
        let unknown = |warning: &Warning| matches!(warning, Warning::UnknownLevels { columns } if columns[0].1 == "Perhaps" && columns[0].2 == 1);
        assert!(warnings.iter().any(unknown), "{warnings:?}");
        let Some(Warning::StillMissing { columns }) = warnings.last() else { panic!("{warnings:?}") };
        assert!(columns.iter().any(|(name, count)| name == "Comments" && *count > 0), "{columns:?}");
        // The bytes around the missing cells are those of the file.
        let completed = String::from_utf8(bytes).unwrap();
        assert_eq!(completed.matches("\r\n").count(), text.matches("\r\n").count());
        assert!(completed.contains("observed\r\nwith") && completed.contains("\r\n\r\n") && !completed.ends_with('\n'));
    }
}

/// The table in memory, completed by the library, has the same numbers.
#[test]
fn files_and_tables_agree() {
    let directory = tempfile::tempdir().unwrap();
    let path = penguins(directory.path());
    let model = fitted(&path);
    completed(&model, &path, 16, Statistic::Mean);
    let found = Table::read(directory.path().join("completed.csv")).unwrap();
    let options = SamplerOptions { proposals: Some(40), ..SamplerOptions::default() };
    let table = Table::read(&path).unwrap();
    let expected = model.impute(&table).sampler_options(options).seed(3).run().unwrap().tables.remove(0);
    for name in model.columns() {
        let column = expected.columns().iter().position(|other| *other == name).unwrap();
        assert!((0..344).all(|row| found.text(row, column) == expected.text(row, column)), "{name}");
    }
}

#[test]
fn scores_do_not_depend_on_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let path = penguins(directory.path());
    let model = fitted(&path);
    let (input, reading, info) = (Input::File(path), ReadOptions::new(), model.info());
    let score = |unit: usize| -> (ScoreSummary, Vec<f64>) {
        let file = ModelFile::new(&input, &reading, info, 3);
        let mut blocks = file.blocks(BlockSize { unit, cells: 0 }, false).unwrap();
        let (mut running, mut scored, mut all) = (RunningScore::new(info, Some(30)), 0, Vec::new());
        while let Some(ModelBlock { first, data, .. }) = blocks.next_block().unwrap() {
            let numbers: Vec<usize> = data.rows_with_cells().into_iter().map(|n| first + n).collect();
            let (data, _) = data.without_empty_rows();
            let go_on = || ControlFlow::Continue(());
            let found = iwelbo_after(scored, model.fitted(), &data, 30, None, 3, go_on).unwrap();
            let log_likelihood = in_data_units(&found.per_row, &data, &info.standardisation());
            all.extend_from_slice(&log_likelihood);
            let scores = RowScores { log_likelihood, weights: Some([found.effective_sample_size, found.pareto_k]) };
            running.add(&data, &numbers, &scores).unwrap();
            scored += data.rows();
        }
        (running.finish().unwrap(), all)
    };
    let (whole, all) = score(1000);
    assert_eq!(missvae::evaluate::mean_and_standard_error(&all).0.to_bits(), whole.log_likelihood.to_bits());
    assert_eq!(Some(missvae::evaluate::mean_and_standard_error(&all).1), whole.standard_error);
    for unit in [1, 16, 343] {
        assert_eq!(score(unit), (whole.clone(), all.clone()), "{unit} rows");
    }
}

/// What cannot be used is told as of the whole file, wherever the blocks end, and no row after it is given.
#[test]
fn a_bad_cell_in_a_later_block() {
    let directory = tempfile::tempdir().unwrap();
    let path = penguins(directory.path());
    let model = fitted(&path);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    let spoil = |from: &str, to: &str, line: usize, lines: &mut Vec<String>| {
        assert!(lines[line].contains(from), "{}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
    };
    let mut spoilt: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    spoil("2007-11-16", "16 Nov", 18, &mut spoilt);
    for line in [30, 40, 300] {
        let mass = spoilt[line].split(',').nth(13).unwrap().to_owned();
        spoil(&format!(",{mass},"), ",heavy,", line, &mut spoilt);
    }
    fs::write(&path, spoilt.join("\r\n")).unwrap();
    let (input, reading, info) = (Input::File(path), ReadOptions::new(), model.info());
    let file = ModelFile::new(&input, &reading, info, 0);
    let error = |unit: usize| {
        let mut blocks = file.blocks(BlockSize { unit, cells: 0 }, true).unwrap();
        let mut rows = 0;
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => rows += block.table.rows(),
                Ok(None) => panic!("nothing is refused"),
                Err(error) => return (error.to_string(), rows),
            }
        }
    };
    let (whole, none) = error(1000);
    assert_eq!(none, 0);
    assert!(whole.contains("2 of ") && whole.contains("\"heavy\" in line 31") && whole.contains("16 Nov"), "{whole}");
    for unit in [1, 5, 16, 100] {
        // Two cells before have a line end in them.
        assert_eq!(error(unit), (whole.clone(), 15 / unit * unit), "{unit} rows");
    }
    assert_eq!(file.check(BlockSize { unit: 16, cells: 0 }).unwrap_err().to_string(), whole);
}
