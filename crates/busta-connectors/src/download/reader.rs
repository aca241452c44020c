//! The reader of one download.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::units::ByteSize;
use busta_core::{Batch, Cursor, Error, Reader, Records, Result, Split, SplitId};
use tokio::time::Instant;

use super::answer::{Meaning, begun, judge, judge_first};
use super::folder::{Folder, Known, Refused};
use super::hash::Digests;
use super::kept::{self, Kept};
use super::part::{Mark, Part, blocking, digests};
use super::place::Place;
use super::ranges::Ranges;
use super::record::{last_batch, progress};
use super::room::Claim;
use super::task::{Expected, Task};
use super::verdict::{Verdict, verdict};
use crate::blocking::trying;
use crate::http::{HttpClient, Incoming, Request, shown_url};

/// What has come is committed after so many bytes, or after [`BATCH_TIME`].
pub(super) const BATCH_BYTES: u64 = 32 << 20;

/// See [`BATCH_BYTES`].
pub(super) const BATCH_TIME: Duration = Duration::from_secs(1);

/// Of a larger object it is committed which one it is before its first byte comes, so that a crash
/// leaves a part file that may be gone on with. A smaller one is fetched again for less than that costs.
const SMALL: u64 = 1 << 20;

/// Downloads the object of one split.
pub struct DownloadReader {
    pub(super) folder: Arc<Folder>,
    pub(super) client: HttpClient,
    owner: String,
    pub(super) task: Task,
    pub(super) place: Place,
    pub(super) state: State,
    /// Why it was refused, if it was.
    refused: Option<Refused>,
}

pub(super) enum State {
    /// Nothing is open.
    Idle,
    /// The body is being read.
    Open(Box<Transfer>),
    /// Several ranges are being read.
    Several(Box<Ranges>),
    /// An error that was met after bytes that had to be committed first.
    Broken(Error),
}

pub(super) struct Transfer {
    incoming: Incoming,
    part: Part,
    room: Claim,
    /// Where and when the last mark was begun.
    begun: (u64, Instant),
}

impl Transfer {
    fn new(incoming: Incoming, part: Part, room: Claim) -> Box<Self> {
        let begun = (part.offset(), Instant::now());
        Box::new(Self { incoming, part, room, begun })
    }

    /// Whether it is time to commit what has come since the last mark.
    fn is_due(&self) -> bool {
        let (offset, at) = self.begun;
        self.part.offset() - offset >= BATCH_BYTES || at.elapsed() >= BATCH_TIME
    }

    async fn begin_mark(&mut self) -> Result<()> {
        self.begun = (self.part.offset(), Instant::now());
        self.part.begin_mark().await
    }
}

/// What the beginning of a call led to.
pub(super) enum Begun {
    /// The body is to be read.
    Transfer(Box<Transfer>),
    /// The part file holds all of it.
    All(Box<Part>),
    /// It is read by ranges.
    Several(Box<Ranges>),
    /// There is a batch to give.
    Batch(Box<Batch>),
}

impl DownloadReader {
    /// A reader of the task that is the payload of `split`, which goes on at `at`. Does no I/O.
    pub fn new(folder: Arc<Folder>, client: HttpClient, split: &Split, at: Option<&Cursor>) -> Result<Self> {
        Self::of(folder, client, &split.id, split.decode()?, at)
    }

    /// A reader of a task of the split `owner`, which goes on at `at`. Does no I/O.
    pub fn of(
        folder: Arc<Folder>,
        client: HttpClient,
        owner: &SplitId,
        mut task: Task,
        at: Option<&Cursor>,
    ) -> Result<Self> {
        let place = Place::read(at)?;
        task.expected.heed(place.etag.as_deref());
        Ok(Self { folder, client, owner: owner.to_string(), task, place, state: State::Idle, refused: None })
    }

    /// What came, if it is not what it should be: the next call fails with that.
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// Whether what came was once not what was expected, and is to be fetched again.
    pub fn comes_again(&self) -> bool {
        self.place.mismatch.is_some()
    }

