//! The keys of merged rows: what each row is known by.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use busta_core::CursorValue;
use busta_core::json::for_each_field;
use sha2::{Digest, Sha256};

use super::columns::{Columns, OWN_FIELDS, Types};
use super::content::{Content, whole};
use super::segment::RowKeySpec;

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
        Self::of_row(spec, &[], record, columns)
    }

    /// The same of a row that was read back from a file. There a number may have become a text, because another
    /// row had one; `numbers` says which fields of the key, and behind them whether the cursor, were numbers.
    pub(super) fn of_row(
        spec: &RowKeySpec,
        numbers: &[bool],
        record: &[u8],
        columns: &mut Columns,
    ) -> Result<Self, String> {
        let mut parts: Vec<Option<&str>> = vec![None; spec.fields.len()];
        let mut cursor = None;
        let mut content = Content::default();
        columns.restart();
        for_each_field(record, |name, raw| {
            columns.note(&name, Types::of(raw));
            if raw != "null" && !OWN_FIELDS.contains(&&*name) && !spec.ignored.iter().any(|f| *f == *name) {
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
        for (place, (field, raw)) in spec.fields.iter().zip(parts).enumerate() {
            match raw.filter(|raw| *raw != "null") {
                Some(raw) => hash_value(&mut hash, as_it_was(raw, numbers.get(place))),
                None => hash_missing(&mut hash, spec, field)?,
            }
        }
        Ok(Self {
            hash: u128::from_le_bytes(first_bytes(hash)),
            content: content.hash(),
            cursor: cursor
                .and_then(|raw| CursorValue::from_json(as_it_was(raw, numbers.get(spec.fields.len())))),
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

    pub(super) fn decode(input: &mut &[u8]) -> Option<Self> {
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

/// A value that may have been a number when it was written.
fn as_it_was<'a>(raw: &'a str, was_number: Option<&bool>) -> &'a str {
    if was_number == Some(&true) { raw.trim_matches('"') } else { raw }
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

/// Adds to the hash of a key that it lacks `field`. The error is for keys that may not.
pub(super) fn hash_missing(hash: &mut Sha256, spec: &RowKeySpec, field: &str) -> Result<(), String> {
    if !spec.optional.iter().any(|known| known == field) {
        return Err(format!("the key field `{field}` is missing or null"));
    }
    hash_part(hash, b'0', &[]);
    Ok(())
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
