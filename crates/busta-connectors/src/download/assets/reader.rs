//! A reader of items that finds their assets as well.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Context;

use async_trait::async_trait;
use busta_core::{Batch, Failure, Reader, Records, Result, Split};
use url::Url;

use super::Assets;
use crate::blocking::blocking;

/// Gives what another reader gives, and the downloads of each item along with it.
pub struct WithAssets {
    items: Box<dyn Reader>,
    assets: Arc<Assets>,
    /// Where the batches come from, one after another; the last stands for all that follow. Records of files know
    /// better.
    pages: VecDeque<Url>,
}

impl WithAssets {
    /// A reader of what `items` reads. Relative links of items that do not say where they are start at
    /// `pages`: one for each batch, of which the last stands for all that follow.
    pub fn new(items: Box<dyn Reader>, assets: Arc<Assets>, pages: impl IntoIterator<Item = Url>) -> Self {
        Self { items, assets, pages: pages.into_iter().collect() }
    }

    fn page(&mut self) -> Option<Url> {
        if self.pages.len() > 1 { self.pages.pop_front() } else { self.pages.front().cloned() }
    }
}

#[async_trait]
impl Reader for WithAssets {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.items.next().await? else { return Ok(None) };
        // Perhaps there is nothing to download, which would do it.
        self.assets.folder.sweep(self.assets.client.now().into()).await;
        let (assets, records, page) = (self.assets.clone(), batch.records.clone(), self.page());
        let (found, failures) = blocking(move || find(&assets, &records, page.as_ref())).await?;
        batch.found.extend(found);
        batch.failures.extend(failures);
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        self.items.asks()
    }

    fn attend(&mut self, context: &mut Context<'_>) {
        self.items.attend(context);
    }
}

fn find(assets: &Assets, items: &Records, page: Option<&Url>) -> (Vec<Split>, Vec<Failure>) {
    let mut all = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let file = items.file(index).and_then(|file| assets.file(file));
        let (found, failures) = assets.find(item, file.as_ref().or(page));
        all.0.extend(found);
        all.1.extend(failures);
    }
    all
}
