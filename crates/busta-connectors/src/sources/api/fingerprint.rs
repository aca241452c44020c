//! A short number that differs for different texts, the same on every machine and in every version.

/// FNV-1a, 64 bits, over the texts and their lengths
/// (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>). Never 0, which stands for none.
pub fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for text in texts {
        let length = (text.len() as u64).to_le_bytes();
        for byte in length.iter().chain(text) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_change() {
        // Stored in checkpoints, so a change would be a change of format.
        assert_eq!(fingerprint([b"a".as_slice(), b"b"]), fingerprint([b"a".as_slice(), b"b"]));
        assert_ne!(fingerprint([b"ab".as_slice()]), fingerprint([b"a".as_slice(), b"b"]));
        assert_ne!(fingerprint([]), 0);
    }
}
