//! What a file may claim: its numbers are checked before anything of their size is planned or allocated.

use super::error::{Error, Expected};
use super::file::Source;
use super::info::ModelInfo;
use crate::heads::ColumnType;
use crate::network::{ImageSizes, VaeConfig};
use crate::objective::Method;
use crate::table::DateFormat;

/// The most imputations of a row.
const MOST_IMPUTATIONS: usize = 1 << 20;
/// The most pixels a side, stages of a network, and channels of a stage.
const MOST_PIXELS: usize = 1 << 12;
const MOST_STAGES: usize = 12;
const MOST_WIDTH: usize = 1 << 14;

/// Refuses a description whose numbers cannot be those of the file that they are in.
pub(super) fn check_sizes(source: &Source<'_>, info: &ModelInfo) -> Result<(), Error> {
    let (config, most) = (&info.vae, source.most_numbers());
    let sizes = [("columns", config.columns), ("latent", config.latent), ("components", config.components)];
    let hidden = ("hidden", if config.images.is_some() { 1 } else { config.hidden });
    for (field, value) in sizes.into_iter().chain([hidden]) {
        if !(1..=most).contains(&value) {
            return Err(source.field(field, value, Expected::Size(most)));
        }
    }
    for (field, value) in [("encoder_blocks", config.encoder_blocks), ("decoder_blocks", config.decoder_blocks)] {
        if value > most {
            return Err(source.field(field, value, Expected::Count(most)));
        }
    }
    for (field, value) in [
        ("encoder_min_scale", config.encoder_min_scale),
        ("decoder_min_scale", config.decoder_min_scale),
        ("dropout", config.dropout),
    ] {
        if !(value >= 0.0 && value.is_finite()) || (field == "dropout" && value >= 1.0) {
            let expected = if field == "dropout" { Expected::Share } else { Expected::NotNegative };
            return Err(source.field(field, value, expected));
        }
    }
    // The last layer of an encoder has as many outputs at least.
    let moments = config.latent.checked_mul(2).and_then(|moments| moments.checked_mul(config.components));
    let Some(moments) = moments.filter(|moments| *moments <= most) else {
        let value = format!("{} x {}", config.latent, config.components);
        return Err(source.field("latent x components", value, Expected::Count(most)));
    };
    match &config.images {
        Some(images) => check_images(source, config, images)?,
        None => check_parameters(source, config, moments)?,
    }
    check_columns(source, info)?;
    check_method(source, info)
}

fn check_images(source: &Source<'_>, config: &VaeConfig, images: &ImageSizes) -> Result<(), Error> {
    if images.size > MOST_PIXELS || images.size * images.size != config.columns {
        let expected = Expected::SideOf(config.columns);
        return Err(source.field("images.size", images.size, expected));
    }
    for (field, widths) in [("encoder_widths", &images.encoder_widths), ("decoder_widths", &images.decoder_widths)] {
        let field = format!("images.{field}");
        if !(1..=MOST_STAGES).contains(&widths.len()) {
            return Err(source.field(&field, format!("{} stages", widths.len()), Expected::Between(1, MOST_STAGES)));
        }
        if let Some(width) = widths.iter().find(|width| !(1..=MOST_WIDTH).contains(*width)) {
            return Err(source.field(&field, width, Expected::Between(1, MOST_WIDTH)));
        }
    }
    Ok(())
}

/// Refuses networks with more parameters than the file has numbers, by arithmetic alone. `moments` is 2·L·K.
fn check_parameters(source: &Source<'_>, config: &VaeConfig, moments: usize) -> Result<(), Error> {
    let network = |input: usize, blocks: usize, output: usize| -> Option<usize> {
        let layer = |from: usize, to: usize| from.checked_add(1)?.checked_mul(to);
        let block = layer(config.hidden, config.hidden)?.checked_mul(2)?;
        let hidden = block.checked_mul(blocks)?.checked_add(layer(input, config.hidden)?)?;
        hidden.checked_add(layer(config.hidden, output)?)
    };
    // The fewest that any head takes and gives: one number a column.
    let encoder = network(config.columns, config.encoder_blocks, moments);
    let decoder = network(config.latent, config.decoder_blocks, config.columns);
    let count = encoder.zip(decoder).and_then(|(encoder, decoder)| encoder.checked_add(decoder));
    let most = source.most_numbers();
    match count {
        Some(count) if count <= most => Ok(()),
        _ => {
            let value = count.map_or("more than can be counted".to_owned(), |count| count.to_string());
            Err(source.field("parameters", value, Expected::Count(most)))
        }
    }
}

