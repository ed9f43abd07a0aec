//! The loop behind every broadcast and every reduction of plain values.

use linalg::Scalar;
use linalg::simd::{Kernel, MAX_LANES, Vector, dispatch};

use crate::Shape;

/// As many axes as a value can have.
pub(super) const AXES: usize = 5;

/// Where an operand's elements lie, as seen from a loop over a larger value: how far apart neighbours along each axis
/// (aligned at the last one) are, 0 along the axes on which the operand repeats.
pub(super) type Steps = [usize; AXES];

/// The sizes of a shape, filled up with leading ones.
pub(super) fn aligned(shape: Shape) -> [usize; AXES] {
    let mut sizes = [1; AXES];
    sizes[AXES - shape.rank()..].copy_from_slice(shape.dims());
    sizes
}

/// Steps of a contiguous value made of those axes of `sizes` that `keeps` accepts; it repeats along the others.
pub(super) fn steps_of(sizes: [usize; AXES], keeps: impl Fn(usize) -> bool) -> Steps {
    let mut steps = [0; AXES];
    let mut len = 1;
    for axis in (0..AXES).rev().filter(|&axis| keeps(axis)) {
        steps[axis] = len;
        len *= sizes[axis];
    }
    steps
}

/// Steps of a value of this shape, which repeats along its missing axes and those of size one.
pub(super) fn broadcast(shape: Shape) -> Steps {
    let sizes = aligned(shape);
    steps_of(sizes, |axis| sizes[axis] != 1)
}

/// A function of N numbers, and how its values are joined where several fall on one element: they are added, unless an
/// implementation says otherwise. Everything must be `#[inline(always)]`.
pub(super) trait Term<T: Scalar, const N: usize> {
    /// What joining begins with.
    const NEUTRAL: T = T::ZERO;

    /// The function, lane by lane.
    fn at<V: Vector<T>>(&self, x: [V; N]) -> V;

    /// Joins two values.
    #[inline(always)]
    fn join<V: Vector<T>>(a: V, b: V) -> V {
        a + b
    }

    /// Joins the lanes.
    #[inline(always)]
    fn collapse<V: Vector<T>>(x: V) -> T {
        x.sum()
    }
}

/// The number itself, so that a fold is a copy or a sum.
pub(super) struct Itself;

impl<T: Scalar> Term<T, 1> for Itself {
    #[inline(always)]
    fn at<V: Vector<T>>(&self, [x]: [V; 1]) -> V {
        x
    }
}

/// The product of two numbers.
pub(super) struct Product;

impl<T: Scalar> Term<T, 2> for Product {
    #[inline(always)]
    fn at<V: Vector<T>>(&self, [x, y]: [V; 2]) -> V {
        x * y
    }
}

/// target ← \[target +\] Σ term(operands), over all elements of the shape `full`: the target and the operands each repeat
/// where their steps are zero. The order is fixed: that of `full` in memory, rows in lanes.
///
/// A target that no element falls on becomes the neutral element (or stays, with `accumulate`).
#[inline]
pub(super) fn fold<T: Scalar, F: Term<T, N>, const N: usize>(
    term: F,
    full: Shape,
    (target, target_steps): (&mut [T], Steps),
    mut accumulate: bool,
    operands: [(&[T], Steps); N],
) {
    if target.len() == full.len() && operands.iter().all(|(x, steps)| x.len() == full.len() && *steps == target_steps) {
        return each(term, target, accumulate, operands.map(|(x, _)| x));
    }
    if !accumulate && target.len() != full.len() {
        target.fill(F::NEUTRAL);
        accumulate = true;
    }
    let rows = Rows::new(full, target_steps, operands.map(|(_, steps)| steps));
    dispatch(Fold { term, rows, target, accumulate, operands: operands.map(|(x, _)| x) });
}

/// target ← \[target +\] term(operands), element by element of slices of one length.
#[inline]
#[track_caller]
pub(super) fn each<T: Scalar, F: Term<T, N>, const N: usize>(
    term: F,
    target: &mut [T],
    accumulate: bool,
    operands: [&[T]; N],
) {
    assert!(operands.iter().all(|x| x.len() == target.len()), "slices of one length");
    dispatch(Each { term, target, accumulate, operands });
}

/// The rows of a loop: axes along which everything is contiguous are merged, the last one is left to the loop's body.
/// Yields where each row begins, in the target and in every operand.
#[derive(Clone, Copy)]
pub(super) struct Rows<const N: usize> {
    sizes: [usize; AXES],
    steps: [(usize, [usize; N]); AXES],
    index: [usize; AXES],
    at: (usize, [usize; N]),
    left: usize,
}

