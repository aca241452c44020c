//! The keys of merged rows: a hash per row and the value of its cursor field, kept beside the
//! segment (`_busta/keys/<n>`), so that a merge reads some 30 bytes per row instead of the row.
//!
//! A sidecar begins with a digest of the [`RowKeySpec`] it was made for (8 bytes); then comes a block
//! per commit: `u32` length of the rest, `u32` rows, `u32` CRC-32 of the
//! entries (all little-endian), entries. An entry is 16 bytes of hash, 8 bytes of content hash, a tag, and the cursor: nothing
//! (0), `i64` (1), `f64` (2), `u32` length and UTF-8 (3). It is never synced: it can be made again
//! from the segment, and it is used only if its blocks are whole and hold as many rows as the
//! segment.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use busta_core::json::for_each_field;
use busta_core::{CursorValue, Result};
use sha2::{Digest, Sha256};

use super::columns::{Columns, OWN_FIELDS, Types};
use super::content::{Content, whole};
use super::segment::RowKeySpec;
use super::trouble::{corrupt, io_error};

/// The version of the entries. Sidecars of another one are made anew.
const ENTRIES: u8 = 3;

/// Something for each key, by its hash.
pub(super) type KeyMap<T> = HashMap<u128, T, BuildHasherDefault<Hashed>>;

/// Takes a part of what is a hash already for another hash.
#[derive(Clone, Copy, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut first = [0; 8];
        let length = bytes.len().min(8);
        first[..length].copy_from_slice(&bytes[..length]);
        self.0 = u64::from_ne_bytes(first);
    }

    fn write_u128(&mut self, hash: u128) {
        // The other half tells which part of a merge it belongs to.
        self.0 = (hash >> 64) as u64;
    }
}

/// What a merge needs to know about a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RowKey {
    /// The first 128 bits of a SHA-256 over the key's values: two different keys meet by chance once
    /// in 2^64 rows, and nobody can make them meet.
    pub(super) hash: u128,
    /// What an unchanged record is known by: see [`Content`].
    pub(super) content: u64,
    pub(super) cursor: Option<CursorValue>,
}

impl RowKey {
    /// Whether a row committed later takes the place of this one: unless it is the same, or older. A
    /// row without a cursor value is older than one with it.
    pub(super) fn yields_to(&self, later: &Self) -> bool {
        self.content != later.content
            && match (&self.cursor, &later.cursor) {
                (Some(old), Some(new)) => new.order(old).is_ge(),
                (old, new) => new.is_some() || old.is_none(),
            }
    }

    /// The key of a record. The error says which field is missing.
    pub(super) fn of(spec: &RowKeySpec, record: &[u8], columns: &mut Columns) -> Result<Self, String> {
        let mut parts: Vec<Option<&str>> = vec![None; spec.fields.len()];
        let mut cursor = None;
        let mut content = Content::default();
        columns.restart();
        for_each_field(record, |name, raw| {
            columns.note(&name, Types::of(raw));
            if raw != "null" && !OWN_FIELDS.contains(&&*name) {
                content.add(&name, raw);
            }
            if let Some(at) = spec.fields.iter().position(|field| *field == name) {
                parts[at] = Some(raw);
            }
            if spec.cursor.as_deref() == Some(&*name) {
                cursor = Some(raw);
            }
        })
        .map_err(|e| format!("not a JSON object: {e}"))?;
        let mut hash = Sha256::new();
        for (field, raw) in spec.fields.iter().zip(parts) {
            let raw = raw.filter(|raw| *raw != "null");
            hash_value(&mut hash, raw.ok_or_else(|| format!("the key field `{field}` is missing or null"))?);
        }
        Ok(Self {
            hash: u128::from_le_bytes(first_bytes(hash)),
            content: content.hash(),
            cursor: cursor.and_then(CursorValue::from_json),
        })
    }

    /// Appends the entry of this row.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.to_le_bytes());
        out.extend_from_slice(&self.content.to_le_bytes());
        match &self.cursor {
            None => out.push(0),
            Some(CursorValue::Integer(n)) => {
                out.push(1);
                out.extend_from_slice(&n.to_le_bytes());
            }
            Some(CursorValue::Float(n)) => {
                out.push(2);
                out.extend_from_slice(&n.to_le_bytes());
            }
            Some(CursorValue::Text(text)) => {
                out.push(3);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let hash = u128::from_le_bytes(take(input)?);
        let content = u64::from_le_bytes(take(input)?);
        let [tag] = take(input)?;
        let cursor = match tag {
            0 => None,
            1 => Some(CursorValue::Integer(i64::from_le_bytes(take(input)?))),
            2 => Some(CursorValue::Float(f64::from_le_bytes(take(input)?))),
            _ => {
                let length = u32::from_le_bytes(take(input)?) as usize;
                let (text, rest) = input.split_at_checked(length)?;
                *input = rest;
                Some(CursorValue::Text(std::str::from_utf8(text).ok()?.to_owned()))
            }
        };
        Some(Self { hash, content, cursor })
    }
}

/// Equal values have equal hashes however they are written: `"A"` as `"\u0041"`, `1` as `1.0`.
pub(super) fn hash_value(hash: &mut Sha256, raw: &str) {
    let plain = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).filter(|text| !text.contains('\\'));
    if let Some(text) = plain {
        return hash_part(hash, b's', text.as_bytes());
    }
    // What most keys are: an integer in the one way that it is written.
    if let Some(digits) = plain_integer(raw) {
        return hash_part(hash, b'n', digits);
    }
    match serde_json::from_str(raw) {
        Ok(serde_json::Value::String(text)) => hash_part(hash, b's', text.as_bytes()),
        Ok(serde_json::Value::Number(n)) => match n.as_f64().and_then(whole).filter(|_| n.is_f64()) {
            Some(whole) => hash_part(hash, b'n', whole.to_string().as_bytes()),
            None => hash_part(hash, b'n', n.to_string().as_bytes()),
        },
        Ok(other) => hash_part(hash, b'j', other.to_string().as_bytes()),
        Err(_) => hash_part(hash, b'j', raw.as_bytes()),
    }
}

