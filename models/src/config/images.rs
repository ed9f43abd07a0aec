//! Options of models of images, resolved and checked.

use super::error::{Error, Expected, Result, check};
use super::options::Options;
use crate::network::ImageSizes;

/// The largest images, in pixels a side; the most stages of a network for them, and channels of a stage.
const MOST_PIXELS: usize = 1024;
const MOST_STAGES: usize = 10;
const MOST_WIDTH: usize = 1 << 12;

impl Options {
    /// The networks of an image model, if the rows are images.
    pub(super) fn resolve_images(&self) -> Result<Option<ImageSizes>> {
        let given = |pairs: &[(&'static str, bool)]| pairs.iter().find(|(_, given)| *given).map(|(name, _)| *name);
        let Some(size) = self.image_size else {
            let only_images = [
                ("resize", self.resize.is_some()),
                ("encoder-widths", self.encoder_widths.is_some()),
                ("decoder-widths", self.decoder_widths.is_some()),
                ("hide-quadrants", self.hide_quadrants.is_some()),
            ];
            return match given(&only_images) {
                None => Ok(None),
                Some(option) => Err(Error::OnlyImages { option }),
            };
        };
        check("image-size", size, (1..=MOST_PIXELS).contains(&size), Expected::Between(1, MOST_PIXELS as u64))?;
        let only_tables = [
            ("hidden", self.hidden.is_some()),
            ("blocks", self.blocks.is_some()),
            ("encoder-blocks", self.encoder_blocks.is_some()),
            ("decoder-blocks", self.decoder_blocks.is_some()),
            ("decoder-min-scale", self.decoder_min_scale.is_some()),
            ("linear-path", self.linear_path == Some(true)),
            ("columns", self.columns.is_some()),
            ("ignore-columns", self.ignore_columns.is_some()),
            ("no-standardize=false", self.no_standardize == Some(false)),
        ];
        if let Some(option) = given(&only_tables) {
            return Err(Error::OnlyTables { option });
        }
        self.hidden_quadrants()?;
        let widths = |option: &'static str, text: &Option<String>, default: [usize; 4]| match text {
            None => Ok(default.to_vec()),
            Some(text) => {
                let widths: Option<Vec<usize>> = text.split(',').map(|width| width.trim().parse().ok()).collect();
                let widths = widths.filter(|widths| {
                    widths.len() <= MOST_STAGES && widths.iter().all(|width| (1..=MOST_WIDTH).contains(width))
                });
                let expected = Expected::Widths { stages: MOST_STAGES, widest: MOST_WIDTH };
                widths.ok_or_else(|| Error::Value { option, value: text.clone(), expected })
            }
        };
        Ok(Some(ImageSizes {
            size,
            encoder_widths: widths("encoder-widths", &self.encoder_widths, [32, 64, 128, 256])?,
            decoder_widths: widths("decoder-widths", &self.decoder_widths, [128, 64, 32, 32])?,
        }))
    }
}
