//! Reading collections themselves: the optional stream `collections`.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::{Batch, Cursor, Error, Failure, Reader, RecordsBuilder, Result, Stage};
use serde_json::value::RawValue;
use url::Url;

use super::document::{self, shown};
use super::link::{Link, links};
use super::page::no_page;
use super::settings::Stac;

/// Follows a list of collections, page by page, or reads one collection.
pub struct CollectionsReader {
    stac: Arc<Stac>,
    next: Option<Url>,
}

impl CollectionsReader {
    /// A reader of the list or collection at `url` that goes on at `at`.
    pub fn new(stac: Arc<Stac>, url: Url, at: Option<&Cursor>) -> Result<Self> {
        let next = at.map(Cursor::decode).transpose()?.unwrap_or(url);
        Ok(Self { stac, next: Some(next) })
    }
}

#[async_trait]
impl Reader for CollectionsReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(url) = self.next.clone() else { return Ok(None) };
        let found = document::fetch(&self.stac, &url).await?;
        let mut list: Option<Vec<&RawValue>> = None;
        let mut next: Option<Link> = None;
        busta_core::json::for_each_field(&found.body, |name, raw| match &*name {
            "collections" => list = serde_json::from_str(raw).ok(),
            "links" => next = links(raw).into_iter().find(|link| link.rel == "next"),
            _ => {}
        })
        .map_err(|e| no_page(&found.body, &e.to_string()).at(shown(&found.url)))?;
        let mut records = RecordsBuilder::default();
        let mut failures = Vec::new();
        let single = std::str::from_utf8(found.body.trim_ascii()).ok();
        let texts = list.map(|list| list.into_iter().map(RawValue::get).collect());
        for (index, text) in
            texts.unwrap_or_else(|| single.into_iter().collect::<Vec<_>>()).into_iter().enumerate()
        {
            let id = busta_core::json::field(text.as_bytes(), "id");
            match id.and_then(|raw| serde_json::from_str::<String>(raw).ok()) {
                Some(id) if self.stac.has_collection(Some(&id)) => records.push(text.as_bytes()),
                Some(_) => {}
                None => {
                    let error = Error::data("this is no STAC collection: it has no id");
                    let position = format!("{}, collection {}", shown(&found.url), index + 1);
                    failures.push(Failure::item(Stage::Parse, position, &error, Some(text.as_bytes())));
                }
            }
        }
        let target = next.map(|link| link.target(&found.url)).transpose()?;
        let target = target.filter(|target| *target != url);
        let mut batch = match &target {
            Some(target) => Batch::new(records.finish(), Cursor::encode(target)?),
            None => Batch::last(records.finish()),
        };
        batch.failures = failures;
        self.next = target;
        Ok(Some(batch))
    }
}
