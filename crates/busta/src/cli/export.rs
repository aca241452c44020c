//! `busta data export`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use busta_core::Records;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::data::find;
use crate::config::Config;
use crate::exit::Exit;
use crate::figures;
use crate::output::note;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta data export orders --format csv > orders.csv
  busta data export orders --format ndjson --output orders.ndjson")]
pub struct Export {
    /// The table
    table: String,
    /// What to write
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// Write to this file instead of stdout; it appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only the records as they were collected, without the fields `_busta_…`
    #[arg(long)]
    plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header and a row per record; nested values as JSON text
    Csv,
    /// One array of objects
    Json,
    /// One object per line
    Ndjson,
}

impl Export {
    pub async fn run(self, config: &Config) -> Result<Exit> {
        let destination = find(config, &self.table).await?;
        let columns = destination.readable().columns(&self.table).await?;
        let mut columns: Vec<String> = columns.into_iter().map(|column| column.name).collect();
        if self.plain {
            columns.retain(|name| !is_bustas(name));
        }
        let mut encoder = Encoder { format: self.format, plain: self.plain, columns, first: true };
        let mut sink = Sink::open(self.output.as_deref())?;
        let mut scan = destination.readable().scan(&self.table).await?;
        sink = sink.write(encoder.begin()?).await?;
        let mut rows = 0;
        while let Some(records) = scan.next().await? {
            rows += records.len() as u64;
            sink = sink.write(encoder.encode(&records)?).await?;
        }
        sink = sink.write(encoder.end()).await?;
        sink.close().await?;
        if let Some(path) = &self.output {
            note(&format!("{} written to {}", figures::of(rows, "row"), path.display()));
        }
        Ok(Exit::Done)
    }
}

/// Whether a field is not the record's own.
fn is_bustas(name: &str) -> bool {
    name.starts_with("_busta_")
}

/// Records into the bytes of a format.
struct Encoder {
    format: Format,
    plain: bool,
    columns: Vec<String>,
    first: bool,
}

impl Encoder {
    fn begin(&self) -> Result<Vec<u8>> {
        match self.format {
            Format::Csv => csv_rows(std::iter::once(Ok(self.columns.clone()))),
            Format::Json => Ok(b"[".to_vec()),
            Format::Ndjson => Ok(Vec::new()),
        }
    }

    fn encode(&mut self, records: &Records) -> Result<Vec<u8>> {
        if self.format == Format::Csv {
            return csv_rows(records.iter().map(|record| self.fields(record)));
        }
        let mut bytes = Vec::new();
        for record in records.iter() {
            let record = if self.plain { Cow::Owned(plain(record)?) } else { Cow::Borrowed(record) };
            if self.format == Format::Json {
                bytes.extend_from_slice(if self.first { b"\n" } else { b",\n" });
                self.first = false;
                bytes.extend_from_slice(&record);
            } else {
                // A record may be written over several lines; here it must be one.
                let value: Box<serde_json::value::RawValue> = serde_json::from_slice(&record)?;
                bytes.extend(one_line(value.get()));
                bytes.push(b'\n');
            }
        }
        Ok(bytes)
    }

    fn end(&self) -> Vec<u8> {
        if self.format == Format::Json { b"\n]\n".to_vec() } else { Vec::new() }
    }

    fn fields(&self, record: &[u8]) -> Result<Vec<String>> {
        let row: Map<String, Value> = serde_json::from_slice(record)?;
        let text = |name: &String| match row.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        Ok(self.columns.iter().map(text).collect())
    }
}

/// A record without busta's fields. What remains keeps its text.
fn plain(record: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = vec![b'{'];
    busta_core::json::for_each_field(record, |name, raw| {
        if is_bustas(&name) {
            return;
        }
        if bytes.len() > 1 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(Value::from(name).to_string().as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(raw.as_bytes());
    })?;
    bytes.push(b'}');
    Ok(bytes)
}

/// JSON has line breaks only between its tokens, never inside a string.
fn one_line(json: &str) -> impl Iterator<Item = u8> {
    json.bytes().filter(|byte| *byte != b'\n' && *byte != b'\r')
}

fn csv_rows(rows: impl Iterator<Item = Result<Vec<String>>>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row?)?;
    }
    writer.into_inner().context("a row cannot be written as CSV")
}

/// A file or stdout, written on a blocking thread.
struct Sink {
    writer: Box<dyn Write + Send>,
    /// The unfinished file and its final name.
    file: Option<(PathBuf, PathBuf)>,
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self { writer: Box::new(io::stdout()), file: None });
        };
        let mut name = path.file_name().context("the output must be a file")?.to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file =
            File::create(&partial).with_context(|| format!("{} cannot be written", partial.display()))?;
        Ok(Self { writer: Box::new(BufWriter::new(file)), file: Some((partial, path.to_owned())) })
    }

    async fn write(mut self, bytes: Vec<u8>) -> Result<Self> {
        tokio::task::spawn_blocking(move || {
            self.writer.write_all(&bytes)?;
            Ok(self)
        })
        .await?
    }

    async fn close(mut self) -> Result<()> {
        tokio::task::spawn_blocking(move || {
            self.writer.flush()?;
            drop(self.writer);
            if let Some((partial, path)) = self.file {
                std::fs::rename(partial, path)?;
            }
            Ok(())
        })
        .await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(format: Format, batches: &[&[&str]]) -> String {
        let columns = vec!["a".to_owned(), "b".to_owned()];
        let mut encoder = Encoder { format, plain: false, columns, first: true };
        let mut bytes = encoder.begin().unwrap();
        for batch in batches {
            let records: Records = batch.iter().copied().collect();
            bytes.extend(encoder.encode(&records).unwrap());
        }
        bytes.extend(encoder.end());
        String::from_utf8(bytes).unwrap()
    }

    const BATCHES: &[&[&str]] = &[&["{\"a\": 1,\n \"b\": \"x\\n,\\\"y\"}"], &["{\"b\": [1, 2]}"]];

    #[test]
    fn csv_quotes_and_keeps_nested_values_as_text() {
        assert_eq!(export(Format::Csv, BATCHES), "a,b\n1,\"x\n,\"\"y\"\n,\"[1,2]\"\n");
    }

    #[test]
    fn json_is_one_document_and_ndjson_one_per_line() {
        let json: Value = serde_json::from_str(&export(Format::Json, BATCHES)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 2);
        assert_eq!(serde_json::from_str::<Value>(&export(Format::Json, &[])).unwrap(), serde_json::json!([]));
        let text = export(Format::Ndjson, BATCHES);
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }

    #[test]
    fn plain_records_have_their_own_fields_only() {
        let bare = |record: &str| String::from_utf8(plain(record.as_bytes()).unwrap()).unwrap();
        let row =
            r#"{"_busta_key": 1, "a\"": 1.0e2, "_busta_run": "r", "b": {"_busta_run": 1}, "_bustard": 1}"#;
        assert_eq!(bare(row), r#"{"a\"":1.0e2,"b":{"_busta_run": 1},"_bustard":1}"#);
        assert_eq!(bare(r#"{"_busta_run": 1}"#), "{}");
    }
}
