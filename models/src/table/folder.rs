//! Reading a directory of PNG images, such as the published Omniglot: all files below it that end in `.png`, by name.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, DecodingError, Transformations};

use super::array::{ArrayReader, WIDEST};
use super::cell::MissingValues;
use super::error::{Error, Result};
use super::open::{has_ending, open_file};
use super::png_parts::{MOST_BYTES, needed_parts};
use super::problem::PngProblem;
use super::select::Header;
use super::source::Numbers;
use super::visit::Visitor;

/// Shows the images below a directory to `visitor`, a row of intensities from 0 to 255 each, in the order of their paths; all of
/// them go to `retained`, if given. The number of pixels is returned.
pub(super) fn read_folder(
    directory: &Path,
    missing: &MissingValues,
    visitor: &mut dyn Visitor,
    retained: Option<&mut Numbers>,
) -> Result<usize> {
    let mut files = Vec::new();
    images_below(directory, &mut files)?;
    let file = directory.display().to_string();
    let Some(first) = files.first() else { return Err(Error::IsDirectory { file }) };
    let size = read_png(first)?.0;
    let names = (0..size[0] * size[1]).map(|pixel| format!("x{pixel}")).collect::<Vec<_>>();
    let width = names.len();
    let places = visitor.header(&Header { file, line: 0, names, image: Some(size), dialect: None })?;
    let mut array_reader = ArrayReader { places, rows: files.len() as u64, width, missing, visitor, retained };
    if let Some(retained) = &mut array_reader.retained {
        retained.single = true;
    }
    for (number, file) in (1..).zip(&files) {
        let (found, pixels) = read_png(file)?;
        if found != size {
            let problem = PngProblem::OtherSize { found, first: first.display().to_string(), expected: size };
            return Err(Error::BadPng { file: file.display().to_string(), problem });
        }
        array_reader.visit(number, &pixels);
    }
    Ok(width)
}

/// The PNG files below a directory, sorted by path. Links to directories, which may lead in circles, are not followed.
fn images_below(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let wrong = |error| Error::reading(&directory.display().to_string(), error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        entries.push((entry.path(), entry.file_type().map_err(wrong)?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, kind) in entries {
        if kind.is_dir() {
            images_below(&path, files)?;
        } else if has_ending(&path, "png") && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}

/// Height and width of an image, and its intensities from 0 to 255, line by line.
fn read_png(path: &Path) -> Result<([usize; 2], Vec<f64>)> {
    let file = path.display().to_string();
    let wrong = |problem| Error::BadPng { file: file.clone(), problem };
    let broken = |error: DecodingError| match error {
        DecodingError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::reading(&file, error)
        }
        error => wrong(PngProblem::Damaged(error.into())),
    };
    let mut bytes = Vec::new();
    let mut source = open_file(path)?.take(MOST_BYTES + 1);
    source.read_to_end(&mut bytes).map_err(|error| Error::reading(&file, error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(PngProblem::TooLong { most: MOST_BYTES }));
    }
    let parts = needed_parts(&bytes).map_err(wrong)?;
    let mut decoder = Decoder::new(Cursor::new(parts));
    // Fewer bits, a palette or more bits become bytes.
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (height, width) = (reader.info().height, reader.info().width);
    if u64::from(height) * u64::from(width) > WIDEST {
        return Err(wrong(PngProblem::TooLarge { height, width }));
    }
    let Some(size) = reader.output_buffer_size() else { return Err(wrong(PngProblem::TooLarge { height, width })) };
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(broken)?;
    let (colours, opaque) = match frame.color_type {
        ColorType::Grayscale => (1, true),
        ColorType::GrayscaleAlpha => (1, false),
        ColorType::Rgb => (3, true),
        ColorType::Rgba => (3, false),
        ColorType::Indexed => return Err(wrong(PngProblem::Palette)),
    };
    let pixels = bytes[..frame.buffer_size()].chunks_exact(frame.color_type.samples());
    let pixels = pixels.map(|pixel| {
        let grey = pixel[..colours].iter().all(|shade| *shade == pixel[0]) && (opaque || pixel[colours] == u8::MAX);
        grey.then(|| f64::from(pixel[0]))
    });
    let pixels: Option<Vec<f64>> = pixels.collect();
    let pixels = pixels.ok_or_else(|| wrong(PngProblem::Colours))?;
    Ok(([height as usize, width as usize], pixels))
}
