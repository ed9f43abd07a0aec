//! Special functions: exact values, identities, oracles, and the agreement of all vector widths.

use missvae_linalg::Scalar;
use missvae_linalg::simd::{Kernel, Level, Vector, dispatch_at};
use missvae_linalg::special::*;
use proptest::prelude::*;
use support::levels;

mod support;

/// |a − b| relative to |b|; 0 for equal values, infinities included.
fn relative(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { ((a - b) / b).abs() }
}

macro_rules! assert_relative {
    ($a:expr, $b:expr, $tolerance:expr) => {{
        let (a, b): (f64, f64) = ($a, $b);
        assert!(relative(a, b) <= $tolerance, "{a:e} against {b:e}: relative error {:e}", relative(a, b));
    }};
}

/// Values computed with 50 digits.
#[test]
fn known_values() {
    for (got, expected) in [
        (exp(1.0), std::f64::consts::E),
        (exp(-700.0), 9.859_676_543_759_77e-305),
        (exp(709.0), 8.218_407_461_554_972e307),
        (ln(2.0), std::f64::consts::LN_2),
        (ln(5e-324), -744.440_071_921_381_3),
        (ln(f64::MAX), 709.782_712_893_384),
        (log1p(1e-300), 1e-300),
        (log1p(-1e-9), -1.000_000_000_5e-9),
        (softplus(0.0), std::f64::consts::LN_2),
        (softplus(-700.0), 9.859_676_543_759_77e-305),
        (sigmoid(-40.0), 4.248_354_255_291_589e-18),
        (log_sigmoid(40.0), -4.248_354_255_291_589e-18),
        (ndtr(0.0), 0.5),
        (ndtr(-30.0), 4.906_713_927_148_187e-198),
        (log_ndtr(0.0), -std::f64::consts::LN_2),
        (log_ndtr(-1e4), -50_000_010.129_278_92),
        (log_ndtr(-1e150), -5e299),
        (log_ndtr(10.0), -7.619_853_024_160_527e-24),
        (normal_pdf(-37.0), 2.120_006_551_524_606e-298),
    ] {
        assert_relative!(got, expected, 1e-15);
    }
}

/// A function's name, the function, and arguments with the values expected of it.
type Cases<'a, T> = (&'a str, fn(T) -> T, &'a [(T, T)]);

fn special_values<T: Scalar>() {
    let (inf, nan) = (T::INFINITY, T::from_f64(f64::NAN));
    let x = T::from_f64;
    let cases: [Cases<T>; 9] = [
        ("exp", exp, &[(inf, inf), (-inf, T::ZERO), (T::ZERO, T::ONE), (x(1e6), inf), (x(-1e6), T::ZERO)]),
        ("ln", ln, &[(inf, inf), (T::ZERO, -inf), (-T::ZERO, -inf), (T::ONE, T::ZERO), (-T::ONE, nan), (-inf, nan)]),
        ("log1p", log1p, &[(inf, inf), (-T::ONE, -inf), (T::ZERO, T::ZERO), (x(-1.5), nan), (-inf, nan)]),
        ("softplus", softplus, &[(inf, inf), (-inf, T::ZERO), (x(1e6), x(1e6))]),
        ("sigmoid", sigmoid, &[(inf, T::ONE), (-inf, T::ZERO), (T::ZERO, T::HALF)]),
        ("log_sigmoid", log_sigmoid, &[(inf, T::ZERO), (-inf, -inf), (x(-1e6), x(-1e6))]),
        ("normal_pdf", normal_pdf, &[(inf, T::ZERO), (-inf, T::ZERO), (x(1e6), T::ZERO)]),
        ("ndtr", ndtr, &[(inf, T::ONE), (-inf, T::ZERO), (x(1e6), T::ONE), (x(-1e6), T::ZERO)]),
        ("log_ndtr", log_ndtr, &[(inf, T::ZERO), (-inf, -inf)]),
    ];
    for (name, function, values) in cases {
        for &(x, expected) in values.iter().chain(&[(nan, nan)]) {
            let got = function(x);
            let both_nan = got.to_f64().is_nan() && expected.to_f64().is_nan();
            assert!(got == expected || both_nan, "{} {name}({x}) = {got}, expected {expected}", T::NAME);
        }
    }
    let (value, slope) = log_ndtr_and_slope(nan);
    assert!(value.to_f64().is_nan() && slope.to_f64().is_nan());
    assert!(log_ndtr_and_slope(-inf).1 == inf && log_ndtr_and_slope(inf).1 == T::ZERO);
}

