//! Work split over the threads of the current rayon pool, without changing any bit of the result.
//!
//! The helpers here only decide *who* computes an output, never *how*: a range is cut into contiguous pieces, each
//! piece is handed to the same function, and no result of one piece enters another. As long as the function treats
//! each index by itself, the outcome has the same bits for any number of threads, including none. Outside a
//! pool, or in a pool of one thread, everything runs on the caller. Nothing here allocates but [`share`].

use std::cell::Cell;
use std::iter;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

thread_local! {
    /// Threads that the item of [`share`] at work on this thread may use; 0 outside of one.
    static SHARE: Cell<usize> = const { Cell::new(0) };
}

/// Threads that work handed out here can count on: those of the pool that the caller runs in, or one; within an item of
/// [`share`], those that the other items leave it.
pub fn threads() -> usize {
    if rayon::current_thread_index().is_none() {
        return 1;
    }
    match SHARE.get() {
        0 => rayon::current_num_threads(),
        share => share,
    }
}

/// Work on a number of items that can be cut in two.
pub trait Divide: Send + Sized {
    /// Number of items.
    fn items(&self) -> usize;

    /// The work on the first `at` items, and on the others.
    fn divide(self, at: usize) -> (Self, Self);
}

/// Hands `work`, cut into pieces whose numbers of items are multiples of `grain`, all but the last, to `f` on the current
/// pool's threads.
pub fn join_parts<D: Divide>(work: D, grain: usize, f: impl Fn(D) + Sync) {
    let grain = grain.max(1);
    let piece = piece(work.items().div_ceil(grain), 1).max(1) * grain;
    split(work, grain, piece, &f);
}

/// Calls `f` on contiguous ranges that together cover `0..n`, each once, on the current pool's threads.
///
/// A range of `2 * grain` indices or more may be cut, down to pieces of at least `grain`; choose `grain` so that a
/// piece is worth handing over (some ten microseconds). Where the cuts fall depends on the number of threads: `f` must
/// treat each index by itself for the result not to.
pub fn join_ranges(n: usize, grain: usize, f: impl Fn(Range<usize>) + Sync) {
    if n > 0 {
        split(0..n, 1, piece(n, grain), &f);
    }
}

impl Divide for Range<usize> {
    fn items(&self) -> usize {
        self.len()
    }

    fn divide(self, at: usize) -> (Self, Self) {
        let middle = self.start + at;
        (self.start..middle, middle..self.end)
    }
}

/// As [`join_ranges`] over the rows of `out`, a row-major matrix with rows of `row_len` elements: each call of `f`
/// gets a range of rows and the part of `out` that holds them.
///
/// # Panics
/// Unless `row_len > 0` divides `out.len()` (an empty `out` goes with any `row_len`).
#[track_caller]
pub fn rows_mut<T: Send>(out: &mut [T], row_len: usize, grain_rows: usize, f: impl Fn(Range<usize>, &mut [T]) + Sync) {
    if out.is_empty() {
        return;
    }
    assert!(row_len > 0 && out.len().is_multiple_of(row_len), "{} elements in rows of {row_len}", out.len());
    let rows = out.len() / row_len;
    let work = (0..rows, Chunks { elements: out, len: row_len });
    split(work, 1, piece(rows, grain_rows), &|(rows, part)| f(rows, part.elements));
}

/// As [`rows_mut`] over two slices at once, in chunks of `first_len` and `second_len` elements: each call of `f` gets a range of
/// chunks and the parts of both slices that hold them. The last chunk of a slice may be shorter.
///
/// # Panics
/// Unless both slices have the same number of chunks; a `second_len` of 0 goes with an empty second slice.
#[track_caller]
pub fn chunk_pairs_mut<T: Send, U: Send>(
    (first, first_len): (&mut [T], usize),
    (second, second_len): (&mut [U], usize),
    grain: usize,
    f: impl Fn(Range<usize>, &mut [T], &mut [U]) + Sync,
) {
    if first.is_empty() {
        return;
    }
    let chunks = first.len().div_ceil(first_len);
    let fits = if second_len == 0 { second.is_empty() } else { second.len().div_ceil(second_len) == chunks };
    assert!(fits, "{} elements in {chunks} chunks of {second_len}", second.len());
    let pair = (Chunks { elements: first, len: first_len }, Chunks { elements: second, len: second_len });
    split((0..chunks, pair), 1, piece(chunks, grain), &|(chunks, (first, second))| {
        f(chunks, first.elements, second.elements);
    });
}