impl<const N: usize> Rows<N> {
    /// The rows of a loop over the elements of `full`.
    pub(super) fn new(full: Shape, target: Steps, operands: [Steps; N]) -> Self {
        let mut sizes = [1; AXES];
        let mut steps = [(0, [0; N]); AXES];
        let mut free = AXES;
        for (axis, size) in aligned(full).into_iter().enumerate().rev().filter(|&(_, size)| size != 1) {
            let here = (target[axis], operands.map(|steps| steps[axis]));
            let continues = |(outer, inner): (usize, usize), size| outer == inner * size;
            let merges = free < AXES && {
                let (inner, length) = (steps[free], sizes[free]);
                continues((here.0, inner.0), length) && (0..N).all(|k| continues((here.1[k], inner.1[k]), length))
            };
            if merges {
                sizes[free] *= size;
            } else {
                free -= 1;
                (sizes[free], steps[free]) = (size, here);
            }
        }
        if free == AXES {
            steps[AXES - 1] = (1, [1; N]);
        }
        let left = if full.is_empty() { 0 } else { sizes[..AXES - 1].iter().product() };
        Rows { sizes, steps, index: [0; AXES], at: (0, [0; N]), left }
    }

    /// Elements of a row.
    pub(super) fn length(&self) -> usize {
        self.sizes[AXES - 1]
    }

    /// Steps along a row: in the target, and in every operand.
    pub(super) fn inner_steps(&self) -> (usize, [usize; N]) {
        self.steps[AXES - 1]
    }
}

impl<const N: usize> Iterator for Rows<N> {
    type Item = (usize, [usize; N]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let here = self.at;
        for axis in (0..AXES - 1).rev() {
            let (size, steps) = (self.sizes[axis], self.steps[axis]);
            self.index[axis] += 1;
            self.at.0 += steps.0;
            (0..N).for_each(|k| self.at.1[k] += steps.1[k]);
            if self.index[axis] < size {
                break;
            }
            self.index[axis] = 0;
            self.at.0 -= steps.0 * size;
            (0..N).for_each(|k| self.at.1[k] -= steps.1[k] * size);
        }
        Some(here)
    }
}

struct Each<'a, T, F, const N: usize> {
    term: F,
    target: &'a mut [T],
    accumulate: bool,
    operands: [&'a [T]; N],
}

impl<T: Scalar, F: Term<T, N>, const N: usize> Kernel<T> for Each<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let row = Row { x: self.operands, repeats: [false; N] };
        row.mapped::<V, F, true>(&self.term, self.target, self.accumulate);
    }
}

struct Fold<'a, T, F, const N: usize> {
    term: F,
    rows: Rows<N>,
    target: &'a mut [T],
    accumulate: bool,
    operands: [&'a [T]; N],
}

impl<T: Scalar, F: Term<T, N>, const N: usize> Kernel<T> for Fold<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Fold { term, rows, target, accumulate, operands } = self;
        let length = rows.length();
        let (target_step, steps) = rows.inner_steps();
        for (start, starts) in rows {
            let mut row = Row { x: operands, repeats: steps.map(|step| step == 0) };
            for k in 0..N {
                let length = if row.repeats[k] { 1 } else { length };
                row.x[k] = &operands[k][starts[k]..starts[k] + length];
            }
            if target_step == 0 {
                target[start] = F::join(target[start], row.joined::<V, F>(&term, length));
            } else {
                row.mapped::<V, F, false>(&term, &mut target[start..start + length], accumulate);
            }
        }
    }
}

/// One row of every operand: one element where it repeats. The loops evaluate the term at one place in the code, for
/// whole vectors and for the rest: it may be long, and is compiled for every vector width.
struct Row<'a, T, const N: usize> {
    x: [&'a [T]; N],
    repeats: [bool; N],
}

impl<T: Scalar, const N: usize> Row<'_, T, N> {
    /// `count` lanes from `i` on.
    #[inline(always)]
    fn load<V: Vector<T>, const DENSE: bool>(&self, i: usize, count: usize) -> [V; N] {
        let mut lanes = [V::splat(T::ZERO); N];
        for ((lanes, x), &repeats) in lanes.iter_mut().zip(self.x).zip(&self.repeats) {
            *lanes = if !DENSE && repeats { V::splat(x[0]) } else { load(&x[i..i + count]) };
        }
        lanes
    }

    /// target ← \[target ⊕\] term.
    #[inline(always)]
    fn mapped<V: Vector<T>, F: Term<T, N>, const DENSE: bool>(&self, term: &F, target: &mut [T], accumulate: bool) {
        for (block, target) in target.chunks_mut(V::LANES).enumerate() {
            let y = term.at(self.load::<V, DENSE>(block * V::LANES, target.len()));
            let y = if accumulate { F::join(load(target), y) } else { y };
            if target.len() == V::LANES {
                y.store(target);
            } else {
                y.store_partial(target);
            }
        }
    }

    /// The terms of the row, joined.
    #[inline(always)]
    fn joined<V: Vector<T>, F: Term<T, N>>(&self, term: &F, length: usize) -> T {
        let mut total = V::splat(F::NEUTRAL);
        for i in (0..length).step_by(V::LANES) {
            let count = V::LANES.min(length - i);
            let mut y = term.at(self.load::<V, false>(i, count));
            if count < V::LANES {
                let mut lanes = [F::NEUTRAL; MAX_LANES];
                y.store_partial(&mut lanes[..count]);
                y = V::load(&lanes);
            }
            total = F::join(total, y);
        }
        F::collapse(total)
    }
}

/// As many lanes as there are elements, but not more than a vector's.
#[inline(always)]
fn load<T: Scalar, V: Vector<T>>(x: &[T]) -> V {
    if x.len() == V::LANES { V::load(x) } else { V::load_partial(x) }
}
