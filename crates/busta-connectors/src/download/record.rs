//! The record of a complete file.

use busta_core::{Batch, Error, Records, RecordsBuilder, Result};
use serde_json::{Map, Value, json};

use super::folder::{Folder, Known};
use super::hash::Digests;
use super::place::Place;
use super::task::Task;
use crate::http::shown_url;

/// The last batch of a download: its record, and the start cursor that spares the next run the object.
pub fn last_batch(
    task: &Task,
    digests: &Digests,
    known: &Known,
    content_type: Option<&str>,
) -> Result<Batch> {
    let mut record: Map<String, Value> = task.about.clone();
    let asked = digests.asked.as_ref().filter(|_| task.expected.checksum.is_some());
    let fields = json!({
        "path": task.path,
        "url": shown_url(&task.url),
        "bytes": known.bytes,
        "sha256": digests.sha256,
        "checksum": asked.map(ToString::to_string),
        "verified": asked.is_some()
            && asked == task.expected.checksum.as_ref()
            && task.expected.unverifiable.is_none(),
        "unverified_because": unverified_because(task),
        "etag": known.etag,
        "last_modified": known.last_modified,
        "content_type": content_type,
    });
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
    let mut records = RecordsBuilder::default();
    records
        .push_serialized(&record)
        .map_err(|error| Error::bug(format!("the record of {} cannot be encoded: {error}", task.path)))?;
    let mut batch = Batch::last(records.finish());
    let doubted = known.checksum.is_some() && task.expected.unverifiable.is_some();
    let known = Known { sha256: Some(digests.sha256.clone()), doubted, ..known.clone() };
    batch.starts.push(Folder::start(&task.path, &known)?);
    Ok(batch)
}

fn unverified_because(task: &Task) -> Option<String> {
    let expected = &task.expected;
    let none = || expected.checksum.is_none().then(|| "no checksum is given".to_owned());
    expected.unverifiable.clone().or_else(none)
}

/// A batch that only says how far it is.
pub fn progress(place: &Place) -> Result<Batch> {
    Ok(Batch::new(Records::default(), place.cursor()?))
}
