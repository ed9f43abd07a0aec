//! Larger square images made smaller: bilinear, antialiased.
//!
//! A pixel of the result is a weighted mean along each axis. The weights are a triangle around its centre that reaches as many
//! pixels of the original to either side as the image becomes smaller, cut off at the edges; they sum to one. So do the
//! antialiased bilinear filters of common image libraries.

/// The height and width of a square image of so many pixels.
pub(super) fn square_side(pixels: usize) -> Option<usize> {
    let side = pixels.isqrt();
    (side * side == pixels && side > 0).then_some(side)
}

/// Makes images of one size smaller.
pub(super) struct Resizer {
    from: usize,
    to: usize,
    /// For each pixel of an axis of the result: the first pixel of the original that counts, and the weights from there on.
    weights: Vec<(usize, Vec<f64>)>,
    /// Lines that are done along the first axis: from × to.
    lines: Vec<f64>,
    image: Vec<f64>,
}

impl Resizer {
    /// From images of `from` × `from` pixels to `to` × `to`, at most as many and at least one.
    pub(super) fn new(from: usize, to: usize) -> Resizer {
        let scale = from as f64 / to as f64;
        let weights = |pixel: usize| {
            let centre = (pixel as f64 + 0.5) * scale;
            let weight = |at: usize| (1.0 - (at as f64 + 0.5 - centre).abs() / scale).max(0.0);
            let first = (0..from).find(|&at| weight(at) > 0.0).unwrap_or(0);
            let weights: Vec<f64> = (first..from).map(weight).take_while(|&weight| weight > 0.0).collect();
            let sum: f64 = weights.iter().sum();
            (first, weights.iter().map(|weight| weight / sum).collect())
        };
        let weights = (0..to).map(weights).collect();
        Resizer { from, to, weights, lines: vec![0.0; from * to], image: vec![0.0; to * to] }
    }

    /// Pixels of the result.
    pub(super) fn pixels(&self) -> usize {
        self.to * self.to
    }

    /// Makes an image smaller. A pixel is missing (NaN) where one that it depends on is; a mean is not let out of the image's
    /// range by rounding.
    pub(super) fn resize(&mut self, image: &[f64]) -> &[f64] {
        let (from, to) = (self.from, self.to);
        for (line, out) in image.chunks_exact(from).zip(self.lines.chunks_exact_mut(to)) {
            for ((first, weights), out) in self.weights.iter().zip(out) {
                *out = weights.iter().zip(&line[*first..]).map(|(weight, x)| weight * x).sum();
            }
        }
        for ((first, weights), out) in self.weights.iter().zip(self.image.chunks_exact_mut(to)) {
            out.fill(0.0);
            for (weight, line) in weights.iter().zip(self.lines.chunks_exact(to).skip(*first)) {
                out.iter_mut().zip(line).for_each(|(out, x)| *out += weight * x);
            }
        }
        let range = image.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        for x in &mut self.image {
            // Comparisons that leave NaN alone.
            if *x < range.0 {
                *x = range.0;
            } else if *x > range.1 {
                *x = range.1;
            }
        }
        &self.image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides() {
        assert_eq!([0, 1, 784, 783, 11_025].map(square_side), [None, Some(1), Some(28), None, Some(105)]);
    }

    /// From 4 to 2 pixels the triangles reach two pixels to either side: weights in the ratio of 3, 3 and 1, worked out by hand.
    #[test]
    fn halves() {
        let mut resizer = Resizer::new(4, 2);
        let along = |line: [f64; 4]| {
            [(3.0 * line[0] + 3.0 * line[1] + line[2]) / 7.0, (line[1] + 3.0 * line[2] + 3.0 * line[3]) / 7.0]
        };
        let line = [7.0, 14.0, 0.0, 21.0];
        let image: Vec<f64> = [line; 4].concat();
        let expected = along(line);
        let found = resizer.resize(&image).to_vec();
        for (found, expected) in found.iter().zip([expected, expected].concat()) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        // Along the other axis the same.
        let turned: Vec<f64> = (0..16).map(|at| line[at / 4]).collect();
        let found = resizer.resize(&turned).to_vec();
        assert!((found[0] - expected[0]).abs() < 1e-12 && (found[3] - expected[1]).abs() < 1e-12);
    }

    /// What does not vary stays, a ramp stays a ramp inside, and a gap spreads no further than the filter.
    #[test]
    fn omniglot_sizes() {
        let mut resizer = Resizer::new(105, 28);
        assert_eq!(resizer.pixels(), 784);
        assert!(resizer.resize(&[255.0; 105 * 105]).iter().all(|x| *x == 255.0));
        let ramp: Vec<f64> = (0..105 * 105).map(|at| (at % 105) as f64 + 0.5).collect();
        let found = resizer.resize(&ramp).to_vec();
        for column in 1..27 {
            let expected = (column as f64 + 0.5) * 3.75;
            // The triangle is sampled at whole pixels, so its mean is off by some hundredths of one.
            assert!((found[28 + column] - expected).abs() < 0.05, "{column}: {} {expected}", found[28 + column]);
        }
        let mut gap = vec![1.0; 105 * 105];
        gap[0] = f64::NAN;
        let missing = resizer.resize(&gap).iter().filter(|x| x.is_nan()).count();
        assert_eq!(missing, 1);
    }
}
