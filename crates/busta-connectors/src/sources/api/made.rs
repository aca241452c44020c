//! Reading records that were made from those of another stream: they came with the split.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{Batch, Reader, Result};
use chrono::SecondsFormat;

use super::found::splits;
use super::page::Reading;
use super::part::Part;
use super::stream::Api;
use crate::blocking::trying;

/// A reader that makes no request.
pub struct MadeReader {
    api: Arc<Api>,
    stream: usize,
    part: Option<Arc<Part>>,
}

impl MadeReader {
    /// A reader of the records in `part`.
    pub fn new(api: Arc<Api>, stream: usize, part: Part) -> Self {
        Self { api, stream, part: Some(Arc::new(part)) }
    }
}

#[async_trait]
impl Reader for MadeReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(part) = self.part.clone() else { return Ok(None) };
        let (api, index) = (self.api.clone(), self.stream);
        let batch = trying(move || read(&api, index, &part)).await?;
        self.part = None;
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        false
    }
}

fn read(api: &Api, index: usize, part: &Part) -> Result<Batch> {
    let stream = &api.streams[index];
    let now = api.service(stream).client.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let reading = Reading { stream, index, part, name: "made", room: usize::MAX, now: &now };
    let page = reading.made(part.made.as_ref().map_or(&[], |made| made.records.as_slice()))?;
    let mut batch = Batch::last(page.records);
    batch.failures = page.failures;
    batch.high = page.newest;
    batch.found = splits(page.found, api, index, part, 1)?;
    Ok(batch)
}
