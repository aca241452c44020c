//! Rows as lines: how a record becomes one, and how the lines of a segment are read back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use busta_core::Result;
use memchr::{memchr2, memmem};

use super::columns::OWN_FIELDS;
use super::layout::Layout;
use super::segment::Segment;
use super::trouble::{corrupt, io_error};

/// What all rows of a batch end with: busta's own fields and the line break.
pub(super) fn suffix(run: &str, source: &str, loaded_at: &str) -> Vec<u8> {
    let mut suffix = Vec::new();
    for (name, value) in OWN_FIELDS.iter().zip([run, source, loaded_at]) {
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
    if memmem::find(body, b"\"_busta_").is_some() {
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

/// Reads the committed lines of a segment.
pub(super) struct RowReader {
    input: Box<dyn BufRead + Send>,
    /// Rows still to come.
    left: u64,
    path: PathBuf,
}

impl RowReader {
    /// Opens it wherever it is now: it only ever moves from staging to its table to the trash, so
    /// looking in that order always finds it.
    pub(super) fn open(layout: &Layout, segment: &Segment) -> Result<Self> {
        let places = [layout.staged(segment), layout.sealed(segment), layout.trashed(segment)];
        for path in places {
            match File::open(&path) {
                Ok(file) => return Self::read(file, segment, path),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(io_error("open", &path, e)),
            }
        }
        Err(corrupt(&layout.sealed(segment), "is missing, though it was committed"))
    }

    fn read(file: File, segment: &Segment, path: PathBuf) -> Result<Self> {
        let committed = file.take(segment.bytes);
        let input: Box<dyn BufRead + Send> = if segment.zstd {
            let decoder = zstd::Decoder::new(committed).map_err(|e| io_error("read", &path, e))?;
            Box::new(BufReader::with_capacity(1 << 17, decoder))
        } else {
            Box::new(BufReader::with_capacity(1 << 17, committed))
        };
        Ok(Self { input, left: segment.rows, path })
    }

    /// Appends the next line without its break; `false` at the end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let size = self.input.read_until(b'\n', line).map_err(|e| match e.kind() {
            io::ErrorKind::Other | io::ErrorKind::UnexpectedEof => corrupt(&self.path, e),
            _ => io_error("read", &self.path, e),
        })?;
        if size == 0 || line.pop() != Some(b'\n') {
            return Err(corrupt(&self.path, "is shorter than what was committed"));
        }
        self.left -= 1;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn line(record: &str) -> Option<String> {
        let mut out = Vec::new();
        splice(&mut out, record.as_bytes(), &suffix("R", "so\"urce", "T"))
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
