//! One file in an archive, and its bytes.

use std::fs::File;
#[cfg(feature = "parquet")]
use std::io::Write;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use busta_core::{Error, Result};
use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;

#[cfg(feature = "parquet")]
use super::MAX_UNPACKED;
use super::{corrupt, is_bomb, u16_at};
use crate::formats::compression::READ_AHEAD;
#[cfg(feature = "parquet")]
use crate::formats::unreadable;
use crate::formats::window::{Counted, Reads};

const HEADER: &[u8] = b"PK\x03\x04";
const HEADER_LEN: usize = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A file in an archive, as the directory tells of it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its place in the directory, from 0.
    pub index: u64,
    /// Its name; bytes that are no text, and control characters, are replaced.
    pub name: Box<str>,
    /// How many bytes it takes in the archive.
    pub packed: u64,
    /// How many bytes it has.
    pub size: u64,
    pub(super) header: u64,
    pub(super) crc: u32,
    pub(super) method: u16,
    pub(super) flags: u16,
}

impl Member {
    /// Whether it can be read at all.
    ///
    /// # Errors
    /// If it is encrypted, packed in a way other than deflate, or would grow beyond all reason.
    pub fn check(&self) -> Result<()> {
        if self.flags & 1 != 0 {
            return Err(Error::data("it is encrypted, and busta takes no passwords for archives")
                .hint("unpack the archive, or leave this member out with `exclude`"));
        }
        if !matches!(self.method, STORED | DEFLATED) {
            let method = method_name(self.method);
            return Err(Error::data(format!("it is packed with {method}, which cannot be read"))
                .hint("pack the archive again with deflate, or unpack it"));
        }
        if is_bomb(self.packed, self.size) {
            let (size, packed) = (self.size, self.packed);
            return Err(Error::data(format!(
                "it would unpack {packed} bytes to {size}: this looks like a bomb"
            ))
            .hint("if it is meant to, unpack the archive"));
        }
        Ok(())
    }

    /// Its bytes: exactly as many as the directory says, with the checksum it says, else an error comes
    /// in the place of the end. `read` counts what is read of the file.
    ///
    /// The reader uses the file's own place, so only one at a time may be read.
    pub fn open(&self, file: &Arc<File>, read: Arc<Reads>) -> io::Result<Box<dyn Read + Send>> {
        let mut source = &**file;
        source.seek(SeekFrom::Start(self.header))?;
        let mut header = [0; HEADER_LEN];
        source.read_exact(&mut header)?;
        if !header.starts_with(HEADER) {
            return Err(corrupt("there is no member where the directory says"));
        }
        let names = i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28));
        source.seek_relative(names)?;
        let packed = Counted::new(file.clone(), read).take(self.packed);
        let capacity = self.packed.clamp(1, READ_AHEAD as u64) as usize;
        let inner: Box<dyn Read + Send> = match self.method {
            DEFLATED => Box::new(DeflateDecoder::new(BufReader::with_capacity(capacity, packed))),
            _ => Box::new(packed),
        };
        Ok(Box::new(Checked {
            inner,
            left: self.size,
            crc: Hasher::new(),
            expected: self.crc,
            is_done: false,
        }))
    }
    /// Its first bytes, at most so many.
    pub fn head(&self, file: &Arc<File>, count: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.open(file, Arc::default())?.take(count).read_to_end(&mut head)?;
        Ok(head)
    }

    /// A copy of its bytes in a temporary file that has no name and is gone when it is closed, for formats that
    /// are not read from front to end.
    ///
    /// # Errors
    /// If it is larger than [`MAX_UNPACKED`], cannot be read, or there is no room for it.
    #[cfg(feature = "parquet")]
    pub fn unpacked(&self, file: &Arc<File>) -> Result<File> {
        if self.size > MAX_UNPACKED {
            let (size, most) = (self.size, MAX_UNPACKED >> 30);
            return Err(Error::data(format!("it has {size} bytes; no more than {most} GiB are unpacked"))
                .hint("unpack the archive yourself"));
        }
        let no_room = |error: io::Error| {
            Error::unavailable(format!("it cannot be unpacked to a temporary file: {error}"))
                .hint("make room there, or name another folder with TMPDIR")
        };
        let mut bytes = self.open(file, Arc::default()).map_err(|error| unreadable(&error))?;
        let mut copy = tempfile::tempfile().map_err(no_room)?;
        let mut piece = vec![0; 256 << 10];
        loop {
            match bytes.read(&mut piece).map_err(|error| unreadable(&error))? {
                0 => break,
                count => copy.write_all(&piece[..count]).map_err(no_room)?,
            }
        }
        copy.rewind().map_err(no_room)?;
        Ok(copy)
    }
}

/// The names of methods that are met (APPNOTE 4.4.5).
fn method_name(method: u16) -> String {
    let name = match method {
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        9 => "deflate64",
        12 => "bzip2",
        14 => "lzma",
        93 => "zstd",
        95 => "xz",
        98 => "ppmd",
        _ => return format!("method {method}"),
    };
    format!("method {method} ({name})")
}

/// Bytes that are held to a length and a checksum.
struct Checked {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: Hasher,
    expected: u32,
    is_done: bool,
}

impl Checked {
    fn end(&mut self) -> io::Result<usize> {
        if self.is_done {
            return Ok(0);
        }
        if self.inner.read(&mut [0])? > 0 {
            return Err(corrupt("it holds more than the directory says"));
        }
        if self.crc.clone().finalize() != self.expected {
            return Err(corrupt("its checksum (CRC-32) is wrong"));
        }
        self.is_done = true;
        Ok(0)
    }
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.end();
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let count = self.inner.read(&mut into[..room])?;
        if count == 0 {
            return Err(corrupt(format!("it ends {} bytes before the directory says", self.left)));
        }
        self.crc.update(&into[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}
