//! Any REST API that answers with JSON, declared in YAML.
//!
//! # How it reads
//!
//! Each stream without a parent is planned as one split, `orders`, or as one for each combination of its
//! `for_each`, `posts/new/rust`. Its reader fetches a page at a time; the cursor of the checkpoint is the
//! place of the next page, so that a reader opened there goes on exactly where the last one stopped. Where
//! page one tells how many pages there are, the split ends with it and the other pages become splits of
//! their own, `orders?page=2-33`, which the engine reads in parallel.
//!
//! What a page leads to becomes splits too, committed together with its records: each record of a parent
//! leads to one of each child stream, `order_lines/17`; what `follow` finds leads to one of the same stream;
//! and the records that another stream makes `from` a page travel as the payload of one that needs no request.
//!
//! # What is pure
//!
//! Which splits are found, what they are called and what they carry follows from the page and the split alone,
//! so that a page that is read again after a crash leads to the same. Only `map` may see the time.
//!
//! # Where to look
//!
//! `config` is what the operator writes; `compile` and `family` turn it into `stream`s; `plan` and `found`
//! name splits (`part`). `reader` asks (`request`, `draft`, `template`, `since`), takes the answer apart
//! (`items`, on `cut` and `path`), makes a `page` of it (`programs`, `include`), finds what comes next
//! (`pagination`, `bookmark`) and what it leads to (`children`, `follow`). `made` reads what needs no request.

mod bookmark;
mod children;
mod compile;
mod config;
pub(super) mod cut;
mod draft;
mod family;
mod fingerprint;
mod follow;
mod found;
mod include;
mod items;
mod made;
mod page;
mod pagination;
mod part;
pub(super) mod path;
mod plan;
mod probe;
pub(super) mod problems;
mod programs;
mod reader;
mod request;
mod since;
mod stream;
mod template;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{Checkpoint, Cursor, Error, Probe, Reader, Result, Source, Split, StreamSpec};
use schemars::JsonSchema;
use serde_json::Value;

pub(super) use compile::headers;
pub use config::{
    ApiConfig, CursorConfig, FollowConfig, Follows, MethodName, Order, Place, ServiceConfig, StreamConfig,
    TimeFormat,
};
pub(super) use fingerprint::fingerprint;
pub use pagination::{OffsetConfig, PageConfig, PaginationConfig};
pub use values::{ForEach, Params, Scalar, TextOrList};

use made::MadeReader;
use part::Part;
use reader::PageReader;
use stream::Api;

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

#[async_trait]
impl Source for ApiSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        plan::plan(&self.api, from)
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let stream = self.api.streams.iter().position(|stream| stream.spec.name == split.stream);
        let stream = stream.ok_or_else(|| {
            Error::config(format!("split {} belongs to the stream {}, which is gone", split.id, split.stream))
                .hint("start a new run instead of resuming this one")
        })?;
        let part: Part = split.decode()?;
        if part.made.is_some() {
            return Ok(Box::new(MadeReader::new(self.api.clone(), stream, part)));
        }
        Ok(Box::new(PageReader::new(self.api.clone(), stream, part, at)?))
    }

    async fn test(&self) -> Result<Probe> {
        probe::probe(self.api.clone()).await
    }
}
