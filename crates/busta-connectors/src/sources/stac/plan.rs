//! From what is at the source's URL to splits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use busta_core::{Checkpoint, CursorValue, Error, ErrorKind, Result, Split};
use serde_json::Value;
use url::Url;

use super::ahead::{self, FirstPage};
use super::config;
use super::document::{self, Found};
use super::landing::{Document, How, Landing, below};
use super::link::links;
use super::piece::{Part, Piece};
use super::settings::Stac;
use super::time::{Interval, Moment};
use super::work::{Catalog, Work};
use crate::http::Request;

/// So many pages of collections are followed.
const MAX_COLLECTION_PAGES: usize = 1_000;

/// The splits of a source on the web.
pub async fn splits(stac: &Arc<Stac>, url: &Url, from: &Checkpoint) -> Result<Vec<Split>> {
    let since = match from.start(stac.items.name.as_str()) {
        Some(cursor) if stac.cursor_field.is_some() => Some(cursor.decode()?),
        _ => stac.start.clone(),
    };
    stac.outlook.begin();
    stac.ahead.keep(None);
    let (found, extent, first_page) = ask(stac, url, since.is_some(), from).await;
    let Found { url: at, body } = found?;
    let document = Document::read(&body).map_err(|e| e.at(document::shown(&at)))?;
    let mut splits = Vec::new();
    match document {
        Document::Api(landing) => {
            stac.ahead.keep(first_page.filter(|page| page.is_of(&landing, &at)));
            splits.extend(search(stac, &at, &landing, since, extent?).await?);
            if stac.collections_stream.is_some() {
                splits.push(Work::Collections(landing.collections(&at)?).split(stac)?);
            }
        }
        Document::Catalog | Document::Items => {
            stac.check_static()?;
            splits.push(root(url.clone()).split(stac)?);
        }
    }
    Ok(splits)
}

/// Asks for the landing page, and at the same time for what is likely to be wanted next: as many requests
/// as there may be readers.
async fn ask(
    stac: &Arc<Stac>,
    url: &Url,
    only_new: bool,
    from: &Checkpoint,
) -> (Result<Found>, Result<Interval>, Option<FirstPage>) {
    let landing = document::fetch(stac, url);
    let wants_extent = wants_extent(stac, url);
    let extent = async { if wants_extent { extent(stac, url).await } else { Ok(Interval::default()) } };
    let readers = stac.outlook.readers();
    if readers == 1 {
        return (landing.await, extent.await, None);
    }
    let has_room = readers > 1 + u64::from(wants_extent);
    let first_page = async {
        let asks = has_room && !only_new && !is_document(url);
        if asks { ahead::first_page(stac, url, from).await } else { None }
    };
    tokio::join!(landing, extent, first_page)
}

/// Whether a URL looks like that of a document rather than of an API.
fn is_document(url: &Url) -> bool {
    url.path().ends_with("json")
}

/// The splits of catalogues on this machine.
pub fn local(stac: &Stac, urls: &[Url]) -> Result<Vec<Split>> {
    urls.iter().map(|url| root(url.clone()).split(stac)).collect()
}

fn root(url: Url) -> Work {
    Work::Catalog(Catalog { url, is_root: true, above: Vec::new(), collection: None })
}

async fn search(
    stac: &Arc<Stac>,
    base: &Url,
    landing: &Landing,
    since: Option<CursorValue>,
    extent: Interval,
) -> Result<Vec<Split>> {
    let endpoint = landing.endpoint(stac.method, base)?;
    stac.search.check(&endpoint)?;
    let since = since.filter(|_| {
        let takes = stac.search.takes_since(&endpoint);
        if !takes {
            tracing::warn!("the API cannot be asked for what is new: everything is read again");
        }
        takes
    });
    let collections = match (stac.collections.is_empty(), endpoint.how) {
        (true, How::Items) => collections(stac, &endpoint.url).await?,
        _ => stac.collections.clone(),
    };
    let piece = Piece { endpoint, collections, since, part: Part::Chain };
    if is_chain(stac) {
        return Ok(vec![piece.split(stac)?]);
    }
    let part = guess(stac, extent).map_or(Part::Chain, |(from, to)| Part::Root(from, to));
    let piece = Piece { part, ..piece };
    if piece.collections.is_empty() {
        return Ok(vec![piece.split(stac)?]);
    }
    let one =
        |collection: &String| Piece { collections: vec![collection.clone()], ..piece.clone() }.split(stac);
    piece.collections.iter().map(one).collect()
}

/// Whether the search is to stay in one piece.
fn is_chain(stac: &Stac) -> bool {
    stac.split == config::Split::None
        || stac.max_items.is_some()
        || !stac.search.ids.is_empty()
        || !stac.search.shows_times()
}

