//! Work of a convolution cut into pieces, which threads share.

use std::ops::Range;

use crate::Scalar;
use crate::parallel;
use crate::scratch::{Slot, grown};

/// Most elements of gathered neighbourhoods at a time, unless eight positions have more: half of a second cache of 1 MiB in
/// single precision.
pub const TILE: usize = 128 << 10;
/// Most parts that the sum over positions in a weight gradient is cut into, so that threads can share it.
pub const PARTS: usize = 8;
/// Most elements of these parts, unless a single one has more.
pub const SUMS: usize = 1 << 20;

/// As many slots with room for `len` elements each.
pub(super) fn slots_of<T: Scalar>(slots: &mut Vec<Slot<T>>, count: usize, len: usize) -> &mut [Slot<T>] {
    if slots.len() < count {
        slots.resize_with(count, Slot::default);
    }
    slots[..count].iter_mut().for_each(|slot| {
        grown(&mut slot.tile, len);
    });
    &mut slots[..count]
}

/// Hands a range of items, cut into a piece for each slot, to `f`, with the part of `out` that belongs to the piece: that of an
/// item begins at `offset` of it. Each slot's piece may go to another thread.
pub(super) fn over_slots<T: Scalar>(
    slots: &mut [Slot<T>],
    range: Range<usize>,
    out: &mut [T],
    offset: &(impl Fn(usize) -> usize + Sync),
    f: &(impl Fn(&mut Slot<T>, Range<usize>, &mut [T]) + Sync),
) {
    if let [slot] = slots {
        return f(slot, range, out);
    }
    let (left, right) = slots.split_at_mut(slots.len() / 2);
    let middle = range.start + range.len() * left.len() / (left.len() + right.len());
    let (head, tail) = out.split_at_mut(offset(middle) - offset(range.start));
    rayon::join(
        || over_slots(left, range.start..middle, head, offset, f),
        || over_slots(right, middle..range.end, tail, offset, f),
    );
}

/// The sum over pieces of what `add(piece, adds, sum, slot)` puts (or, if `adds`, adds) into `len` elements: in parts of whole
/// pieces, which may go to other threads and are added up in order. A slot has room for `room` elements.
pub(super) fn summed<'a, T: Scalar>(
    pieces: usize,
    sums: &'a mut Vec<T>,
    len: usize,
    slots: &mut Vec<Slot<T>>,
    room: usize,
    add: &(impl Fn(usize, bool, &mut [T], &mut Slot<T>) + Sync),
) -> &'a [T] {
    let parts = (SUMS / len).clamp(1, PARTS).min(pieces);
    let sums = grown(sums, parts.max(1) * len);
    if parts == 0 {
        sums.fill(T::ZERO);
        return sums;
    }
    let tasks = if parallel::threads() == 1 { 1 } else { parts };
    over_slots(slots_of(slots, tasks, room), 0..parts, sums, &|part| part * len, &|slot, range, sums| {
        for (part, sum) in range.zip(sums.chunks_exact_mut(len)) {
            let [first, end] = [part, part + 1].map(|part| part * pieces / parts);
            for piece in first..end {
                add(piece, piece > first, sum, slot);
            }
        }
    });
    let (total, others) = sums.split_at_mut(len);
    for part in others.chunks_exact(len) {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += *part);
    }
    total
}

/// Tasks for so many pieces of an output: two a thread, so that a late or slow one is relieved.
pub(super) fn tasks(pieces: usize) -> usize {
    match parallel::threads() {
        1 => 1,
        threads => (2 * threads).min(pieces),
    }
}
