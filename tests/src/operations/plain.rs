//! Arithmetic, reductions, shapes, matrix products.

use autodiff::Op;
use autodiff::ops::{Elementwise, Identity, Unary};

use super::entry::Entry;
use crate::values::{positive, value};

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let mut all = arithmetic();
    all.extend(reductions());
    all.extend(shapes());
    all.extend(products());
    all
}

fn arithmetic() -> Vec<Entry> {
    let mut all = vec![
        Entry::new("identity", [value([2, 3], 1)], |g, x| g.apply(Identity, x)),
        Entry::new("affine", [value([7], 2)], |g, x| {
            let scaled = g.scale(x[0], -2.5);
            g.add_scalar(scaled, 0.75)
        }),
        Entry::new("mul of a value with itself", [value([5], 3)], |g, x| g.mul(x[0], x[0])),
    ];
    for op in [Elementwise::Add, Elementwise::Sub, Elementwise::Mul, Elementwise::Div] {
        let name = Op::<f64>::name(&op);
        all.push(Entry::new(name, [value([2, 9], 4), positive([2, 9], 5)], move |g, x| g.apply(op, x)));
        let operands = [value([3, 1, 2, 5], 6), positive([2, 2, 1], 7)];
        all.push(Entry::new(format!("{name}, both broadcast"), operands, move |g, x| g.apply(op, x)));
        let operands = [value([1], 8), positive([2, 3], 9)];
        all.push(Entry::new(format!("{name}, one broadcast"), operands, move |g, x| g.apply(op, x)));
    }
    for &op in Unary::ALL {
        let x = match op {
            Unary::Ln | Unary::Log1p | Unary::Sqrt => positive([2, 9], 10),
            _ => value([2, 9], 10),
        };
        all.push(Entry::new(Op::<f64>::name(&op), [x], move |g, x| g.apply(op, x)));
    }
    all
}

/// Sets of axes of a value of three axes.
const AXES: [&[usize]; 5] = [&[0], &[1], &[2], &[0, 2], &[0, 1, 2]];

fn reductions() -> Vec<Entry> {
    let mut all = Vec::new();
    for axes in AXES {
        let list: Vec<String> = axes.iter().map(usize::to_string).collect();
        let over = |name: &str| format!("{name} over axes {}", list.join(", "));
        let x = [value([2, 3, 4], 11)];
        all.push(Entry::new(over("sum"), x.clone(), move |g, x| g.sum(x[0], axes)));
        all.push(Entry::new(over("mean"), x.clone(), move |g, x| g.mean(x[0], axes)));
        all.push(Entry::new(over("log_sum_exp"), x.clone(), move |g, x| g.log_sum_exp(x[0], axes)));
        all.push(Entry::new(over("log_mean_exp"), x, move |g, x| g.log_mean_exp(x[0], axes)));
    }
    for (shape, seed) in [([3, 2, 5], 12), ([1, 4, 1], 13)] {
        let name = |name: &str| format!("{name} over {} numbers", shape[2]);
        all.push(Entry::new(name("softmax"), [value(shape, seed)], |g, x| g.softmax(x[0])));
        all.push(Entry::new(name("log_softmax"), [value(shape, seed)], |g, x| g.log_softmax(x[0])));
    }
    all
}

fn shapes() -> Vec<Entry> {
    let mut all = Vec::new();
    for axis in 0..3 {
        let slice = format!("slice of axis {axis}");
        all.push(Entry::new(slice, [value([3, 4, 3], 14)], move |g, x| g.slice(x[0], axis, 1..3)));
        let mut sizes = [2, 3, 2];
        sizes[axis] = 1;
        let pieces = [value([2, 3, 2], 15), value(sizes, 16)];
        let concat = format!("concat along axis {axis}");
        all.push(Entry::new(concat, pieces, move |g, x| g.concat(&[x[0], x[1], x[0]], axis)));
    }
    all.push(Entry::new("permute of three axes", [value([2, 3, 4], 17)], |g, x| g.permute(x[0], &[2, 0, 1])));
    all.push(Entry::new("permute of five axes", [value([2, 1, 3, 2, 2], 18)], |g, x| {
        g.permute(x[0], &[4, 2, 0, 1, 3])
    }));
    all.push(Entry::new("reshape", [value([2, 6], 19)], |g, x| {
        let y = g.reshape(x[0], [3, 4]);
        g.mul(y, y)
    }));
    all
}

fn products() -> Vec<Entry> {
    vec![
        Entry::new("matmul", [value([3, 4], 20), value([4, 5], 21)], |g, x| g.matmul(x[0], x[1])),
        Entry::new("matmul_nt", [value([3, 4], 22), value([5, 4], 23)], |g, x| g.matmul_nt(x[0], x[1])),
        Entry::new("matmul_tn", [value([4, 3], 24), value([4, 5], 25)], |g, x| g.matmul_tn(x[0], x[1])),
    ]
}
