//! Rows as lines: how a record becomes one, and how the lines of a segment are read back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::LazyLock;

use busta_core::columns::Columns as Typed;
use busta_core::{Error, Records, Result};
use memchr::{memchr2, memmem};

use super::block;
use super::columns::OWN_FIELDS;
use super::format::{Form, Pages};
use super::layout::Layout;
use super::merge::RowSet;
use super::segment::Segment;
use super::trouble::{corrupt, io_error};

/// Finds fields that have names of busta's own. Made once: to make it costs as much as a search.
static OWN: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"_busta_"));

/// What all rows of a batch end with: busta's own fields and the line break.
pub(super) fn suffix(own: [&str; 3]) -> Vec<u8> {
    let mut suffix = Vec::new();
    for (name, value) in OWN_FIELDS.iter().zip(own) {
        let value = serde_json::Value::from(value);
        suffix.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
    suffix.extend_from_slice(b"}\n");
    suffix
}

/// Appends a record as one line with `suffix`; `false`, and nothing, if it is no JSON object.
///
/// The record is not parsed. In JSON a line break is never part of a string, where it must be
/// escaped, so each one, and the indentation behind it, can simply be left out.
pub(super) fn splice(out: &mut Vec<u8>, record: &[u8], suffix: &[u8]) -> bool {
    let record = record.trim_ascii();
    let Some(body) = record.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else {
        return false;
    };
    let body = body.trim_ascii();
    out.push(b'{');
    if body.is_empty() {
        // No field to be separated from: the suffix goes without its comma.
        out.extend_from_slice(&suffix[1..]);
        return true;
    }
    if OWN.find(body).is_some() {
        push_renamed(out, record);
    } else {
        push_unbroken(out, body);
    }
    out.extend_from_slice(suffix);
    true
}

fn push_unbroken(out: &mut Vec<u8>, mut body: &[u8]) {
    while let Some(at) = memchr2(b'\n', b'\r', body) {
        out.extend_from_slice(&body[..at]);
        body = body[at..].trim_ascii_start();
    }
    out.extend_from_slice(body);
}

/// Records collected from busta's own files have its fields already: their values stay, under a name
/// with one more `_` in front, since two fields of one name are no good to any reader.
fn push_renamed(out: &mut Vec<u8>, record: &[u8]) {
    let mut first = true;
    let _ = busta_core::json::for_each_field(record, |name, raw| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let own = OWN_FIELDS.contains(&&*name);
        let name = serde_json::Value::from(if own { format!("_{name}") } else { name.into_owned() });
        out.extend_from_slice(name.to_string().as_bytes());
        out.push(b':');
        push_unbroken(out, raw.as_bytes());
    });
}

/// Reads the committed rows of a segment, in their order.
pub(super) struct RowReader {
    input: Input,
    /// The number of the next row, and how many there are.
    row: u64,
    rows: u64,
    /// Fields that are not in the file, as a row begins with them.
    fixed: Vec<u8>,
    path: PathBuf,
}

enum Input {
    Lines(Box<dyn BufRead + Send>),
    Pages { pages: Pages, page: Records, at: usize },
}

impl RowReader {
    /// Opens it wherever it is now: it only ever moves from staging to its table to the trash, so
    /// looking in that order always finds it.
    pub(super) fn open(layout: &Layout, segment: &Segment) -> Result<Self> {
        let places = [layout.staged(segment), layout.sealed(segment), layout.trashed(segment)];
        for path in places {
            match File::open(&path) {
                Ok(file) => return Self::read(layout, file, segment, path),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(io_error("open", &path, e)),
            }
        }
        Err(corrupt(&layout.sealed(segment), "is missing, though it was committed"))
    }

