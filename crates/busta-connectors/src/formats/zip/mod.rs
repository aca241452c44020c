//! Zip archives, read member by member; none is written to a disk that can be read from front to end.
//!
//! The wire format is PKWARE's APPNOTE.TXT 6.3.10 (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
//! Only the directory at an archive's end is believed; of the header before each member only its own
//! length is used. The library `zip` is not: its readers borrow the archive, hold some hundred bytes for
//! every member, and forget all but one member of a name.
//!
//! # What an archive may not do
//!
//! A name is a name: no file is called by it, so none can leave a folder. No member gives more bytes than the
//! directory says ([`Member::open`]), and what the directory says is held against what the archive weighs
//! ([`is_bomb`]); so what comes out of an archive is bounded before the first byte does.

mod directory;
mod member;
mod names;

pub use directory::{Directory, MAX_DIRECTORY, MAX_MEMBERS};
pub use member::Member;
pub use names::is_hidden;

use busta_core::{Error, Result};

/// More than this many bytes out for each byte in, and it is a bomb. Real text reaches about 50; the most
/// that deflate can do is 1,032.
pub const MAX_RATIO: u64 = 200;

/// So much may come out of anything, however small it is.
pub const HARMLESS: u64 = 16 << 20;

/// A member that must be unpacked to a disk may have so many bytes.
#[cfg(feature = "parquet")]
const MAX_UNPACKED: u64 = 4 << 30;

/// Whether `size` bytes out of `packed` bytes cannot be honest.
pub fn is_bomb(packed: u64, size: u64) -> bool {
    size > most(packed)
}

/// The most that may come out of `packed` bytes.
pub fn most(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).max(HARMLESS)
}

/// Refuses an archive whose members could only fit into it one over another. A member that is a bomb by
/// itself is refused by itself.
///
/// # Errors
/// If all of them together would be more than the archive can honestly hold.
pub fn refuse_bomb(members: &[Member], archive: u64) -> Result<()> {
    let honest = members.iter().filter(|member| !is_bomb(member.packed, member.size));
    let total = honest.fold(0u64, |total, member| total.saturating_add(member.size));
    if is_bomb(archive, total) {
        return Err(Error::data(format!(
            "it would unpack {archive} bytes to {total}: this looks like a bomb"
        ))
        .hint("if it is meant to, unpack it yourself"));
    }
    Ok(())
}

/// Whether a file that starts with `head` is a zip archive, perhaps an empty one.
pub fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn corrupt(why: impl Into<String>) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why.into())
}

#[cfg(test)]
mod tests;
