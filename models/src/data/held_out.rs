//! Observed cells that are held out of the rows to train on.

use linalg::Scalar;
use samplers::stream::Stream;

use super::rows::Data;

/// The most rows whose cells are scored: enough to tell epochs apart, at a cost that does not grow with the table.
const MOST_ROWS: usize = 512;

/// Observed cells that a model is not trained on. They tell when it begins to overfit.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOutCells<T> {
    /// Positions n·D + d in the table, ascending, and the values.
    cells: Vec<(usize, T)>,
    /// The rows whose cells are scored, as they are trained on.
    rows: Data<T>,
    /// The same rows: the held-out values, and where they are.
    values: Vec<T>,
    mask: Vec<T>,
}

impl<T: Scalar> HeldOutCells<T> {
    /// Holds ⌊share·(observed cells)⌋ random cells out of a table; no row is left without an observed cell. `None` if
    /// there are fewer than `least` of them; then the table stays as it is.
    pub fn take(data: &mut Data<T>, share: f64, least: usize, rng: &mut Stream) -> Option<HeldOutCells<T>> {
        let mut trained = data.clone();
        let columns = data.columns;
        let mut chosen = trained.hide(share, rng);
        chosen.retain(|&cell| {
            let row = cell / columns * columns;
            let emptied = !trained.observed[row..row + columns].contains(&true);
            if emptied {
                (trained.observed[cell], trained.values[cell]) = (true, data.values[cell]);
            }
            !emptied
        });
        if chosen.len() < least.max(1) {
            return None;
        }
        let cells: Vec<(usize, T)> = chosen.iter().map(|&cell| (cell, data.values[cell])).collect();
        let mut rows: Vec<usize> = chosen.iter().map(|cell| cell / columns).collect();
        rows.dedup();
        if rows.len() > MOST_ROWS {
            rows = (0..MOST_ROWS).map(|i| rows[i * rows.len() / MOST_ROWS]).collect();
        }
        let scored = rows.iter().flat_map(|&n| n * columns..(n + 1) * columns);
        let held: Vec<bool> = scored.clone().map(|i| data.observed[i] && !trained.observed[i]).collect();
        let values = scored.zip(&held).map(|(i, &held)| if held { data.values[i] } else { T::ZERO }).collect();
        let mask = held.iter().map(|&held| if held { T::ONE } else { T::ZERO }).collect();
        let rows = trained.select(&rows);
        *data = trained;
        Some(HeldOutCells { cells, rows, values, mask })
    }

    /// Positions n·D + d in the table, ascending, and the values.
    pub fn cells(&self) -> &[(usize, T)] {
        &self.cells
    }

    /// The rows whose cells are scored, as they are trained on.
    pub fn rows(&self) -> &Data<T> {
        &self.rows
    }

    /// For the rows that are scored: the held-out values, zero elsewhere, and the mask of these cells. Both N × D.
    pub fn scored(&self) -> (&[T], &[T]) {
        (&self.values, &self.mask)
    }

    /// The number of cells that are scored.
    pub fn scored_cells(&self) -> usize {
        self.mask.iter().filter(|&&mask| mask > T::ZERO).count()
    }

    /// Some rows of the table, their held-out cells put back.
    pub fn put_back(&self, data: &Data<T>, rows: &[usize]) -> Data<T> {
        let mut chosen = data.select(rows);
        for (i, &n) in rows.iter().enumerate() {
            let cells = n * data.columns..(n + 1) * data.columns;
            let first = self.cells.partition_point(|&(cell, _)| cell < cells.start);
            for &(cell, value) in self.cells[first..].iter().take_while(|(cell, _)| cells.contains(cell)) {
                let at = i * data.columns + cell - cells.start;
                (chosen.values[at], chosen.observed[at]) = (value, true);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use samplers::stream::{Purpose, stream};

    use super::*;

    fn table() -> Data<f64> {
        let values: Vec<f64> = (0..240).map(|i| 1.0 + f64::from(i)).collect();
        // Row 0 has a single cell, which must stay.
        let observed = (0..240).map(|i| if i < 3 { i == 1 } else { i % 5 != 0 }).collect();
        Data::new(3, values, observed)
    }

    #[test]
    fn cells_move_out_and_back() {
        for seed in 0..20 {
            let whole = table();
            let mut data = whole.clone();
            let held = HeldOutCells::take(&mut data, 0.3, 10, &mut stream(seed, Purpose::HoldOut, 0, 0)).unwrap();
            assert_eq!(data.missing(), whole.missing() + held.cells().len());
            assert_eq!(data.rows_with_cells().len(), 80, "no row is empty");
            let all: Vec<usize> = (0..80).collect();
            assert_eq!(held.put_back(&data, &all), whole);
            assert_eq!(held.put_back(&data, &[7, 2, 7]), whole.select(&[7, 2, 7]));
            let (values, mask) = held.scored();
            assert_eq!(values.iter().sum::<f64>(), held.cells().iter().map(|(_, value)| value).sum::<f64>());
            assert_eq!(mask.iter().sum::<f64>() as usize, held.scored_cells());
        }
    }

    #[test]
    fn too_few_cells_stay() {
        let mut data = table();
        assert_eq!(HeldOutCells::take(&mut data, 0.1, 20, &mut stream(0, Purpose::HoldOut, 0, 0)), None);
        assert_eq!(data, table());
    }
}
