//! Static catalogues: documents whose links lead to others and to items.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{
    Batch, Cursor, Error, ErrorKind, Failure, Origins, Reader, Records, RecordsBuilder, Result, Split, Stage,
};
use url::Url;

use super::document::{self, Found, shown};
use super::item;
use super::link::{Link, links};
use super::page::{Page, Taking, no_page};
use super::settings::Stac;
use super::work::{Catalog, Work};

/// So many items are read by one split: few enough for many workers, and enough that the bookkeeping
/// of a split costs little beside them.
const ITEMS_PER_SPLIT: usize = 32;

/// Follows the links of one catalogue.
pub struct CatalogReader {
    stac: Arc<Stac>,
    catalog: Option<Catalog>,
}

impl CatalogReader {
    /// A reader of `catalog`.
    pub fn new(stac: Arc<Stac>, catalog: Catalog) -> Self {
        Self { stac, catalog: Some(catalog) }
    }
}

#[async_trait]
impl Reader for CatalogReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(catalog) = self.catalog.clone() else { return Ok(None) };
        let fetched = document::fetch(&self.stac, &catalog.url).await;
        let read = fetched.and_then(|found| Followed::new(&self.stac, &catalog, &found));
        let mut batch = Batch::last(Records::default());
        match read {
            Ok(followed) => {
                batch.records = followed.items;
                batch.failures = followed.failures;
                batch.found = followed.found;
            }
            // A dead link is one thing that failed; what the other links lead to is read all the same.
            Err(error) if !catalog.is_root && is_its_own(&error) => {
                batch.failures = vec![Failure::item(Stage::Read, shown(&catalog.url), &error, None)];
            }
            Err(error) => return Err(error),
        }
        self.catalog = None;
        Ok(Some(batch))
    }
}

/// Whether an error says something about this document, and nothing about the next one.
fn is_its_own(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Data | ErrorKind::Corrupt)
}

/// What a catalogue leads to.
#[derive(Default)]
struct Followed {
    items: Records,
    failures: Vec<Failure>,
    found: Vec<Split>,
}

impl Followed {
    fn new(stac: &Arc<Stac>, catalog: &Catalog, at: &Found) -> Result<Self> {
        let (mut kind, mut id, mut all) = (String::new(), None, Vec::<Link>::new());
        busta_core::json::for_each_field(&at.body, |name, raw| match &*name {
            "type" => kind = serde_json::from_str(raw).unwrap_or_default(),
            "id" => id = serde_json::from_str::<String>(raw).ok(),
            "links" => all = links(raw),
            _ => {}
        })
        .map_err(|e| no_page(&at.body, &e.to_string()).at(shown(&at.url)))?;
        let mut followed = Self::default();
        if matches!(kind.as_str(), "FeatureCollection" | "Feature") {
            let (items, failures) = items_of(stac, at);
            return Ok(Self { items, failures, found: Vec::new() });
        }
        let is_collection = kind == "Collection";
        let collection = if is_collection { id } else { catalog.collection.clone() };
        if is_collection && stac.collections_stream.is_some() && stac.has_collection(collection.as_deref()) {
            followed.found.push(Work::Collections(at.url.clone()).split(stac)?);
        }
        let mut items = Vec::new();
        for link in all {
            let target = match (link.rel.as_str(), link.target(&at.url)) {
                ("child" | "item", Ok(target)) => target,
                ("child" | "item", Err(error)) => {
                    let position = format!("{}, link to {}", shown(&at.url), link.href);
                    followed.failures.push(Failure::item(Stage::Parse, position, &error, None));
                    continue;
                }
                _ => continue,
            };
            if link.rel == "child" {
                let above: Vec<Url> = catalog.above.iter().chain([&catalog.url]).cloned().collect();
                let url = plain(target);
                if !above.contains(&url) {
                    let child = Catalog { url, is_root: false, above, collection: collection.clone() };
                    followed.add(Work::Catalog(child).split(stac)?);
                }
            } else if stac.has_collection(collection.as_deref()) {
                items.push(plain(target));
            }
        }
        let mut known = HashSet::new();
        items.retain(|url| known.insert(url.clone()));
        for alike in items.chunk_by(|a, b| a.scheme() == b.scheme()) {
            for some in alike.chunks(ITEMS_PER_SPLIT) {
                followed.add(Work::Items(some.to_vec()).split(stac)?);
            }
        }
        Ok(followed)
    }

