//! The directory at the end of an archive (APPNOTE 4.3.12 to 4.3.16).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::member::Member;
use super::{corrupt, u16_at, u32_at, u64_at};

/// A larger directory is refused: it would have to be held in memory.
pub const MAX_DIRECTORY: u64 = 64 << 20;
/// So are more members than this.
pub const MAX_MEMBERS: u64 = 500_000;

const END: &[u8] = b"PK\x05\x06";
const END_LEN: usize = 22;
/// The comment that may follow the end record.
const MAX_COMMENT: usize = u16::MAX as usize;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LEN: u64 = 20;
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LEN: usize = 56;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LEN: usize = 46;
/// The extra field that holds what 32 bits cannot.
const ZIP64_FIELD: u16 = 1;

/// Where an archive's directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its first byte.
    start: u64,
    /// How many bytes it has.
    pub size: u64,
    /// How many members it says it has.
    count: u64,
    /// Whether `count` is whole, not only its lower 16 bits.
    is_64: bool,
    /// What stands before the archive in its file; offsets do not count it.
    prefix: u64,
}

impl Directory {
    /// Finds the directory of the archive in `file`.
    ///
    /// # Errors
    /// `InvalidData` if there is none (the file is cut off, or no zip), or if it is beyond
    /// [`MAX_DIRECTORY`] or [`MAX_MEMBERS`].
    pub fn find(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let tail_len = length.min((END_LEN + MAX_COMMENT) as u64);
        let tail = read_at(file, length - tail_len, tail_len as usize)?;
        let Some(at) = end_record(&tail) else {
            return Err(corrupt("there is no directory at the end of the archive: it is cut off, or no zip"));
        };
        let end = length - tail_len + at as u64;
        let directory = Self::from_records(file, &tail[at..], end)?;
        if directory.size > MAX_DIRECTORY {
            return Err(corrupt(format!("its directory is larger than {} MiB", MAX_DIRECTORY >> 20)));
        }
        if directory.count > MAX_MEMBERS {
            return Err(corrupt(format!(
                "it has {} members, and at most {MAX_MEMBERS} are read",
                directory.count
            )));
        }
        Ok(directory)
    }

    /// From the end record, which stands at `end`, or from the one for large archives before it.
    fn from_records(file: &File, record: &[u8], end: u64) -> io::Result<Self> {
        if u16_at(record, 4) != u16_at(record, 6) {
            return Err(corrupt("it is one part of an archive of several files"));
        }
        if let Some((at, large)) = end_64(file, end)? {
            return Self::placed(at, u64_at(&large, 48), u64_at(&large, 40), u64_at(&large, 32), true);
        }
        let (offset, size) = (u32_at(record, 16), u32_at(record, 12));
        Self::placed(end, offset.into(), size.into(), u16_at(record, 10).into(), false)
    }

    /// The directory ends where its end record starts, whatever stands before the archive.
    fn placed(end: u64, offset: u64, size: u64, count: u64, is_64: bool) -> io::Result<Self> {
        let start = end.checked_sub(size);
        let prefix = start.and_then(|start| start.checked_sub(offset));
        match (start, prefix) {
            (Some(start), Some(prefix)) => Ok(Self { start, size, count, is_64, prefix }),
            _ => Err(corrupt("its directory lies outside of it: a part of the archive is missing")),
        }
    }

