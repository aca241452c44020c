//! Trying a source out with one request (`busta sources test`).

use std::sync::Arc;

use busta_core::{Error, Probe, Result};

use super::part::Part;
use super::reader::PageReader;
use super::stream::Api;

/// So many records are shown.
const SAMPLE: usize = 5;

/// Fetches the first page of the first stream that needs no other, and says what came back.
pub async fn probe(api: Arc<Api>) -> Result<Probe> {
    let index = api.streams.iter().position(|stream| stream.spec.parent.is_none());
    let index = index.ok_or_else(|| Error::bug("every stream has a parent"))?;
    let stream = &api.streams[index];
    let combination = stream.combinations.first().cloned().unwrap_or_default();
    let part = Part { fields: combination, ..Part::default() };
    let mut reader = PageReader::new(api.clone(), index, part.clone(), None)?;
    let (response, items, page) = reader.fetch_first().await?;

    let mut summary = format!(
        "{}: {} {} answered {} in {} ms: {} records",
        stream.spec.name,
        stream.endpoint(&part)?.asked.method,
        response.shown_url(),
        response.status,
        response.latency.as_millis(),
        page.records.len()
    );
    if let Some(total) = stream.pagination.total(&items.told(&response)) {
        summary.push_str(&format!(" of {total}"));
    }
    if !page.failures.is_empty() {
        summary.push_str(&format!(", and {} items that are no objects", page.failures.len()));
    }
    let fields = page.records.iter().next().map(fields).unwrap_or_default();
    match fields.is_empty() {
        true => summary.push_str("; if there should be some, check `records`"),
        false => summary.push_str(&format!(", with the fields {}", fields.join(", "))),
    }
    let missing: Vec<_> = stream
        .spec
        .primary_key
        .iter()
        .filter(|key| !fields.is_empty() && !fields.contains(key))
        .cloned()
        .collect();
    if !missing.is_empty() {
        summary.push_str(&format!("; check `primary_key`: no {}", missing.join(", ")));
    }
    let mut sample = page.records;
    sample.truncate(SAMPLE);
    Ok(Probe { summary, sample })
}

fn fields(record: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let _ = busta_core::json::for_each_field(record, |name, _| names.push(name.into_owned()));
    names
}
