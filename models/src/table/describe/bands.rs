//! Which cells of a table are missing, in bands of rows: a picture of the table in bounded memory.

/// The most bands. Even: two and two become one.
const MOST_BANDS: usize = 320;
/// The most columns. Of more, every so many-th is taken.
const MOST_COLUMNS: usize = 256;

/// The share of observed cells in bands of rows, in the file's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bands {
    /// How many columns of the table a taken one stands for: 1 up to 256 columns.
    pub step: usize,
    /// Rows of a band; the last one may have fewer.
    pub rows: u64,
    /// For each band, the share of observed cells of every `step`-th column, from the first on.
    pub observed: Vec<Vec<f64>>,
}

/// Counts the missing cells of bands.
#[derive(Debug, Default)]
pub(super) struct BandCounts {
    step: usize,
    width: usize,
    /// Rows of a whole band, and of the last one.
    rows: u64,
    last: u64,
    missing: Vec<Vec<u64>>,
}

impl BandCounts {
    /// For a table of so many columns.
    pub(super) fn new(width: usize) -> BandCounts {
        BandCounts { step: width.div_ceil(MOST_COLUMNS).max(1), width, rows: 1, last: 0, missing: Vec::new() }
    }

    /// Takes a row: its missing columns, a bit each.
    pub(super) fn add_row(&mut self, missing: &[u64]) {
        if self.last == self.rows || self.missing.is_empty() {
            if self.missing.len() == MOST_BANDS {
                self.join();
            }
            self.missing.push(vec![0; self.width.div_ceil(self.step)]);
            self.last = 0;
        }
        if let Some(band) = self.missing.last_mut() {
            let columns = (0..self.width).step_by(self.step);
            band.iter_mut()
                .zip(columns)
                .for_each(|(count, column)| *count += missing[column / 64] >> (column % 64) & 1);
        }
        self.last += 1;
    }

    /// Makes one band of two; all are whole.
    fn join(&mut self) {
        let joined = |pair: &[Vec<u64>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| a + b).collect();
        self.missing = self.missing.chunks_exact(2).map(joined).collect();
        self.rows *= 2;
    }

    pub(super) fn finish(self) -> Bands {
        let bands = self.missing.len();
        let share = |(band, missing): (usize, &Vec<u64>)| {
            let rows = if band + 1 == bands { self.last } else { self.rows };
            missing.iter().map(|&count| (rows - count) as f64 / rows as f64).collect()
        };
        Bands { step: self.step, rows: self.rows, observed: self.missing.iter().enumerate().map(share).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the number of rows, the bands hold each of them once.
    #[test]
    fn every_row_is_in_one_band() {
        for rows in [1_u64, 2, 319, 320, 321, 322, 640, 641, 1280, 1281, 5000] {
            let mut counts = BandCounts::new(2);
            // The first column is missing in every third row.
            (0..rows).for_each(|row| counts.add_row(&[u64::from(row % 3 == 0)]));
            let bands = counts.finish();
            let (count, whole) = (bands.observed.len() as u64, bands.rows);
            assert!(count <= 320 && (rows <= 320) == (whole == 1) && (rows <= 320 || count > 160), "{rows}: {count}");
            assert_eq!(count, rows.div_ceil(whole), "{rows}");
            for (band, shares) in bands.observed.iter().enumerate() {
                let own = band as u64 * whole..rows.min((band as u64 + 1) * whole);
                let all = (own.end - own.start) as f64;
                let observed = own.filter(|row| row % 3 != 0).count() as f64;
                assert_eq!(shares[..], [observed / all, 1.0], "{rows}: band {band}");
            }
        }
    }

    #[test]
    fn columns_of_a_wide_table() {
        let mut counts = BandCounts::new(1000);
        let mut row = vec![0_u64; 16];
        row[8 / 64] |= 1 << 8;
        counts.add_row(&row);
        let bands = counts.finish();
        assert_eq!((bands.step, bands.observed[0].len()), (4, 250));
        assert_eq!(bands.observed[0].iter().position(|share| *share == 0.0), Some(2));
    }
}