/// A slice in chunks of `len` elements, the last of which may be shorter.
struct Chunks<'a, T> {
    elements: &'a mut [T],
    len: usize,
}

impl<T: Send> Divide for Chunks<'_, T> {
    fn items(&self) -> usize {
        if self.len == 0 { 0 } else { self.elements.len().div_ceil(self.len) }
    }

    fn divide(self, at: usize) -> (Self, Self) {
        let Self { elements, len } = self;
        let (head, tail) = elements.split_at_mut(at * len);
        (Self { elements: head, len }, Self { elements: tail, len })
    }
}

/// Two works on the same items; the first knows how many.
impl<A: Divide, B: Divide> Divide for (A, B) {
    fn items(&self) -> usize {
        self.0.items()
    }

    fn divide(self, at: usize) -> (Self, Self) {
        let ((head, tail), (other_head, other_tail)) = (self.0.divide(at), self.1.divide(at));
        ((head, other_head), (tail, other_tail))
    }
}

/// `f(state, i)` for every `i` in `0..n`, in order of `i`. Each state serves one thread of the current pool at a time,
/// and is given the next index when it is done with one.
///
/// For items that are whole computations with working memory of their own: [`threads`] states keep all threads busy. Each
/// item counts on its part of the threads only, so that working memory in it does not grow with their number once more. Which
/// state meets which index is left to chance, so the result must not depend on what a state was used for before.
///
/// # Panics
/// If there is no state.
#[track_caller]
pub fn share<S: Send, R: Send>(states: &mut [S], n: usize, f: impl Fn(&mut S, usize) -> R + Sync) -> Vec<R> {
    assert!(!states.is_empty(), "a state is needed to work with");
    if threads() == 1 {
        return (0..n).map(|i| f(&mut states[0], i)).collect();
    }
    let next = AtomicUsize::new(0);
    let each = (threads() / states.len().min(n).max(1)).max(1);
    let serve = |state: &mut S| {
        let taken = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|&i| i < n);
        // What waits on this thread meanwhile may be an item, too: its part is put back.
        taken.map(|i| (i, with_share(each, || f(state, i)))).collect::<Vec<_>>()
    };
    let mut results: Vec<(usize, R)> = states.par_iter_mut().flat_map_iter(serve).collect();
    results.sort_unstable_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Calls `f`, in which [`threads`] are so many on this thread.
fn with_share<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            SHARE.set(self.0);
        }
    }
    let _restore = Restore(SHARE.replace(threads));
    f()
}

/// Pieces a thread: enough for a late or slow thread to be relieved of some of its share.
const PIECES_PER_THREAD: usize = 4;

/// Number of items from which work is not cut any further.
fn piece(n: usize, grain: usize) -> usize {
    match threads() {
        1 => n,
        threads => grain.max(n.div_ceil(PIECES_PER_THREAD * threads)).max(1),
    }
}

