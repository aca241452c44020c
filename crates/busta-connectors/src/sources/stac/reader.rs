//! Reading a piece of a search, page by page.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, CursorValue, Error, Reader, Records, Result};

use super::item::Head;
use super::next::{NextPage, Place};
use super::page::{Items, Page, Taking, newer};
use super::piece::Piece;
use super::settings::Stac;
use crate::blocking::blocking_if;
use crate::http::{Request, Response, UnderWay};

/// Pages larger than this are taken apart on a thread for blocking work: at a gigabyte per second it
/// is a quarter of a millisecond, which other readers need not wait for.
const LARGE_PAGE: usize = 256 << 10;

/// A reader of one piece. All that it knows is the place of the next page, which may be under way already.
pub struct SearchReader {
    stac: Arc<Stac>,
    piece: Arc<Piece>,
    place: Option<Place>,
    under_way: UnderWay,
}

impl SearchReader {
    /// A reader that goes on at `at`.
    pub fn new(stac: Arc<Stac>, piece: Piece, at: Option<&Cursor>) -> Result<Self> {
        let place = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { stac, piece: Arc::new(piece), place: Some(place), under_way: UnderWay::default() })
    }

    /// The page at `place`, which may be `under_way`, and the answer that it came in.
    pub async fn fetch(&mut self, place: &Place, under_way: UnderWay) -> Result<(Response, Page)> {
        let kept = if *place == Place::default() { self.stac.ahead.take(&self.piece) } else { None };
        let mut response = match (kept, under_way.answer().await) {
            (Some(response), _) => response,
            (None, Some(answer)) => answer?,
            (None, None) => self.stac.send(self.request(place)?).await?,
        };
        if response.not_modified {
            return Err(Error::data(format!("{} answered 304 without being asked", response.shown_url())));
        }
        self.stac.client.note_freshness(&response, Duration::ZERO);
        let body = std::mem::take(&mut response.body);
        let is_large = body.len() >= LARGE_PAGE;
        match blocking_if(is_large, move || Page::read(body)).await? {
            Ok(page) => Ok((response, page)),
            Err(error) => Err(error.at(response.shown_url())),
        }
    }

    /// The items of `page`, which is at `place`.
    pub fn look(&self, page: Page, place: &Place) -> impl Future<Output = Result<Items>> + use<> {
        let name = format!("page {}", number(place));
        let (stac, piece) = (self.stac.clone(), self.piece.clone());
        blocking_if(page.size() >= LARGE_PAGE, move || {
            let wanted = |head: &Head<'_>| piece.wants(&stac, head);
            page.items(&Taking { name: &name, cursor_field: stac.cursor_field.as_deref(), wanted: &wanted })
        })
    }

    fn request(&self, place: &Place) -> Result<Request> {
        let first = self.piece.first(&self.stac, place)?;
        match (&place.page, &first.body) {
            (Some(page), _) => page.request(first.body.as_ref()),
            (None, Some(body)) => Request::new(http::Method::POST, first.url).json(body),
            (None, None) => Ok(Request::get(first.url)),
        }
    }

    /// What `page`, which is at `place`, says comes after it.
    fn next_place(&self, place: &Place, response: &Response, page: &mut Page) -> Result<Option<Place>> {
        if let Some(link) = page.next.take() {
            let key = self.stac.key.as_deref();
            let mut next = NextPage::after(place.page.as_ref(), link, &response.url, page.count(), key)?;
            next.headers.retain(|(name, _)| !self.stac.is_private(name));
            return Ok(Some(Place { page: Some(next), ..place.clone() }));
        }
        let has_more = self.piece.has_collection(place.collection + 1);
        Ok(has_more.then_some(Place { collection: place.collection + 1, page: None, ..place.clone() }))
    }

    /// Asks for the page at `next`, which comes after `page`, unless it may turn out that nobody wants it.
    fn send_ahead(&self, next: &Place, page: &Page) -> UnderWay {
        let given = next.given + page.count() as u64;
        match self.request(next) {
            Ok(request) if self.stac.max_items.is_none_or(|max| given < max) => {
                self.stac.send_ahead(request, page.size())
            }
            // What is wrong with it is told when it is its turn.
            _ => UnderWay::default(),
        }
    }

    /// The batch of `items` of the page at `place`, and the place after it: `next`, unless that is enough.
    fn batch(
        &self,
        mut items: Items,
        place: Place,
        next: Result<Option<Place>>,
    ) -> Result<(Batch, Option<Place>)> {
        let Some(max) = self.stac.max_items else { return given(items, next?) };
        let room = usize::try_from(max - place.given.min(max)).unwrap_or(usize::MAX);
        let is_over = items.truncate(room, self.stac.cursor_field.as_deref());
        let sum = place.given + items.records.len() as u64;
        let (next, is_cut) =
            if sum < max { (next?, is_over) } else { (None, is_over || !matches!(next, Ok(None))) };
        let newest = self.hold_back(&mut items, place.newest, next.is_none(), is_cut);
        given(items, next.map(|next| Place { given: sum, newest, ..next }))
    }

    /// What `max_items` leaves out may be older than what it leaves: so the newest value is known to the place alone
    /// until the last page shows that nothing was left out. Not, if items come in the order of the cursor field.
    fn hold_back(
        &self,
        items: &mut Items,
        before: Option<CursorValue>,
        is_last: bool,
        is_cut: bool,
    ) -> Option<CursorValue> {
        if self.piece.rises(&self.stac) {
            return None;
        }
        let newest = newer(before, items.newest.take());
        if !is_last {
            return newest;
        }
        if is_cut && newest.is_some() {
            tracing::warn!("`max_items` left out what may be older: the cursor stays where it was");
        }
        items.newest = newest.filter(|_| !is_cut);
        None
    }
}

/// The batch of `items`, and the place after it.
fn given(items: Items, next: Option<Place>) -> Result<(Batch, Option<Place>)> {
    let mut batch = match &next {
        Some(next) => Batch::new(items.records, Cursor::encode(next)?),
        None => Batch::last(items.records),
    };
    batch.failures = items.failures;
    batch.high = items.newest;
    Ok((batch, next))
}

/// The page's number in messages, from 1.
fn number(place: &Place) -> u64 {
    place.page.as_ref().map_or(1, |page| page.number)
}

#[async_trait]
impl Reader for SearchReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(place) = self.place.clone() else { return Ok(None) };
        let under_way = std::mem::take(&mut self.under_way);
        let (response, mut page) = self.fetch(&place, under_way).await?;
        if place == Place::default()
            && let Some(found) = self.piece.cut(&self.stac, &page)?
        {
            self.place = None;
            return Ok(Some(Batch { found, ..Batch::last(Records::default()) }));
        }
        if self.piece.is_chunk() {
            self.stac.outlook.read(page.count() as u64);
        }
        let next = self.next_place(&place, &response, &mut page);
        let mut under_way = match &next {
            Ok(Some(next)) => self.send_ahead(next, &page),
            Ok(None) | Err(_) => UnderWay::default(),
        };
        let items = under_way.beside(self.look(page, &place)).await?;
        let number = number(&place);
        let at = |e: Error| e.at(format_args!("page {number} of {}", response.shown_url()));
        let (batch, next) = self.batch(items, place, next).map_err(at)?;
        (self.place, self.under_way) = (next, under_way);
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        !self.under_way.is_some()
    }

    fn attend(&mut self, context: &mut Context<'_>) {
        self.under_way.attend(context);
    }
}
