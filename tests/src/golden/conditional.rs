//! Mixtures of Gaussians with full covariances.

use autodiff::Shape;
use linalg::Scalar;
use samplers::gaussian_mixture::GaussianMixture;

use super::{Computed, Fixture, Tensor};

/// The observed part's log density and the conditional mixture of the missing part, row by row. They are always
/// computed in double precision; in single precision inputs and outputs are rounded.
pub(super) fn mixture_conditional<T: Scalar>(fixture: &Fixture) -> Result<Computed, String> {
    let rounded = |name: &str| -> Result<(Shape, Vec<f64>), String> {
        let (shape, values) = fixture.values::<T>(name)?;
        Ok((shape, values.iter().map(|x| x.to_f64()).collect()))
    };
    let ((shape, x), (_, mask)) = (rounded("x")?, rounded("mask")?);
    let (rows, columns) = (shape.rows(), shape.last());
    let (weights, means, covariances) = (rounded("weights")?.1, rounded("means")?.1, rounded("covariances")?.1);
    let components = weights.len();
    let mixture = GaussianMixture::new(columns, weights, means, covariances).map_err(|error| error.to_string())?;

    let mut outputs = [(); 4].map(|()| Vec::new());
    for (x, mask) in x.chunks_exact(columns).zip(mask.chunks_exact(columns)) {
        let row = mixture.conditional(x, mask);
        let alone = mixture.log_density_observed(x, mask);
        if alone != row.log_p_observed && (alone - row.log_p_observed).abs() > 1e-12 * alone.abs() {
            return Err(format!("two functions give the log density {alone} and {}", row.log_p_observed));
        }
        outputs[0].push(row.log_p_observed);
        outputs[1].extend(row.log_weights);
        outputs[2].extend(row.means);
        outputs[3].extend(row.covariances);
    }
    let shapes =
        [&[rows][..], &[rows, components], &[rows, components, columns], &[rows, components, columns, columns]];
    let names = ["log_p_observed", "log_weights", "conditional_means", "conditional_covariances"];
    let mut computed = Computed::default();
    for ((name, shape), values) in names.iter().zip(shapes).zip(&outputs) {
        let values: Vec<T> = values.iter().map(|&x| T::from_f64(x)).collect();
        computed.add(*name, Tensor::new(Shape::new(shape), &values));
    }
    Ok(computed)
}
