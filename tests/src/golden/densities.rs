//! Special functions and the densities of the decoder's heads.

use autodiff::{Graph, Seed, Shape, Tape, Var, Wanted};
use linalg::Scalar;
use linalg::special::{log_ndtr_slice, log_sigmoid_slice, ndtr_slice, sigmoid_slice, softplus_slice};

use super::{Computed, Fixture, Tensor};

/// A function applied to a slice.
type SliceFunction<T> = fn(&[T], &mut [T]);

/// Each function at each x. What the type cannot hold, argument or result, does not count.
pub(super) fn special_functions<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let exact = &fixture.input("x")?.data;
    let (shape, x) = fixture.values::<T>("x")?;
    let mut computed = Computed { least: T::MIN_POSITIVE.to_f64(), ..Computed::default() };
    computed.inexact = (0..x.len()).filter(|&i| x[i].to_f64() != exact[i]).collect();
    let functions: [(&str, SliceFunction<T>); 5] = [
        ("ndtr", ndtr_slice),
        ("log_ndtr", log_ndtr_slice),
        ("softplus", softplus_slice),
        ("log_sigmoid", log_sigmoid_slice),
        ("sigmoid", sigmoid_slice),
    ];
    let mut out = vec![T::ZERO; x.len()];
    for (name, function) in functions {
        function(&x, &mut out);
        computed.add(name, Tensor::new(shape, &out));
    }
    Ok(computed)
}

/// The masked Gaussian log density and its gradients.
pub(super) fn gaussian<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let min_scale = fixture.number("min_scale")?;
    let mut tape = Tape::<T>::new();
    let mut g = tape.graph(&[]);
    let (mean, raw_scale) = (fixture.variable(&mut g, "mean")?, fixture.variable(&mut g, "raw_scale")?);
    let (x, mask) = data(fixture, &mut g)?;
    let head = g.concat(&[mean, raw_scale], g.shape(mean).rank() - 1);
    let floor = g.constant_with([g.shape(x).last()], |floor| floor.fill(T::from_f64(min_scale)));
    let log_prob = g.gaussian_log_density(x, mask, head, 1, floor);
    let mut computed = Computed::default();
    computed.add_value(&g, "log_prob", log_prob);
    g.backward(&[(log_prob, Seed::Each(&fixture.values("upstream")?.1))], Wanted::All, &mut []);
    computed.add_gradient(&g, "dmean", mean);
    computed.add_gradient(&g, "draw_scale", raw_scale);
    Ok(computed)
}

/// Above this logit, the softplus behind the fixtures of [`bernoulli`] returns its argument.
const FIXTURE_SOFTPLUS_LINEAR_ABOVE: f64 = 20.0;

/// The masked Bernoulli log density and its gradient.
///
/// The fixtures were made with a softplus that is linear above 20, off by log1p(e^−logit) there (at most 2e-9), where
/// the fixture of the special functions has the exact one. Ours is exact; that very difference, and no more, is allowed
/// at the entries that it touches.
pub(super) fn bernoulli<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let mut tape = Tape::<T>::new();
    let mut g = tape.graph(&[]);
    let logits = fixture.variable(&mut g, "logits")?;
    let (x, mask) = data(fixture, &mut g)?;
    let log_prob = g.bernoulli_log_density(x, mask, logits, 1);
    let mut computed = Computed::default();
    computed.add_value(&g, "log_prob", log_prob);
    g.backward(&[(log_prob, Seed::Each(&fixture.values("upstream")?.1))], Wanted::All, &mut []);
    computed.add_gradient(&g, "dlogits", logits);

    let input = |name: &str| fixture.input(name).map(|tensor| &tensor.data);
    let (mask, logits, upstream) = (input("mask")?, input("logits")?, input("upstream")?);
    let columns = logits.len() / upstream.len().max(1);
    let linear = |i: usize| mask[i % mask.len()] > 0.0 && logits[i] > FIXTURE_SOFTPLUS_LINEAR_ABOVE;
    let by_row = (0..upstream.len()).map(|n| {
        let touched = (n * columns..(n + 1) * columns).filter(|&i| linear(i));
        touched.map(|i| (-logits[i]).exp().ln_1p()).sum()
    });
    let by_entry = (0..logits.len()).map(|i| match linear(i) {
        true => upstream[i / columns].abs() * (-logits[i]).exp(),
        false => 0.0,
    });
    computed.known_errors.insert("log_prob".to_owned(), by_row.collect());
    computed.known_errors.insert("dlogits".to_owned(), by_entry.collect());
    Ok(computed)
}

/// The data and its mask as matrices.
fn data<T: Scalar>(fixture: &Fixture, g: &mut Graph<'_, T>) -> Result<(Var, Var), String> {
    let mut matrix = |name: &str| {
        let (shape, values) = fixture.values::<T>(name)?;
        Ok::<Var, String>(g.constant(Shape::from([shape.rows(), shape.last()]), &values))
    };
    Ok((matrix("x")?, matrix("mask")?))
}
