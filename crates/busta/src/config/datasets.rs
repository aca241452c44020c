//! `datasets:` — what tables are for, beyond holding rows — and how the streams that land in them learn it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use busta_core::source::KeptFiles;
use busta_core::{Checkpoint, Cursor, DatasetSettings, Probe, Reader, Result, Source, Split, StreamSpec};

/// The section, by table.
pub type Datasets = BTreeMap<String, DatasetSettings>;

/// A source whose streams know what their tables are for.
struct Informed {
    inner: Box<dyn Source>,
    streams: Vec<StreamSpec>,
}

/// Tells the streams of `source` what `datasets` says of their tables.
pub(super) fn inform(source: Box<dyn Source>, datasets: &Datasets) -> Box<dyn Source> {
    let mut streams = source.streams().to_vec();
    let mut concerned = false;
    for stream in &mut streams {
        if let Some(settings) = datasets.get(&stream.table) {
            stream.dataset = settings.clone();
            concerned = true;
        }
    }
    if concerned { Box::new(Informed { inner: source, streams }) } else { source }
}

#[async_trait]
impl Source for Informed {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        self.inner.plan(from).await
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        self.inner.open(split, at).await
    }

    async fn test(&self) -> Result<Probe> {
        self.inner.test().await
    }

    fn kept_files(&self) -> Option<KeptFiles> {
        self.inner.kept_files()
    }
}
