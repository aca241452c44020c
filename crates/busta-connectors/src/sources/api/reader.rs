//! Reading one split, page by page.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, CursorValue, Error, ErrorKind, Reader, Records, Result};
use bytes::Bytes;
use chrono::SecondsFormat;

use super::bookmark::Bookmark;
use super::page::{Page, Reading};
use super::pagination::{Next, PageRange, Place, Range};
use super::part::Part;
use super::stream::{Api, Stream};
use crate::http::Response;
use crate::sources::blocking;

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// The same where programs run: they manage some ten megabytes per second.
const LARGE_FOR_PROGRAMS: usize = 8 << 10;

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
        let large = if self.stream().runs_programs() { LARGE_FOR_PROGRAMS } else { LARGE_PAGE };
        let is_large = body.len() >= large;
        let read = move || {
            let stream = &api.streams[index];
            Reading { stream, index, part: &part, name: &name, room, now: &now }.answer(body)
        };
        if is_large { blocking(read).await? } else { read() }
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
        let newest = newer(at.newest.clone(), page.newest.clone());
        let mut found = Vec::new();
        for one in page.found {
            found.push(one.split(&self.api, self.stream, &self.part, at.place.number())?);
        }
        let records = at.records + page.records.len();
        let (mut batch, next) = match next {
            Next::End => (self.last(page.records, newest)?, None),
            Next::Page(place) => {
                let next = self.bookmark(place, newest, records);
                (Batch::new(page.records, next.encode()?), Some(next))
            }
            Next::Ranges(ranges, size) => {
                for range in ranges {
                    found.extend(self.range(range, size)?);
                }
                (self.last(page.records, newest)?, None)
            }
        };
        batch.failures = page.failures;
        batch.high = page.newest.filter(|_| !self.stream().has_own_starts());
        batch.found = found;
        Ok((batch, next))
    }

    fn bookmark(&self, place: Place, newest: Option<CursorValue>, records: usize) -> Bookmark {
        let stream = self.stream();
        Bookmark {
            place,
            newest: newest.filter(|_| stream.has_own_starts()),
            records: if stream.max_records.is_some() { records } else { 0 },
        }
    }

    /// The last batch, with which the start cursor of a combination moves.
    fn last(&self, records: Records, newest: Option<CursorValue>) -> Result<Batch> {
        let mut batch = Batch::last(records);
        let stream = self.stream();
        if !stream.has_own_starts() || self.part.share.is_some() {
            return Ok(batch);
        }
        let known = self.part.since.get(stream.spec.name.as_str()).cloned();
        let reached = newer(known.clone(), newest);
        if let Some(reached) = reached.filter(|reached| known.as_ref() != Some(reached)) {
            batch.starts.push((self.part.id(stream), Cursor::encode(&reached)?));
        }
        Ok(batch)
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
    Bookmark { place: stream.pagination.first(range), newest: None, records }
}

/// How many records are on the pages before a range.
fn before(range: &Range) -> usize {
    usize::try_from(range.from.saturating_mul(range.size)).unwrap_or(usize::MAX)
}

fn newer(a: Option<CursorValue>, b: Option<CursorValue>) -> Option<CursorValue> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
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
                return self.last(Records::default(), at.newest).map(Some);
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