#[test]
fn special_values_single() {
    special_values::<f32>();
}

#[test]
fn special_values_double() {
    special_values::<f64>();
}

/// Results below the smallest normal number are the nearest subnormal ones, not zero.
#[test]
fn underflow_is_gradual() {
    for x in [-709.0, -720.3, -740.0, -745.0] {
        let spacing = 5e-324;
        assert!((exp(x) - f64::exp(x)).abs() <= spacing, "{x}: {:e} against {:e}", exp(x), f64::exp(x));
    }
    assert!(exp(-103.0f32) > 0.0 && exp(-745.0f64) > 0.0);
}

/// A function's name, its two versions, and the relative error allowed.
type Pair = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f64);

/// The whole `f32` range, every 4099th bit pattern, against double precision.
#[test]
fn single_precision_sweep() {
    let cases: [Pair; 8] = [
        ("exp", exp, f64::exp, 1.5e-7),
        ("ln", ln, f64::ln, 1.5e-7),
        ("log1p", log1p, f64::ln_1p, 2e-7),
        ("softplus", softplus, softplus, 2e-7),
        ("sigmoid", sigmoid, sigmoid, 3e-7),
        ("normal_pdf", normal_pdf, normal_pdf, 4e-7),
        ("ndtr", ndtr, ndtr, 7e-7),
        ("log_ndtr", log_ndtr, log_ndtr, 7e-7),
    ];
    for (name, single, double, tolerance) in cases {
        let mut compared = 0;
        for x in (0..=u32::MAX).step_by(4099).map(f32::from_bits) {
            let expected = double(f64::from(x));
            let magnitude = expected.abs();
            if magnitude >= f64::from(f32::MIN_POSITIVE) && magnitude <= f64::from(f32::MAX) {
                compared += 1;
                let error = relative(f64::from(single(x)), expected);
                assert!(error <= tolerance, "{name}({x:e}) = {:e}, expected {expected:e}: {error:e}", single(x));
            }
        }
        assert!(compared > 10_000, "{name}: only {compared} values compared");
    }
}

struct LogNdtrSlope;

impl<T: Scalar> Elementwise<T> for LogNdtrSlope {
    #[inline(always)]
    fn apply<V: Vector<T>>(&self, x: V) -> V {
        log_ndtr_and_slope(x).1
    }
}

fn at_level<T: Scalar>(level: Level, f: impl Elementwise<T>, x: &[T]) -> Vec<T> {
    let mut out = vec![T::ZERO; x.len()];
    dispatch_at(level, Map { f, x, out: &mut out });
    out
}

/// Every level computes the same bits as the scalar: the same operations, each rounded the same way.
fn levels_agree<T: Scalar>(x: &[f64]) {
    let x: Vec<T> = x.iter().map(|&x| T::from_f64(x)).collect();
    macro_rules! check {
        ($($f:expr),*) => { $(
            let expected: Vec<T> = x.iter().map(|x| $f.apply(*x)).collect();
            for level in levels() {
                for (i, (got, expected)) in at_level(level, $f, &x).iter().zip(&expected).enumerate() {
                    let (got, expected) = (got.to_f64(), expected.to_f64());
                    assert!(
                        got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()),
                        "{} {level:?} {}({}): {got:e} against {expected:e}", T::NAME, stringify!($f), x[i]
                    );
                }
            }
        )* };
    }
    check!(Exp, Ln, Log1p, Softplus, Sigmoid, LogSigmoid, NormalPdf, Ndtr, LogNdtr, LogNdtrSlope);
}

#[test]
fn levels_agree_on_special_values() {
    let x = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e-40,
        1e-310,
        1e30,
        -1e30,
        1e300,
        -1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        88.7,
        89.5,
        -103.9,
        709.7,
        710.1,
        -745.1,
        -746.2,
        15.1,
        40.1,
        -38.0,
    ];
    levels_agree::<f32>(&x);
    levels_agree::<f64>(&x);
}

/// Lengths around the number of lanes; nothing past the end of the output is written.
#[test]
fn slices_of_any_length() {
    for length in 0..70 {
        let x: Vec<f32> = (0..length).map(|i| i as f32 * 0.3 - 5.0).collect();
        let mut out = vec![-7.0; length + 20];
        softplus_slice(&x, &mut out[..length]);
        for (x, out) in x.iter().zip(&out) {
            assert_eq!(*out, softplus(*x));
        }
        assert!(out[length..].iter().all(|&x| x == -7.0));
    }
}

