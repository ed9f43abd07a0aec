//! What several test suites need.

use missvae_linalg::simd::{Level, level_available};

/// The vector widths that this processor can run.
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512]
        .into_iter()
        .filter(|&level| level <= level_available().max(Level::Neon))
}
