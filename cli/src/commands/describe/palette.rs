//! The colours of the figure.

/// What is observed; what is missing is white.
pub(super) const OBSERVED: [u8; 3] = [0x2b, 0x4c, 0x7e];
/// Frames.
pub(super) const FRAME: &str = "#8a8a8a";
/// Correlations of 1 and −1, light enough for letters; 0 is white. People with any colour vision can tell them apart.
const POSITIVE: [u8; 3] = [0x5b, 0x9b, 0xd5];
const NEGATIVE: [u8; 3] = [0xf0, 0x9a, 0x4f];

/// A colour with so much of it in white, 0 to 1.
pub(super) fn mixed(colour: [u8; 3], share: f64) -> String {
    let [r, g, b] = colour.map(|part| (255.0 - share * (255.0 - f64::from(part))).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The colour of a correlation.
pub(super) fn tinted(correlation: f64) -> String {
    mixed(if correlation < 0.0 { NEGATIVE } else { POSITIVE }, correlation.abs())
}
