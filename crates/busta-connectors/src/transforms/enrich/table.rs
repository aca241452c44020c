//! The rows of a side file by their key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use busta_core::{Error, Result};

use super::super::document::{Kind, Node};

/// Keys and fields may take this much memory.
const MAX_BYTES: usize = 512 << 20;

/// What a map holds per row besides the key's text.
const ENTRY: usize = size_of::<(Box<str>, Range<u32>)>() * 2;

/// Rows by their key. The fields of all rows are JSON objects in one text.
#[derive(Debug, Default)]
pub struct Table {
    places: HashMap<Box<str>, Range<u32>>,
    text: String,
    keys: usize,
}

impl Table {
    /// The row with this key, as a JSON object.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.places.get(key).map(|span| &self.text[span.start as usize..span.end as usize])
    }

    /// Whether there is a row with this key.
    pub fn has(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// Adds a row, in place of the one with the same key.
    pub fn insert(&mut self, key: &str, row: &Node<'_>) -> Result<()> {
        let start = self.text.len();
        row.write(&mut self.text);
        self.keys += key.len();
        if self.bytes() > MAX_BYTES {
            let message = format!("its keys and fields need more than {} MiB", MAX_BYTES >> 20);
            return Err(Error::config(message).hint("take fewer `fields` of it"));
        }
        // Both ends are below MAX_BYTES, and so 32 bits are enough.
        self.places.insert(key.into(), start as u32..self.text.len() as u32);
        Ok(())
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.keys + self.places.len() * ENTRY
    }
}

/// What a value is compared by: texts and numbers as they are written, `1` and `"1"` alike, since CSV
/// does not tell them apart.
pub fn key<'n>(node: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match node.kind() {
        Kind::Text => node.as_text(),
        Kind::Number => Some(node.json()),
        _ => None,
    }
}