    /// Finds out what is there, and asks for what is not.
    async fn begin(&mut self) -> Result<Begun> {
        self.check()?;
        self.folder.sweep(self.client.now().into()).await;
        if let Some(ranges) = self.reopen_ranges().await? {
            return Ok(Begun::Several(ranges));
        }
        let part = self.reopen().await?;
        if let Some(part) = part {
            return self.go_on(part).await;
        }
        let kept = kept::look(&self.folder, &self.task, &self.place).await?;
        let mut request = Request::get(self.task.url.clone());
        let mut refused = None;
        match &kept {
            Kept::Recorded => return Ok(Begun::Batch(Box::new(Batch::last(Records::default())))),
            Kept::Complete(digests, known) => {
                return Ok(Begun::Batch(Box::new(self.last(digests, known)?)));
            }
            Kept::Maybe { known, .. } => {
                request = request.conditional(known.etag.as_deref(), known.last_modified.as_deref());
            }
            Kept::Nothing => {
                refused = self.refused_before().await?;
                if let Some(refused) = &refused {
                    request = request.conditional(refused.etag.as_deref(), refused.last_modified.as_deref());
                }
            }
        }
        let first = self.first();
        if let Some(first) = first {
            request = request.range(0..first, None);
        }
        let incoming = self.ask(request).await?;
        let meaning = match first {
            Some(_) => judge_first(&incoming, &self.place)?,
            None => judge(&incoming, 0, &self.place)?,
        };
        match (meaning, kept) {
            (Meaning::First(total), _) => self.several(incoming, first.unwrap_or(total), total).await,
            (Meaning::Useless, _) => self.only_whole(),
            (Meaning::Whole, _) => {
                if self.place.offset > 0 {
                    // What had come is gone from the disk.
                    self.place = self.place.anew();
                }
                self.whole(incoming).await.map(Begun::Transfer)
            }
            (Meaning::Unchanged, Kept::Maybe { known, recorded }) => {
                self.unchanged(&known, recorded).await.map(Box::new).map(Begun::Batch)
            }
            (Meaning::Unchanged, _) if refused.is_some() => {
                self.refused_again(refused).map(Box::new).map(Begun::Batch)
            }
            (meaning, _) => Err(Error::data(format!("{}: unexpected answer: {meaning:?}", self.shown()))),
        }
    }

    /// Asks whoever has the object: its server, or this machine.
    async fn ask(&mut self, request: Request) -> Result<Incoming> {
        if self.task.url.scheme() != "file" {
            return self.client.open(request).await;
        }
        let (folder, url) = (self.folder.clone(), self.task.url.clone());
        let path = trying(move || folder.reach().find(&url)).await?;
        self.client.open_file(request, path).await
    }

    /// What no request can mend.
    fn check(&self) -> Result<()> {
        self.folder.admit(&self.task, &self.owner)?;
        if self.place.goes_in_circles() {
            return Err(Error::data(format!("{}: begun anew again and again", self.shown()))
                .hint("the server sends no ranges, or its object changes faster than it can be read"));
        }
        Ok(())
    }

    async fn reopen(&mut self) -> Result<Option<Part>> {
        let checked = self.task.expected.checksum.is_some();
        if self.place == Place::default() || self.place.ranges.is_some() || !self.is_tellable(&self.place) {
            return Ok(None);
        }
        let path = self.folder.part(&self.task.path, self.place.generation);
        Part::reopen(path, self.asked(), &self.place, checked).await
    }

    /// Asks for what a part file lacks.
    async fn go_on(&mut self, part: Part) -> Result<Begun> {
        let offset = part.offset();
        if self.place.total == Some(offset) {
            return Ok(Begun::All(Box::new(part)));
        }
        let mut request = Request::get(self.task.url.clone());
        if offset > 0 {
            request = request.range_from(offset, self.place.validator());
        }
        let incoming = self.ask(request).await?;
        match judge(&incoming, offset, &self.place)? {
            Meaning::Rest(total) => {
                self.place.total = total;
                let room = self.room(offset).await?;
                Ok(Begun::Transfer(Transfer::new(incoming, part, room)))
            }
            Meaning::Nothing => Ok(Begun::All(Box::new(part))),
            Meaning::Whole => {
                drop(part);
                if offset > 0 {
                    self.place = self.place.anew();
                    self.check()?;
                }
                self.whole(incoming).await.map(Begun::Transfer)
            }
            Meaning::Useless | Meaning::Unchanged | Meaning::First(_) => {
                self.place = self.place.anew();
                Ok(Begun::Batch(Box::new(progress(&self.place)?)))
            }
        }
    }

    /// Begins with the first byte of a body that holds all of it.
    async fn whole(&mut self, incoming: Incoming) -> Result<Box<Transfer>> {
        self.begin_with(begun(&incoming, &self.place))?;
        self.check_total()?;
        let (path, before) = self.part_files();
        let part = Part::create(path, before, self.asked()).await?;
        let room = self.room(0).await?;
        Ok(Transfer::new(incoming, part, room))
    }

    /// The object that comes is that of `place`, which may not be the one that was listed.
    pub(super) fn begin_with(&mut self, place: Place) -> Result<()> {
        self.place = place;
        self.task.expected.heed(self.place.etag.as_deref());
        self.check()
    }

    /// Whether anybody could tell that the rest is of the same object: a validator or a checksum.
    pub(super) fn is_tellable(&self, place: &Place) -> bool {
        place.validator().is_some() || self.task.expected.checksum.is_some()
    }

