//! Several byte ranges of one large object at once.
//!
//! One request of the reader's own goes on from the lowest byte that is missing; beside it there are as many
//! as the reader has [`Spare`](busta_core::meter::Spare) room for, each with the next range. So every
//! request counts against the limits of run, pool, source and host, and a large object takes only what no
//! other split could use.
//!
//! All of them write to one [`PartFile`], each at its place. Hashes need the bytes in order: a reading thread
//! follows the lowest missing byte and hashes what has gathered before it, out of the page cache, while the
//! rest still comes. What [`Progress`] knows goes into the cursor with every batch.
//!
//! After an error no further request is made; when those under way have ended, what has come is committed
//! and the error is told.

mod config;
mod file;
mod lane;
mod progress;

use std::future::poll_fn;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use busta_core::meter::Spare;
use busta_core::{Error, Result};

use super::hash::{Digests, Hashes};
use super::place::{Place, Ranged};
use super::room::Claim;
use super::task::Task;
use crate::http::{HttpClient, Incoming};
pub use config::RangesConfig;
use file::Hashing;
pub use file::PartFile;
pub use lane::Broken;
use lane::Lane;
use progress::Progress;

/// How often it is looked whether there is room for one more request.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An object that is being fetched by ranges.
pub struct Ranges {
    settings: RangesConfig,
    file: Arc<PartFile>,
    progress: Arc<Progress>,
    /// Which ranges are being fetched.
    taken: Vec<bool>,
    lanes: Vec<Under>,
    hashing: Hashing,
    room: Claim,
    /// Why no further request is made.
    broken: Option<Broken>,
    /// Whether the engine has taken a turn that no request has used yet.
    turn: bool,
}

/// A request under way.
struct Under {
    ranges: Range<usize>,
    lane: Lane,
    own: bool,
}

impl Ranges {
    /// Begins with the answer to a request for the first bytes.
    pub fn begin(
        settings: RangesConfig,
        file: PartFile,
        hashes: Hashes,
        first: (Incoming, u64),
        room: Claim,
    ) -> Self {
        let progress = Progress::new(file.total(), file.size());
        let mut ranges = Self::new(settings, file, progress, Hashing::new(hashes, 0), room);
        let (incoming, asked) = first;
        let taken = 0..ranges.progress.index(asked.min(ranges.file.total()));
        let stretch = 0..ranges.progress.bounds(taken.end - 1).end;
        let lane = lane::read(incoming, ranges.file.clone(), ranges.progress.clone(), stretch);
        ranges.start(taken, Box::pin(lane), true);
        ranges
    }

    /// Goes on with a part file. The engine has taken a turn.
    pub fn resume(settings: RangesConfig, found: file::Found, room: Claim) -> Self {
        let file::Found { file, progress, hashing } = found;
        Self { turn: true, ..Self::new(settings, file, progress, hashing, room) }
    }

    fn new(
        settings: RangesConfig,
        file: PartFile,
        progress: Progress,
        hashing: Hashing,
        room: Claim,
    ) -> Self {
        Self {
            settings,
            file: Arc::new(file),
            taken: vec![false; progress.len()],
            progress: Arc::new(progress),
            lanes: Vec::new(),
            hashing,
            room,
            broken: None,
            turn: false,
        }
    }

    /// How many bytes are in the part file.
    pub fn come(&self) -> u64 {
        self.progress.come()
    }