/// Between which moments the items are thought to lie.
fn guess(stac: &Stac, extent: Interval) -> Option<(Moment, Moment)> {
    let from = stac.search.datetime.from.or(extent.from)?;
    let now = || Moment::from(stac.clock.now());
    let to = stac.search.datetime.to.or(extent.to).unwrap_or_else(now);
    (from < to).then_some((from, to))
}

/// So many times in a row the extent is waited for.
const EXTENT_WAITS: u32 = 3;

/// Whether the search itself does not say between which moments to cut it.
fn wants_extent(stac: &Stac, url: &Url) -> bool {
    let search = stac.search.datetime;
    !is_chain(stac) && (search.from.is_none() || search.to.is_none()) && !is_document(url)
}

/// The time that the collections span. It only says where to cut: whatever lies outside of it is found
/// too, so failing to learn it is no error; being told to ask later is, a few times, since a large search is worth the wait.
async fn extent(stac: &Stac, url: &Url) -> Result<Interval> {
    let place = match stac.collections.as_slice() {
        [one] => below(url, &["collections", one]),
        _ => below(url, &["collections"]),
    };
    let Ok(place) = place else { return Ok(Interval::default()) };
    let response = match stac.send(Request::get(place)).await {
        Ok(response) => {
            stac.extent_refused.store(0, Ordering::Relaxed);
            response
        }
        Err(error)
            if error.kind() == ErrorKind::RateLimited
                && stac.extent_refused.fetch_add(1, Ordering::Relaxed) < EXTENT_WAITS =>
        {
            return Err(error);
        }
        Err(error) => {
            if error.kind() == ErrorKind::NotFound && stac.collections.len() == 1 {
                unknown(&stac.collections);
            }
            return Ok(Interval::default());
        }
    };
    let Ok(document) = serde_json::from_slice::<Value>(&response.body) else {
        return Ok(Interval::default());
    };
    let is_ours = |collection: &&Value| {
        let id = collection["id"].as_str().unwrap_or_default();
        stac.collections.is_empty() || stac.collections.iter().any(|known| known == id)
    };
    let all = match document["collections"].as_array() {
        Some(list) => {
            let is_whole = links(&document["links"].to_string()).iter().all(|link| link.rel != "next");
            let is_listed = |id: &String| list.iter().any(|known| known["id"] == id.as_str());
            let lacking: Vec<String> = stac.collections.iter().filter(|id| !is_listed(id)).cloned().collect();
            if is_whole && !lacking.is_empty() {
                unknown(&lacking);
            }
            list.iter().filter(is_ours).map(temporal).collect()
        }
        None => vec![temporal(&document)],
    };
    Ok(all.into_iter().flatten().reduce(join).unwrap_or_default())
}

/// Warns of collections that the API does not know: a search for them finds nothing, and is no error.
fn unknown(collections: &[String]) {
    tracing::warn!(collections = collections.join(", "), "the API does not list these collections");
}

/// The span of a collection: the first of its intervals covers the others.
fn temporal(collection: &Value) -> Option<Interval> {
    let interval = collection.pointer("/extent/temporal/interval/0")?;
    let end = |index: usize| interval.get(index).and_then(Value::as_str).and_then(Moment::read);
    Some(Interval { from: end(0), to: end(1) })
}

/// The span of two. An end that one of them leaves open is open.
fn join(a: Interval, b: Interval) -> Interval {
    let ends = |a: Option<Moment>, b: Option<Moment>| a.zip(b);
    Interval {
        from: ends(a.from, b.from).map(|(a, b)| a.min(b)),
        to: ends(a.to, b.to).map(|(a, b)| a.max(b)),
    }
}

/// The ids of all collections, of an API that has no search over them.
pub async fn collections(stac: &Stac, url: &Url) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut place = url.clone();
    for _ in 0..MAX_COLLECTION_PAGES {
        let response = stac.send(Request::get(place)).await?;
        let document: Value = serde_json::from_slice(&response.body)
            .map_err(|e| super::page::no_page(&response.body, &e.to_string()).at(response.shown_url()))?;
        let page = document["collections"].as_array().into_iter().flatten();
        ids.extend(page.filter_map(|collection| collection["id"].as_str().map(str::to_owned)));
        let next = links(&document["links"].to_string()).into_iter().find(|link| link.rel == "next");
        match next {
            Some(next) => place = next.target(&response.url)?,
            None => return Ok(ids),
        }
    }
    Err(Error::data(format!("the list of collections has no end after {MAX_COLLECTION_PAGES} pages"))
        .hint("name those that you want under `collections`"))
}
