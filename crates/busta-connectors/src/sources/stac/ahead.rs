//! The first page of a search, asked for while the landing page is still on its way.
//!
//! The specification names the path `search` below the landing page
//! (<https://github.com/radiantearth/stac-api-spec/tree/main/item-search#link-relations>), and GET changes
//! nothing at the server. So the page is asked for at once, and used only if the landing page then says
//! that this is where one searches with GET; it is the page that the reader would have asked for next.
//! Conditions that depend on conformance classes wait for these.

use std::sync::{Mutex, PoisonError};

use busta_core::Checkpoint;
use url::Url;

use super::config::Method;
use super::landing::{Endpoint, Extensions, How, Landing, below};
use super::next::Place;
use super::piece::{Part, Piece};
use super::settings::Stac;
use crate::http::{Request, Response};

/// A first page that nobody has read yet.
#[derive(Default)]
pub struct Ahead(Mutex<Option<FirstPage>>);

/// The first page of the search of some collections.
pub struct FirstPage {
    /// What was asked.
    url: Url,
    collections: Vec<String>,
    response: Response,
}

impl Ahead {
    /// Keeps `page` for the reader of its search, in place of any other.
    pub fn keep(&self, page: Option<FirstPage>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = page;
    }

    /// The answer for the reader of `piece`, if it is there: once.
    pub fn take(&self, piece: &Piece) -> Option<Response> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_whole = matches!(piece.part, Part::Chain | Part::Root(..)) && piece.since.is_none();
        kept.take_if(|page| is_whole && page.collections == piece.collections).map(|page| page.response)
    }
}

impl FirstPage {
    /// Whether this is what the API that `landing`, found at `base`, tells of would have been asked.
    pub fn is_of(&self, landing: &Landing, base: &Url) -> bool {
        landing.searches_by_get(base, &self.url)
    }
}

/// Asks for the first page of all that is searched for, if that is one search. Whatever goes wrong, its
/// reader will meet again.
pub async fn first_page(stac: &Stac, landing: &Url, from: &Checkpoint) -> Option<FirstPage> {
    let search = &stac.search;
    let is_plain = search.query.is_none() && search.filter.is_none() && search.intersects.is_none();
    // A run that goes on has read it already.
    let is_new = from.splits.is_empty() && from.finished.is_empty();
    if !is_plain || !is_new || stac.method == Method::Post || stac.collections.len() > 1 {
        return None;
    }
    let url = below(landing, &["search"]).ok()?;
    let endpoint = Endpoint { url: url.clone(), how: How::Get, can: Extensions::default() };
    let collections = stac.collections.clone();
    let piece = Piece { endpoint, collections, since: None, part: Part::Chain };
    let first = piece.first(stac, &Place::default()).ok()?;
    let response = stac.send(Request::get(first.url)).await.ok()?;
    Some(FirstPage { url, collections: piece.collections, response })
}
