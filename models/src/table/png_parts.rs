//! The parts of a PNG file that its decoder gets to see.
//!
//! A malformed image can make the decoder panic (png 0.18.1), and what an image is read for needs few of a file's parts. So the
//! decoder sees the header, the palette, its transparency and the pixels, each of a length and in a place that the format
//! allows; text, colour profiles, animation and what else there may be stay outside.  Source: PNG (third edition), section 11.

use super::array::WIDEST;
use super::problem::PngProblem;

/// The longest file: an image of as many pixels as are believed has 8 bytes for each at most, if it is not compressed at all.
pub(super) const MOST_BYTES: u64 = 1 << 24;
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The same image without the parts that are of no use, and nothing but what the format allows.
pub(super) fn needed_parts(file: &[u8]) -> Result<Vec<u8>, PngProblem> {
    let mut rest = file.strip_prefix(&SIGNATURE).ok_or(PngProblem::Structure("it is not a PNG file"))?;
    let mut kept = SIGNATURE.to_vec();
    let (mut header, mut palette, mut pixels, mut transparency) = (None, 0, Pixels::None, false);
    loop {
        let (part, after) = Part::first(rest).ok_or(PngProblem::Structure("the file is cut off"))?;
        let follows = header.is_some() == (part.kind != *b"IHDR");
        if !follows {
            return Err(PngProblem::Structure("its header is not the first part, or not the only one"));
        }
        if pixels == Pixels::Some && part.kind != *b"IDAT" {
            pixels = Pixels::Ended;
        }
        let fits = match &part.kind {
            b"IHDR" => {
                header = Some(Header::read(part.data)?);
                true
            }
            b"PLTE" => {
                let entries = part.data.len() / 3;
                let fits = palette == 0 && pixels == Pixels::None && part.data.len().is_multiple_of(3);
                palette = entries;
                fits && (1..=256).contains(&entries)
            }
            b"tRNS" => {
                let length = part.data.len();
                let fits = match header.as_ref().map(|header| header.colours) {
                    Some(0) => length == 2,
                    Some(2) => length == 6,
                    Some(3) => (1..=palette).contains(&length),
                    _ => false,
                };
                let first = !std::mem::replace(&mut transparency, true);
                fits && first && pixels == Pixels::None
            }
            b"IDAT" => {
                let fits = pixels != Pixels::Ended;
                pixels = Pixels::Some;
                fits
            }
            b"IEND" => part.data.is_empty(),
            // The lower-case first letter says that the image can be read without.
            [first, ..] if first.is_ascii_lowercase() => {
                rest = after;
                continue;
            }
            _ => false,
        };
        if !fits {
            return Err(PngProblem::Structure("a part is not what the format allows"));
        }
        kept.extend_from_slice(&rest[..rest.len() - after.len()]);
        rest = after;
        if part.kind == *b"IEND" {
            break;
        }
    }
    let indexed = header.is_some_and(|header| header.colours == 3);
    match (pixels, indexed, palette) {
        (Pixels::None, _, _) => Err(PngProblem::Structure("it has no pixels")),
        (_, true, 0) => Err(PngProblem::Structure("it has no palette")),
        _ => Ok(kept),
    }
}

/// Whether pixels have come.
#[derive(Clone, Copy, PartialEq)]
enum Pixels {
    None,
    Some,
    /// And another part after them.
    Ended,
}

/// A part of a file: its kind and what it holds. (The decoder checks the sums.)
struct Part<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

impl<'a> Part<'a> {
    /// The first part, and what follows it.
    fn first(bytes: &'a [u8]) -> Option<(Part<'a>, &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        Some((Part { kind: *kind, data }, rest.get(4..)?))
    }
}

/// What of a header other parts depend on.
#[derive(Clone, Copy)]
struct Header {
    /// The code of the kind of colours: 0 grey, 2 red, green and blue, 3 a palette, 4 and 6 the first two with opacity.
    colours: u8,
}

