//! Reading one split, page by page.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, Result};
use bytes::Bytes;
use chrono::SecondsFormat;

use super::bookmark::Bookmark;
use super::found::splits;
use super::page::{Page, Reading};
use super::pagination::{Next, PageRange, Place, Range};
use super::part::Part;
use super::stream::{Api, Stream};
use crate::http::Response;
use crate::sources::blocking;

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// A reader of one split. All that it knows is its bookmark.
pub struct PageReader {
    api: Arc<Api>,
    stream: usize,
    part: Arc<Part>,
    at: Option<Bookmark>,
}

impl PageReader {
    /// A reader that goes on at `at`.
    pub fn new(api: Arc<Api>, stream: usize, part: Part, at: Option<&Cursor>) -> Result<Self> {
        let bookmark = match at {
            Some(cursor) => Bookmark::decode(cursor)?,
            None => first(&api.streams[stream], &part),
        };
        Ok(Self { api, stream, part: Arc::new(part), at: Some(bookmark) })
    }

    fn stream(&self) -> &Stream {
        &self.api.streams[self.stream]
    }

    /// The page that the reader is at, and the answer that it came in.
    pub async fn fetch(&self, at: &Bookmark) -> Result<(Response, Page)> {
        let request = self.api.request(self.stream(), &self.part, &at.place)?;
        let client = &self.api.service(self.stream()).client;
        let now = client.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut response = client.send(request).await?;
        if response.not_modified {
            return Err(Error::data(format!("{} answered 304 without being asked", response.shown_url())));
        }
        client.note_freshness(&response, Duration::ZERO);
        let body = std::mem::take(&mut response.body);
        let page = self.take_apart(body, at, now).await.map_err(|e| e.at(response.shown_url()))?;
        Ok((response, page))
    }

    /// The first page, for a look at what comes back.
    pub async fn fetch_first(&self) -> Result<(Response, Page)> {
        self.fetch(&first(self.stream(), &self.part)).await
    }

    async fn take_apart(&self, body: Bytes, at: &Bookmark, now: String) -> Result<Page> {
        let name = self.stream().pagination.describe(&at.place);
        let most = self.stream().max_records;
        let room = most.map_or(usize::MAX, |most| most.saturating_sub(at.records));
        let (api, index, part) = (self.api.clone(), self.stream, self.part.clone());
        // How long a program takes does not depend on the size of the answer alone.
        let is_large = body.len() >= LARGE_PAGE || self.stream().runs_programs();
        let read = move || {
            let stream = &api.streams[index];
            Reading { stream, index, part: &part, name: &name, room, now: &now }.answer(body)
        };
        if is_large { blocking(read).await? } else { read() }
    }

    /// Whether `error` says what the configuration takes for no failure.
    fn passes_over(&self, at: &Bookmark, error: &Error) -> bool {
        let stream = self.stream();
        let refused = error.http_status().is_some_and(|status| stream.skip.contains(&status));
        let waits = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable);
        refused && !waits && self.part.share.is_none() && *at == first(stream, &self.part)
    }

    /// What comes after a page.
    fn next_of(&self, at: &Bookmark, response: &Response, page: &Page) -> Result<Next> {
        let stream = self.stream();
        let is_full = stream.max_records.is_some_and(|most| at.records + page.records.len() >= most);
        if is_full || self.part.share.is_some() {
            return Ok(Next::End);
        }
        if let Some(since) = &stream.since {
            let start = self.part.since.get(stream.spec.name.as_str());
            if since.has_reached(page.last.as_ref(), start)? {
                return Ok(Next::End);
            }
        }
        stream.pagination.next(&at.place, self.part.range.as_ref(), &page.told(response))
    }

    fn batch(&self, at: &Bookmark, response: &Response, page: Page) -> Result<(Batch, Option<Bookmark>)> {
        let next = self.next_of(at, response, &page)?;
        let mut found = splits(page.found, &self.api, self.stream, &self.part, at.place.number())?;
        let records = at.records + page.records.len();
        let (mut batch, next) = match next {
            Next::End => (Batch::last(page.records), None),
            Next::Page(place) => {
                let next = self.bookmark(place, records);
                (Batch::new(page.records, next.encode()?), Some(next))
            }
            Next::Ranges(ranges, size) => {
                for range in ranges {
                    found.extend(self.range(range, size)?);
                }
                (Batch::last(page.records), None)
            }
        };
        batch.failures = page.failures;
        batch.high = page.newest;
        batch.found = found;
        Ok((batch, next))
    }

    fn bookmark(&self, place: Place, records: usize) -> Bookmark {
        Bookmark { place, records: if self.stream().max_records.is_some() { records } else { 0 } }
    }

    /// The split of some later pages, unless there are records enough before them.
    fn range(&self, range: PageRange, size: u64) -> Result<Option<busta_core::Split>> {
        let range = Range { from: range.from, to: range.to, size };
        if self.stream().max_records.is_some_and(|most| before(&range) >= most) {
            return Ok(None);
        }
        self.api.split(self.stream(), &Part { range: Some(range), ..(*self.part).clone() }).map(Some)
    }
}

/// Where a split starts.
fn first(stream: &Stream, part: &Part) -> Bookmark {
    let range = part.range.as_ref();
    let records = range.filter(|_| stream.max_records.is_some()).map_or(0, before);
    Bookmark { place: stream.pagination.first(range), records }
}

/// How many records are on the pages before a range.
fn before(range: &Range) -> usize {
    usize::try_from(range.from.saturating_mul(range.size)).unwrap_or(usize::MAX)
}

#[async_trait]
impl Reader for PageReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(at) = self.at.clone() else { return Ok(None) };
        let pagination = &self.stream().pagination;
        let (response, page) = match self.fetch(&at).await {
            Ok(fetched) => fetched,
            Err(error)
                if error.kind() == ErrorKind::NotFound && pagination.ends_with_not_found(&at.place) =>
            {
                self.at = None;
                return Ok(Some(Batch::last(Records::default())));
            }
            Err(error) if self.passes_over(&at, &error) => {
                self.at = None;
                let skipped = Some(error.to_string());
                return Ok(Some(Batch { skipped, ..Batch::last(Records::default()) }));
            }
            Err(error) => return Err(error),
        };
        let place = pagination.describe(&at.place);
        let (batch, next) = self
            .batch(&at, &response, page)
            .map_err(|e| e.at(format_args!("{place} of {}", response.shown_url())))?;
        self.at = next;
        Ok(Some(batch))
    }
}
