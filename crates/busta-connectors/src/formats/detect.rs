//! Which format a file has: by its name, and where that says nothing, by its first bytes.

use std::path::Path;

use busta_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::value_end;

/// How a Parquet file starts, and ends.
pub const PARQUET_MAGIC: &[u8] = b"PAR1";

/// A format of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON documents: an array, a FeatureCollection, or objects.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Rows of fields.
    Csv,
    /// Columns; no text.
    Parquet,
}

impl Format {
    /// Its name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The format that a file's name tells, an ending for compression left aside.
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let inner = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|ending| name.strip_suffix(ending));
        match inner.unwrap_or(&name).rsplit_once('.')?.1 {
            "json" | "geojson" => Some(Self::Json),
            "ndjson" | "jsonl" | "jsonlines" | "geojsonl" => Some(Self::Ndjson),
            "csv" | "tsv" | "tab" => Some(Self::Csv),
            "parquet" | "geoparquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format that the first part of a file's text tells. `named` is what its name says.
    ///
    /// A `.json` file that holds an object in each of its first two lines is NDJSON by content, and
    /// read as such, since there a broken line costs only itself.
    pub fn of_text(text: &[u8], named: Option<Self>) -> Result<Self> {
        let start = text.trim_ascii_start();
        if matches!(named, Some(Self::Json) | None) && has_object_lines(start) {
            return Ok(Self::Ndjson);
        }
        match (named, start.first()) {
            (Some(named), _) => Ok(named),
            (None, Some(b'{' | b'[')) => Ok(Self::Json),
            (None, _) if looks_like_rows(start) => Ok(Self::Csv),
            (None, _) => Err(unknown(start)),
        }
    }
}

fn has_object_lines(text: &[u8]) -> bool {
    let Some(line_end) = memchr::memchr(b'\n', text) else { return false };
    let (line, rest) = text.split_at(line_end);
    line.starts_with(b"{")
        && value_end(line, false).is_some_and(|end| line[end..].trim_ascii().is_empty())
        && rest.trim_ascii_start().starts_with(b"{")
}

/// Whether the first line has two fields or more, and the text is text.
fn looks_like_rows(text: &[u8]) -> bool {
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    !text.starts_with(b"<")
        && !text.starts_with(b"PK\x03\x04")
        && memchr::memchr(0, text).is_none()
        && super::csv::delimiter_of(line).is_some()
}

fn unknown(text: &[u8]) -> Error {
    let what = match text {
        [] => "the file is empty",
        [b'P', b'A', b'R', b'1', ..] => return not_parquet(text),
        [b'P', b'K', 3, 4, ..] => "this is a zip archive, which is not opened here",
        [b'<', ..] => "this is HTML or XML, not records",
        _ => "neither the name nor the content tells the format",
    };
    Error::data(what).hint("leave it out with `exclude`, or say what it is with `format`")
}

/// Why a text is not read as Parquet, though it or its name seems to be.
pub fn not_parquet(text: &[u8]) -> Error {
    if !text.starts_with(PARQUET_MAGIC) {
        return Error::data("this is not a Parquet file").hint("say what it is with `format`");
    }
    if cfg!(not(feature = "parquet")) {
        return without_parquet();
    }
    Error::data("this is a Parquet file inside another compression, which cannot be read")
        .hint("unpack it; Parquet is compressed in itself")
}

/// Why no Parquet is read.
pub fn without_parquet() -> Error {
    Error::data("this is a Parquet file, and this busta was built without Parquet")
        .hint("build it with the feature `parquet`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        for (name, format) in [
            ("a.json", Some(Format::Json)),
            ("a.GeoJSON.gz", Some(Format::Json)),
            ("a.jsonl.zst", Some(Format::Ndjson)),
            ("a.b.tsv", Some(Format::Csv)),
            ("a.parquet", Some(Format::Parquet)),
            ("a.gz", None),
            ("a.txt", None),
            ("a", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn content_tells_the_rest() {
        let of = |text: &str| Format::of_text(text.as_bytes(), None);
        assert_eq!(of(" [1]").unwrap(), Format::Json);
        assert_eq!(of("{\"a\":\n1}").unwrap(), Format::Json);
        assert_eq!(of("{\"a\":1}\n{\"a\":2}\n").unwrap(), Format::Ndjson);
        assert_eq!(of("a;b\n1;2\n").unwrap(), Format::Csv);
        for (text, word) in [("<html>", "HTML"), ("PAR1", "Parquet"), ("", "empty"), ("hello", "neither")] {
            assert!(of(text).unwrap_err().message().contains(word), "{text}");
        }
        assert_eq!(Format::of_text(b"{}\n{}", Some(Format::Json)).unwrap(), Format::Ndjson);
        assert_eq!(Format::of_text(b"{}\n{}", Some(Format::Csv)).unwrap(), Format::Csv);
    }
}
