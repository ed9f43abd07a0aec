//! The header of a NumPy array, before the array's reader sees it.
//!
//! That reader's time is not bounded by the length of a header (npyz 0.9.1). So a header is short and flat here: a dictionary of
//! texts, booleans and one tuple of whole numbers, which is all that an array of numbers needs.

use std::io::{self, BufRead, Chain, Cursor, Read};

use super::problem::ArrayProblem;

/// The longest header, in bytes. NumPy's own are of 128.
const LONGEST: u64 = 1 << 16;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Why a header is not given to the array's reader.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Problem(ArrayProblem),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

/// The stream of an array, from its start, if its header is short and flat. A stream that is none of an array is left to the
/// array's reader, which sees so from its first bytes.
pub(super) fn checked<R: BufRead>(mut reader: R) -> Result<Chain<Cursor<Vec<u8>>, R>, Fault> {
    let mut start = Vec::new();
    let mut take = |count: u64, start: &mut Vec<u8>| -> io::Result<bool> {
        Ok(reader.by_ref().take(count).read_to_end(start)? as u64 == count)
    };
    if take(8, &mut start)? && start.starts_with(MAGIC) {
        let wide = match start[6] {
            1 => 2,
            2 | 3 => 4,
            _ => return Ok(Cursor::new(start).chain(reader)),
        };
        if !take(wide, &mut start)? {
            return Err(Fault::Problem(ArrayProblem::HeaderCutOff));
        }
        let bytes = start[8..].iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
        if bytes > LONGEST {
            return Err(Fault::Problem(ArrayProblem::HeaderTooLong { bytes }));
        }
        let before = start.len();
        if !take(bytes, &mut start)? {
            return Err(Fault::Problem(ArrayProblem::HeaderCutOff));
        }
        Flat(&start[before..]).dictionary().map_err(Fault::Problem)?;
    }
    Ok(Cursor::new(start).chain(reader))
}

/// What is left of a header.
struct Flat<'a>(&'a [u8]);

impl Flat<'_> {
    fn dictionary(&mut self) -> Result<(), ArrayProblem> {
        self.expect(b'{')?;
        while !self.skip(b'}') {
            self.text()?;
            self.expect(b':')?;
            self.value()?;
            if !self.skip(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.blanks();
        if self.0.is_empty() { Ok(()) } else { Err(ArrayProblem::Header) }
    }

    fn value(&mut self) -> Result<(), ArrayProblem> {
        self.blanks();
        match self.0.first() {
            Some(b'\'' | b'"') => self.text(),
            Some(b'(') => self.tuple(),
            // The fields of a structure.
            Some(b'[') => Err(ArrayProblem::NumberType { descr: "a structure of several fields".to_owned() }),
            _ => {
                let word = [&b"True"[..], b"False"].into_iter().find_map(|word| self.0.strip_prefix(word));
                self.0 = word.ok_or(ArrayProblem::Header)?;
                Ok(())
            }
        }
    }

    /// A text without escapes.
    fn text(&mut self) -> Result<(), ArrayProblem> {
        self.blanks();
        let quote = *self.0.first().filter(|byte| matches!(byte, b'\'' | b'"')).ok_or(ArrayProblem::Header)?;
        let end = self.0[1..].iter().position(|&byte| byte == quote).ok_or(ArrayProblem::Header)?;
        let inner = &self.0[1..=end];
        if !inner.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\') {
            return Err(ArrayProblem::Header);
        }
        self.0 = &self.0[end + 2..];
        Ok(())
    }

    /// Whole numbers in parentheses.
    fn tuple(&mut self) -> Result<(), ArrayProblem> {
        self.expect(b'(')?;
        while !self.skip(b')') {
            self.blanks();
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=20).contains(&digits) {
                return Err(ArrayProblem::Header);
            }
            self.0 = &self.0[digits..];
            // Python 2 marked long numbers.
            self.0 = self.0.strip_prefix(b"L").unwrap_or(self.0);
            if !self.skip(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), ArrayProblem> {
        if self.skip(byte) { Ok(()) } else { Err(ArrayProblem::Header) }
    }

    /// Whether this byte is next, after blanks; then it is behind.
    fn skip(&mut self, byte: u8) -> bool {
        self.blanks();
        match self.0.strip_prefix(&[byte]) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, text: &str) -> Vec<u8> {
        let length = text.len().to_le_bytes();
        let wide = if version == 1 { 2 } else { 4 };
        [&MAGIC[..], &[version, 0], &length[..wide], text.as_bytes(), b"data"].concat()
    }

    #[test]
    fn what_numpy_writes() {
        for text in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }          \n",
            "{\"shape\": (3,), 'descr': '|b1', 'fortran_order': True}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }\n",
        ] {
            for version in 1..=3 {
                let file = header(version, text);
                let mut all = Vec::new();
                checked(&file[..]).unwrap().read_to_end(&mut all).unwrap();
                assert_eq!(all, file);
            }
        }
    }

    #[test]
    fn what_is_refused() {
        let problem = |file: &[u8]| match checked(file).err().unwrap() {
            Fault::Problem(problem) => problem.to_string(),
            Fault::Io(error) => panic!("{error}"),
        };
        let fields = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,), }";
        assert!(problem(&header(1, fields)).contains("several fields"));
        for text in [
            "",
            "{",
            "{'a': (1, (2))}",
            "{'a': {}}",
            "{'a': 1}",
            "{'a': 'b\\'}'}",
            "{'a': (123456789012345678901)}",
            "{} {}",
        ] {
            assert_eq!(problem(&header(2, text)), "the header is not that of an array of numbers", "{text:?}");
        }
        let mut long = header(2, "{}");
        long[8..12].copy_from_slice(&(LONGEST as u32 + 1).to_le_bytes());
        assert!(problem(&long).contains("65537 bytes"));
        for cut in 8..14 {
            assert_eq!(problem(&header(2, "{}    ")[..cut]), "the header is cut off");
        }
        // Left to the array's reader.
        for other in [&b""[..], b"\x93NUMP", b"not an array at all"] {
            assert!(checked(other).is_ok());
        }
    }
}