    /// Whether nothing is under way, so that the next request is the reader's own.
    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }

    /// The engine has taken a turn for the call that begins now, if it was asked to.
    pub fn called(&mut self) {
        self.turn |= self.is_idle();
    }

    /// Whether all bytes are there and hashed.
    pub fn is_complete(&self) -> bool {
        self.is_idle() && self.hashing.hashed() == Some(self.file.total())
    }

    /// Why it cannot go on, once nothing is under way any more.
    pub fn broken(&mut self) -> Option<Broken> {
        if self.is_idle() { self.broken.take() } else { None }
    }

    /// Whether nothing is under way, and no request may be made before the engine has taken a turn.
    pub fn is_stuck(&self) -> bool {
        self.is_idle() && !self.turn && self.progress.frontier() < self.file.total()
    }

    /// The part file and the object's length.
    pub fn part(&self) -> (PathBuf, u64) {
        (self.file.path().to_owned(), self.file.total())
    }

    /// Makes the requests there is room for, and waits until something has happened.
    pub async fn go_on(&mut self, client: &HttpClient, task: &Task, place: &Place) -> Result<()> {
        if self.broken.is_none() {
            self.fill(client, task, place);
        }
        self.hashing.follow(&self.file, self.progress.frontier());
        let lanes = &mut self.lanes;
        let hashing = &mut self.hashing;
        let happened = poll_fn(|context| {
            for index in 0..lanes.len() {
                if let Poll::Ready(ended) = Pin::new(&mut lanes[index].lane).poll(context) {
                    return Poll::Ready(Ok(Some((lanes.swap_remove(index), ended))));
                }
            }
            hashing.poll(context).map(|hashed| hashed.map(|()| None))
        });
        match tokio::time::timeout(LOOK_EVERY, happened).await {
            Ok(Ok(Some((under, ended)))) => self.ended(under.ranges, ended),
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => return Err(error),
        }
        Ok(())
    }

    fn ended(&mut self, ranges: Range<usize>, ended: Result<(), Broken>) {
        self.taken[ranges].fill(false);
        match ended {
            Ok(()) => {}
            // That the object has changed outweighs all else.
            Err(Broken::Changed) => self.broken = Some(Broken::Changed),
            Err(error) => {
                self.broken.get_or_insert(error);
            }
        }
    }

    /// Makes requests for the next ranges: the lowest is the reader's own.
    fn fill(&mut self, client: &HttpClient, task: &Task, place: &Place) {
        let waiting: Vec<usize> = self.missing().take(self.settings.max_concurrency).collect();
        let own_is_free = !self.lanes.iter().any(|under| under.own);
        let own = own_is_free && !waiting.is_empty() && (self.turn || client.turn(&task.url));
        let room = self.settings.max_concurrency.saturating_sub(self.lanes.len() + usize::from(own_is_free));
        let spares: Vec<Spare> = (usize::from(own)..waiting.len().min(room + usize::from(own)))
            .map_while(|_| client.spare(&task.url))
            .collect();
        let mut waiting = waiting.into_iter();
        if let Some(first) = waiting.next().filter(|_| own) {
            self.turn = false;
            let alone = self.lanes.is_empty() && spares.is_empty();
            let ranges = if alone { self.stretch(first) } else { first..first + 1 };
            self.request(client, task, place, ranges, None);
        }
        if !own {
            waiting = self.missing().collect::<Vec<_>>().into_iter();
        }
        for (spare, index) in spares.into_iter().zip(waiting) {
            self.request(client, task, place, index..index + 1, Some(spare));
        }
    }

    /// The ranges that nobody fetches and that are not complete, the lowest first.
    fn missing(&self) -> impl Iterator<Item = usize> {
        let first = self.progress.index_of(self.progress.frontier());
        (first..self.taken.len()).filter(|index| !self.taken[*index] && !self.progress.is_complete(*index))
    }

    /// From `first` on, what one request may ask for when there is no other.
    fn stretch(&self, first: usize) -> Range<usize> {
        let most = usize::try_from(self.settings.min_size.0 / self.file.size()).unwrap_or(usize::MAX).max(1);
        let is_empty = |index: &usize| !self.taken[*index] && self.progress.written(*index) == 0;
        let more = (first + 1..self.taken.len()).take(most - 1).take_while(is_empty).count();
        first..first + 1 + more
    }

    fn request(
        &mut self,
        client: &HttpClient,
        task: &Task,
        place: &Place,
        ranges: Range<usize>,
        spare: Option<Spare>,
    ) {
        let begin = self.progress.bounds(ranges.start).start + self.progress.written(ranges.start);
        let stretch = begin..self.progress.bounds(ranges.end - 1).end;
        let own = spare.is_none();
        let lane = lane::fetch(
            client.clone(),
            task.url.clone(),
            place.clone(),
            self.file.clone(),
            self.progress.clone(),
            stretch,
            spare,
        );
        self.start(ranges, Box::pin(lane), own);
    }

    fn start(&mut self, ranges: Range<usize>, lane: Lane, own: bool) {
        self.taken[ranges.clone()].fill(true);
        self.lanes.push(Under { ranges, lane, own });
    }

    /// Brings `place` to what is on the disk.
    pub async fn settle(&mut self, place: &mut Place) -> Result<()> {
        let (hashed, hashes) = self.hashing.state().await?;
        let (come, done) = (self.progress.come(), self.progress.done(hashed));
        self.file.sync().await?;
        let before = place.come();
        place.offset = hashed;
        place.hashes = Some(hashes);
        place.ranges = Some(Ranged { size: self.file.size(), done });
        self.room.came(come.saturating_sub(before));
        Ok(())
    }

    /// Ends it: the part file is the object, and closed.
    pub async fn close(self) -> Result<Digests> {
        let Self { file, hashing, .. } = self;
        let file =
            Arc::into_inner(file).ok_or_else(|| Error::bug("a part file is closed while it is written"))?;
        file.close().await?;
        hashing.finish()
    }
}
