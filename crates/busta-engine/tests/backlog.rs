//! A listing never outruns what is found in it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use busta_core::report::Status;
use busta_core::{
    Batch, Checkpoint, Cursor, Probe, Reader, Records, RecordsBuilder, Result, Source, Split, StreamSpec,
};
use common::{Bench, ms};

/// As many open splits as a stream may have; see `backlog.rs`.
const MOST: usize = 4096;

const PAGE: usize = 500;
const PAGES: usize = 24;

#[derive(Default)]
struct Counts {
    listed: AtomicUsize,
    read: AtomicUsize,
    most: AtomicUsize,
}

/// A listing of many pages, each of which names many objects.
struct Listing {
    specs: [StreamSpec; 2],
    counts: Arc<Counts>,
}

struct Pages {
    next: usize,
    counts: Arc<Counts>,
}

struct Object {
    id: String,
    counts: Arc<Counts>,
}

#[async_trait]
impl Source for Listing {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, _: &Checkpoint) -> Result<Vec<Split>> {
        Ok(vec![Split::new("listing", "listing".into(), None, &())?])
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let counts = self.counts.clone();
        if split.stream == self.specs[0].name {
            return Ok(Box::new(Pages { next: at.map_or(Ok(0), Cursor::decode)?, counts }));
        }
        Ok(Box::new(Object { id: split.id.to_string(), counts }))
    }

    async fn test(&self) -> Result<Probe> {
        Ok(Probe { summary: String::new(), sample: Records::default() })
    }
}

#[async_trait]
impl Reader for Pages {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let first = self.next * PAGE;
        self.next += 1;
        let mut batch = Batch::new(Records::default(), Cursor::encode(&self.next)?);
        for number in first..first + PAGE {
            batch.found.push(Split::new(format!("{number}"), "objects".into(), None, &())?);
        }
        batch.done = self.next == PAGES;
        let listed = self.counts.listed.fetch_add(PAGE, Ordering::SeqCst) + PAGE;
        self.counts.most.fetch_max(listed - self.counts.read.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(Some(batch))
    }
}

#[async_trait]
impl Reader for Object {
    async fn next(&mut self) -> Result<Option<Batch>> {
        tokio::time::sleep(ms(1)).await;
        self.counts.read.fetch_add(1, Ordering::SeqCst);
        let mut records = RecordsBuilder::default();
        records.push(format!(r#"{{"id":"{}"}}"#, self.id).as_bytes());
        Ok(Some(Batch::last(records.finish())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_waits_for_what_it_has_found() {
    let counts = Arc::new(Counts::default());
    let mut specs = [StreamSpec::new("listing", Vec::new()), StreamSpec::new("objects", vec!["id".into()])];
    specs[1].parent = Some("listing".into());
    let bench = Bench::new(4).source("a", Listing { specs, counts: counts.clone() });
    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(outcome.report.records, (PAGE * PAGES) as u64);
    let most = counts.most.load(Ordering::SeqCst);
    // Beyond it go the page that is being committed and the one under way.
    assert!((MOST..=MOST + 3 * PAGE).contains(&most), "{most} splits were open");
}
