//! SVG to PNG, with the bundled fonts and no others.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use skrifa::MetadataProvider;

/// Pixels of the image for each CSS pixel; fewer in an image that would be wider than the widest.
const SCALE: f32 = 3.0;
const WIDEST: f32 = 3000.0;

const REGULAR: &[u8] = include_bytes!("font/plot-regular.ttf");

/// Whether the bundled font has a letter.
pub(crate) fn has_letter(letter: char) -> bool {
    skrifa::FontRef::new(REGULAR).is_ok_and(|font| font.charmap().map(letter).is_some())
}

/// The image of a figure; the error says what is wrong with it.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(include_bytes!("font/plot-italic.ttf").to_vec());
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let scale = SCALE.min(WIDEST / tree.size().width());
    let size = tree.size().to_int_size().scale_by(scale).ok_or("the figure has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("the figure is too large")?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}
