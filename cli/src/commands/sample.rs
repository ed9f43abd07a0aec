//! `missvae sample`: rows drawn from the model.

use samplers::draw::fill_standard_normal;
use samplers::model::{LatentModel, draw_column};
use samplers::stream::{Purpose, stream};
use serde::Serialize;

use super::{MOST_NUMBERS, column_names, in_pool};
use crate::args::SampleArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::run::Run;
use crate::table::{check_output, write_numbers};

/// Rows drawn at a time; each block has a stream of its own.
const BLOCK: usize = 1024;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    out: String,
}

pub(crate) fn run(args: &SampleArgs) -> Result<()> {
    let output = Output::new(&args.common);
    if args.rows == 0 {
        return Err(Failure::usage("--rows 0: expected at least 1"));
    }
    check_output(&args.out)?;
    let (mut model, info) = Run::open(&args.run)?.load_model()?;
    let (columns, latent) = (info.vae.columns, info.vae.latent);
    if args.rows > MOST_NUMBERS / columns {
        let most = MOST_NUMBERS / columns;
        return Err(Failure::usage(format!("--rows {}: expected at most {most} for {columns} columns", args.rows)));
    }
    let standardisation = info.standardisation();
    let seed = args.common.seed.unwrap_or(0);
    let likelihood = model.likelihood();
    let values = in_pool(&args.common, || {
        let mut values = Vec::with_capacity(args.rows * columns);
        let mut z = vec![0.0f32; BLOCK * latent];
        let mut gaussians = vec![0.0f32; BLOCK * 2 * columns];
        for block in 0..args.rows.div_ceil(BLOCK) {
            let rows = BLOCK.min(args.rows - block * BLOCK);
            let mut rng = stream(seed, Purpose::Generate, 0, block as u64);
            fill_standard_normal(&mut rng, &mut z);
            model.decode(&z, &mut gaussians);
            for gaussian in gaussians.chunks_exact(2 * columns).take(rows) {
                let (first, second) = gaussian.split_at(columns);
                for d in 0..columns {
                    let x = draw_column(likelihood, &mut rng, first[d], second[d]);
                    values.push(standardisation.restore_rounded(d, x));
                }
            }
        }
        Ok(values)
    })?;
    write_numbers(&args.out, &column_names(&info), &values)?;
    let report = Report { rows: args.rows, out: args.out.display().to_string() };
    output.result(&report, || format!("{} rows in {}", report.rows, report.out))
}
