//! STAC: APIs, static catalogues, and items in files.
//!
//! # How an API is read
//!
//! Planning fetches the landing page, whose links and conformance classes say how to search, and names
//! one split per collection. Its reader asks for the first page as if there were nothing to cut. If
//! the answer says that there is much more (`numberMatched`), the split ends there and leaves
//! **chunks** of time as splits, which the engine reads in parallel; a chunk whose own first page
//! shows that it is far too big cuts itself again. Which item belongs to which chunk stands in
//! `chunks`: the union of the chunks is the search, and no item is in two.
//!
//! # Where to look
//!
//! `config` is what the operator writes, `settings` what is made of it. `landing` says how an API can
//! be asked, `query` writes the first request of a search, `next` the others. `reader` reads a `piece`
//! of it, on `page`, `item` and `time`.

mod chunks;
mod config;
mod item;
mod landing;
mod link;
mod next;
mod page;
mod piece;
mod plan;
mod probe;
mod query;
mod reader;
mod settings;
mod time;

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{Checkpoint, Cursor, Error, Probe, Reader, Result, Source, Split, StreamSpec};
use serde_json::Value;

use self::config::StacConfig;
use self::reader::SearchReader;
use self::settings::{Origin, Stac};

/// `type: stac`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "stac",
    summary: "items of STAC APIs, static catalogues and files",
    pool: "api",
    example: include_str!("example.yaml"),
    schema: |generator| generator.subschema_for::<StacConfig>(),
    build,
};

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let stac = Stac::new(read_config(keys)?, &context)?;
    let streams = [&stac.items].into_iter().chain(&stac.collections_stream).cloned().collect();
    Ok(Box::new(StacSource { stac: Arc::new(stac), streams }))
}

struct StacSource {
    stac: Arc<Stac>,
    streams: Vec<StreamSpec>,
}

#[async_trait]
impl Source for StacSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        match &self.stac.origin {
            Origin::Url(url) => plan::splits(&self.stac, url, from).await,
            Origin::Paths(..) => Err(Error::config("paths are not read yet")),
        }
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(SearchReader::new(self.stac.clone(), split.decode()?, at)?))
    }

    async fn test(&self) -> Result<Probe> {
        probe::probe(self.stac.clone()).await
    }
}
