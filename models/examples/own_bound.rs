//! A bound of one's own, from log weights: the variational Rényi bound (Li & Turner 2016, eq. 5).
//!
//! `cargo run --release -p missvae --example own_bound`
#![allow(clippy::print_stdout, reason = "an example")]

use autodiff::{Graph, Shape, Tape, Var, gradcheck};
use missvae::objective::{Bound, bound};

/// Axis of the importance samples in the log weights, Z × I × B.
const SAMPLES: usize = 1;

/// L_α\[b\] = mean over Z of 1/(1−α) · log mean_i w\[z,i,b\]^(1−α), in nats, for α < 1. With α = 0 it is the importance-weighted
/// bound; towards α = 1 it becomes the ELBO.
fn renyi(g: &mut Graph<'_, f64>, log_weights: Var, alpha: f64) -> Var {
    let power = g.scale(log_weights, 1.0 - alpha);
    let mean = g.log_mean_exp(power, &[SAMPLES]);
    let each = g.scale(mean, 1.0 / (1.0 - alpha));
    g.mean(each, &[0])
}

fn main() {
    // One repetition, four samples, two rows.
    let log_weights = [-3.0, -1.0, -2.5, -0.5, -4.0, -2.0, -3.5, 0.5];
    let shape = Shape::from([1, 4, 2]);

    let mut tape = Tape::new();
    let mut g = tape.graph(&[]);
    let weights = g.constant(shape, &log_weights);
    for alpha in [0.0, 0.5, 0.99] {
        let value = renyi(&mut g, weights, alpha);
        println!("alpha {alpha}: {:.4?}", g.value(value));
    }
    let own = renyi(&mut g, weights, 0.0);
    for (which, name) in [(Bound::Elbo, "elbo"), (Bound::Iwelbo, "iwelbo")] {
        let value = bound(&mut g, which, weights, None);
        println!("{name}: {:.4?}", g.value(value));
    }
    let iwelbo = bound(&mut g, Bound::Iwelbo, weights, None);
    let pairs = g.value(own).iter().zip(g.value(iwelbo));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12), "with alpha 0 the two are one bound");

    let inputs = [(shape, log_weights.to_vec())];
    gradcheck::check(|g, x| renyi(g, x[0], 0.5), &inputs, &gradcheck::Options::default()).assert();
    println!("its gradient agrees with finite differences");
}
