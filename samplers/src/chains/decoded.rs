//! Latent points with what a model decodes them to.

/// Latent points, and their decoded numbers.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a, T> {
    /// S × L.
    pub z: &'a [T],
    /// S × W.
    pub decoded: &'a [T],
}
