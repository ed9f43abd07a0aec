//! Every method of every vector type against its one-lane version.

use missvae_linalg::Scalar;
use missvae_linalg::simd::{Kernel, Level, Vector, dispatch, dispatch_at, level, level_available};
use proptest::prelude::*;
use support::levels;

mod support;

/// At least as many lanes as any vector has.
const MOST_LANES: usize = 16;
/// A value that no computation below produces.
const GUARD: f64 = -12345.0;

/// Equal, signs of zero included, or both NaN.
fn same<T: Scalar>(a: T, b: T) -> bool {
    let (a, b) = (a.to_f64(), b.to_f64());
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Applies `$vector`, an expression in vectors `$a`, `$b`, `$c`, and compares each lane with `$scalar` of numbers.
macro_rules! lanewise {
    ($self:ident, $V:ident, $name:literal, |$a:ident, $b:ident, $c:ident| $vector:expr, $scalar:expr) => {{
        let ($a, $b, $c) = ($V::load(&$self.a), $V::load(&$self.b), $V::load(&$self.c));
        let mut got = [T::ZERO; MOST_LANES];
        let _ = ($b, $c);
        $vector.store(&mut got);
        for (i, got) in got[..$V::LANES].iter().enumerate() {
            let ($a, $b, $c): (T, T, T) = ($self.a[i], $self.b[i], $self.c[i]);
            let expected: T = $scalar;
            let _ = ($b, $c);
            assert!(same(*got, expected), "{}({}, {}, {}) = {got}, expected {expected}", $name, $a, $b, $c);
        }
    }};
    ($self:ident, $V:ident, $name:literal, |$a:ident, $b:ident, $c:ident| $both:expr) => {
        lanewise!($self, $V, $name, |$a, $b, $c| $both, $both)
    };
}

struct Arithmetic<T> {
    a: [T; MOST_LANES],
    b: [T; MOST_LANES],
    c: [T; MOST_LANES],
}

impl<T: Scalar> Kernel<T> for Arithmetic<T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        assert!(V::LANES <= MOST_LANES);
        lanewise!(self, V, "add", |a, b, c| a + b);
        lanewise!(self, V, "sub", |a, b, c| a - b);
        lanewise!(self, V, "mul", |a, b, c| a * b);
        lanewise!(self, V, "div", |a, b, c| a / b);
        lanewise!(self, V, "neg", |a, b, c| -a);
        lanewise!(self, V, "mul_add", |a, b, c| a.mul_add(b, c));
        lanewise!(self, V, "sqrt", |a, b, c| a.sqrt());
        lanewise!(self, V, "abs", |a, b, c| a.abs());
        lanewise!(self, V, "round", |a, b, c| a.round());
        lanewise!(self, V, "max", |a, b, c| a.max(b));
        lanewise!(self, V, "min", |a, b, c| a.min(b));
        lanewise!(self, V, "select_lt", |a, b, c| V::select_lt(a, b, c, a), if a < b { c } else { a });
        lanewise!(self, V, "select_ge", |a, b, c| V::select_lt(b, c, a, b), if b < c { a } else { b });
        lanewise!(self, V, "splat", |a, b, c| V::splat(T::HALF) + a, T::HALF + a);

        // Halves added to each other, as documented by the scalar code here.
        let mut lanes = self.a;
        let mut width = V::LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                let upper = lanes[i + width];
                lanes[i] += upper;
            }
        }
        assert!(same(V::load(&self.a).sum(), lanes[0]));
        let numbers = self.a[..V::LANES].iter().all(|a| !a.to_f64().is_nan());
        if numbers {
            let largest = self.a[..V::LANES].iter().map(|a| a.to_f64()).fold(f64::NEG_INFINITY, f64::max);
            assert!(V::load(&self.a).maximum().to_f64() == largest);
        }
    }
}

fn arithmetic<T: Scalar>(values: &[f64]) {
    let take = |from: usize| std::array::from_fn(|i| T::from_f64(values[(from + i) % values.len()]));
    for level in levels() {
        dispatch_at(level, Arithmetic { a: take(0), b: take(7), c: take(19) });
    }
}

#[test]
fn arithmetic_on_special_values() {
    let values = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        1e-310,
        1e-40,
        1e38,
        -1e300,
        8_388_609.5,
        4_503_599_627_370_497.0,
        0.499_999_999_999_999_94,
        3.0,
        1e16,
    ];
    for start in 0..values.len() {
        let mut rotated = values;
        rotated.rotate_left(start);
        arithmetic::<f32>(&rotated);
        arithmetic::<f64>(&rotated);
    }
}

proptest! {
    #[test]
    fn arithmetic_on_random_values(values in prop::collection::vec(-1e3..1e3f64, 37)) {
        arithmetic::<f32>(&values);
        arithmetic::<f64>(&values);
    }
}

/// 2ⁿ and the split into significand and exponent, over all normal exponents.
struct Exponents<T> {
    least: i32,
    most: i32,
    significand: T,
}

impl<T: Scalar> Kernel<T> for Exponents<T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        for n in self.least..=self.most {
            let power = 2f64.powi(n);
            // Different lanes hold different exponents.
            let lane = |i: usize| n - i as i32 % (n - self.least + 1);
            let exponents: [T; MOST_LANES] = std::array::from_fn(|i| T::from_f64(f64::from(lane(i))));
            let powers = V::load(&exponents).exp2_integral();
            let mut got = [T::ZERO; MOST_LANES];
            powers.store(&mut got);
            assert_eq!(got[0].to_f64(), power, "2^{n}");
            (0..V::LANES).for_each(|i| assert_eq!(got[i].to_f64(), 2f64.powi(lane(i))));

