//! Checksums: what an object is said to be, in the notations that catalogues and archives use.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::hex;

/// The functions that can be computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RFC 1321. Finds accidents, not attacks.
    Md5,
    /// FIPS 180-4. Finds accidents, not attacks.
    Sha1,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name as in `sha256:…`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes its digests have.
    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The code of the multicodec table, <https://github.com/multiformats/multicodec>.
    fn multihash_code(self) -> u64 {
        match self {
            Self::Md5 => 0xd5,
            Self::Sha1 => 0x11,
            Self::Sha256 => 0x12,
            Self::Sha512 => 0x13,
        }
    }
}

/// A digest and the function that made it; shown as `sha256:9f86d0…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    /// A digest of `algorithm`; `None` if it has not the length of one.
    pub fn new(algorithm: Algorithm, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == algorithm.digest_bytes()).then_some(Self { algorithm, digest })
    }

    /// From hexadecimal digits of either case, as `sha256sum` and its kin write them.
    pub fn from_hex(algorithm: Algorithm, digits: &str) -> Option<Self> {
        Self::new(algorithm, unhex(digits)?)
    }

    /// From a multihash in hexadecimal digits, as `file:checksum` of the STAC file extension has it:
    /// the function's code and the digest's length, both as unsigned varints, and the digest
    /// (<https://multiformats.io/multihash/>). The multibase prefix `f` may stand before it. The error
    /// is a clause that says what is wrong.
    pub fn from_multihash(text: &str) -> Result<Self, String> {
        let digits = text.trim();
        // Hexadecimal digits come in pairs, so an odd count beginning with `f` has the prefix.
        let odd = digits.len() % 2 == 1;
        let digits = digits.strip_prefix(['f', 'F']).filter(|_| odd).unwrap_or(digits);
        let bytes = unhex(digits).ok_or("is not a multihash in hexadecimal digits")?;
        let (code, rest) = varint(&bytes).ok_or("is cut off")?;
        let (length, digest) = varint(rest).ok_or("is cut off")?;
        let known = Algorithm::ALL.into_iter().find(|algorithm| algorithm.multihash_code() == code);
        let algorithm =
            known.ok_or_else(|| format!("is of a function that busta does not know (0x{code:x})"))?;
        if length != digest.len() as u64 {
            return Err(format!("promises {length} bytes of digest and has {}", digest.len()));
        }
        Self::new(algorithm, digest.to_vec())
            .ok_or_else(|| format!("has a digest of {length} bytes, which is not {}", algorithm.name()))
    }

    /// The function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.digest)
    }

    /// What [`fmt::Display`] shows, read back.
    fn parse(text: &str) -> Option<Self> {
        let (name, digits) = text.split_once(':')?;
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)?;
        Self::from_hex(algorithm, digits)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a checksum such as `sha256:9f86d0…`"))
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()).collect()
}

/// An unsigned varint of at most nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn multihashes_as_stac_writes_them() {
        let sha256 = "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let read = Checksum::from_multihash(sha256).unwrap();
        assert_eq!(read.algorithm(), Algorithm::Sha256);
        assert_eq!(read.hex(), &sha256[4..]);
        assert_eq!(Checksum::from_multihash(&format!("f{sha256}")).unwrap(), read);
        assert_eq!(Checksum::from_multihash(&sha256.to_uppercase()).unwrap(), read);
        let md5 = Checksum::from_multihash("d50110d41d8cd98f00b204e9800998ecf8427e").unwrap();
        assert_eq!(md5.to_string(), "md5:d41d8cd98f00b204e9800998ecf8427e");
        let sha1 = Checksum::from_multihash("1114da39a3ee5e6b4b0d3255bfef95601890afd80709").unwrap();
        assert_eq!(sha1.algorithm(), Algorithm::Sha1);
    }

    #[test]
    fn what_is_no_multihash_says_why() {
        for (text, why) in [
            ("", "cut off"),
            ("12", "cut off"),
            ("zz", "not a multihash"),
            ("sha256:00", "not a multihash"),
            ("1220e3b0", "promises 32 bytes of digest and has 2"),
            ("1202e3b0", "not sha256"),
            ("1620e3b0", "does not know (0x16)"),
            ("ffffffffffffffffffffffff", "cut off"),
        ] {
            let error = Checksum::from_multihash(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    fn checksums() -> impl Strategy<Value = Checksum> {
        (0..4usize, any::<[u8; 64]>()).prop_map(|(which, bytes)| {
            let algorithm = Algorithm::ALL[which];
            Checksum::new(algorithm, bytes[..algorithm.digest_bytes()].to_vec()).unwrap()
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "f?[0-9a-fA-Fx]{0,80}|\\PC{0,20}") {
            let _ = Checksum::from_multihash(&text);
            let _ = Checksum::from_hex(Algorithm::Md5, &text);
        }

        #[test]
        fn checksums_round_trip(checksum in checksums(), prefix in "f?") {
            let json = serde_json::to_string(&checksum).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Checksum>(&json).unwrap(), &checksum);
            let mut code = checksum.algorithm.multihash_code();
            let mut multihash = prefix;
            while code >= 0x80 {
                multihash.push_str(&format!("{:02x}", (code & 0x7f) | 0x80));
                code >>= 7;
            }
            multihash.push_str(&format!("{code:02x}{:02x}{}", checksum.digest.len(), checksum.hex()));
            prop_assert_eq!(Checksum::from_multihash(&multihash).unwrap(), checksum);
        }
    }
}
