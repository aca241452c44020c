//! Digests as they stand in names of files and splits and in keys of cursors: the first bytes of a SHA-256, in
//! lower-case hexadecimal digits. What they are is on users' disks and must stay.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A text takes whatever is written.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// So many bytes, at most 32, of the digest of `content`.
pub fn first(bytes: usize, content: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(content)[..bytes])
}

/// Eight bytes of the digest of several names, in their order.
pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name);
        hash.update([0]);
    }
    hex(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_what_they_were() {
        let whole = first(32, "busta");
        assert_eq!((whole.len(), &whole[..8]), (64, &*first(4, "busta")));
        assert_eq!(first(8, ""), "e3b0c44298fc1c14");
        assert_eq!(of_names(["a", "b"]), first(8, "a\0b\0"));
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
