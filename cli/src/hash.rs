//! What tells one table, or one text, from another.

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo) of words; of bytes, the published one.
pub(crate) fn fnv1a(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// The same of a text's bytes.
pub(crate) fn of_text(text: &str) -> u64 {
    fnv1a(text.bytes().map(u64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published values.
    #[test]
    fn hashes() {
        assert_eq!(
            (of_text(""), of_text("a"), of_text("foobar")),
            (0xcbf29ce484222325, 0xaf63dc4c8601ec8c, 0x85944171f73967e8)
        );
    }
}
