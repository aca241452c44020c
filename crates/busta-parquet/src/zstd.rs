//! Pages, compressed.

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use zstd::bulk::Compressor;

/// Compresses pages of all columns, one after the other.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    level: ZstdLevel,
    packed: Vec<u8>,
}

impl Packer {
    pub fn new(level: ZstdLevel) -> Result<Self> {
        let compressor = Compressor::new(level.compression_level())?;
        Ok(Self { compressor, level, packed: Vec::new() })
    }

    pub fn compression(&self) -> Compression {
        Compression::ZSTD(self.level)
    }

    /// The bytes compressed; they are there until the next are.
    pub fn pack(&mut self, plain: &[u8]) -> Result<&[u8]> {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        self.compressor.compress_to_buffer(plain, &mut self.packed)?;
        Ok(&self.packed)
    }
}
