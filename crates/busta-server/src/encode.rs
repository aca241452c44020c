//! Records into the bytes of a file, part by part.

use busta_core::{Error, Records, Result};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::model::ExportFormat;

/// Writes one file of an export: of the API's, and of `busta data export`.
pub struct Encoder {
    format: ExportFormat,
    columns: Vec<String>,
    /// Whether something was written.
    begun: bool,
    /// Whether a record was.
    rows: bool,
}

impl Encoder {
    /// A file of `format`; of a CSV with these columns.
    pub fn new(format: ExportFormat, columns: Vec<String>) -> Self {
        Self { format, columns, begun: false, rows: false }
    }

    /// The next part: some records, and before the first what stands in front of them.
    pub fn encode(&mut self, records: &Records) -> Result<Bytes> {
        let mut out = Vec::with_capacity(records.bytes() as usize + records.len() * 2 + 64);
        match self.format {
            ExportFormat::Csv => self.csv(records, &mut out)?,
            ExportFormat::Json => self.array(records, &mut out),
            // JSON has line breaks only between its tokens, never inside a string.
            ExportFormat::Ndjson => {
                for record in records.iter() {
                    out.extend(record.iter().filter(|byte| !b"\r\n".contains(byte)));
                    out.push(b'\n');
                }
            }
        }
        self.begun = true;
        self.rows |= !records.is_empty();
        Ok(out.into())
    }

    /// What stands at the end.
    pub fn end(&mut self) -> Result<Bytes> {
        Ok(match (self.format, self.begun) {
            (ExportFormat::Json, true) => Bytes::from_static(b"\n]\n"),
            (ExportFormat::Json, false) => Bytes::from_static(b"[]\n"),
            (ExportFormat::Csv, false) => self.encode(&Records::default())?,
            _ => Bytes::new(),
        })
    }

    fn array(&self, records: &Records, out: &mut Vec<u8>) {
        if !self.begun {
            out.push(b'[');
        }
        for (n, record) in records.iter().enumerate() {
            out.extend_from_slice(if self.rows || n > 0 { b",\n" } else { b"\n" });
            out.extend_from_slice(record);
        }
    }

    fn csv(&self, records: &Records, out: &mut Vec<u8>) -> Result<()> {
        let failed = |error: csv::Error| Error::data(format!("a row cannot be written as CSV: {error}"));
        let mut writer = csv::Writer::from_writer(out);
        if !self.begun {
            writer.write_record(&self.columns).map_err(failed)?;
        }
        for record in records.iter() {
            let row: Map<String, Value> = serde_json::from_slice(record)
                .map_err(|error| Error::corrupt(format!("a stored record is not JSON: {error}")))?;
            writer.write_record(self.columns.iter().map(|name| text(row.get(name)))).map_err(failed)?;
        }
        writer.flush().map_err(|error| failed(error.into()))
    }
}

/// Texts stand for themselves, nothing for null, and JSON for what is nested.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(format: ExportFormat, batches: &[&[&str]]) -> String {
        let mut encoder = Encoder::new(format, vec!["a".to_owned(), "b".to_owned()]);
        let mut bytes = Vec::new();
        for batch in batches {
            let records: Records = batch.iter().copied().collect();
            bytes.extend_from_slice(&encoder.encode(&records).unwrap());
        }
        bytes.extend_from_slice(&encoder.end().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    const BATCHES: &[&[&str]] = &[&[], &["{\"a\": 1,\n \"b\": \"x\\n,\\\"y\"}"], &["{\"b\": [1, 2]}"], &[]];

    #[test]
    fn csv() {
        assert_eq!(file(ExportFormat::Csv, BATCHES), "a,b\n1,\"x\n,\"\"y\"\n,\"[1,2]\"\n");
        assert_eq!(file(ExportFormat::Csv, &[]), "a,b\n");
    }

    #[test]
    fn json() {
        let text = file(ExportFormat::Json, BATCHES);
        assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap().len(), 2, "{text}");
        assert_eq!(file(ExportFormat::Json, &[]), "[]\n");
        assert_eq!(serde_json::from_str::<Vec<Value>>(&file(ExportFormat::Json, &[&[]])).unwrap().len(), 0);
    }

    #[test]
    fn ndjson() {
        let text = file(ExportFormat::Ndjson, BATCHES);
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(file(ExportFormat::Ndjson, &[]), "");
    }
}
