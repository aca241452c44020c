//! File formats that sources and destinations share.
//!
//! # How a stream of bytes becomes records
//!
//! ```text
//! file -> compression -> encoding -> window -> cutter -> slices, each one valid JSON object
//! ```
//!
//! A [`window`] holds the bytes that are read and not yet used. A [`Cutter`] looks at its front and
//! says how many bytes it has used and what they were: a record, something broken, or "not enough
//! here, read more". It keeps no bytes, so that a window of a few hundred KiB reads a file of any
//! size, and its whole state fits in a cursor ([`Cutter::place`]).

pub mod compression;
pub mod csv;
pub mod detect;
pub mod encoding;
mod gzip;
pub mod json;
pub(crate) mod markup;
pub mod ndjson;
mod trouble;
pub mod window;
pub mod yaml;
pub mod zip;

pub use trouble::unreadable;

use std::ops::Range;

use busta_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// No record may be larger than this; a larger one becomes a failure, and the file goes on after it.
pub const MAX_RECORD: usize = 32 << 20;

/// What stands at the front of a window.
#[derive(Debug)]
pub enum Cut {
    /// A record: this part of the window is one valid JSON object.
    Record(Range<usize>),
    /// A record that was made from another format. It stands in the cutter's own buffer
    /// ([`Cutter::made`]) and came from this part of the window.
    Made(Range<usize>),
    /// Something that is no record, where it is, and why.
    Bad {
        /// The part of the window that is bad.
        span: Range<usize>,
        /// `item 17`, `5` (a line).
        place: String,
        /// What is wrong with it.
        error: Error,
    },
    /// The window ends before the next item does.
    More,
    /// Nothing follows.
    End,
}

/// A cutter's state between two records, for a cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutterPlace {
    /// Items, or lines, so far.
    #[serde(rename = "n")]
    pub count: u64,
    /// Where in the document.
    #[serde(rename = "in")]
    pub state: json::Place,
}

/// Cuts one format.
#[derive(Debug)]
pub enum Cutter {
    /// Documents.
    Json(json::JsonCutter),
    /// Lines.
    Ndjson(ndjson::NdjsonCutter),
    /// Rows.
    Csv(csv::CsvCutter),
}

impl Cutter {
    /// Looks at the front of `window` and says how many bytes are used up, and what was found.
    /// `end` means that nothing follows the window. Ranges count from the start of `window`.
    pub fn next(&mut self, window: &[u8], end: bool) -> (usize, Cut) {
        match self {
            Self::Json(cutter) => cutter.next(window, end),
            Self::Ndjson(cutter) => cutter.next(window, end),
            Self::Csv(cutter) => cutter.next(window, end),
        }
    }

    /// Gives up the item at the front of the window, which is larger than [`MAX_RECORD`], and skips
    /// to the next one as more of the file comes in.
    pub fn give_up(&mut self, window: &[u8]) -> (usize, Cut) {
        match self {
            Self::Json(cutter) => cutter.give_up(window),
            Self::Ndjson(cutter) => cutter.give_up(window),
            Self::Csv(cutter) => cutter.give_up(window),
        }
    }

    /// The record behind a [`Cut::Made`].
    pub fn made(&self) -> &[u8] {
        match self {
            Self::Csv(cutter) => cutter.made(),
            Self::Json(_) | Self::Ndjson(_) => &[],
        }
    }

    /// The number of what was found last, in the terms of [`Cut::Bad`]: an item, or a line.
    pub fn number(&self) -> u64 {
        match self {
            Self::Json(cutter) => cutter.number(),
            Self::Ndjson(cutter) => cutter.number(),
            Self::Csv(cutter) => cutter.number(),
        }
    }

    /// What stands before that number: `item ` or nothing.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Json(_) => json::ITEM,
            Self::Ndjson(_) | Self::Csv(_) => "",
        }
    }

    /// The state now, unless this is the middle of something.
    pub fn place(&self) -> Option<CutterPlace> {
        match self {
            Self::Json(cutter) => cutter.place(),
            Self::Ndjson(cutter) => cutter.place(),
            Self::Csv(cutter) => cutter.place(),
        }
    }

    /// Goes on at a state that [`Cutter::place`] gave.
    pub fn restore(&mut self, place: CutterPlace) {
        match self {
            Self::Json(cutter) => cutter.restore(place),
            Self::Ndjson(cutter) => cutter.restore(place),
            Self::Csv(cutter) => cutter.restore(place),
        }
    }
}

/// Whether a file or folder of this name is passed over when it is met in a folder: hidden, our own,
/// or still being written by somebody.
pub fn is_passed_over(name: &str) -> bool {
    name.starts_with('.')
        || name.starts_with("_busta")
        || name.ends_with('~')
        || [".tmp", ".part", ".partial", ".crdownload"].iter().any(|ending| name.ends_with(ending))
}

/// Makes sure that `slice` is one JSON object in UTF-8.
pub fn check_object(slice: &[u8]) -> Result<()> {
    let raw: &serde_json::value::RawValue =
        serde_json::from_slice(slice).map_err(|e| Error::data(format!("this is not valid JSON: {e}")))?;
    if raw.get().starts_with('{') {
        return check_surrogates(slice);
    }
    Err(Error::data(format!("this is {}, and a record must be a JSON object", kind(raw.get().as_bytes()))))
}

/// Refuses half of a surrogate pair (`\\ud83d` alone), which the grammar allows and no reader of the
/// text can decode (RFC 8259, section 8.2).
fn check_surrogates(slice: &[u8]) -> Result<()> {
    if has_lone_surrogate(slice) {
        return Err(Error::data("a text holds half of a character (a lone surrogate such as \\ud83d)"));
    }
    Ok(())
}

/// Whether every escape in `json` stands for a whole character.
pub(crate) fn has_no_lone_surrogate(json: &[u8]) -> bool {
    !has_lone_surrogate(json)
}

fn has_lone_surrogate(json: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &json[at..]) {
        let rest = &json[at + found..];
        at += found + 2;
        match surrogate(rest) {
            Some(Half::High) if surrogate(&rest[6..]) == Some(Half::Low) => at += 10,
            Some(_) => return true,
            None => {}
        }
    }
    false
}

#[derive(PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Which half of a pair the escape at the front of `json` is, if it is one.
fn surrogate(json: &[u8]) -> Option<Half> {
    match json {
        [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', _, _, ..] => Some(Half::High),
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', _, _, ..] => Some(Half::Low),
        _ => None,
    }
}

/// What a JSON value is, in words, by its first byte.
fn kind(json: &[u8]) -> &'static str {
    match json.first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The error for an item beyond [`MAX_RECORD`].
fn too_large() -> Error {
    Error::data(format!("this item is larger than {} MiB", MAX_RECORD >> 20))
        .hint("for a document that holds the records deeper inside, say where with `records: $.name`")
}

#[cfg(test)]
mod tests;