    /// Checks the length that the server has told.
    pub(super) fn check_total(&self) -> Result<()> {
        let expected = &self.task.expected;
        if let (None, Some(size), Some(total)) = (&expected.checksum, expected.size, self.place.total)
            && size != total
        {
            return Err(Error::corrupt(format!("{} has {total} bytes and should have {size}", self.shown())));
        }
        self.check_size(self.place.total.unwrap_or(0))
    }

    /// The part file of this beginning, and that of the one before it.
    pub(super) fn part_files(&self) -> (PathBuf, Option<PathBuf>) {
        let part = |generation| self.folder.part(&self.task.path, generation);
        (part(self.place.generation), self.place.generation.checked_sub(1).map(part))
    }

    /// Claims the room that the rest of the object takes.
    pub(super) async fn room(&mut self, offset: u64) -> Result<Claim> {
        let total = self.place.total.or(self.task.expected.size);
        let claim = self.folder.room().claim(total.unwrap_or(0).saturating_sub(offset));
        claim.check(self.folder.root()).await.map_err(|error| error.at(&self.task.path))?;
        Ok(claim)
    }

    fn check_size(&self, bytes: u64) -> Result<()> {
        match self.folder.rules().max_size {
            Some(max) if bytes > max => {
                Err(Error::data(format!("{} is larger than {}", self.shown(), ByteSize(max)))
                    .hint("raise `max_size`"))
            }
            _ => Ok(()),
        }
    }

    /// The server says that the file which is there is the object.
    async fn unchanged(&mut self, known: &Known, recorded: bool) -> Result<Batch> {
        if recorded {
            return Ok(Batch::last(Records::default()));
        }
        let (digests, _) = digests(self.folder.target(&self.task.path), None).await?;
        self.last(&digests, known)
    }

    /// The record of the file, and what follows for the next run.
    fn last(&self, digests: &Digests, known: &Known) -> Result<Batch> {
        let mut batch = last_batch(&self.task, digests, known, self.place.content_type.as_deref())?;
        if self.folder.refused(&self.task.path).is_some() {
            batch.starts.push(Folder::refusal(&self.task.path, None)?);
        }
        Ok(batch)
    }

    /// Reads until there is something to commit.
    async fn receive(&mut self, mut transfer: Box<Transfer>) -> Result<Batch> {
        let error = loop {
            match transfer.incoming.chunk().await {
                Ok(Some(chunk)) => transfer.part.take(chunk).await?,
                Ok(None) => match self.missing(&transfer.part) {
                    None => return self.complete(transfer.part).await,
                    Some(error) => break error,
                },
                Err(error) => break error,
            }
            let offset = transfer.part.offset();
            self.check_size(offset)?;
            if let Some(mark) = transfer.part.marked().await? {
                self.settle(&mut transfer, mark);
                self.state = State::Open(transfer);
                return progress(&self.place);
            }
            if transfer.is_due() {
                transfer.begin_mark().await?;
            }
        };
        if transfer.part.offset() <= self.place.offset {
            return Err(error);
        }
        // What has come counts: the retries start anew behind it.
        let mark = transfer.part.mark().await?;
        self.settle(&mut transfer, mark);
        self.state = State::Broken(error);
        progress(&self.place)
    }

    /// Brings the place to what is on the disk.
    fn settle(&mut self, transfer: &mut Transfer, mark: Mark) {
        transfer.room.came(mark.offset.saturating_sub(self.place.offset));
        self.place.offset = mark.offset;
        self.place.hashes = Some(mark.hashes);
    }

    fn missing(&self, part: &Part) -> Option<Error> {
        let (offset, total) = (part.offset(), self.place.total?);
        (offset != total).then(|| {
            Error::unavailable(format!("{}: the answer ended after {offset} of {total} bytes", self.shown()))
        })
    }

    /// All bytes are there: are they the right ones?
    async fn complete(&mut self, part: Part) -> Result<Batch> {
        let (path, bytes) = (part.path().to_owned(), part.offset());
        let digests = part.close().await?;
        self.conclude(path, bytes, digests).await
    }