#[test]
#[should_panic(expected = "input of length 3, output of length 2")]
fn slices_of_different_lengths() {
    exp_slice(&[1.0, 2.0, 3.0], &mut [0.0; 2]);
}

/// A function with a parameter, at run-time width.
#[test]
fn elementwise_with_parameters() {
    struct Scale<T>(T);
    impl<T: Scalar> Elementwise<T> for Scale<T> {
        #[inline(always)]
        fn apply<V: Vector<T>>(&self, x: V) -> V {
            x * V::splat(self.0)
        }
    }
    let mut out = [0.0; 3];
    map(Scale(2.0), &[1.0, 2.0, 3.0], &mut out);
    assert_eq!(out, [2.0, 4.0, 6.0]);
    // The kernel itself is public, too.
    Map { f: Scale(3.0), x: &[1.0], out: &mut out[..1] }.run::<f64>();
    assert_eq!(out[0], 3.0);
}

/// Against the complementary error function of another library, whose own error reaches 1e-10.
#[test]
fn ndtr_against_statrs() {
    for i in -800..=800 {
        let x = f64::from(i) / 100.0;
        let expected = 0.5 * statrs::function::erf::erfc(-x / std::f64::consts::SQRT_2);
        assert_relative!(ndtr(x), expected, 2e-10);
    }
}

proptest! {
    #[test]
    fn against_the_standard_library(x in -700.0..700.0f64, y in -300.0..300.0f64) {
        prop_assert!(relative(exp(x), x.exp()) <= 5e-16);
        let z = 10f64.powf(y);
        prop_assert!(relative(ln(z), z.ln()) <= 5e-16);
        prop_assert!(relative(log1p(z), z.ln_1p()) <= 5e-16);
        let small = -z.min(1.0 / z) * 0.999;
        prop_assert!(relative(log1p(small), small.ln_1p()) <= 5e-16);
    }

    #[test]
    fn symmetries(x in -30.0..30.0f64) {
        prop_assert!((softplus(x) - softplus(-x) - x).abs() <= 1e-15 * x.abs().max(1.0));
        prop_assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() <= 4e-16);
        prop_assert!((ndtr(x) + ndtr(-x) - 1.0).abs() <= 4e-16);
        prop_assert_eq!(normal_pdf(x), normal_pdf(-x));
        prop_assert!(relative(log_sigmoid(x), ln(sigmoid(x))) <= 1e-15 || x > 0.0);
    }

    #[test]
    fn inverses(x in 1e-300..1e300f64, y in -1.0..1.0f64) {
        // An error of one rounding in ln x becomes |ln x| roundings in x.
        prop_assert!(relative(exp(ln(x)), x) <= 3e-16 * (1.0 + ln(x).abs()));
        prop_assert!((ln(exp(y)) - y).abs() <= 4e-16);
    }

    #[test]
    fn log_ndtr_against_ndtr(x in -37.0..5.0f64) {
        // The logarithm turns the relative error of Φ into an absolute one.
        prop_assert!((log_ndtr(x) - ln(ndtr(x))).abs() <= 2e-15 + 3e-16 * log_ndtr(x).abs());
        let (value, slope) = log_ndtr_and_slope(x);
        prop_assert_eq!(value, log_ndtr(x));
        prop_assert!(relative(slope, normal_pdf(x) / ndtr(x)) <= 3e-15);
    }

    #[test]
    fn far_tail(x in 50.0..1e100f64) {
        // −ln Φ(−x) − x²/2 − ln(x·√2π) = 1/x² − …, the asymptotic series.
        let expected = -0.5 * x * x - x.ln() - HALF_LN_TWO_PI - 1.0 / (x * x) + 2.5 / x.powi(4);
        prop_assert!(relative(log_ndtr(-x), expected) <= 1e-15);
    }

    #[test]
    fn monotone(x in -1e3..1e3f64, step in 1e-9..1.0f64) {
        // Steps large enough that the true values differ by more than the errors allowed for.
        let y = x + step * x.abs().max(1.0);
        prop_assert!(exp(x) <= exp(y));
        prop_assert!(softplus(x) <= softplus(y));
        prop_assert!(sigmoid(x) <= sigmoid(y));
        prop_assert!(ndtr(x) <= ndtr(y));
        prop_assert!(log_ndtr(x) <= log_ndtr(y));
        prop_assert!(ln(x.abs()) <= ln(x.abs() * (1.0 + step)));
    }

    #[test]
    fn levels_agree_on_random_slices(x in prop::collection::vec(-60.0..60.0f64, 0..40)) {
        levels_agree::<f32>(&x);
        levels_agree::<f64>(&x);
    }
}