    /// Its files in their order, those that `wanted` (a name) is true of. Folders and links are no files.
    ///
    /// # Errors
    /// If the file cannot be read, or the directory is damaged or names other numbers than it holds.
    pub fn members(&self, file: &File, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<Member>> {
        let mut reader = file;
        reader.seek(SeekFrom::Start(self.start))?;
        let mut entries = BufReader::new(reader).take(self.size);
        let mut members = Vec::new();
        let mut count = 0;
        while entries.limit() > 0 {
            if count == MAX_MEMBERS {
                return Err(corrupt(format!("it has more than {MAX_MEMBERS} members")));
            }
            let member = self.entry(&mut entries, count)?;
            members.extend(member.filter(|member| wanted(&member.name)));
            count += 1;
        }
        let says = if self.is_64 { count } else { count & 0xffff };
        if says != self.count {
            return Err(corrupt(format!("its directory names {count} members and says {}", self.count)));
        }
        members.shrink_to_fit();
        Ok(members)
    }

    /// One entry; `None` if it is no file.
    fn entry(&self, entries: &mut impl Read, index: u64) -> io::Result<Option<Member>> {
        let mut fixed = [0; ENTRY_LEN];
        entries.read_exact(&mut fixed).map_err(|_| damaged(index))?;
        if !fixed.starts_with(ENTRY) {
            return Err(damaged(index));
        }
        let mut part = |at| {
            let mut bytes = vec![0; u16_at(&fixed, at).into()];
            entries.read_exact(&mut bytes).map_err(|_| damaged(index)).map(|()| bytes)
        };
        let (name, extra, _comment) = (part(28)?, part(30)?, part(32)?);
        let mut wide = zip64_field(&extra);
        let mut number = |at| match u32_at(&fixed, at) {
            u32::MAX => take_u64(&mut wide).ok_or_else(|| damaged(index)),
            small => Ok(small.into()),
        };
        let (size, packed, header) = (number(24)?, number(20)?, number(42)?);
        let header = header.checked_add(self.prefix).ok_or_else(|| damaged(index))?;
        if header.checked_add(packed).is_none_or(|end| end > self.start) {
            return Err(corrupt(format!("member {} lies outside of the archive", index + 1)));
        }
        let is_file = !name.ends_with(b"/") && !is_link(&fixed);
        Ok(is_file.then(|| Member {
            index,
            name: String::from_utf8_lossy(&name).replace(char::is_control, "\u{fffd}").into(),
            header,
            packed,
            size,
            crc: u32_at(&fixed, 16),
            method: u16_at(&fixed, 10),
            flags: u16_at(&fixed, 8),
        }))
    }
}

fn damaged(index: u64) -> io::Error {
    corrupt(format!("its directory is damaged at member {}", index + 1))
}

/// Where the end record is in the last part of a file. The comment after it may hold the same four
/// bytes, so its length must be right; but something may follow the archive.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_LEN)?;
    let fits = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(END) && END_LEN + usize::from(u16_at(record, 20)) <= record.len()
    };
    let is_exact =
        |at: &usize| fits(at) && END_LEN + usize::from(u16_at(&tail[*at..], 20)) == tail.len() - at;
    (0..=last).rev().find(is_exact).or_else(|| (0..=last).rev().find(fits))
}

/// The end record of large archives and its place, if there is one before the ordinary one at `end`.
fn end_64(file: &File, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let Some(at) = end.checked_sub(LOCATOR_LEN) else { return Ok(None) };
    let locator = read_at(file, at, LOCATOR_LEN as usize)?;
    if !locator.starts_with(LOCATOR) {
        return Ok(None);
    }
    // What stands before the archive is not in the locator's count; then the record is the one before it.
    let places = [Some(u64_at(&locator, 8)), at.checked_sub(END_64_LEN as u64)];
    for place in places.into_iter().flatten() {
        if place.checked_add(END_64_LEN as u64).is_some_and(|end| end <= at) {
            let record = read_at(file, place, END_64_LEN)?;
            if record.starts_with(END_64) {
                return Ok(Some((place, record)));
            }
        }
    }
    Err(corrupt("its end record is damaged: the archive is cut off, or was changed"))
}

/// The content of the extra field for large numbers.
fn zip64_field(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let body = &extra[4..];
        if id == ZIP64_FIELD {
            return &body[..length.min(body.len())];
        }
        extra = body.get(length..).unwrap_or_default();
    }
    &[]
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_at_checked(8)?;
    *bytes = rest;
    Some(u64_at(number, 0))
}

/// Whether an entry was made on Unix and is a symbolic link there.
fn is_link(entry: &[u8]) -> bool {
    const UNIX: u16 = 3;
    u16_at(entry, 4) >> 8 == UNIX && u16_at(entry, 40) & 0xf000 == 0xa000
}

fn read_at(mut file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
