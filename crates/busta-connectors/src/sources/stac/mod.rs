//! STAC: APIs, static catalogues, and items in files.
//!
//! # How an API is read
//!
//! Planning fetches the landing page, whose links and conformance classes say how to search, and names
//! one split per collection. Its reader asks for the first page as if there were nothing to cut, where
//! planning has not had it come already (`ahead`). If the answer says that there is much more
//! (`numberMatched`), the split ends there and leaves **chunks** of time as splits, which the engine
//! reads in parallel; a chunk whose own first page shows that it alone would take longer than all that
//! is left (`outlook`) takes everybody else cuts itself again. Which item belongs to which chunk stands
//! in `chunks`: the union of the chunks is the search, and no item is in two.
//!
//! # How a catalogue is read
//!
//! Each document is a split that finds those its links lead to; items come in groups, and only those that
//! have changed (`known`). A document is known by its URL, so circles end by themselves. Files on this
//! machine that are no catalogues are read by the `files` source, and what is no item is taken out.
//!
//! # Where to look
//!
//! `config` is what the operator writes, `order` a part of it, `settings` what is made of it. `landing` says
//! how an API can be asked, `query` writes the first request of a search, `next` the others. `reader` reads
//! a `piece` of it, on `page`, `item` and `time`. `catalog` and `collections` read on `document`, `folder` on the
//! `files` source; `work` is what their splits carry.

mod ahead;
mod catalog;
mod chunks;
mod collections;
mod config;
mod document;
mod folder;
mod item;
mod known;
mod landing;
mod link;
mod next;
mod order;
mod outlook;
mod page;
mod piece;
mod plan;
mod probe;
mod query;
mod reader;
#[cfg(test)]
mod rounds;
mod settings;
mod time;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, ConfigProblem, SourceConnector, SourceContext, read_config};
use busta_core::source::KeptFiles;
use busta_core::{Checkpoint, Cursor, Error, Probe, Reader, Result, Source, Split, StreamSpec};
use serde_json::Value;
use url::Url;

use self::catalog::{CatalogReader, ItemsReader};
use self::collections::CollectionsReader;
use self::config::StacConfig;
use self::folder::FolderReader;
use self::reader::SearchReader;
use self::settings::{Origin, Stac};
use self::work::Work;
use crate::download::assets::WithAssets;

/// `type: stac`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "stac",
    summary: "items of STAC APIs, static catalogues and files",
    pool: "stac",
    example: include_str!("example.yaml"),
    schema: |generator| generator.subschema_for::<StacConfig>(),
    build,
};

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let stac = Stac::new(read_config(keys)?, &context)?;
    let assets = stac.assets.as_ref().map(|assets| assets.spec());
    let streams = [&stac.items].into_iter().chain(&stac.collections_stream).chain(assets).cloned().collect();
    let (mut catalogs, mut folder) = (Vec::new(), None);
    if let Origin::Paths(paths, base_dir) = &stac.origin {
        let (documents, folders): (Vec<_>, Vec<_>) =
            paths.iter().cloned().partition(|path| folder::is_catalog(path));
        for path in &documents {
            let url = document::file_url(base_dir, path);
            catalogs.push(url.map_err(|e| vec![ConfigProblem::new("path", e.message())])?);
        }
        if !folders.is_empty() {
            folder = Some(folder::source(&stac, &folders, context)?);
        }
    }
    Ok(Box::new(StacSource { stac: Arc::new(stac), streams, catalogs, folder }))
}

struct StacSource {
    stac: Arc<Stac>,
    streams: Vec<StreamSpec>,
    /// Catalogues on this machine.
    catalogs: Vec<Url>,
    /// The `files` source for everything else on this machine.
    folder: Option<Box<dyn Source>>,
}

#[async_trait]
impl Source for StacSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        if let Some(assets) = &self.stac.assets {
            assets.remember(from);
        }
        self.stac.known.remember(from);
        if let Origin::Url(url) = &self.stac.origin {
            return plan::splits(&self.stac, url, from).await;
        }
        let mut splits = plan::local(&self.stac, &self.catalogs)?;
        if let Some(folder) = &self.folder {
            splits.extend(folder::wrap(folder.plan(from).await?)?);
        }
        Ok(splits)
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        match &self.stac.assets {
            Some(assets) if split.stream == assets.spec().name => assets.open(split, at),
            Some(assets) if split.stream == self.stac.items.name => {
                let pages = self.pages(split.decode()?, at)?;
                Ok(Box::new(WithAssets::new(self.open_own(split, at).await?, assets.clone(), pages)))
            }
            _ => self.open_own(split, at).await,
        }
    }

    async fn test(&self) -> Result<Probe> {
        match (&self.folder, self.catalogs.first()) {
            (_, Some(catalog)) => probe::of_url(self.stac.clone(), catalog).await,
            (Some(folder), None) => folder.test().await,
            (None, None) => match &self.stac.origin {
                Origin::Url(url) => {
                    let probe = probe::of_url(self.stac.clone(), url).await?;
                    Ok(match &self.stac.assets {
                        Some(assets) => probe::with_assets(probe, assets, url),
                        None => probe,
                    })
                }
                Origin::Paths(..) => Err(Error::bug("a source without paths")),
            },
        }
    }

    fn kept_files(&self) -> Option<KeptFiles> {
        let assets = self.stac.assets.as_ref()?;
        Some(KeptFiles { folder: assets.folder().to_owned(), stream: assets.spec().name.clone() })
    }
}

impl StacSource {
    /// Where the items of a split's batches are, for links that are relative to them: documents of the
    /// web come one to a batch.
    fn pages(&self, work: Work, at: Option<&Cursor>) -> Result<Vec<Url>> {
        Ok(match (work, &self.stac.origin) {
            (Work::Items(urls), _) => {
                let next: usize = at.map(Cursor::decode).transpose()?.unwrap_or_default();
                urls.into_iter().skip(next).collect()
            }
            // What a link led to may be an ItemCollection, whose items are relative to it.
            (Work::Catalog(catalog), _) => vec![catalog.url],
            (_, Origin::Url(url)) => vec![url.clone()],
            (_, Origin::Paths(..)) => Vec::new(),
        })
    }

    async fn open_own(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let stac = self.stac.clone();
        Ok(match split.decode()? {
            Work::Search(piece) => Box::new(SearchReader::new(stac, *piece, at)?),
            Work::Catalog(catalog) => Box::new(CatalogReader::new(stac, catalog)),
            Work::Items(urls) => Box::new(ItemsReader::new(stac, urls, at)?),
            Work::Collections(url) => Box::new(CollectionsReader::new(stac, url, at)?),
            Work::Files(payload) => {
                let folder = self.folder.as_ref().ok_or_else(|| {
                    Error::config(format!("split {} belongs to a `path` that is gone", split.id))
                        .hint("start a new run instead of resuming this one")
                })?;
                let inner = folder.open(&folder::unwrap(split, payload), at).await?;
                Box::new(FolderReader::new(stac, inner))
            }
        })
    }
}
