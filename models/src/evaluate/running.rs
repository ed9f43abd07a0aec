//! Scores of rows that come block by block.

use std::io::{self, BufReader, Read, Seek, Write};

use samplers::pareto::{UNRELIABLE, worse};
use tempfile::{SpooledTempFile, spooled_tempfile};

use super::units::{IndependentColumns, mean_and_standard_error_of};
use crate::Error;
use crate::data::Data;
use crate::files::WriteError;
use crate::impute::WeightSummary;
use crate::store::ModelInfo;

/// Bytes of scores that are held in memory. More go to a temporary file without a name.
const IN_MEMORY: usize = 1 << 23;

/// The scores of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct RowScores {
    /// Of each row, in nats of the data's units.
    pub log_likelihood: Vec<f64>,
    /// Effective number of importance samples of each row, if there are any, and Pareto k̂ of their weights: NaN where there is no
    /// tail to fit it to.
    pub weights: Option<[Vec<f64>; 2]>,
}

/// What is known of rows whose scores have gone by. The same numbers come out of any blocks, to the bit.
pub struct RunningScore {
    samples: Option<usize>,
    rows: usize,
    scores: SpooledTempFile,
    sum: f64,
    effective: f64,
    unreliable: usize,
    worst: Option<(usize, f64)>,
    alone: IndependentColumns,
    uncovered: Option<usize>,
}

/// The score of all rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSummary {
    /// Rows that were scored.
    pub rows: usize,
    /// Mean of a row, in nats of the data's units.
    pub log_likelihood: f64,
    /// Its standard error over rows; `None` of a single row.
    pub standard_error: Option<f64>,
    /// Mean effective number of importance samples of a row.
    pub effective_sample_size: Option<f64>,
    /// How far the importance weights can be trusted.
    pub weights: Option<WeightSummary>,
    /// See [`independent_columns`](super::independent_columns).
    pub independent: Option<f64>,
    /// The first row whose score is not finite, from 0.
    pub uncovered: Option<usize>,
}

impl RunningScore {
    /// No rows yet, for this model and so many importance samples of a row, if there are any.
    pub fn new(info: &ModelInfo, samples: Option<usize>) -> RunningScore {
        RunningScore {
            samples,
            rows: 0,
            scores: spooled_tempfile(IN_MEMORY),
            // As the sum of no number, so that the first one keeps its sign.
            sum: -0.0,
            effective: -0.0,
            unreliable: 0,
            worst: None,
            alone: IndependentColumns::new(info),
            uncovered: None,
        }
    }

    /// Takes rows, whose numbers in the table are `numbers`, from 0, and their scores.
    ///
    /// # Errors
    /// [`Error::Write`] if there is no room for a temporary file.
    pub fn add(&mut self, data: &Data<f32>, numbers: &[usize], scores: &RowScores) -> Result<(), Error> {
        self.rows += data.rows();
        let bytes: Vec<u8> = scores.log_likelihood.iter().flat_map(|score| score.to_le_bytes()).collect();
        self.scores.write_all(&bytes).map_err(temporary)?;
        scores.log_likelihood.iter().for_each(|score| self.sum += score);
        if self.uncovered.is_none() {
            let place = scores.log_likelihood.iter().position(|score| !score.is_finite());
            self.uncovered = place.map(|place| numbers[place]);
        }
        if let Some([effective, pareto_k]) = &scores.weights {
            effective.iter().for_each(|size| self.effective += size);
            for (&number, &k) in numbers.iter().zip(pareto_k).filter(|(_, k)| !k.is_nan()) {
                self.unreliable += usize::from(k > UNRELIABLE);
                self.worst = worse(self.worst, Some((number, k)));
            }
        }
        self.alone.add(data);
        Ok(())
    }

    /// The score of all rows.
    ///
    /// # Errors
    /// [`Error::Write`] if a temporary file cannot be read back.
    pub fn finish(mut self) -> Result<ScoreSummary, Error> {
        self.scores.rewind().map_err(temporary)?;
        let mut scores = BufReader::with_capacity(1 << 16, self.scores);
        let mut failed = None;
        let values = (0..self.rows).map_while(|_| {
            let mut bytes = [0; 8];
            let read = scores.read_exact(&mut bytes);
            read.map_err(|error| failed = Some(error)).ok().map(|()| f64::from_le_bytes(bytes))
        });
        let (mean, error) = mean_and_standard_error_of(self.sum, self.rows, values);
        if let Some(error) = failed {
            return Err(temporary(error));
        }
        let (rows, unreliable, worst) = (self.rows, self.unreliable, self.worst);
        Ok(ScoreSummary {
            rows,
            log_likelihood: mean,
            standard_error: error.is_finite().then_some(error),
            effective_sample_size: self.samples.map(|_| self.effective / rows as f64),
            weights: self.samples.map(|samples| WeightSummary { rows, unreliable, worst, samples }),
            independent: self.alone.mean(),
            uncovered: self.uncovered,
        })
    }
}

fn temporary(error: io::Error) -> Error {
    WriteError::new(&std::env::temp_dir().join("missvae"), error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::mean_and_standard_error;
    use crate::heads::ColumnType;
    use crate::network::VaeConfig;
    use crate::store::Column;

    /// The bits are those of all rows at once, in memory and in a file.
    #[test]
    fn blocks_leave_no_trace() {
        let column = Column { mean: 1.0, scale: 2.0, ..Column::new("a", ColumnType::Numeric) };
        let info = ModelInfo {
            vae: VaeConfig::new(1, 1),
            method: "mvae".to_owned(),
            columns: vec![column],
            updates: 0,
            imputations: None,
            missing_values: Vec::new(),
            left_out: Vec::new(),
            options: None,
        };
        let rows = 3 * IN_MEMORY / 16;
        let score = |n: usize| -((n * 7919 % 1013) as f64).sqrt() / 3.0;
        let all: Vec<f64> = (0..rows).map(score).collect();
        let (mean, error) = mean_and_standard_error(&all);
        for block in [rows, 100_000, 7777] {
            let mut running = RunningScore::new(&info, Some(25));
            for first in (0..rows).step_by(block) {
                let numbers: Vec<usize> = (first..(first + block).min(rows)).collect();
                let data = Data::new(1, vec![0.5_f32; numbers.len()], vec![true; numbers.len()]);
                let log_likelihood: Vec<f64> = numbers.iter().map(|&n| score(n)).collect();
                let k = numbers.iter().map(|&n| if n % 2 == 0 { f64::NAN } else { (n % 100_001) as f64 / 1e5 });
                let weights = Some([log_likelihood.iter().map(|x| -x).collect(), k.collect()]);
                running.add(&data, &numbers, &RowScores { log_likelihood, weights }).unwrap();
            }
            let found = running.finish().unwrap();
            assert_eq!((found.log_likelihood.to_bits(), found.rows), (mean.to_bits(), rows));
            assert_eq!(found.standard_error.unwrap().to_bits(), error.to_bits());
            assert_eq!(found.effective_sample_size.unwrap().to_bits(), (-mean).to_bits());
            let weights = found.weights.unwrap();
            assert_eq!(weights.worst, Some((200_001, 1.0)));
            let unreliable = (0..rows).filter(|n| n % 2 == 1 && (n % 100_001) as f64 / 1e5 > UNRELIABLE).count();
            assert_eq!(weights.unreliable, unreliable);
            assert!(
                (found.independent.unwrap() - (-0.125 - 0.5 * std::f64::consts::TAU.ln() - 2_f64.ln())).abs() < 1e-6
            );
            assert_eq!(found.uncovered, None);
        }
    }
}
