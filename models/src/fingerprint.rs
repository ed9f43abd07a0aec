//! Hashes that tell one table, or one text, from another.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::data::Data;

/// A hash of numbers, byte by byte: 128 bits of XXH3.
#[derive(Clone)]
pub struct Fingerprint(Xxh3);

impl Fingerprint {
    /// The hash of nothing.
    #[expect(clippy::new_without_default, reason = "an empty hash is a beginning and no default")]
    pub fn new() -> Fingerprint {
        Fingerprint(Xxh3::new())
    }

    /// Adds numbers in single precision.
    pub fn f32s(mut self, numbers: &[f32]) -> Fingerprint {
        numbers.iter().for_each(|x| self.0.update(&x.to_bits().to_le_bytes()));
        self
    }

    /// Adds numbers in double precision.
    pub fn f64s(mut self, numbers: impl IntoIterator<Item = f64>) -> Fingerprint {
        numbers.into_iter().for_each(|x| self.0.update(&x.to_bits().to_le_bytes()));
        self
    }

    /// The hash as 32 hexadecimal digits.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }

    /// Identifies rows: their shape, values and mask.
    pub fn of_rows(data: &Data<f32>) -> String {
        let mut hash = Xxh3::new();
        hash.update(&(data.columns() as u64).to_le_bytes());
        let rows = 0..data.rows();
        hash.update(&data.observed(rows.clone()).iter().map(|&observed| u8::from(observed)).collect::<Vec<u8>>());
        Fingerprint(hash).f32s(data.values(rows)).finish()
    }
}

/// A hash of a text.
pub fn of_text(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sign of a number is one bit: a hash that mixes whole words loses two of them.
    #[test]
    fn two_signs_are_seen() {
        let numbers = [1.0, -2.0, 3.0, 4.0];
        let of = |numbers: [f64; 4]| Fingerprint::new().f64s(numbers).finish();
        for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let mut other = numbers;
            other[a] = -other[a];
            other[b] = -other[b];
            assert_ne!(of(numbers), of(other), "{a}, {b}");
        }
    }

    #[test]
    fn rows_differ_by_shape_values_and_mask() {
        let of = |columns: usize, values: [f32; 4], observed: [bool; 4]| {
            Fingerprint::of_rows(&Data::new(columns, values.to_vec(), observed.to_vec()))
        };
        let (values, all) = ([0.0, 1.0, 2.0, 3.0], [true; 4]);
        let own = of(2, values, all);
        assert_eq!(own, of(2, values, all));
        assert_ne!(own, of(4, values, all));
        assert_ne!(own, of(2, values, [false, true, true, true]));
        assert_ne!(own, of(2, [0.0, 1.0, -2.0, 3.0], all));
    }
}
