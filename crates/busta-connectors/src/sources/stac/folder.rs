//! Items in files: folders of items, ItemCollections, NDJSON. The `files` source reads them; what is no
//! item is taken out of its batches here.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::connector::{Built, SourceContext};
use busta_core::{Batch, Failure, Reader, RecordsBuilder, Result, Source, Split, Stage, WriteMode};
use serde_json::{Value, json};

use super::item;
use super::settings::Stac;
use super::work::Work;
use crate::sources::files;

/// Names of documents that describe items and are none.
const DESCRIPTIONS: [&str; 2] = ["catalog.json", "collection.json"];

/// Endings of what lies beside items and is none.
const OTHERS: [&str; 21] = [
    "gif", "h5", "hdf", "html", "img", "jp2", "jpeg", "jpg", "las", "laz", "md", "nc", "pdf", "png",
    "sha256", "tfw", "tif", "tiff", "txt", "webp", "xml",
];

/// Whether `path` is a document whose links lead to items.
pub fn is_catalog(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    DESCRIPTIONS.contains(&name)
}

/// A `files` source for `paths`.
pub fn source(stac: &Stac, paths: &[String], context: SourceContext) -> Built<Box<dyn Source>> {
    let either = |letter: char| match letter.is_ascii_alphabetic() {
        true => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        false => letter.to_string(),
    };
    let others = OTHERS.map(|ending| format!("*.{}", ending.chars().map(either).collect::<String>()));
    let exclude: Vec<&str> = DESCRIPTIONS.into_iter().chain(others.iter().map(String::as_str)).collect();
    let keys = json!({
        "paths": paths,
        "exclude": exclude,
        "stream": stac.items.name,
        "table": stac.items.table,
        "primary_key": stac.items.primary_key,
        "write_mode": stac.items.write_mode,
    });
    (files::CONNECTOR.build)(keys, context)
}

/// The splits of `source` as ours.
pub fn wrap(splits: Vec<Split>) -> Result<Vec<Split>> {
    let ours = |split: Split| {
        let work =
            Split::new(split.id.clone(), split.stream.clone(), None, &Work::Files(split.payload.clone()))?;
        Ok(Split { payload: work.payload, ..split })
    };
    splits.into_iter().map(ours).collect()
}

/// The split that `source` planned.
pub fn unwrap(split: &Split, payload: Value) -> Split {
    Split { payload, ..split.clone() }
}

/// Reads a split of the `files` source and keeps its items.
pub struct FolderReader {
    stac: Arc<Stac>,
    inner: Box<dyn Reader>,
}

impl FolderReader {
    /// Keeps the items of `inner`.
    pub fn new(stac: Arc<Stac>, inner: Box<dyn Reader>) -> Self {
        Self { stac, inner }
    }
}

#[async_trait]
impl Reader for FolderReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.inner.next().await? else { return Ok(None) };
        if self.stac.assets.is_some() && self.stac.items.write_mode == WriteMode::Merge {
            // A file that has not changed may name an asset that has.
            batch.starts.clear();
        }
        let mut kept = RecordsBuilder::with_capacity(batch.records.weight());
        let mut from = Vec::with_capacity(batch.records.len());
        for (index, record) in batch.records.iter().enumerate() {
            match item::look(record, None) {
                Ok(head) if self.stac.wants(&head) => {
                    kept.push(record);
                    // A batch has fewer than 2^32 records.
                    from.push(index as u32);
                }
                Ok(_) => {}
                Err(_) if is_description(record) => {}
                Err(error) => {
                    let position = batch.records.position(index);
                    batch.failures.push(Failure::item(Stage::Parse, position, &error, Some(record)));
                }
            }
        }
        batch.records = kept.finish().made_from(&batch.records, &from);
        Ok(Some(batch))
    }
}

/// Whether it is a catalogue or collection under a name of its own.
fn is_description(record: &[u8]) -> bool {
    matches!(busta_core::json::field(record, "type"), Some("\"Catalog\"" | "\"Collection\""))
}
