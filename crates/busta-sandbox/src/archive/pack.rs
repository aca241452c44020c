//! Containers: zip (PKWARE's APPNOTE 6.3, without its 64-bit fields) and gzip (RFC 1952).

use bytes::Bytes;
use chrono::{Datelike as _, NaiveDate};
use crc32fast::Hasher;

/// The methods of members.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;

/// Bytes as a container holds them.
pub(super) struct Member {
    name: String,
    method: u16,
    pub(super) crc: u32,
    plain: u64,
    packed: u64,
    pieces: Vec<Bytes>,
}

impl Member {
    /// A raw deflated stream, and what is known of the bytes in it.
    pub(super) fn deflated(name: String, pieces: Vec<Bytes>, crc: &Hasher, plain: u64) -> Self {
        let packed = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { name, method: DEFLATED, crc: crc.clone().finalize(), plain, packed, pieces }
    }

    /// Bytes as they are.
    pub(super) fn stored(name: String, bytes: Bytes) -> Self {
        let (crc, size) = (crc32fast::hash(&bytes), bytes.len() as u64);
        Self { name, method: STORED, crc, plain: size, packed: size, pieces: vec![bytes] }
    }

    /// The fields that a member has both before its bytes and in the directory.
    fn fields(&self, day: NaiveDate) -> Vec<u8> {
        let mut out = Vec::new();
        let flags = if self.name.is_ascii() { 0 } else { UTF8 };
        let date = (day.year() - 1980).clamp(0, 127) << 9 | (day.month() as i32) << 5 | day.day() as i32;
        for short in [20, flags, self.method, 0, date as u16] {
            out.extend(short.to_le_bytes());
        }
        for long in [self.crc, self.packed as u32, self.plain as u32] {
            out.extend(long.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend(0u16.to_le_bytes());
        out
    }
}

/// A zip file whose members were last changed on `day`.
pub(super) fn zip(members: Vec<Member>, day: NaiveDate) -> Vec<Bytes> {
    let (mut pieces, mut directory, mut at) = (Vec::new(), Vec::new(), 0u64);
    let count = members.len() as u16;
    for member in members {
        let fields = member.fields(day);
        directory.extend(*b"PK\x01\x02\x14\x03");
        directory.extend(&fields);
        // No comment, the first disk, no attributes but those of Unix: a plain file that all may read.
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend((at as u32).to_le_bytes());
        directory.extend(member.name.as_bytes());
        let head = [b"PK\x03\x04".as_slice(), &fields, member.name.as_bytes()].concat();
        at += head.len() as u64 + member.packed;
        pieces.push(head.into());
        pieces.extend(member.pieces);
    }
    let size = directory.len() as u32;
    directory.extend(*b"PK\x05\x06\0\0\0\0");
    directory.extend(count.to_le_bytes());
    directory.extend(count.to_le_bytes());
    directory.extend(size.to_le_bytes());
    directory.extend((at as u32).to_le_bytes());
    directory.extend([0; 2]);
    pieces.push(directory.into());
    pieces
}

/// A gzip file without a name or a time.
pub(super) fn gzip(member: Member) -> Vec<Bytes> {
    let tail = [member.crc.to_le_bytes(), (member.plain as u32).to_le_bytes()].concat();
    let head = Bytes::from_static(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]);
    std::iter::once(head).chain(member.pieces).chain(std::iter::once(tail.into())).collect()
}
