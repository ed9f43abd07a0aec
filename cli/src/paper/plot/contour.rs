//! Lines of equal density on a grid.

use std::collections::BTreeMap;

/// A density, up to a factor, on the points of a square grid.
#[derive(Clone, Debug)]
pub(crate) struct Density {
    /// The square is \[low, high\] along both axes.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Points along an axis, at least 2, the ends among them.
    pub(crate) side: usize,
    /// side × side, the points with the lowest y first, along x.
    pub(crate) values: Vec<f64>,
}

/// A line through points, (x, y).
pub(super) type Path = Vec<(f64, f64)>;

impl Density {
    /// The coordinate of a point's place along an axis; places may be fractions.
    pub(crate) fn at(&self, place: f64) -> f64 {
        self.low + (self.high - self.low) * place / (self.side - 1) as f64
    }

    /// The level whose region, where the density is higher, holds this share of the mass; `None` if there is no mass.
    pub(super) fn level_of(&self, share: f64) -> Option<f64> {
        let mut values: Vec<f64> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(|a, b| b.total_cmp(a));
        let wanted = share * values.iter().sum::<f64>();
        let mut mass = 0.0;
        let level = values.into_iter().find(|value| {
            mass += value;
            mass >= wanted
        });
        level.filter(|level| *level > 0.0)
    }

    /// The lines on which the density, linear between neighbouring points, has this value. A line that does not leave
    /// the square is closed.
    pub(super) fn lines(&self, level: f64) -> Vec<Path> {
        let mut lines = Vec::new();
        let mut links = self.links(level);
        // Lines that end at the border first, so that those that are left are closed.
        while let Some(start) = links.iter().find(|(_, to)| to.len() == 1).map(|(&edge, _)| edge) {
            lines.push(self.follow(level, start, &mut links));
        }
        while let Some(start) = links.keys().next().copied() {
            let mut line = self.follow(level, start, &mut links);
            line.extend(line.first().copied());
            lines.push(line);
        }
        lines
    }

    /// Walks from an edge to the end of its line, and removes the edges that were walked from `links`.
    fn follow(&self, level: f64, start: usize, links: &mut BTreeMap<usize, Vec<usize>>) -> Path {
        let mut line = Vec::new();
        let mut edge = start;
        while let Some(to) = links.remove(&edge) {
            line.push(self.crossing(level, edge));
            let Some(next) = to.into_iter().find(|next| links.contains_key(next)) else { break };
            edge = next;
        }
        line
    }

    /// For each edge of the grid that the level crosses, the edges that a line goes on to: one in each of the two cells
    /// that it bounds. Edge 2p runs from point p to the right, edge 2p + 1 upwards.
    fn links(&self, level: f64) -> BTreeMap<usize, Vec<usize>> {
        let mut links: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for row in 0..self.side - 1 {
            for column in 0..self.side - 1 {
                let p = row * self.side + column;
                // Anticlockwise from the lower left.
                let values = [p, p + 1, p + 1 + self.side, p + self.side].map(|p| self.values[p]);
                if values.iter().any(|value| !value.is_finite()) {
                    continue;
                }
                let corners = values.map(|value| value >= level);
                let edges = [2 * p, 2 * (p + 1) + 1, 2 * (p + self.side), 2 * p + 1];
                let crossed: Vec<usize> = (0..4).filter(|&i| corners[i] != corners[(i + 1) % 4]).collect();
                let pairs: &[[usize; 2]] = match crossed.as_slice() {
                    [] => &[],
                    &[a, b] => &[[a, b]],
                    // A saddle: the middle decides which two corners hang together.
                    _ => {
                        let inside = values.iter().sum::<f64>() >= 4.0 * level;
                        if inside == corners[0] { &[[0, 1], [2, 3]] } else { &[[3, 0], [1, 2]] }
                    }
                };
                for &[a, b] in pairs {
                    links.entry(edges[a]).or_default().push(edges[b]);
                    links.entry(edges[b]).or_default().push(edges[a]);
                }
            }
        }
        links
    }

    /// Where the level crosses an edge.
    fn crossing(&self, level: f64, edge: usize) -> (f64, f64) {
        let (from, upwards) = (edge / 2, edge % 2 == 1);
        let to = from + if upwards { self.side } else { 1 };
        let (a, b) = (self.values[from], self.values[to]);
        let part = (level - a) / (b - a);
        let (row, column) = ((from / self.side) as f64, (from % self.side) as f64);
        let (row, column) = if upwards { (row + part, column) } else { (row, column + part) };
        (self.at(column), self.at(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn density(side: usize, f: impl Fn(f64, f64) -> f64) -> Density {
        let empty = Density { low: -4.0, high: 4.0, side, values: Vec::new() };
        let at = |i: usize| empty.at(i as f64);
        let values = (0..side * side).map(|i| f(at(i % side), at(i / side))).collect();
        Density { values, ..empty }
    }

    /// The region of a standard normal density that holds a share s of the mass is a disc of radius √(−2 ln(1 − s)).
    #[test]
    fn a_gaussian_has_circles() {
        let density = density(161, |x, y| (-0.5 * (x * x + y * y)).exp());
        for share in [0.5f64, 0.9] {
            let radius = (-2.0 * (1.0 - share).ln()).sqrt();
            let lines = density.lines(density.level_of(share).unwrap());
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0].first(), lines[0].last());
            assert!(lines[0].len() > 50);
            for (x, y) in &lines[0] {
                assert!((x.hypot(*y) - radius).abs() < 0.02, "{x}, {y}: not {radius} from the middle");
            }
        }
    }

    #[test]
    fn two_modes_and_a_line_across_the_border() {
        let modes = density(81, |x, y| (-2.0 * ((x.abs() - 2.0).powi(2) + y * y)).exp());
        assert_eq!(modes.lines(modes.level_of(0.5).unwrap()).len(), 2);
        let slope = density(9, |x, y| x + 2.0 * y + 20.0);
        let lines = slope.lines(20.3);
        assert_eq!(lines.len(), 1);
        assert_ne!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| (x + 2.0 * y - 0.3).abs() < 1e-12));
    }

    #[test]
    fn saddles_are_taken_apart() {
        let saddle = |sign: f64| density(2, move |x, y| sign * x * y + 0.1);
        for sign in [1.0, -1.0] {
            let lines = saddle(sign).lines(0.0);
            assert_eq!(lines.len(), 2);
            assert!(lines.iter().all(|line| line.len() == 2));
        }
    }

    #[test]
    fn no_mass_has_no_level() {
        assert_eq!(density(3, |_, _| 0.0).level_of(0.5), None);
        assert_eq!(density(3, |_, _| f64::NAN).level_of(0.5), None);
        assert!(density(3, |_, _| 1.0).lines(2.0).is_empty());
        // A hole in a slope: the line goes up to it on either side.
        let hole = density(9, |x, y| if (x, y) == (0.0, 0.0) { f64::NAN } else { x });
        let lines = hole.lines(0.5);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().flatten().all(|(x, y)| (x - 0.5).abs() < 1e-12 && y.abs() >= 1.0), "{lines:?}");
    }
}
