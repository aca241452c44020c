//! Reading one split, page by page.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, Result};
use bytes::Bytes;

use super::page::{self, Page};
use super::pagination::{Next, PageRange, Place, Range};
use super::stream::{Api, Part, Stream};
use crate::http::Response;

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// A reader of one split. All that it knows is the place of the next page.
pub struct PageReader {
    api: Arc<Api>,
    stream: usize,
    part: Arc<Part>,
    place: Option<Place>,
}

impl PageReader {
    /// A reader that goes on at `at`.
    pub fn new(api: Arc<Api>, stream: usize, part: Part, at: Option<&Cursor>) -> Result<Self> {
        let place = match at {
            Some(cursor) => cursor.decode()?,
            None => api.streams[stream].pagination.first(part.range.as_ref()),
        };
        Ok(Self { api, stream, part: Arc::new(part), place: Some(place) })
    }

    fn stream(&self) -> &Stream {
        &self.api.streams[self.stream]
    }

    /// The page at `place`, and the answer that it came in.
    pub async fn fetch(&self, place: &Place) -> Result<(Response, Page)> {
        let request = self.api.request(self.stream(), &self.part, place)?;
        let mut response = self.api.client.send(request).await?;
        if response.not_modified {
            return Err(Error::data(format!("{} answered 304 without being asked", response.shown_url())));
        }
        self.api.client.note_freshness(&response, Duration::ZERO);
        let body = std::mem::take(&mut response.body);
        let name = self.stream().pagination.describe(place);
        let page = self.take_apart(body, name).await.map_err(|e| e.at(response.shown_url()))?;
        Ok((response, page))
    }

    async fn take_apart(&self, body: Bytes, name: String) -> Result<Page> {
        if body.len() < LARGE_PAGE {
            return page::read(self.stream(), &self.part, body, &name);
        }
        let (api, stream, part) = (self.api.clone(), self.stream, self.part.clone());
        tokio::task::spawn_blocking(move || page::read(&api.streams[stream], &part, body, &name))
            .await
            .map_err(|e| Error::bug(format!("taking a page apart: {e}")))?
    }

    fn batch(&self, place: &Place, response: &Response, page: Page) -> Result<(Batch, Option<Place>)> {
        let pagination = &self.stream().pagination;
        let next = pagination.next(place, self.part.range.as_ref(), &page.told(response))?;
        let mut found = Vec::new();
        for child in page.found {
            let stream = &self.api.streams[child.stream];
            let since = self.part.since.iter().filter(|(name, _)| stream.family.contains(name));
            let since = since.map(|(name, value)| (name.clone(), value.clone())).collect();
            found.push(self.api.split(stream, &Part { fields: child.fields, since, range: None })?);
        }
        let (mut batch, next) = match next {
            Next::End => (Batch::last(page.records), None),
            Next::Page(next) => (Batch::new(page.records, Cursor::encode(&next)?), Some(next)),
            Next::Ranges(ranges, size) => {
                for range in ranges {
                    found.push(self.range(range, size)?);
                }
                (Batch::last(page.records), None)
            }
        };
        batch.failures = page.failures;
        batch.high = page.newest;
        batch.found = found;
        Ok((batch, next))
    }

    fn range(&self, range: PageRange, size: u64) -> Result<busta_core::Split> {
        let range = Some(Range { from: range.from, to: range.to, size });
        self.api.split(self.stream(), &Part { range, ..(*self.part).clone() })
    }
}

#[async_trait]
impl Reader for PageReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        let pagination = &self.stream().pagination;
        let (response, page) = match self.fetch(&place).await {
            Ok(fetched) => fetched,
            Err(error) if error.kind() == ErrorKind::NotFound && pagination.ends_with_not_found(&place) => {
                self.place = None;
                return Ok(Some(Batch::last(Records::default())));
            }
            Err(error) => return Err(error),
        };
        let (batch, next) = self
            .batch(&place, &response, page)
            .map_err(|e| e.at(format_args!("{} of {}", pagination.describe(&place), response.shown_url())))?;
        self.place = next;
        Ok(Some(batch))
    }
}
