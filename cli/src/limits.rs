//! Limits of requests.

/// The most numbers that a result may have: more would not fit into memory.
pub(crate) const MOST_NUMBERS: usize = 1 << 32;