impl Header {
    fn read(data: &[u8]) -> Result<Header, PngProblem> {
        let wrong = PngProblem::Structure("its header is not what the format allows");
        let Ok(&[w0, w1, w2, w3, h0, h1, h2, h3, bits, colours, compression, filter, interlace]) =
            <&[u8; 13]>::try_from(data)
        else {
            return Err(wrong);
        };
        let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        let allowed: &[u8] = match colours {
            0 => &[1, 2, 4, 8, 16],
            3 => &[1, 2, 4, 8],
            2 | 4 | 6 => &[8, 16],
            _ => &[],
        };
        if !allowed.contains(&bits) || width == 0 || height == 0 || (compression, filter) != (0, 0) || interlace > 1 {
            return Err(wrong);
        }
        if u64::from(height) * u64::from(width) > WIDEST {
            return Err(PngProblem::TooLarge { height, width });
        }
        Ok(Header { colours })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part; nobody looks at its sum here.
    fn part(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &[0; 4]].concat()
    }

    fn header(width: u32, bits: u8, colours: u8) -> Vec<u8> {
        let sizes = [width.to_be_bytes(), 2_u32.to_be_bytes()].concat();
        part(b"IHDR", &[&sizes[..], &[bits, colours, 0, 0, 0]].concat())
    }

    fn file(parts: &[Vec<u8>]) -> Vec<u8> {
        [&SIGNATURE[..], &parts.concat()].concat()
    }

    #[test]
    fn needed_parts_stay_and_others_go() {
        let (pixels, end) = (part(b"IDAT", b"..."), part(b"IEND", b""));
        let plain = file(&[header(3, 8, 0), part(b"tRNS", &[0, 1]), pixels.clone(), pixels.clone(), end.clone()]);
        assert_eq!(needed_parts(&plain).unwrap(), plain);
        let palette = [header(3, 2, 3), part(b"PLTE", &[7; 12]), part(b"tRNS", &[1; 4]), pixels.clone(), end.clone()];
        assert_eq!(needed_parts(&file(&palette)).unwrap(), file(&palette));
        let text = part(b"tEXt", b"a remark");
        let with = [header(3, 8, 0), text.clone(), part(b"tRNS", &[0, 1]), pixels.clone(), pixels, text, end, vec![9]];
        assert_eq!(needed_parts(&file(&with)).unwrap(), plain);
    }

    #[test]
    fn what_the_format_does_not_allow() {
        let (grey, pixels, end) = (header(3, 8, 0), part(b"IDAT", b"..."), part(b"IEND", b""));
        let text = part(b"tEXt", b"");
        for parts in [
            vec![pixels.clone(), end.clone()],
            vec![grey.clone(), grey.clone(), pixels.clone(), end.clone()],
            vec![grey.clone(), end.clone()],
            vec![grey.clone(), pixels.clone(), text, pixels.clone(), end.clone()],
            vec![grey.clone(), part(b"tRNS", &[0; 3]), pixels.clone(), end.clone()],
            vec![grey.clone(), pixels.clone(), part(b"tRNS", &[0; 2]), end.clone()],
            vec![grey.clone(), part(b"ABCD", b""), pixels.clone(), end.clone()],
            vec![header(3, 8, 3), pixels.clone(), end.clone()],
            vec![header(3, 8, 3), part(b"PLTE", &[0; 4]), pixels.clone(), end.clone()],
            vec![header(3, 8, 3), part(b"PLTE", &[0; 3]), part(b"tRNS", &[0; 2]), pixels.clone(), end.clone()],
            vec![header(3, 16, 3), part(b"PLTE", &[0; 3]), pixels.clone(), end.clone()],
            vec![header(0, 8, 0), pixels.clone(), end.clone()],
            vec![header(3, 3, 0), pixels.clone(), end.clone()],
            vec![header(3, 8, 5), pixels.clone(), end.clone()],
            vec![part(b"IHDR", b"short"), pixels.clone(), end],
            vec![grey, pixels],
        ] {
            assert!(matches!(needed_parts(&file(&parts)), Err(PngProblem::Structure(_))), "{parts:?}");
        }
        assert!(matches!(needed_parts(&file(&[header(1 << 20, 8, 0)])), Err(PngProblem::TooLarge { .. })));
        assert!(needed_parts(b"").is_err() && needed_parts(&SIGNATURE).is_err());
    }
}