fn check_columns(source: &Source<'_>, info: &ModelInfo) -> Result<(), Error> {
    let config = &info.vae;
    if info.columns.len() != config.columns {
        return Err(source.field("columns", config.columns, Expected::Named(info.columns.len())));
    }
    for (d, column) in info.columns.iter().enumerate() {
        if !column.mean.is_finite() {
            return Err(source.field(&format!("columns[{d}].mean"), column.mean, Expected::Finite));
        }
        if !(column.scale > 0.0 && column.scale.is_finite()) {
            return Err(source.field(&format!("columns[{d}].scale"), column.scale, Expected::Positive));
        }
    }
    let whole = if config.images.is_some() { ColumnType::Binary } else { ColumnType::Numeric };
    if config.images.is_some() && !config.blocks.is_empty() {
        return Err(source.field("blocks", config.blocks.len(), Expected::NoBlocks));
    }
    check_limits(source, config)?;
    check_levels(source, info)?;
    let mut kinds = Vec::with_capacity(config.columns);
    for block in &config.blocks {
        if block.columns == 0 {
            return Err(source.field("blocks", "0 columns", Expected::Blocks(config.columns)));
        }
        if block.columns > config.columns - kinds.len() {
            let expected = Expected::Blocks(config.columns);
            return Err(source.field("blocks", format!("{} columns more", block.columns), expected));
        }
        kinds.resize(kinds.len() + block.columns, block.kind);
    }
    if config.blocks.is_empty() {
        kinds.resize(config.columns, whole);
    }
    let named = info.columns.iter().map(|column| column.kind);
    match kinds.iter().copied().map(Some).chain([None]).zip(named.map(Some).chain([None])).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(d) => {
            let kind = info.columns.get(d).map_or("nothing", |column| column.kind.name());
            Err(source.field(&format!("columns[{d}].kind"), kind, Expected::Type(kinds.get(d).copied())))
        }
    }
}

/// Refuses columns whose levels and shares are not those of their type.
fn check_levels(source: &Source<'_>, info: &ModelInfo) -> Result<(), Error> {
    for (d, column) in info.columns.iter().enumerate() {
        let expected = match (column.kind, column.levels.len()) {
            (ColumnType::Categorical | ColumnType::Ordinal, 0 | 1) => Some(Expected::Levels(2)),
            (ColumnType::Binary, levels) if !matches!(levels, 0 | 2) => Some(Expected::Levels(2)),
            (ColumnType::Categorical | ColumnType::Ordinal | ColumnType::Binary, _) | (_, 0) => None,
            _ => Some(Expected::Levels(0)),
        };
        if let Some(expected) = expected {
            return Err(source.field(&format!("columns[{d}].levels"), column.levels.len(), expected));
        }
        let shares = info.vae.limits.get(d).map_or(0, |traits| traits.frequencies.len());
        let needed = matches!(column.kind, ColumnType::Categorical | ColumnType::Ordinal);
        if (needed || shares > 0) && shares != column.levels.len() {
            return Err(source.field(
                &format!("limits[{d}].frequencies"),
                shares,
                Expected::Levels(column.levels.len()),
            ));
        }
        if let Some(format) = column.format.as_ref().filter(|format| DateFormat::new(format).is_none()) {
            return Err(source.field(&format!("columns[{d}].format"), format, Expected::DateFormat));
        }
    }
    Ok(())
}

fn check_limits(source: &Source<'_>, config: &VaeConfig) -> Result<(), Error> {
    let limits = &config.limits;
    if !limits.is_empty() && limits.len() != config.columns {
        return Err(source.field("limits", limits.len(), Expected::Limits(config.columns)));
    }
    for (d, limits) in limits.iter().enumerate() {
        if !(limits.min_scale >= 0.0 && limits.min_scale.is_finite()) {
            return Err(source.field(&format!("limits[{d}].min_scale"), limits.min_scale, Expected::NotNegative));
        }
        let shares = &limits.frequencies;
        let whole = (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6 && shares.iter().all(|share| *share > 0.0);
        if !(shares.is_empty() || whole) {
            return Err(source.field(&format!("limits[{d}].frequencies"), shares.len(), Expected::Shares));
        }
        if let Some([mean, dispersion]) = limits.counts
            && !(mean > 0.0 && mean.is_finite() && dispersion >= 0.0 && dispersion.is_finite())
        {
            return Err(source.field(&format!("limits[{d}].counts"), mean, Expected::Positive));
        }
        for (name, bound) in [("min", limits.min), ("max", limits.max)] {
            if let Some(bound) = bound.filter(|bound| !bound.is_finite()) {
                return Err(source.field(&format!("limits[{d}].{name}"), bound, Expected::Finite));
            }
        }
        if let Some((min, max)) = limits.min.zip(limits.max).filter(|(min, max)| min >= max) {
            return Err(source.field(&format!("limits[{d}].max"), max, Expected::Above(min)));
        }
    }
    Ok(())
}

fn check_method(source: &Source<'_>, info: &ModelInfo) -> Result<(), Error> {
    if Method::named(&info.method).is_none() {
        return Err(source.field("method", &info.method, Expected::Method));
    }
    let completed = info.vae.encoder_input.completed();
    match info.imputations {
        Some(copies) if completed && !(1..=MOST_IMPUTATIONS).contains(&copies) => {
            Err(source.field("imputations", copies, Expected::Between(1, MOST_IMPUTATIONS)))
        }
        Some(copies) if !completed => Err(source.field("imputations", copies, Expected::NoImputations)),
        None if completed => Err(source.field("imputations", "none", Expected::Imputations)),
        Some(_) if info.vae.components != 1 => {
            Err(source.field("components", info.vae.components, Expected::SingleComponent))
        }
        _ => Ok(()),
    }
}