/// Halves `work`, at multiples of `grain`, down to pieces of fewer than `2 * piece` items.
fn split<D: Divide>(work: D, grain: usize, piece: usize, f: &(impl Fn(D) + Sync)) {
    let items = work.items();
    if items < 2 * piece {
        return f(work);
    }
    let (first, second) = work.divide((items / 2).next_multiple_of(grain));
    rayon::join(|| split(first, grain, piece, f), || split(second, grain, piece, f));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn ranges_cover_every_index_once() {
        for (n, grain) in [(0, 1), (1, 1), (7, 0), (100, 3), (1000, 1), (10, 100)] {
            let visits: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
            let visit = |range: Range<usize>| {
                assert!(!range.is_empty() && (range.len() >= grain || range.len() == n));
                for i in range {
                    visits[i].fetch_add(1, Ordering::Relaxed);
                }
            };
            join_ranges(n, grain, visit);
            pool(3).install(|| join_ranges(n, grain, visit));
            assert!(visits.iter().all(|count| count.load(Ordering::Relaxed) == 2), "{n} by {grain}");
        }
    }

    #[test]
    fn rows_come_with_their_part_of_the_output() {
        let fill = |rows: Range<usize>, out: &mut [usize]| {
            for (i, row) in rows.zip(out.chunks_exact_mut(3)) {
                row.fill(i);
            }
        };
        let mut out = vec![0; 3 * 57];
        pool(2).install(|| rows_mut(&mut out, 3, 2, fill));
        assert!(out.iter().enumerate().all(|(at, &row)| row == at / 3));
        rows_mut(&mut [], 0, 1, fill);
    }

    impl Divide for &mut [usize] {
        fn items(&self) -> usize {
            self.len()
        }
        fn divide(self, at: usize) -> (Self, Self) {
            self.split_at_mut(at)
        }
    }

    #[test]
    fn parts_are_multiples_of_the_grain() {
        for (n, grain) in [(0, 4), (3, 4), (57, 4), (1000, 16), (64, 64), (65, 0)] {
            let mut items = vec![0; n];
            let visit = |part: &mut [usize]| {
                let at_end = part.iter().all(|&item| item < 2);
                assert!(
                    at_end
                        && (part.len().is_multiple_of(grain.max(1)) || part.len() % grain.max(1) == n % grain.max(1))
                );
                part.iter_mut().for_each(|item| *item += 1);
            };
            join_parts(&mut items[..], grain, visit);
            pool(2).install(|| join_parts(&mut items[..], grain, visit));
            assert!(items.iter().all(|&count| count == 2), "{n} by {grain}");
        }
    }

    #[test]
    fn outside_a_pool_the_caller_does_it_all() {
        assert_eq!(threads(), 1);
        assert_eq!(pool(2).install(threads), 2);
    }

    #[test]
    fn pairs_of_chunks_meet_once() {
        // 11 elements in chunks of 3 and 8 in chunks of 2: four chunks each, the first slice's last one shorter.
        for threads in 1..4 {
            let (mut first, mut second) = ([0; 11], [0; 8]);
            pool(threads).install(|| {
                chunk_pairs_mut((&mut first, 3), (&mut second, 2), 1, |chunks, first, second| {
                    first.iter_mut().enumerate().for_each(|(i, x)| *x += chunks.start + i / 3);
                    second.iter_mut().enumerate().for_each(|(i, x)| *x += chunks.start + i / 2);
                });
            });
            assert_eq!(first, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]);
            assert_eq!(second, [0, 0, 1, 1, 2, 2, 3, 3]);
        }
        let empty: &mut [u8] = &mut [];
        chunk_pairs_mut((&mut [0; 7], 3), (empty, 0), 1, |chunks, first, second| {
            assert_eq!((chunks, first.len(), second.len()), (0..3, 7, 0));
        });
    }

    #[test]
    fn shared_items_come_back_in_order() {
        for (n, states) in [(0, 1), (1, 3), (100, 1), (100, 3), (1000, 5)] {
            // A state is in the hands of one thread at a time: nothing is lost of its count.
            let mut counts = vec![0; states];
            let serve = |count: &mut usize, i: usize| {
                *count += 1;
                join_ranges(10, 1, |_| ());
                i * i
            };
            for result in [share(&mut counts, n, serve), pool(3).install(|| share(&mut counts, n, serve))] {
                assert_eq!(result, (0..n).map(|i| i * i).collect::<Vec<_>>());
            }
            assert_eq!(counts.iter().sum::<usize>(), 2 * n);
        }
    }

    /// Of four threads, as many items as threads or more leave one to each, two leave two, one has all; afterwards, all count.
    #[test]
    fn items_share_the_threads() {
        let pool = pool(4);
        for (items, expected) in [(1, 4), (2, 2), (3, 1), (4, 1), (50, 1)] {
            let seen = pool.install(|| share(&mut [(); 4], items, |(), _| threads()));
            assert_eq!(seen, vec![expected; items], "{items} items");
            assert_eq!(pool.install(threads), 4);
        }
        let fail = || pool.install(|| share(&mut [(); 4], 9, |(), _| -> usize { panic!("an item") }));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fail)).is_err());
        assert_eq!(pool.broadcast(|_| threads()), [4; 4]);
    }

    #[test]
    #[should_panic(expected = "4 elements in 3 chunks of 2")]
    fn pairs_must_have_as_many_chunks() {
        chunk_pairs_mut((&mut [0; 7], 3), (&mut [0; 4], 2), 1, |_, _, _| ());
    }

    #[test]
    #[should_panic(expected = "7 elements in rows of 3")]
    fn rows_must_be_whole() {
        rows_mut(&mut [0; 7], 3, 1, |_, _| ());
    }
}
