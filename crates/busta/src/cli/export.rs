//! `busta data export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use busta_core::{Records, RecordsBuilder};
use busta_server::Encoder;
use busta_server::model::ExportFormat;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde_json::Value;

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
        let mut encoder = Encoder::new(self.format.into(), columns);
        let mut sink = Sink::open(self.output.as_deref())?;
        let mut scan = destination.readable().scan(&self.table).await?;
        let mut rows = 0;
        while let Some(records) = scan.next().await? {
            rows += records.len() as u64;
            let records = if self.plain { all_plain(&records)? } else { records };
            sink = sink.write(encoder.encode(&records)?).await?;
        }
        sink = sink.write(encoder.end()?).await?;
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

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
        }
    }
}

/// Records without busta's fields.
fn all_plain(records: &Records) -> Result<Records> {
    let mut kept = RecordsBuilder::with_capacity(records.bytes() as usize);
    for record in records.iter() {
        kept.push(&plain(record)?);
    }
    Ok(kept.finish())
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

    async fn write(mut self, bytes: Bytes) -> Result<Self> {
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

    #[test]
    fn plain_records_have_their_own_fields_only() {
        let bare = |record: &str| String::from_utf8(plain(record.as_bytes()).unwrap()).unwrap();
        let row =
            r#"{"_busta_key": 1, "a\"": 1.0e2, "_busta_run": "r", "b": {"_busta_run": 1}, "_bustard": 1}"#;
        assert_eq!(bare(row), r#"{"a\"":1.0e2,"b":{"_busta_run": 1},"_bustard":1}"#);
        assert_eq!(bare(r#"{"_busta_run": 1}"#), "{}");
    }
}
