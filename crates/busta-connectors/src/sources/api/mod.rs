//! Any REST API that answers with JSON, declared in YAML.
//!
//! # How it reads
//!
//! Each stream without a parent is planned as one split, `orders`. Its reader fetches a page at a
//! time; the cursor of the checkpoint is the place of the next page, so that a reader opened there
//! goes on exactly where the last one stopped. Where page one tells how many pages there are, the
//! split ends with it and the other pages become splits of their own, `orders?page=2-33`, which the
//! engine reads in parallel. Each record of a parent stream becomes a split of its child streams,
//! `order_lines/17`, committed together with the record.
//!
//! # Where to look
//!
//! `config` is what the operator writes; `compile` and `family` turn it into `stream`s. `reader` asks
//! (`draft`, `template`, `since`), takes the answer apart (`page`, on `cut` and `path`), finds what
//! comes next (`pagination`) and what it leads to (`children`).

mod children;
mod compile;
mod config;
pub(super) mod cut;
mod draft;
mod family;
mod fingerprint;
mod page;
mod pagination;
pub(super) mod path;
mod probe;
pub(super) mod problems;
mod reader;
mod since;
mod stream;
mod template;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{Checkpoint, Cursor, CursorValue, Error, Probe, Reader, Result, Source, Split, StreamSpec};
use schemars::JsonSchema;
use serde_json::Value;

pub(super) use compile::headers;
pub use config::{ApiConfig, CursorConfig, MethodName, Place, StreamConfig, TimeFormat};
pub(super) use fingerprint::fingerprint;
pub use pagination::{OffsetConfig, PageConfig, PaginationConfig};
pub use values::{Params, Scalar, TextOrList};

use reader::PageReader;
use stream::{Api, Part, Stream};

/// `type: api`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "api",
    summary: "any REST API that answers with JSON",
    pool: "api",
    example: include_str!("example.yaml"),
    schema: ApiConfig::json_schema,
    build,
};

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let config: ApiConfig = read_config(keys)?;
    let api = compile::compile(&config, &context)?;
    let specs = api.streams.iter().map(|stream| stream.spec.clone()).collect();
    Ok(Box::new(ApiSource { api: Arc::new(api), specs }))
}

struct ApiSource {
    api: Arc<Api>,
    specs: Vec<StreamSpec>,
}

impl ApiSource {
    /// Where the streams of `stream`'s family start this time.
    fn since(stream: &Stream, from: &Checkpoint) -> Result<BTreeMap<String, CursorValue>> {
        let start = |name: &String| Some(from.start(name)?.decode().map(|value| (name.clone(), value)));
        stream.family.iter().filter_map(start).collect()
    }
}

#[async_trait]
impl Source for ApiSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        let roots = self.api.streams.iter().filter(|stream| stream.spec.parent.is_none());
        roots
            .map(|stream| {
                let part = Part { since: Self::since(stream, from)?, ..Part::default() };
                self.api.split(stream, &part)
            })
            .collect()
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let stream = self.api.streams.iter().position(|stream| stream.spec.name == split.stream);
        let stream = stream.ok_or_else(|| {
            Error::config(format!("split {} belongs to the stream {}, which is gone", split.id, split.stream))
                .hint("start a new run instead of resuming this one")
        })?;
        Ok(Box::new(PageReader::new(self.api.clone(), stream, split.decode()?, at)?))
    }

    async fn test(&self) -> Result<Probe> {
        probe::probe(self.api.clone()).await
    }
}