    /// Opens it at a row, which begins at a byte of the file if its lines are not compressed. The rows before
    /// it are read over where they are.
    pub(super) fn open_at(layout: &Layout, segment: &Segment, row: u64, offset: u64) -> Result<Self> {
        let mut rows = Self::open(layout, segment)?;
        if segment.form == Form::Lines && offset > 0 {
            rows.skip_to(segment, row, offset)?;
        }
        let mut line = Vec::new();
        while rows.row < row && rows.next(&mut line)? {
            line.clear();
        }
        Ok(rows)
    }

    fn skip_to(&mut self, segment: &Segment, row: u64, offset: u64) -> Result<()> {
        let path = &self.path;
        let fail = |e| io_error("read", path, e);
        let mut file = File::open(path).map_err(fail)?;
        let mut before = [0];
        file.seek(SeekFrom::Start(offset - 1)).and_then(|_| file.read(&mut before)).map_err(fail)?;
        // A line break is never part of a row, so a row begins behind every one.
        if before != [b'\n'] || offset > segment.bytes {
            return Err(Error::data("the cursor is not one that was given"));
        }
        let rest = file.take(segment.bytes - offset);
        self.input = Input::Lines(Box::new(BufReader::with_capacity(1 << 17, rest)));
        self.row = row;
        Ok(())
    }

    fn read(layout: &Layout, file: File, segment: &Segment, path: PathBuf) -> Result<Self> {
        let input = match segment.form {
            Form::Lines => {
                Input::Lines(Box::new(BufReader::with_capacity(1 << 17, file.take(segment.bytes))))
            }
            Form::Zstd => {
                let decoder =
                    zstd::Decoder::new(file.take(segment.bytes)).map_err(|e| io_error("read", &path, e))?;
                Input::Lines(Box::new(BufReader::with_capacity(1 << 17, decoder)))
            }
            Form::Columns => {
                let pages = block::pages(file, segment.bytes, &path);
                Input::Pages { pages, page: Records::default(), at: 0 }
            }
            Form::Parquet => {
                let pages = layout.format().read(file, &path)?;
                Input::Pages { pages, page: Records::default(), at: 0 }
            }
        };
        Ok(Self { input, row: 0, rows: segment.rows, fixed: fixed_fields(&segment.fixed), path })
    }

    /// Moves on to a row, which is not before the next one. Pages that lie between are not looked at.
    pub(super) fn skip_to_row(&mut self, row: u64) -> Result<()> {
        let mut line = Vec::new();
        while self.row < row {
            if let Input::Pages { pages, page, at } = &mut self.input {
                if *at == page.len()
                    && let Some(next) = pages.next()
                {
                    (*page, *at) = (next?, 0);
                }
                let passed = ((page.len() - *at) as u64).min(row - self.row);
                if passed > 0 {
                    *at += passed as usize;
                    self.row += passed;
                    continue;
                }
            }
            line.clear();
            self.next(&mut line)?;
        }
        Ok(())
    }

    /// The page that begins with the next row, if there is one and it holds columns. It counts as read.
    pub(super) fn columns(&mut self) -> Result<Option<&Typed>> {
        let Input::Pages { pages, page, at } = &mut self.input else { return Ok(None) };
        if *at == page.len()
            && let Some(next) = pages.next()
        {
            (*page, *at) = (next?, 0);
        }
        let columns =
            page.columns().filter(|columns| *at == 0 && columns.rows() > 0 && self.fixed.is_empty());
        if let Some(columns) = columns {
            *at = columns.rows();
            self.row += columns.rows() as u64;
        }
        Ok(columns)
    }

    /// Appends the next row; `false` at the end.
    pub(super) fn next(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        if self.row == self.rows {
            return Ok(false);
        }
        let whole = match &mut self.input {
            Input::Lines(input) => {
                let size = input.read_until(b'\n', row).map_err(|e| match e.kind() {
                    io::ErrorKind::Other | io::ErrorKind::UnexpectedEof => corrupt(&self.path, e),
                    _ => io_error("read", &self.path, e),
                })?;
                size > 0 && row.pop() == Some(b'\n')
            }
            Input::Pages { pages, page, at } => {
                while *at == page.len()
                    && let Some(next) = pages.next()
                {
                    (*page, *at) = (next?, 0);
                }
                let found = *at < page.len();
                if found {
                    push_with(row, page.get(*at), &self.fixed);
                    *at += 1;
                }
                found
            }
        };
        if !whole {
            return Err(corrupt(&self.path, "is shorter than what was committed"));
        }
        self.row += 1;
        Ok(true)
    }

