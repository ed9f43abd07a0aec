//! Reading IDX images: a magic number, the sizes, the pixels, a byte each.

use std::io::{self, Read};

use super::array::{ArrayReader, WIDEST};
use super::cell::MissingValues;
use super::error::{Error, Result};
use super::open::Stream;
use super::problem::IdxProblem;
use super::select::Header;
use super::source::Numbers;
use super::visit::Visitor;

/// Whether a file that starts with these bytes is an IDX array of one to four axes.
pub(super) fn is_idx(start: &[u8]) -> bool {
    matches!(start, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=4])
}

/// Shows the images of an IDX stream to `visitor`, a row of pixels each; all of them go to `retained`, if given. The number of
/// pixels is returned.
pub(super) fn read_idx(
    stream: Stream,
    missing: &MissingValues,
    visitor: &mut dyn Visitor,
    retained: Option<&mut Numbers>,
) -> Result<usize> {
    let explain = stream.explain();
    let (file, mut reader) = (stream.file, stream.reader);
    let wrong = |problem| Error::BadIdx { file: file.clone(), problem };
    let mut word = || -> Result<[u8; 4]> {
        let mut bytes = [0; 4];
        match fill(&mut reader, &mut bytes).map_err(&explain)? {
            true => Ok(bytes),
            false => Err(wrong(IdxProblem::HeaderCutOff)),
        }
    };
    let magic = word()?;
    match magic {
        [0, 0, 0x08, 3] => {}
        [0, 0, 0x08, 1] => return Err(wrong(IdxProblem::Labels)),
        _ if !is_idx(&magic) => return Err(wrong(IdxProblem::NotIdx { start: magic })),
        [_, _, 0x08, axes] => return Err(wrong(IdxProblem::Axes { found: axes })),
        [_, _, kind, _] => return Err(wrong(IdxProblem::NumberType { code: kind })),
    }
    let mut sizes = [0u64; 3];
    for size in &mut sizes {
        *size = u64::from(u32::from_be_bytes(word()?));
    }
    let [images, height, width] = sizes;
    if images == 0 {
        return Err(Error::NoRows { file });
    }
    let pixels = height * width;
    if !(1..=WIDEST).contains(&pixels) {
        return Err(wrong(IdxProblem::Size { height, width }));
    }
    let pixels = pixels as usize;
    // Before anything of an image's size is made: a header alone promises nothing.
    let cut_off = |image| wrong(IdxProblem::CutOff { image, images, height, width });
    let (mut bytes, mut row) = (vec![0; pixels], vec![0.0; pixels]);
    if !fill(&mut reader, &mut bytes).map_err(&explain)? {
        return Err(cut_off(1));
    }
    let names = (0..pixels).map(|pixel| format!("x{pixel}")).collect();
    let places = visitor.header(&Header {
        file: file.clone(),
        line: 0,
        names,
        image: Some([height as usize, width as usize]),
        dialect: None,
    })?;
    let mut array_reader = ArrayReader { places, rows: images, width: pixels, missing, visitor, retained };
    if let Some(retained) = &mut array_reader.retained {
        retained.single = true;
    }
    for image in 1..=images {
        if image > 1 && !fill(&mut reader, &mut bytes).map_err(&explain)? {
            return Err(cut_off(image));
        }
        row.iter_mut().zip(&bytes).for_each(|(x, byte)| *x = f64::from(*byte));
        array_reader.visit(image, &row);
    }
    match reader.read(&mut [0]) {
        Ok(0) => Ok(pixels),
        Ok(_) => Err(wrong(IdxProblem::TooLong { images, height, width })),
        Err(e) => Err(explain(e)),
    }
}

/// Reads as many bytes as there is room for; false if the stream ends before. A broken stream is an error.
fn fill(reader: &mut dyn Read, bytes: &mut [u8]) -> io::Result<bool> {
    let mut done = 0;
    while done < bytes.len() {
        match reader.read(&mut bytes[done..]) {
            Ok(0) => return Ok(false),
            Ok(count) => done += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}
