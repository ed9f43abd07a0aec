//! Every operation against finite differences, or, where the gradient is none of a fixed function, against what
//! defines it.
//!
//! - `plain`: arithmetic, reductions, shapes, matrix products;
//! - `densities`: networks, densities and mixtures;
//! - `images`: convolutions and what stands between them;
//! - `surrogates`: gradients that are chosen rather than derived.

mod densities;
mod entry;
mod images;
mod plain;
mod surrogates;

use autodiff::gradcheck::{self, Options};

use super::Check;
use entry::{Entry, KIND};

/// Checks every operation. `seed` chooses the directions in which derivatives are compared.
pub fn check(seed: u64) -> Vec<Check> {
    let options = Options { seed, ..Options::default() };
    let entries = plain::entries().into_iter().chain(densities::entries()).chain(images::entries());
    let differences = entries.map(|Entry { name, inputs, function }| {
        let report = gradcheck::check(&*function, &inputs, &options);
        Check::of_differences(name, KIND, &report)
    });
    differences.chain(surrogates::checks()).collect()
}

#[cfg(test)]
mod tests {
    use autodiff::ops::Builtin;
    use autodiff::{Graph, Var};

    use super::*;

    /// The first words of the entries that check each operation. A new operation does not compile here until it is
    /// listed, and the test fails until it has an entry.
    macro_rules! covered {
        ($($operation:ident: $($name:literal)+;)*) => {
            const COVERED: &[&[&str]] = &[$(&[$($name),+]),*];

            #[allow(dead_code, reason = "the compiler's check that no operation is left out")]
            fn is_listed(operation: &Builtin) {
                match operation {
                    $(Builtin::$operation(_) => (),)*
                }
            }
        };
    }

    covered! {
        Identity: "identity";
        Linear: "linear" "linear_relu";
        ResidualBlock: "residual_block";
        Conv2d: "conv2d";
        BatchNorm: "batch_norm";
        ResizeNearest: "resize_nearest";
        Gate: "gate";
        StandardNormalLogDensity: "standard_normal_log_density";
        BernoulliLogDensity: "bernoulli_log_density";
        GaussianLogDensity: "gaussian_log_density";
        Elementwise: "add" "sub" "mul" "div";
        Affine: "affine";
        Unary: "neg" "exp" "ln" "log1p" "square" "sqrt" "relu" "softplus" "sigmoid" "log_sigmoid" "normal_cdf" "log_normal_cdf";
        Reduce: "sum" "mean";
        LogSumExp: "log_sum_exp" "log_mean_exp";
        Softmax: "softmax" "log_softmax";
        Slice: "slice";
        Concat: "concat";
        Permute: "permute";
        MatMul: "matmul" "matmul_nt" "matmul_tn";
        AncestralSample: "ancestral_sample";
        DetachComponents: "detach_components";
        MixtureLogDensity: "mixture_log_density";
        MixtureLogWeights: "mixture_log_weights";
        MixtureParameters: "mixture_parameters";
        StratifiedSample: "stratified_sample";
    }

    #[test]
    fn every_operation_has_an_entry_and_passes() {
        let checks = check(1);
        for name in COVERED.iter().copied().flatten() {
            assert!(checks.iter().any(|check| check.name.split([' ', ',']).next() == Some(name)), "{name}");
        }
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.pass).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn a_wrong_gradient_does_not_pass() {
        // The derivative of x·x is not x.
        let wrong = |g: &mut Graph<'_, f64>, x: &[Var]| {
            let fixed = g.detach(x[0]);
            g.mul(x[0], fixed)
        };
        let report = gradcheck::check(wrong, &[super::super::values::value([3], 1)], &Options::default());
        let check = Check::of_differences("wrong", KIND, &report);
        assert!(!check.pass && check.error > 0.1 && check.reason.is_some());
        assert!(!Check::of_identity("wrong", KIND, f64::NAN, 1.0).pass);
    }
}