    /// A split, unless the same document is linked twice from here.
    fn add(&mut self, split: Split) {
        if !self.found.iter().any(|known| known.id == split.id) {
            self.found.push(split);
        }
    }
}

/// A URL without the place in the document, which makes no other document of it.
fn plain(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}

/// Reads items that are documents of their own, one with each pull.
pub struct ItemsReader {
    stac: Arc<Stac>,
    urls: Vec<Url>,
    next: usize,
}

/// Files are read in groups: one costs less than the bookkeeping of a batch.
const FILES_PER_BATCH: usize = ITEMS_PER_SPLIT;

impl ItemsReader {
    /// A reader that goes on at `at`.
    pub fn new(stac: Arc<Stac>, urls: Vec<Url>, at: Option<&Cursor>) -> Result<Self> {
        let next = at.map(Cursor::decode).transpose()?.unwrap_or_default();
        Ok(Self { stac, urls, next })
    }
}

#[async_trait]
impl Reader for ItemsReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let (mut records, mut origins) = (RecordsBuilder::default(), Origins::default());
        let (mut failures, mut starts) = (Vec::new(), Vec::new());
        let mut next = self.next;
        while let Some(url) = self.urls.get(next) {
            next += 1;
            match document::fetch_changed(&self.stac, url).await {
                Ok(None) => {}
                Ok(Some((found, start))) => {
                    let (items, failed) = items_of(&self.stac, &found);
                    match found.url.scheme() {
                        "file" => origins.enter_file(&shown(&found.url), ", item "),
                        _ => origins.enter(format!("{}, item ", shown(&found.url))),
                    }
                    for (number, item) in (1..).zip(items.iter()) {
                        origins.note(records.len(), number);
                        records.push(item);
                    }
                    starts.extend(start.filter(|_| failed.is_empty()));
                    failures.extend(failed);
                }
                Err(error) if is_its_own(&error) => {
                    failures.push(Failure::item(Stage::Read, shown(url), &error, None));
                }
                Err(error) => return Err(error),
            }
            if url.scheme() != "file" || next - self.next >= FILES_PER_BATCH {
                break;
            }
        }
        if next == self.next {
            return Ok(None);
        }
        self.next = next;
        let done = next == self.urls.len();
        let records = records.finish().with_origins(origins);
        // If one of several were refused, the others would come again with it.
        let starts_need_all = records.len() == 1;
        let batch = Batch::new(records, Cursor::encode(&next)?);
        Ok(Some(Batch { failures, starts, starts_need_all, done, ..batch }))
    }
}

/// The items that a document holds: itself, or those of an ItemCollection.
fn items_of(stac: &Stac, found: &Found) -> (Records, Vec<Failure>) {
    let name = shown(&found.url);
    let failed = |error: &Error| {
        let failure = Failure::item(Stage::Parse, name.clone(), error, Some(&found.body));
        (Records::default(), vec![failure])
    };
    let kind = busta_core::json::field(&found.body, "type");
    if kind == Some("\"FeatureCollection\"") {
        let wanted = |head: &item::Head<'_>| stac.wants(head);
        let taking = Taking { name: &name, cursor_field: stac.cursor_field.as_deref(), wanted: &wanted };
        return match Page::read(found.body.clone()).map(|page| page.items(&taking)) {
            Ok(items) => (items.records, items.failures),
            Err(error) => failed(&error),
        };
    }
    let text = found.body.trim_ascii();
    match item::look(text, None) {
        Ok(head) if stac.wants(&head) => {
            let mut records = RecordsBuilder::with_capacity(text.len());
            records.push(text);
            (records.finish(), Vec::new())
        }
        Ok(_) => (Records::default(), Vec::new()),
        Err(error) => failed(&error),
    }
}
