//! Images as binary pixels: −1 and +1.

use samplers::stream::{Purpose, stream};

use super::error::{Error, Result};
use super::problem::PixelProblem;
use crate::data::{Standardisation, binarise_pixels};

/// The brightest intensity.
const WHITE: f64 = 255.0;

/// What a file's pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// −1 and +1.
    Binary,
    /// Intensities from 0 to 255.
    Intensities,
}

impl Pixels {
    /// What turns −1 and +1 into the file's black and white.
    pub fn units(self, pixels: usize) -> Standardisation {
        match self {
            Pixels::Binary => Standardisation::none(pixels),
            Pixels::Intensities => {
                Standardisation { mean: vec![WHITE / 2.0; pixels], scale: vec![WHITE / 2.0; pixels] }
            }
        }
    }
}

/// Makes the pixels of `file` (rows of `width`, NaN where missing) −1 or +1, in place: intensities become +1 with the
/// probability intensity/255 (docs/methods.md §8). An image's draws depend on the seed and on its number only.
///
/// # Errors
/// [`Error::Pixels`] for values that are neither, or between 0 and 1.
pub fn binarise(file: &str, values: &mut [f64], width: usize, seed: u64) -> Result<Pixels> {
    let at = |cell: usize| (cell / width + 1, cell % width, values[cell]);
    let wrong = |problem| Err(Error::Pixels { file: file.to_owned(), problem });
    let observed = || values.iter().enumerate().filter(|(_, x)| !x.is_nan());
    if observed().all(|(_, x)| x.abs() == 1.0) {
        return Ok(Pixels::Binary);
    }
    if let Some((cell, _)) = observed().find(|(_, x)| !(0.0..=WHITE).contains(*x)) {
        let (image, pixel, value) = at(cell);
        return wrong(PixelProblem::Value { image, pixel, value });
    }
    let brightest = observed().max_by(|a, b| a.1.total_cmp(b.1)).map(|(cell, _)| cell);
    if let Some(cell) = brightest.filter(|&cell| values[cell] <= 1.0) {
        let (image, pixel, value) = at(cell);
        return wrong(PixelProblem::Dark { image, pixel, value });
    }
    for (image, row) in values.chunks_exact_mut(width).enumerate() {
        binarise_pixels(row, WHITE, &mut stream(seed, Purpose::Binarise, 0, image as u64));
    }
    Ok(Pixels::Intensities)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn binary_pixels_stay() {
        let mut values = [1.0, -1.0, NAN, -1.0];
        assert_eq!(binarise("a", &mut values, 2, 0).unwrap(), Pixels::Binary);
        assert!(values[..2] == [1.0, -1.0] && values[2].is_nan() && values[3] == -1.0);
        assert_eq!(Pixels::Intensities.units(1).restore(0, -1.0), 0.0);
        assert_eq!(Pixels::Intensities.units(1).restore(0, 1.0), 255.0);
    }

    /// 5,000 images of one pixel of each intensity: the share of white ones within 5 deviations (√(p(1−p)/5000) ≤ 0.0071).
    #[test]
    fn intensities_are_probabilities() {
        let start: Vec<f64> = [0.0, 51.0, 204.0, 255.0].repeat(5000);
        let binarised = |seed: u64| {
            let mut values = start.clone();
            assert_eq!(binarise("a", &mut values, 4, seed).unwrap(), Pixels::Intensities);
            values
        };
        let values = binarised(1);
        for (pixel, p) in [0.0, 0.2, 0.8, 1.0].into_iter().enumerate() {
            let white = values.iter().skip(pixel).step_by(4).filter(|x| **x == 1.0).count();
            assert!((white as f64 / 5000.0 - p).abs() < 0.036 && (p % 1.0 != 0.0 || white as f64 == 5000.0 * p));
        }
        assert!(values.iter().all(|x| x.abs() == 1.0));
        assert_eq!(values, binarised(1));
        assert_ne!(values, binarised(2));
        // A missing pixel takes its draw too.
        let mut gap = start.clone();
        gap[1] = NAN;
        binarise("a", &mut gap, 4, 1).unwrap();
        assert!(gap[1].is_nan() && gap[2..] == values[2..]);
    }

    #[test]
    fn other_numbers_are_refused() {
        let message = |values: &[f64]| binarise("a.npy", &mut values.to_vec(), 2, 0).unwrap_err().to_string();
        assert!(message(&[0.0, 255.0, 3.0, -1.0]).contains("a.npy: image 2, pixel 1 is -1;"));
        assert!(message(&[0.0, 0.5, 1.0, 0.0]).contains("image 2, pixel 0 is 1, the brightest of all;"));
        assert!(message(&[0.0, 256.0]).contains("pixel 1 is 256;"));
    }
}
