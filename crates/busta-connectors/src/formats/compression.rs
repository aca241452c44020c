//! Compressed files, told by their first bytes.

use std::io::{self, BufReader, Read};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gzip::Gunzip;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, also of several members (RFC 1952), and padded with zeros.
    Gzip,
    /// Zstandard, also of several frames (RFC 8878).
    Zstd,
}

/// Reads of compressed bytes ask the system for this much at once.
pub(super) const READ_AHEAD: usize = 64 << 10;

impl Compression {
    /// What the first four bytes of a file say, whatever its name does.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The bytes that were compressed. What memory this takes does not depend on them: zstd refuses
    /// windows beyond 128 MiB, and nothing is read that is not asked for.
    pub fn decoder(self, bytes: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let bytes = BufReader::with_capacity(READ_AHEAD, bytes);
        Ok(match self {
            Self::None => Box::new(bytes),
            Self::Gzip => Box::new(Gunzip::new(bytes)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(bytes)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(compression: Compression, bytes: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        compression.decoder(io::Cursor::new(bytes))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn several_members_are_read_as_one() {
        let mut gzip = Vec::new();
        let mut zstd = Vec::new();
        for part in ["one ", "two"] {
            let mut encoder = flate2::write::GzEncoder::new(&mut gzip, flate2::Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.finish().unwrap();
            zstd.extend(zstd::encode_all(part.as_bytes(), 1).unwrap());
        }
        assert_eq!(Compression::of(&gzip), Compression::Gzip);
        assert_eq!(Compression::of(&zstd), Compression::Zstd);
        assert_eq!(read(Compression::Gzip, gzip).unwrap(), "one two");
        assert_eq!(read(Compression::Zstd, zstd).unwrap(), "one two");
    }

    #[test]
    fn wrong_bytes_are_an_error() {
        assert_eq!(Compression::of(b"{}"), Compression::None);
        assert!(read(Compression::Gzip, b"{}".to_vec()).is_err());
        assert!(read(Compression::Zstd, b"{\"a\":1}".to_vec()).is_err());
    }
}