    /// Gives the file at `path` its name if it is what it should be.
    pub(super) async fn conclude(&mut self, path: PathBuf, bytes: u64, digests: Digests) -> Result<Batch> {
        match verdict(&self.task.expected, &digests, bytes) {
            Verdict::Good => {
                let target = self.folder.target(&self.task.path);
                publish(path, target.clone(), Some(self.folder.quarantine(&self.task.path))).await?;
                let checksum = self.task.expected.checksum.clone();
                let known = kept::known(&target, checksum, &self.place).await?;
                self.last(&digests, &known)
            }
            Verdict::Bad { is, wanted } => match self.place.mismatch.take() {
                None => {
                    blocking(path, |path| std::fs::remove_file(path)).await?;
                    self.place = Place { mismatch: Some(is), ..self.place.anew() };
                    progress(&self.place)
                }
                Some(before) => {
                    publish(path, self.folder.quarantine(&self.task.path), None).await?;
                    let error = Error::corrupt(format!(
                        "{} is {is} and should be {wanted}; fetched before, it was {before}; it is kept as {}.quarantine",
                        self.shown(),
                        self.task.path
                    ))
                    .hint(if is == before {
                        "the object or its checksum is wrong at the origin"
                    } else {
                        "the origin or the way from it changes what it sends"
                    });
                    let (etag, last_modified) = (self.place.etag.clone(), self.place.last_modified.clone());
                    let Expected { checksum, size, .. } = self.task.expected.clone();
                    self.refuse(Refused { is, checksum, size, etag, last_modified }, error)
                }
            },
        }
    }

    /// Notes what is refused, before that is told: so it is fetched again only when it has changed.
    fn refuse(&mut self, refused: Refused, error: Error) -> Result<Batch> {
        let generation = self.place.generation + 1;
        self.place = Place { refused: true, generation, ..Place::default() };
        self.state = State::Broken(error);
        let mut batch = progress(&self.place)?;
        batch.starts.push(Folder::refusal(&self.task.path, Some(&refused))?);
        self.refused = Some(refused);
        Ok(batch)
    }

    /// What an earlier run has refused, if it can be told whether the object is still the same, and as much is
    /// expected of it. Whoever removes what was kept of it wants it to be fetched again. (`&mut`, since ranges that are
    /// under way cannot be shared between threads.)
    async fn refused_before(&mut self) -> Result<Option<Refused>> {
        let expected = &self.task.expected;
        let same = |refused: &Refused| {
            let can_tell = refused.etag.is_some() || refused.last_modified.is_some();
            can_tell && (&refused.checksum, refused.size) == (&expected.checksum, expected.size)
        };
        let refused = self.folder.refused(&self.task.path).filter(|_| self.place == Place::default());
        let Some(refused) = refused.filter(same) else { return Ok(None) };
        let is_kept = blocking(self.folder.quarantine(&self.task.path), |path| std::fs::exists(path)).await?;
        Ok(is_kept.then_some(refused))
    }

    fn refused_again(&mut self, refused: Option<Refused>) -> Result<Batch> {
        let Some(refused) = refused else { return Err(Error::bug("nothing was refused")) };
        let error = Error::corrupt(format!(
            "{} {}; it has not changed since that was found, and is kept as {}.quarantine",
            self.shown(),
            refused.because(),
            self.task.path
        ));
        self.refuse(refused, error.hint("`busta archive verify --repair` fetches it once more"))
    }

    pub(super) fn asked(&self) -> Option<super::checksum::Algorithm> {
        self.task.expected.checksum.as_ref().map(super::checksum::Checksum::algorithm)
    }

    fn shown(&self) -> String {
        shown_url(&self.task.url)
    }
}

#[async_trait]
impl Reader for DownloadReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let batch = match std::mem::replace(&mut self.state, State::Idle) {
            State::Broken(error) => return Err(error),
            State::Open(transfer) => self.receive(transfer).await?,
            State::Several(ranges) => self.receive_several(ranges).await?,
            State::Idle => match self.begin().await? {
                Begun::Batch(batch) => *batch,
                Begun::Several(ranges) => self.receive_several(ranges).await?,
                Begun::All(part) => self.complete(*part).await?,
                Begun::Transfer(transfer) => {
                    let names_it =
                        transfer.part.offset() == 0 && self.place.total.is_none_or(|total| total > SMALL);
                    if names_it {
                        self.state = State::Open(transfer);
                        progress(&self.place)?
                    } else {
                        self.receive(transfer).await?
                    }
                }
            },
        };
        Ok(Some(batch))
    }

    fn asks(&self) -> bool {
        match &self.state {
            State::Open(_) => false,
            State::Several(ranges) => ranges.is_idle(),
            State::Idle => true,
            State::Broken(_) => false,
        }
    }
}

/// Gives a complete file its name, durably, and removes what it makes good.
async fn publish(part: PathBuf, target: PathBuf, mends: Option<PathBuf>) -> Result<()> {
    blocking(target, move |target| {
        let folder = target.parent().unwrap_or(target);
        std::fs::create_dir_all(folder)?;
        std::fs::rename(&part, target)?;
        if let Some(mends) = mends {
            // There is seldom one; one that stays does no harm.
            let _ = std::fs::remove_file(mends);
        }
        std::fs::File::open(folder)?.sync_all()
    })
    .await
}