            let (s, e) = (V::splat(self.significand) * powers).significand_exponent();
            let (mut significands, mut split_exponents) = ([T::ZERO; MOST_LANES], [T::ZERO; MOST_LANES]);
            s.store(&mut significands);
            e.store(&mut split_exponents);
            assert!(significands[..V::LANES].iter().all(|&s| s == self.significand), "2^{n}");
            assert!(split_exponents[..V::LANES] == exponents[..V::LANES], "2^{n}");
        }
    }
}

#[test]
fn powers_of_two() {
    for level in levels() {
        for significand in [1.0, 1.25, 1.9375] {
            dispatch_at(level, Exponents::<f32> { least: -126, most: 127, significand: significand as f32 });
            dispatch_at(level, Exponents::<f64> { least: -1022, most: 1023, significand });
        }
    }
}

/// Loads and stores of every count, through slices and pointers, between guards.
struct Memory<T>([T; MOST_LANES]);

impl<T: Scalar> Kernel<T> for Memory<T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let guard = T::from_f64(GUARD);
        let all = V::load(&self.0);
        for count in 0..=V::LANES {
            // Exactly `count` values on the heap: a memory checker sees any access past them.
            let source = self.0[..count].to_vec();
            // SAFETY: the source has `count` values.
            let loaded = [V::load_partial(&source), unsafe { V::load_ptr_partial(source.as_ptr(), count) }];
            for loaded in loaded {
                let mut lanes = [guard; MOST_LANES];
                loaded.store(&mut lanes);
                assert!(lanes[..count] == self.0[..count]);
                assert!(lanes[count..V::LANES].iter().all(|&x| x == T::ZERO), "lanes past {count} are not zero");
                assert!(lanes[V::LANES..].iter().all(|&x| x == guard), "store wrote past its lanes");
            }
            let mut through_slice = [guard; 3 * MOST_LANES];
            all.store_partial(&mut through_slice[MOST_LANES..MOST_LANES + count]);
            let mut through_pointer = [guard; 3 * MOST_LANES];
            // SAFETY: at least `count` values follow.
            unsafe { all.store_ptr_partial(through_pointer[MOST_LANES..].as_mut_ptr(), count) };
            for target in [through_slice, through_pointer] {
                assert!(target[..MOST_LANES].iter().all(|&x| x == guard), "{count}: wrote before the start");
                assert!(target[MOST_LANES..MOST_LANES + count] == self.0[..count], "{count}");
                assert!(target[MOST_LANES + count..].iter().all(|&x| x == guard), "{count}: wrote past the end");
            }
        }
        // Longer slices than a vector: the rest is neither read nor written.
        let mut target = [guard; MOST_LANES + 1];
        V::load_partial(&self.0).store_partial(&mut target);
        assert!(target[..V::LANES] == self.0[..V::LANES] && target[V::LANES..].iter().all(|&x| x == guard));
        // Unaligned, whole.
        let mut target = [guard; MOST_LANES + 2];
        // SAFETY: both arrays have LANES values from there on.
        unsafe { V::load_ptr(self.0.as_ptr()).store_ptr(target[1..].as_mut_ptr()) };
        assert!(target[1..=V::LANES] == self.0[..V::LANES] && target[0] == guard);
        assert!(target[1 + V::LANES..].iter().all(|&x| x == guard));
    }
}

#[test]
fn partial_loads_and_stores() {
    for level in levels() {
        dispatch_at(level, Memory::<f32>(std::array::from_fn(|i| i as f32 + 1.0)));
        dispatch_at(level, Memory::<f64>(std::array::from_fn(|i| i as f64 + 1.0)));
    }
}

struct Short;

impl Kernel<f32> for Short {
    type Output = bool;

    fn run<V: Vector<f32>>(self) -> bool {
        let too_few = vec![1.0; V::LANES - 1];
        let load = std::panic::catch_unwind(|| {
            V::load(&too_few);
        });
        let store = std::panic::catch_unwind(|| V::splat(1.0).store(&mut vec![1.0; V::LANES - 1]));
        load.is_err() && store.is_err()
    }
}

/// Whole loads and stores check their slices.
#[test]
fn short_slices_panic() {
    for level in levels() {
        assert!(dispatch_at(level, Short), "{level:?}");
    }
}

struct Lanes;

impl<T: Scalar> Kernel<T> for Lanes {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> usize {
        V::LANES
    }
}

#[test]
fn levels_and_their_widths() {
    for (level, single, double) in
        [(Level::Plain, 1, 1), (Level::Neon, 4, 2), (Level::Avx2, 8, 4), (Level::Avx512, 16, 8)]
    {
        if levels().any(|available| available == level) {
            assert_eq!((dispatch_at::<f32, _>(level, Lanes), dispatch_at::<f64, _>(level, Lanes)), (single, double));
        }
    }
    assert!(level() <= level_available());
    assert_eq!(dispatch::<f64, _>(Lanes), dispatch_at::<f64, _>(level(), Lanes));
}
