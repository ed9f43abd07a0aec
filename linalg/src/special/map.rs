//! Functions applied to whole slices, at the width that the processor has.

use super::{exp, ln, log_ndtr, log_sigmoid, log1p, ndtr, normal_pdf, sigmoid, softplus};
use crate::Scalar;
use crate::simd::{Kernel, Vector, dispatch};

/// A function of one variable, written for any vector width.
pub trait Elementwise<T: Scalar> {
    /// The function, lane by lane. Implementations must be `#[inline(always)]` (see [`Kernel::run`]).
    fn apply<V: Vector<T>>(&self, x: V) -> V;
}

/// `out[i]` ← f(`x[i]`).
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn map<T: Scalar, F: Elementwise<T>>(f: F, x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "map: input of length {}, output of length {}", x.len(), out.len());
    dispatch(Map { f, x, out });
}

/// The kernel behind [`map`], for callers that choose the level themselves ([`crate::simd::dispatch_at`]).
pub struct Map<'a, T, F> {
    /// The function.
    pub f: F,
    /// Its arguments.
    pub x: &'a [T],
    /// Its values; as long as `x`.
    pub out: &'a mut [T],
}

impl<T: Scalar, F: Elementwise<T>> Kernel<T> for Map<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let mut inputs = self.x.chunks_exact(V::LANES);
        let mut outputs = self.out.chunks_exact_mut(V::LANES);
        for (x, out) in inputs.by_ref().zip(outputs.by_ref()) {
            self.f.apply(V::load(x)).store(out);
        }
        let (x, out) = (inputs.remainder(), outputs.into_remainder());
        if !x.is_empty() {
            self.f.apply(V::load_partial(x)).store_partial(out);
        }
    }
}

/// For each function its value as an [`Elementwise`] and its slice form.
macro_rules! slice_forms {
    ($($name:ident $slice:ident $function:ident)*) => { $(
        #[doc = concat!("[`", stringify!($function), "`] as an [`Elementwise`] function.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<T: Scalar> Elementwise<T> for $name {
            #[inline(always)]
            fn apply<V: Vector<T>>(&self, x: V) -> V {
                $function(x)
            }
        }

        #[doc = concat!("`out[i]` ← [`", stringify!($function), "`](`x[i]`).")]
        ///
        /// # Panics
        /// If the lengths differ.
        #[track_caller]
        pub fn $slice<T: Scalar>(x: &[T], out: &mut [T]) {
            map($name, x, out);
        }
    )* };
}

slice_forms! {
    Exp exp_slice exp
    Ln ln_slice ln
    Log1p log1p_slice log1p
    Softplus softplus_slice softplus
    Sigmoid sigmoid_slice sigmoid
    LogSigmoid log_sigmoid_slice log_sigmoid
    NormalPdf normal_pdf_slice normal_pdf
    Ndtr ndtr_slice ndtr
    LogNdtr log_ndtr_slice log_ndtr
}
