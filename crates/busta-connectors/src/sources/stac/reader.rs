//! Reading a piece of a search, page by page.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, Reader, Records, Result};
use bytes::Bytes;

use super::next::{NextPage, Place};
use super::page::{self, Page, Taking, newer};
use super::piece::Piece;
use super::settings::Stac;
use crate::http::{Request, Response};

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// A reader of one piece. All that it knows is the place of the next page.
pub struct SearchReader {
    stac: Arc<Stac>,
    piece: Arc<Piece>,
    place: Option<Place>,
}

impl SearchReader {
    /// A reader that goes on at `at`.
    pub fn new(stac: Arc<Stac>, piece: Piece, at: Option<&Cursor>) -> Result<Self> {
        let place = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { stac, piece: Arc::new(piece), place: Some(place) })
    }

    /// The page at `place`, and the answer that it came in.
    pub async fn fetch(&self, place: &Place) -> Result<(Response, Page)> {
        let kept = if *place == Place::default() { self.stac.ahead.take(&self.piece) } else { None };
        let mut response = match kept {
            Some(response) => response,
            None => self.stac.send(self.request(place)?).await?,
        };
        if response.not_modified {
            return Err(Error::data(format!("{} answered 304 without being asked", response.shown_url())));
        }
        self.stac.client.note_freshness(&response, Duration::ZERO);
        let body = std::mem::take(&mut response.body);
        let page = self.take_apart(body, place).await.map_err(|e| e.at(response.shown_url()))?;
        Ok((response, page))
    }

    fn request(&self, place: &Place) -> Result<Request> {
        let first = self.piece.first(&self.stac, place)?;
        match (&place.page, &first.body) {
            (Some(page), _) => page.request(first.body.as_ref()),
            (None, Some(body)) => Request::new(http::Method::POST, first.url).json(body),
            (None, None) => Ok(Request::get(first.url)),
        }
    }

    async fn take_apart(&self, body: Bytes, place: &Place) -> Result<Page> {
        let name = format!("page {}", place.page.as_ref().map_or(1, |page| page.number));
        let (stac, piece) = (self.stac.clone(), self.piece.clone());
        let is_large = body.len() >= LARGE_PAGE;
        let work = move || {
            let wanted = |head: &super::item::Head<'_>| piece.wants(&stac, head);
            page::read(
                &body,
                &Taking { name: &name, cursor_field: stac.cursor_field.as_deref(), wanted: &wanted },
            )
        };
        if !is_large {
            return work();
        }
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Error::bug(format!("taking a page apart: {e}")))?
    }

    /// What comes after `page`, which is at `place`.
    fn next_place(&self, place: &Place, response: &Response, page: &Page) -> Result<Option<Place>> {
        if self.stac.max_items.is_some_and(|max| place.given >= max) {
            return Ok(None);
        }
        if let Some(link) = &page.next {
            let key = self.stac.key.as_deref();
            let mut next =
                NextPage::after(place.page.as_ref(), link.clone(), &response.url, page.count, key)?;
            next.headers.retain(|(name, _)| !self.stac.is_private(name));
            return Ok(Some(Place { page: Some(next), ..place.clone() }));
        }
        let has_more = self.piece.has_collection(place.collection + 1);
        Ok(has_more.then(|| Place { collection: place.collection + 1, page: None, ..place.clone() }))
    }

    fn batch(&mut self, place: &Place, response: &Response, mut page: Page) -> Result<Batch> {
        let (mut place, mut is_cut) = (place.clone(), false);
        if let Some(max) = self.stac.max_items {
            let room = usize::try_from(max - place.given.min(max)).unwrap_or(usize::MAX);
            is_cut = page.truncate(room, self.stac.cursor_field.as_deref());
            place.given += page.items.len() as u64;
        }
        // What `max_items` leaves out may be older than what it leaves.
        let holds_back = self.stac.max_items.is_some() && !self.piece.rises(&self.stac);
        if holds_back {
            place.newest = newer(place.newest.take(), page.newest.take());
        }
        let next = self.next_place(&place, response, &page)?;
        if holds_back && next.is_none() {
            is_cut |= page.next.is_some() || self.piece.has_collection(place.collection + 1);
            if is_cut && place.newest.is_some() {
                tracing::warn!("`max_items` left out what may be older: the cursor stays where it was");
            }
            page.newest = place.newest.filter(|_| !is_cut);
        }
        let mut batch = match &next {
            Some(next) => Batch::new(page.items, Cursor::encode(next)?),
            None => Batch::last(page.items),
        };
        batch.failures = page.failures;
        batch.high = page.newest;
        self.place = next;
        Ok(batch)
    }
}

#[async_trait]
impl Reader for SearchReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        let (response, page) = self.fetch(&place).await?;
        if place == Place::default()
            && let Some(found) = self.piece.cut(&self.stac, &page)?
        {
            self.place = None;
            return Ok(Some(Batch { found, ..Batch::last(Records::default()) }));
        }
        if self.piece.is_chunk() {
            self.stac.outlook.read(page.count as u64);
        }
        let number = place.page.as_ref().map_or(1, |page| page.number);
        let batch = self.batch(&place, &response, page);
        batch.map(Some).map_err(|e| e.at(format_args!("page {number} of {}", response.shown_url())))
    }
}