    /// The next rows that are not in `without`, about `bytes` of them; `None` at the end.
    pub(super) fn page(&mut self, bytes: usize, without: &RowSet) -> Result<Option<Records>> {
        let (mut buffer, mut spans) = (Vec::with_capacity(bytes + (bytes >> 3)), Vec::new());
        while buffer.len() < bytes {
            let (row, start) = (self.row, buffer.len());
            if !self.next(&mut buffer)? {
                break;
            }
            if without.contains(row) {
                buffer.truncate(start);
            } else {
                spans.push(start as u32..buffer.len() as u32);
            }
        }
        Ok((!spans.is_empty()).then(|| Records::from_spans(buffer.into(), spans)))
    }
}

/// `"day":1,`: what a row begins with that is not in its file.
fn fixed_fields(fixed: &[(String, String)]) -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, raw) in fixed {
        fields.extend_from_slice(serde_json::Value::from(name.as_str()).to_string().as_bytes());
        fields.push(b':');
        fields.extend_from_slice(raw.as_bytes());
        fields.push(b',');
    }
    fields
}

fn push_with(out: &mut Vec<u8>, row: &[u8], fixed: &[u8]) {
    if fixed.is_empty() {
        out.extend_from_slice(row);
        return;
    }
    out.push(b'{');
    let rest = row[1..].trim_ascii_start();
    // An empty object has nothing to be separated from.
    out.extend_from_slice(if rest == b"}" { &fixed[..fixed.len() - 1] } else { fixed });
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn line(record: &str) -> Option<String> {
        let mut out = Vec::new();
        splice(&mut out, record.as_bytes(), &suffix(["R", "so\"urce", "T"]))
            .then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_record_becomes_one_line() {
        let end = r#""_busta_run":"R","_busta_source":"so\"urce","_busta_loaded_at":"T"}"#;
        assert_eq!(line("{}").unwrap(), format!("{{{end}\n"));
        assert_eq!(line(" { \r\n } ").unwrap(), format!("{{{end}\n"));
        assert_eq!(line(r#"{"a":1}"#).unwrap(), format!("{{\"a\":1,{end}\n"));
        assert_eq!(
            line("{\n  \"a\": [\r\n    1,\n\t2\n  ],\n  \"b\\n\": \" x \"\n}\n").unwrap(),
            format!("{{\"a\": [1,2],\"b\\n\": \" x \",{end}\n")
        );
        for wrong in ["", "[]", "1", "{", "null", "\"{}\""] {
            assert_eq!(line(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fields_with_our_names_keep_their_values() {
        let row: Value =
            serde_json::from_str(&line(r#"{"_busta_run":"old","x":{"_busta_run":1}}"#).unwrap()).unwrap();
        assert_eq!(row["__busta_run"], "old");
        assert_eq!(row["_busta_run"], "R");
        assert_eq!(row["x"], json!({"_busta_run": 1}));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_record_survives(fields in proptest::collection::hash_map(any::<String>(), any_json(), 0..6), pretty: bool) {
            let record = Value::Object(fields.clone().into_iter().collect::<Map<_, _>>());
            let text = if pretty { serde_json::to_string_pretty(&record) } else { serde_json::to_string(&record) };
            let line = line(&text.unwrap()).unwrap();
            prop_assert_eq!(line.matches(['\n', '\r']).count(), 1);
            let mut row: Map<String, Value> = serde_json::from_str(&line).unwrap();
            for name in OWN_FIELDS {
                prop_assert!(row.remove(name).is_some());
            }
            prop_assert_eq!(Value::Object(row), record);
        }
    }
}