/// The digits of an integer that is not negative and fits into 64 bits.
fn plain_integer(raw: &str) -> Option<&[u8]> {
    let bytes = raw.as_bytes();
    let is_plain = (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit);
    (is_plain && (bytes[0] != b'0' || bytes.len() == 1)).then_some(bytes)
}

/// Adds a text to the hash of a key.
pub(super) fn hash_text(hash: &mut Sha256, text: &str) {
    hash_part(hash, b's', text.as_bytes());
}

fn hash_part(hash: &mut Sha256, tag: u8, bytes: &[u8]) {
    let mut head = [tag; 9];
    head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    hash.update(head);
    hash.update(bytes);
}

pub(super) fn first_bytes<const N: usize>(hash: Sha256) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&hash.finalize()[..N]);
    first
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*head)
}

/// One block of a sidecar.
pub(super) fn block(entries: &[u8], rows: u32) -> Vec<u8> {
    let mut block = Vec::with_capacity(entries.len() + 12);
    block.extend_from_slice(&(entries.len() as u32 + 8).to_le_bytes());
    block.extend_from_slice(&rows.to_le_bytes());
    block.extend_from_slice(&crc32fast::hash(entries).to_le_bytes());
    block.extend_from_slice(entries);
    block
}

/// What a sidecar for `spec` begins with.
pub(super) fn head(spec: &RowKeySpec) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update([ENTRIES]);
    for field in spec.fields.iter().chain(&spec.cursor) {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hash.update([u8::from(spec.cursor.is_some())]);
    let mut head = [0; 8];
    head.copy_from_slice(&hash.finalize()[..8]);
    head
}

/// Opens a sidecar for more blocks, cut behind the block that completes `rows`; `None` if it does
/// not hold exactly those.
pub(super) fn reopen(path: &Path, spec: &RowKeySpec, rows: u64) -> Result<Option<File>> {
    let Some(length) = SidecarReader::length_of(path, spec, rows)? else { return Ok(None) };
    let file = OpenOptions::new().append(true).open(path).map_err(|e| io_error("open", path, e))?;
    file.set_len(length).map_err(|e| io_error("cut", path, e))?;
    Ok(Some(file))
}

/// Reads a sidecar from its beginning.
pub(super) struct SidecarReader {
    input: BufReader<File>,
    block: Vec<u8>,
    at: usize,
    path: PathBuf,
}

impl SidecarReader {
    /// `None` if there is none for `spec`.
    fn begin(path: &Path, spec: &RowKeySpec) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("open", path, e)),
        };
        let mut input = BufReader::with_capacity(1 << 16, file);
        let mut found = [0; 8];
        let fits = input.read_exact(&mut found).is_ok() && found == head(spec);
        Ok(fits.then(|| Self { input, block: Vec::new(), at: 0, path: path.to_owned() }))
    }

    /// How long a sidecar for `spec` is up to the end of `rows`; `None` if it does not hold exactly
    /// those.
    fn length_of(path: &Path, spec: &RowKeySpec, rows: u64) -> Result<Option<u64>> {
        let Some(mut reader) = Self::begin(path, spec)? else { return Ok(None) };
        let (mut seen, mut length) = (0, 8);
        while seen < rows
            && let Some((block_rows, size)) = reader.next_block()?
        {
            seen += u64::from(block_rows);
            length += size;
        }
        Ok((seen == rows).then_some(length))
    }

    /// Opens a sidecar that holds the keys of `rows` rows by `spec`; `None` if there is none.
    pub(super) fn open(path: &Path, spec: &RowKeySpec, rows: u64) -> Result<Option<Self>> {
        match Self::length_of(path, spec, rows)? {
            Some(_) => Self::begin(path, spec),
            None => Ok(None),
        }
    }

    /// Loads the next whole block: its rows and its size on the disk. `None` at the end, or where the
    /// file is damaged.
    fn next_block(&mut self) -> Result<Option<(u32, u64)>> {
        let mut head = [0; 12];
        if self.input.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (length, rows, crc) = (word(0), word(4), word(8));
        self.block.clear();
        self.at = 0;
        let entries = u64::from(length.saturating_sub(8));
        let read = (&mut self.input).take(entries).read_to_end(&mut self.block);
        let whole = length >= 8 && read.is_ok_and(|n| n as u64 == entries);
        Ok((whole && crc32fast::hash(&self.block) == crc).then_some((rows, 12 + entries)))
    }

    /// The next key.
    pub(super) fn next(&mut self) -> Result<RowKey> {
        while self.at >= self.block.len() {
            if self.next_block()?.is_none() {
                return Err(corrupt(&self.path, "ends before its segment"));
            }
        }
        let mut rest = &self.block[self.at..];
        let key = RowKey::decode(&mut rest).ok_or_else(|| corrupt(&self.path, "holds an unknown entry"))?;
        self.at = self.block.len() - rest.len();
        Ok(key)
    }
}
