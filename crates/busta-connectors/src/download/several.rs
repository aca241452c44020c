//! The part of the reader that fetches by ranges: whether it does, how it goes on, what it commits.

use busta_core::{Batch, Result};
use tokio::time::Instant;

use super::answer::begun;
use super::hash::Hashes;
use super::place::Ranged;
use super::ranges::{Broken, PartFile, Ranges};
use super::reader::{BATCH_BYTES, BATCH_TIME, Begun, DownloadReader, State};
use super::record::progress;
use crate::http::Incoming;

impl DownloadReader {
    /// How many bytes the first request asks for, if ranges are welcome.
    pub(super) fn first(&self) -> Option<u64> {
        // A disk gives one after another what it is asked for at once.
        if self.place.whole || self.task.url.scheme() == "file" {
            return None;
        }
        self.folder.rules().ranges.first(self.task.expected.size)
    }

    /// Ranges lead nowhere here: the whole is asked for next.
    pub(super) fn only_whole(&mut self) -> Result<Begun> {
        self.place.whole = true;
        progress(&self.place).map(Box::new).map(Begun::Batch)
    }

    /// Begins with an answer that holds the first of `total` bytes, of which `asked` were asked for.
    pub(super) async fn several(&mut self, incoming: Incoming, asked: u64, total: u64) -> Result<Begun> {
        if self.place.come() > 0 {
            // What had come is gone from the disk.
            self.place = self.place.anew();
        }
        let rules = self.folder.rules().ranges;
        let whole = self.place.whole;
        self.begin_with(begun(&incoming, &self.place))?;
        self.place.total = Some(total);
        if whole || !self.is_tellable(&self.place) {
            return self.only_whole();
        }
        self.check_total()?;
        let (path, before) = self.part_files();
        let file = PartFile::create(path, before, total, rules.size.0).await?;
        let room = self.room(0).await?;
        self.place.ranges = Some(Ranged { size: rules.size.0, done: Vec::new() });
        let ranges = Ranges::begin(rules, file, Hashes::new(self.asked()), (incoming, asked), room);
        // Before its first byte comes it is committed which object it is, so that a crash leaves a part
        // file that may be gone on with.
        self.state = State::Several(Box::new(ranges));
        progress(&self.place).map(Box::new).map(Begun::Batch)
    }

    /// What was left by an earlier opening, if it came in ranges.
    pub(super) async fn reopen_ranges(&mut self) -> Result<Option<Box<Ranges>>> {
        if self.place.ranges.is_none() || !self.is_tellable(&self.place) {
            return Ok(None);
        }
        let (path, _) = self.part_files();
        let checked = self.task.expected.checksum.is_some();
        let Some(found) = PartFile::reopen(path, self.asked(), &self.place, checked).await? else {
            return Ok(None);
        };
        let room = self.room(found.progress.come()).await?;
        Ok(Some(Box::new(Ranges::resume(self.folder.rules().ranges, found, room))))
    }

    /// Reads until there is something to commit.
    pub(super) async fn receive_several(&mut self, mut ranges: Box<Ranges>) -> Result<Batch> {
        let (began, first) = (Instant::now(), ranges.come());
        ranges.called();
        loop {
            if ranges.is_complete() {
                return self.complete_ranges(*ranges).await;
            }
            match ranges.broken() {
                None => {}
                Some(Broken::Changed) => {
                    self.place = self.place.anew();
                    return progress(&self.place);
                }
                Some(Broken::Failed(error)) if ranges.come() <= self.place.come() => return Err(error),
                Some(Broken::Failed(error)) => {
                    // What has come counts: the retries start anew behind it.
                    ranges.settle(&mut self.place).await?;
                    self.state = State::Broken(error);
                    return progress(&self.place);
                }
            }
            let come = ranges.come();
            let is_due = come - first >= BATCH_BYTES || began.elapsed() >= BATCH_TIME;
            // With nothing under way the engine has to take the next turn, which it does between batches.
            if (is_due || ranges.is_stuck()) && come > self.place.come() {
                ranges.settle(&mut self.place).await?;
                self.state = State::Several(ranges);
                return progress(&self.place);
            }
            ranges.go_on(&self.client, &self.task, &self.place).await?;
        }
    }

    async fn complete_ranges(&mut self, ranges: Ranges) -> Result<Batch> {
        let (path, bytes) = ranges.part();
        let digests = ranges.close().await?;
        self.conclude(path, bytes, digests).await
    }
}
