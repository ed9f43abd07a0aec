//! Asking for memory before it is needed.

/// Asks the processor for the cache line of `x[index]`, which a loop will come to soon. Where that lies past the end, or
/// where there is no such instruction, nothing happens.
#[inline(always)]
pub fn prefetch<T>(x: &[T], index: usize) {
    prefetch_at(x.as_ptr().wrapping_add(index));
}

/// As [`prefetch`], of any address.
#[inline(always)]
pub(crate) fn prefetch_at<T>(at: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, which reads nothing and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}
