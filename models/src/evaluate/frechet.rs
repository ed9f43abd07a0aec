//! The Fréchet distance between samples of a model and data, in the features of another model (docs/methods.md §7).

use autodiff::Tape;
use linalg::Scalar;
use linalg::singular::{NotFinite, add_row, singular_values};
use samplers::stream::Stream;

use crate::impute::FittedModel;

/// The squared 2-Wasserstein distance between the normal distributions fitted to two sets of vectors, with the unbiased
/// covariances S:
///
/// ```text
/// |mean_a − mean_b|² + tr S_a + tr S_b − 2 tr (S_a S_b)^½.
/// ```
///
/// `a` and `b`: rows of `width` features, two at least of each. Computed in double precision. With S = RᵀR the last trace is
/// the sum of the singular values of R_a·R_bᵀ, so covariances may be singular.
///
/// # Errors
/// If features are not finite.
///
/// # Panics
/// Unless both hold whole rows, and two or more of them.
#[track_caller]
pub fn frechet_distance<T: Scalar>(a: &[T], b: &[T], width: usize) -> Result<f64, NotFinite> {
    let (a, b) = (Moments::new(a, width), Moments::new(b, width));
    let mut product = vec![0.0; width * width];
    for (out, row_a) in product.chunks_exact_mut(width).zip(a.factor.chunks_exact(width)) {
        for (out, row_b) in out.iter_mut().zip(b.factor.chunks_exact(width)) {
            *out = row_a.iter().zip(row_b).map(|(x, y)| x * y).sum();
        }
    }
    let mut values = vec![0.0; width];
    singular_values(&mut product, &mut values)?;
    let means: f64 = a.mean.iter().zip(&b.mean).map(|(x, y)| (x - y) * (x - y)).sum();
    let distance = means + a.trace() + b.trace() - 2.0 * values.iter().sum::<f64>();
    if distance.is_finite() { Ok(distance) } else { Err(NotFinite) }
}

/// A normal distribution fitted to vectors.
struct Moments {
    mean: Vec<f64>,
    /// Upper triangular R with RᵀR the unbiased covariance.
    factor: Vec<f64>,
}

impl Moments {
    #[track_caller]
    fn new<T: Scalar>(vectors: &[T], width: usize) -> Self {
        assert!(width > 0 && vectors.len().is_multiple_of(width), "{} features in rows of {width}", vectors.len());
        let rows = vectors.len() / width;
        assert!(rows >= 2, "{rows} rows: a covariance needs two");
        let mut mean = vec![0.0; width];
        for row in vectors.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.to_f64());
        }
        mean.iter_mut().for_each(|sum| *sum /= rows as f64);
        let mut factor = vec![0.0; width * width];
        let mut centred = vec![0.0; width];
        for row in vectors.chunks_exact(width) {
            centred.iter_mut().zip(row).zip(&mean).for_each(|((c, x), mean)| *c = x.to_f64() - mean);
            add_row(&mut factor, &mut centred);
        }
        let scale = ((rows - 1) as f64).sqrt();
        factor.iter_mut().for_each(|x| *x /= scale);
        Moments { mean, factor }
    }

    /// The covariance's trace.
    fn trace(&self) -> f64 {
        self.factor.iter().map(|x| x * x).sum()
    }
}

/// Features of complete rows: the whole output of an encoder's network, means and raw scales, in evaluation mode. N × 2L for
/// an encoder with one component.
///
/// # Panics
/// If the widths of model and rows differ.
#[track_caller]
pub fn features<T: Scalar>(model: &FittedModel<T>, rows: &[T]) -> Vec<T> {
    let columns = model.vae.config().columns;
    assert!(rows.len().is_multiple_of(columns), "{} numbers in rows of {columns}", rows.len());
    let (chunk, mut tape) = (model.vae.rows_at_once(), Tape::new());
    let mut out = Vec::with_capacity(rows.len() / columns * model.vae.mixture().head_len());
    for rows in rows.chunks(chunk * columns) {
        let mut g = tape.graph(&model.parameters);
        let shape = [rows.len() / columns, columns];
        let x = g.constant(shape, rows);
        let mask = g.constant_from(x, shape, |_, mask| mask.fill(T::ONE));
        let head = model.vae.encoder_head(&mut g, x, mask, None::<&mut Stream>);
        out.extend_from_slice(g.value(head));
    }
    out
}
