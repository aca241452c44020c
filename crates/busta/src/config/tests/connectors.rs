//! Connectors with keys like real ones and nothing behind them.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{
    Built, ConfigProblem, DestinationConnector, DestinationContext, SourceConnector, SourceContext,
    read_config,
};
use busta_core::destination::{Readable, SchemaChange};
use busta_core::secret::Secret;
use busta_core::{
    Checkpoint, Chunk, Committed, Cursor, DatasetSettings, Destination, Error, Finish, Probe, Reader,
    Records, Result, RunId, Source, SourceName, Split, Staged, StreamName, StreamSpec,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Registry;

pub const REGISTRY: Registry = Registry {
    sources: &[&API, &FILES],
    manifests: busta_connectors::manifests::Library::shipped,
    destinations: &[&SQLITE],
    transforms: busta_connectors::registry::TRANSFORMS,
};

static API: SourceConnector = SourceConnector {
    name: "api",
    summary: "REST",
    pool: "api",
    example: "",
    schema: ApiKeys::json_schema,
    build: build_api,
};

static FILES: SourceConnector = SourceConnector {
    name: "files",
    summary: "files",
    pool: "files",
    example: "",
    schema: FilesKeys::json_schema,
    build: |keys, _| Ok(read_config::<FilesKeys>(keys).map(|_| Box::new(Nothing))?),
};

static SQLITE: DestinationConnector = DestinationConnector {
    name: "sqlite",
    summary: "SQLite",
    example: "",
    schema: SqliteKeys::json_schema,
    build: |keys: Value, _: DestinationContext| {
        Ok(read_config::<SqliteKeys>(keys).map(|_| Arc::new(Nothing))?)
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
struct ApiKeys {
    base_url: String,
    #[serde(default)]
    auth: Option<Auth>,
    #[serde(default)]
    page_size: u32,
    streams: Vec<Stream>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
enum Auth {
    None,
    Bearer { token: Secret },
    Basic { username: String, password: Secret },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
struct Stream {
    name: String,
    path: String,
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
enum Pagination {
    None,
    Page {
        #[serde(default)]
        size: u32,
    },
    NextUrl {
        path: String,
    },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
struct FilesKeys {
    paths: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape matters")]
struct SqliteKeys {
    path: String,
}

fn build_api(keys: Value, _: SourceContext) -> Built<Box<dyn Source>> {
    let keys: ApiKeys = read_config(keys)?;
    let mut problems = Vec::new();
    if !keys.base_url.starts_with("http") {
        problems.push(ConfigProblem::new("base_url", "expected a URL that begins with http:// or https://"));
    }
    for (index, stream) in keys.streams.iter().enumerate() {
        if !stream.path.starts_with('/') {
            problems.push(ConfigProblem::new(
                &format!("streams.{index}.path"),
                "expected a path that begins with /",
            ));
        }
    }
    if problems.is_empty() { Ok(Box::new(Nothing)) } else { Err(problems) }
}

struct Nothing;

#[async_trait]
impl Source for Nothing {
    fn streams(&self) -> &[StreamSpec] {
        &[]
    }

    async fn plan(&self, _: &Checkpoint) -> Result<Vec<Split>> {
        Ok(Vec::new())
    }

    async fn open(&self, _: &Split, _: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Err(Error::bug("there is nothing to open"))
    }

    async fn test(&self) -> Result<Probe> {
        Err(Error::bug("there is nothing to test"))
    }
}

#[async_trait]
impl Destination for Nothing {
    async fn prepare(&self, _: &RunId, _: &SourceName, _: &[StreamSpec]) -> Result<Checkpoint> {
        Ok(Checkpoint::default())
    }

    fn stage(&self, _: &RunId, _: &SourceName, _: &StreamName, _: &Records) -> Staged {
        Staged { rows: 0, bytes: 0, weight: 0, failures: Vec::new(), body: Box::new(()) }
    }

    async fn commit(&self, _: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        Ok(Vec::new())
    }

    async fn finish(&self, _: &Finish) -> Result<()> {
        Ok(())
    }

    fn check_dataset(&self, _: &DatasetSettings) -> Result<(), String> {
        Ok(())
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        Vec::new()
    }

    fn readable(&self) -> &dyn Readable {
        unreachable!("no test reads back")
    }
}
