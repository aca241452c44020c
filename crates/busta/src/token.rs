//! Tokens of the server: how they are made, and what is kept of them.

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

/// What a token begins with, so that people and scanners for leaked secrets know it.
pub const PREFIX: &str = "busta_";

/// Tokens that others have made must have as many characters at least.
pub const SHORTEST: usize = 20;

/// A new token: the prefix and 256 bits of chance of the operating system in hexadecimal digits.
pub fn generate() -> io::Result<String> {
    let mut chance = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut chance)?;
    let digits: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{PREFIX}{digits}"))
}

/// The SHA-256 of a token's text, prefix and all: what is stored and compared.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_their_digests_are_those_of_others() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(one.starts_with(PREFIX) && one.len() == PREFIX.len() + 64, "{one}");
        assert_ne!(one, other);
        // FIPS 180-2, B.1.
        assert_eq!(digest("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
