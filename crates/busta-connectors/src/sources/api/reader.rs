//! Reading one split, page by page.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, ErrorKind, Reader, Records, Result};
use chrono::SecondsFormat;

use super::bookmark::Bookmark;
use super::found::splits;
use super::items::{self, Items};
use super::page::{Page, Reading};
use super::pagination::{Next, PageRange, Place, Range};
use super::part::Part;
use super::stream::{Api, Stream};
use crate::blocking::blocking_if;
use crate::http::{HttpClient, Response, UnderWay};

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// A reader of one split. All that it knows is its bookmark, and what it has asked for ahead.
pub struct PageReader {
    api: Arc<Api>,
    stream: usize,
    part: Arc<Part>,
    at: Option<Bookmark>,
    ahead: Ahead,
}

/// The page after the one that came last, which may be under way.
#[derive(Default)]
struct Ahead {
    answer: UnderWay,
    /// When it was asked for, as RFC 3339.
    asked: String,
}

/// An answer, and its items.
struct Fetched {
    response: Response,
    items: Arc<Items>,
    /// When it was asked for, as RFC 3339.
    asked: String,
}

impl PageReader {
    /// A reader that goes on at `at`.
    pub fn new(api: Arc<Api>, stream: usize, part: Part, at: Option<&Cursor>) -> Result<Self> {
        let bookmark = match at {
            Some(cursor) => Bookmark::decode(cursor)?,
            None => first(&api.streams[stream], &part),
        };
        Ok(Self { api, stream, part: Arc::new(part), at: Some(bookmark), ahead: Ahead::default() })
    }

    fn stream(&self) -> &Stream {
        &self.api.streams[self.stream]
    }

    fn client(&self) -> &HttpClient {
        &self.api.service(self.stream()).client
    }

    fn now(&self) -> String {
        self.client().now().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The page at `at`, which may be under way.
    async fn fetch(&mut self, at: &Bookmark, ahead: Ahead) -> Result<Fetched> {
        let (answer, asked) = match ahead.answer.answer().await {
            Some(answer) => (answer, ahead.asked),
            None => {
                let request = self.api.request(self.stream(), &self.part, &at.place)?;
                let asked = self.now();
                (self.client().send(request).await, asked)
            }
        };
        let mut response = answer?;
        if response.not_modified {
            return Err(Error::data(format!("{} answered 304 without being asked", response.shown_url())));
        }
        self.client().note_freshness(&response, Duration::ZERO);
        let body = std::mem::take(&mut response.body);
        let is_large = body.len() >= LARGE_PAGE;
        let (api, index, part) = (self.api.clone(), self.stream, self.part.clone());
        let cut = move || items::cut(api.streams[index].endpoint(&part)?, body);
        match blocking_if(is_large, cut).await? {
            Ok(items) => Ok(Fetched { response, items: Arc::new(items), asked }),
            Err(error) => Err(error.at(response.shown_url())),
        }
    }

    /// The first page, for a look at what comes back.
    pub async fn fetch_first(&mut self) -> Result<(Response, Arc<Items>, Page)> {
        let at = first(self.stream(), &self.part);
        let fetched = self.fetch(&at, Ahead::default()).await?;
        let page = self.read(&fetched, &at).await.map_err(|e| e.at(fetched.response.shown_url()))?;
        Ok((fetched.response, fetched.items, page))
    }

    /// Makes records of the items of a page.
    fn read(&self, fetched: &Fetched, at: &Bookmark) -> impl Future<Output = Result<Page>> + use<> {
        let name = self.stream().pagination.describe(&at.place);
        let most = self.stream().max_records;
        let room = most.map_or(usize::MAX, |most| most.saturating_sub(at.records));
        let (api, index, part) = (self.api.clone(), self.stream, self.part.clone());
        let (items, now) = (fetched.items.clone(), fetched.asked.clone());
        // How long a program takes does not depend on the size of the answer alone.
        let is_large = items.text.len() >= LARGE_PAGE || self.stream().runs_programs();
        let read = move || {
            let stream = &api.streams[index];
            Reading { stream, index, part: &part, name: &name, room, now: &now }.answer(&items)
        };
        async move { blocking_if(is_large, read).await? }
    }

    /// Asks for the page at `place`, which comes after that of `fetched`, unless it may turn out that nobody wants
    /// it.
    fn send_ahead(&self, at: &Bookmark, place: &Place, fetched: &Fetched) -> Result<Ahead> {
        let stream = self.stream();
        let makes_more = stream.endpoint(&self.part)?.map.is_some();
        let count = at.records.saturating_add(fetched.items.spans.len());
        let may_be_full = stream.max_records.is_some_and(|most| makes_more || count >= most);
        let may_end = stream.since.as_ref().is_some_and(|since| since.newest_first);
        if may_be_full || may_end {
            return Ok(Ahead::default());
        }
        // What is wrong with it is told when it is its turn.
        let Ok(request) = self.api.request(stream, &self.part, place) else { return Ok(Ahead::default()) };
        let answer = UnderWay::begin(self.client(), request, fetched.items.text.len());
        Ok(Ahead { answer, asked: self.now() })
    }

    /// Whether `error` says what the configuration takes for no failure.
    fn passes_over(&self, at: &Bookmark, error: &Error) -> bool {
        let stream = self.stream();
        let refused = error.http_status().is_some_and(|status| stream.skip.contains(&status));
        let waits = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable);
        refused && !waits && self.part.share.is_none() && *at == first(stream, &self.part)
    }

    /// What a page says comes after it.
    fn next_of(&self, at: &Bookmark, fetched: &Fetched) -> Result<Next> {
        if self.part.share.is_some() {
            return Ok(Next::End);
        }
        let told = fetched.items.told(&fetched.response);
        self.stream().pagination.next(&at.place, self.part.range.as_ref(), &told)
    }

    /// Whether nothing is wanted after a page, whatever it says.
    fn is_enough(&self, at: &Bookmark, page: &Page) -> Result<bool> {
        let stream = self.stream();
        let is_full = stream.max_records.is_some_and(|most| at.records + page.records.len() >= most);
        let Some(since) = stream.since.as_ref().filter(|_| !is_full) else { return Ok(is_full) };
        let start = self.part.since.get(stream.spec.name.as_str());
        since.has_reached(page.last.as_ref(), start)
    }

    fn batch(&self, at: &Bookmark, next: Result<Next>, page: Page) -> Result<(Batch, Option<Bookmark>)> {
        let next = if self.is_enough(at, &page)? { Next::End } else { next? };
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
        let ahead = std::mem::take(&mut self.ahead);
        let fetched = match self.fetch(&at, ahead).await {
            Ok(fetched) => fetched,
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && self.stream().pagination.ends_with_not_found(&at.place) =>
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
        let next = self.next_of(&at, &fetched);
        let mut ahead = match &next {
            Ok(Next::Page(place)) => self.send_ahead(&at, place, &fetched)?,
            Ok(Next::End | Next::Ranges(..)) | Err(_) => Ahead::default(),
        };
        let shown = || fetched.response.shown_url();
        let page = ahead.answer.beside(self.read(&fetched, &at)).await.map_err(|e| e.at(shown()))?;
        let place = self.stream().pagination.describe(&at.place);
        let (batch, next) =
            self.batch(&at, next, page).map_err(|e| e.at(format_args!("{place} of {}", shown())))?;
        (self.at, self.ahead) = (next, ahead);
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        !self.ahead.answer.is_some()
    }

    fn attend(&mut self, context: &mut Context<'_>) {
        self.ahead.answer.attend(context);
    }
}
