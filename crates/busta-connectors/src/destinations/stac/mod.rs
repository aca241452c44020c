//! `stac`: a folder of STAC Items as pystac lays them out, `catalog.json` ->
//! `<collection>/collection.json` -> `<collection>/<item>/<item>.json`.
//!
//! What is committed is a [lake](super::lake) of compressed lines in `_busta/lake`, with its checkpoints,
//! write modes and failures. The folder is made of it when a stream is finished, and holds nothing of its
//! own: it can be made again at any time, and is, when a run begins ([`publish`]). So a crash costs nothing
//! but the files that were still to be written, and each of these appears whole.

mod config;
mod document;
mod extent;
mod name;
mod publish;
mod tree;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, DestinationConnector, DestinationContext};
use busta_core::destination::{Purge, Purged, Readable, SchemaChange};
use busta_core::{
    Checkpoint, Chunk, Committed, DatasetSettings, Destination, Error, Finish, Records, Result,
};
use busta_core::{RunId, SourceName, Staged, StreamName, StreamSpec};
use serde_json::Value;
use tokio::sync::Mutex;

pub use config::ItemFolderConfig;

use super::lake::{FileMaker, Form, Format, LakeDestination, LineMaker, Pages, Paths, Points, points};

const POINTS: Points = points!("stac");

/// Every place where a test can kill the process before the folder is made, in the order of a run.
pub const FAILPOINTS: &[&str] = &POINTS.list();

/// Those where it is being made.
pub const PUBLISH_FAILPOINTS: [&str; 5] = [
    "stac.publish.begin",
    "stac.publish.file_written",
    "stac.publish.items_written",
    "stac.publish.collections_written",
    "stac.publish.catalog_written",
];

/// Files of the lake are closed at this size.
const FILE_SIZE: u64 = 64 << 20;

/// The tables of a STAC source that hold no Items.
const COLLECTIONS: &str = "collections";
const ASSETS: &str = "assets";

/// `destination: { type: stac }`.
pub static CONNECTOR: DestinationConnector = DestinationConnector {
    name: "stac",
    summary: "a folder of STAC items with catalog.json and collection.json",
    example: "destination:\n  type: stac\n  path: catalog\n",
    schema: |generator| generator.subschema_for::<ItemFolderConfig>(),
    build,
};

fn build(keys: Value, context: DestinationContext) -> Built<Arc<dyn Destination>> {
    let config = ItemFolderConfig::read(keys)?;
    let root = context.base_dir.join(&config.path);
    let lake = LakeDestination::new(Arc::new(Lines), root.join(tree::OWN).join("lake"), context.clock);
    Ok(Arc::new(ItemFolder { lake, root, config, up_to_date: Mutex::new(false) }))
}

/// The destination.
struct ItemFolder {
    lake: LakeDestination,
    root: PathBuf,
    config: ItemFolderConfig,
    /// Whether the folder was made of what is committed since the process began. Held while it is made.
    up_to_date: Mutex<bool>,
}

#[async_trait]
impl Destination for ItemFolder {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        let checkpoint = self.lake.prepare(run, source, streams).await?;
        // Completes what a crash has left. Only now is it sure that no other process writes.
        let mut up_to_date = self.up_to_date.lock().await;
        if !*up_to_date {
            self.publish().await?;
            *up_to_date = true;
        }
        Ok(checkpoint)
    }

    fn stage(&self, run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged {
        self.lake.stage(run, source, stream, records)
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        self.lake.commit(chunks).await
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        let mut up_to_date = self.up_to_date.lock().await;
        *up_to_date = false;
        self.lake.finish(finish).await?;
        self.publish().await?;
        *up_to_date = true;
        Ok(())
    }

    fn check_dataset(&self, settings: &DatasetSettings) -> Result<(), String> {
        self.lake.check_dataset(settings)
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged> {
        let mut up_to_date = self.up_to_date.lock().await;
        let purged = self.lake.purge(purge).await?;
        *up_to_date &= purged.rows == 0;
        // Once for all batches. If the caller stops before, the next run does it when it begins.
        if purged.next.is_none() && !*up_to_date {
            self.publish().await?;
            *up_to_date = true;
        }
        Ok(purged)
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        self.lake.schema_changes()
    }

    fn readable(&self) -> &dyn Readable {
        self.lake.readable()
    }
}

/// Compressed lines; records of tables of Items must be Items.
#[derive(Debug)]
struct Lines;

impl Format for Lines {
    fn name(&self) -> &'static str {
        CONNECTOR.name
    }

    fn points(&self) -> &'static Points {
        &POINTS
    }

    fn log(&self) -> Form {
        Form::Zstd
    }

    fn file(&self) -> Form {
        Form::Zstd
    }

    fn is_full(&self, bytes: u64, _encoded: Option<u64>) -> bool {
        bytes >= FILE_SIZE
    }

    fn admit(&self, table: &str, record: &[u8]) -> Result<()> {
        match table {
            ASSETS => Ok(()),
            COLLECTIONS => document::Names::of_collection(record).map(drop),
            _ => document::Names::of_item(record).map(drop),
        }
    }

    fn begin(&self, _table: &str, _remembered: Option<&Value>, paths: Paths) -> Result<Box<dyn FileMaker>> {
        Ok(Box::new(LineMaker::begin(Form::Zstd, paths)?))
    }

    fn join(&self, _known: &Value, found: &Value) -> Result<Value> {
        Ok(found.clone())
    }

    fn read(&self, _file: File, path: &Path) -> Result<Pages> {
        Err(Error::bug(format!("{} is in a lake of lines", path.display())))
    }
}
