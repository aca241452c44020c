//! Files made ahead: while a segment still grows, a thread of its own follows its log and encodes what
//! is committed, so that sealing it only has to wait for the last rows.
//!
//! It is nothing but a head start. The thread reads the log as sealing would, and only as far as it is
//! committed; of what was committed last it takes the batches from memory, where some are held. What it makes
//! lies in `_busta/ahead`, which is swept when the folder is opened. If it fails, or another process dies, the
//! files are made from the log once more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use busta_core::{Records, Result};
use serde_json::Value;

use super::block;
use super::format::{FileMaker, Form, Made, Paths};
use super::layout::Layout;
use super::segment::Segment;
use super::stage::{Data, Rows};
use super::trouble::{corrupt, io_error};

/// Segments are followed from this size on; smaller ones are encoded in no time.
const FROM_BYTES: u64 = 2 << 20;

/// How many segments are followed at once. Each takes a thread, and the memory of an open row group.
const MAX_JOBS: usize = 4;

/// How much of the log is read at once.
const PAGE_BYTES: u64 = 1 << 20;

/// So many bytes of batches that were just committed are held for all threads together. What there is no room for
/// is read from the log.
const HELD_BYTES: usize = 8 << 20;

/// The segments that are followed.
#[derive(Default)]
pub(super) struct Ahead {
    jobs: HashMap<u64, Job>,
    /// Segments that could not be encoded ahead.
    failed: HashSet<u64>,
    held: Arc<AtomicUsize>,
}

struct Job {
    goal: Arc<Goal>,
    thread: JoinHandle<Result<Option<Made>>>,
}

/// A batch that is committed.
#[derive(Clone)]
pub(super) struct Recent {
    /// Where it lies in its segment.
    pub(super) start: u64,
    pub(super) rows: Arc<Rows>,
}

/// A batch that is held.
struct Held {
    recent: Recent,
    weight: usize,
    all: Arc<AtomicUsize>,
}

impl Held {
    /// `None` if there is no room for it.
    fn of(recent: Recent, all: &Arc<AtomicUsize>) -> Option<Self> {
        let Data::Block(block) = &recent.rows.data else { return None };
        let weight = block.weight();
        if all.fetch_add(weight, Ordering::Relaxed) + weight > HELD_BYTES {
            all.fetch_sub(weight, Ordering::Relaxed);
            return None;
        }
        Some(Self { recent, weight, all: Arc::clone(all) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// How far a job may go.
#[derive(Default)]
struct Goal {
    target: Mutex<Target>,
    /// Batches before the target, in order.
    held: Mutex<VecDeque<Held>>,
    moved: Condvar,
    /// Bytes of complete files so far.
    written: AtomicU64,
}

#[derive(Clone, Copy, Default)]
struct Target {
    /// The committed length of the log.
    bytes: u64,
    /// The log is complete: make the files complete too.
    end: bool,
    cancelled: bool,
}

impl Ahead {
    /// A segment has been committed up to its length, these batches last; `end` if it will grow no more.
    pub(super) fn follow(
        &mut self,
        layout: &Layout,
        segment: &Segment,
        remembered: Option<&Value>,
        (recent, end): (Vec<Recent>, bool),
    ) {
        let target = Target { bytes: segment.bytes, end, cancelled: false };
        if let Some(job) = self.jobs.get(&segment.id) {
            if !job.thread.is_finished() {
                job.goal.hold(recent, &self.held);
            }
            job.goal.set(target);
        } else if (end || segment.bytes >= FROM_BYTES)
            && !self.failed.contains(&segment.id)
            && self.jobs.values().filter(|job| !job.thread.is_finished()).count() < MAX_JOBS
        {
            let goal = Arc::new(Goal { target: Mutex::new(target), ..Goal::default() });
            goal.hold(recent, &self.held);
            let follower = Follower {
                goal: Arc::clone(&goal),
                path: layout.staged(segment),
                form: segment.form,
                table: segment.table.clone(),
                layout: layout.clone(),
                paths: Paths::new(layout.ahead(), format_args!("{}-ahead", segment.id)),
                remembered: remembered.cloned(),
            };
            let name = format!("encode {}", segment.table);
            // Without a thread there is no head start, and nothing else is lost.
            if let Ok(thread) = std::thread::Builder::new().name(name).spawn(move || follower.run()) {
                self.jobs.insert(segment.id, Job { goal, thread });
            }
        }
    }

    /// Bytes of the files made of a segment so far, if it is followed.
    pub(super) fn written(&self, id: u64) -> Option<u64> {
        self.jobs.get(&id).map(|job| job.goal.written.load(Ordering::Relaxed))
    }

    /// The segments whose files are complete, or will never be.
    pub(super) fn ready(&self) -> Vec<u64> {
        let done = self.jobs.iter().filter(|(_, job)| job.thread.is_finished());
        done.map(|(id, _)| *id).collect()
    }

    /// Tells the threads of these segments that their logs are complete.
    pub(super) fn end<'a>(&self, segments: impl Iterator<Item = &'a Segment>) {
        for segment in segments {
            if let Some(job) = self.jobs.get(&segment.id) {
                job.goal.set(Target { bytes: segment.bytes, end: true, cancelled: false });
            }
        }
    }

    /// The files made of a segment whose log is complete; waits for the last of its rows. `None` if there
    /// are none with all of them.
    pub(super) fn take(&mut self, segment: &Segment) -> Option<Made> {
        let id = segment.id;
        let job = self.jobs.remove(&id)?;
        match job.thread.join() {
            Ok(Ok(Some(made))) if made.rows() == segment.rows => return Some(made),
            // It was told to end by a finish that failed, and rows came after that.
            Ok(Ok(made)) => {
                made.into_iter().for_each(Made::discard);
                return None;
            }
            Ok(Err(error)) => tracing::debug!(%error, segment = id, "not encoded ahead"),
            Err(_) => tracing::warn!(segment = id, "encoding ahead has panicked"),
        }
        self.failed.insert(id);
        None
    }

    /// Forgets a segment that is gone.
    pub(super) fn cancel(&mut self, id: u64) {
        self.failed.remove(&id);
        if let Some(job) = self.jobs.remove(&id) {
            job.goal.set(Target { cancelled: true, ..Target::default() });
            if let Ok(Ok(Some(made))) = job.thread.join() {
                made.discard();
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        let ids: Vec<u64> = self.jobs.keys().copied().collect();
        ids.into_iter().for_each(|id| self.cancel(id));
    }
}

impl Goal {
    fn lock(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, recent: Vec<Recent>, all: &Arc<AtomicUsize>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend(recent.into_iter().filter_map(|recent| Held::of(recent, all)));
    }

    /// The batch that lies there, if it is held. Those before it are no longer.
    fn held_at(&self, start: u64) -> Option<Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.pop_front_if(|held| held.recent.start < start).is_some() {}
        held.pop_front_if(|held| held.recent.start == start)
    }

    fn set(&self, target: Target) {
        *self.lock() = target;
        self.moved.notify_one();
    }

    /// Waits until there is something to do beyond `done` bytes.
    fn wait(&self, done: u64) -> Target {
        let mut target = self.lock();
        while target.bytes <= done && !target.end && !target.cancelled {
            target = self.moved.wait(target).unwrap_or_else(PoisonError::into_inner);
        }
        *target
    }
}

/// The thread's side of a job.
struct Follower {
    goal: Arc<Goal>,
    layout: Layout,
    path: PathBuf,
    form: Form,
    table: String,
    paths: Paths,
    remembered: Option<Value>,
}

impl Follower {
    /// `None` if it was cancelled.
    fn run(mut self) -> Result<Option<Made>> {
        let mut log = LogReader::open(&self.path, self.form)?;
        let mut maker = self.begin()?;
        let mut resume_at = 0;
        loop {
            let target = self.goal.wait(log.done.max(resume_at));
            if target.cancelled {
                return Ok(None);
            }
            // Begun again when there is twice as much, so that columns that come one after the other
            // cost no more than encoding everything twice.
            if resume_at > 0 {
                while let Some(page) = log.page(target.bytes)? {
                    maker.learn(&page);
                }
                (log, resume_at) = (LogReader::open(&self.path, self.form)?, 0);
            }
            let held = self.goal.held_at(log.done);
            let page = match held.as_ref().map(|held| &held.recent.rows.data) {
                Some(Data::Block(block)) => {
                    log.skip(block.size())?;
                    (!maker.push_block(block)?).then(|| block.read())
                }
                _ => match log.page(target.bytes)? {
                    None if target.end => return maker.finish().map(Some),
                    page => page,
                },
            };
            if let Some(page) = page
                && !maker.push(&page)?
            {
                maker.learn(&page);
                resume_at = log.done * 2;
            }
            self.goal.written.store(maker.written(), Ordering::Relaxed);
        }
    }

    fn begin(&mut self) -> Result<Box<dyn FileMaker>> {
        self.layout.format().begin(&self.table, self.remembered.as_ref(), self.paths.clone())
    }
}

/// Reads the log of a segment as it grows.
struct LogReader {
    file: File,
    path: PathBuf,
    form: Form,
    /// How much has been given out.
    done: u64,
    /// The beginning of a line whose end was not read yet.
    rest: Vec<u8>,
}

impl LogReader {
    fn open(path: &std::path::Path, form: Form) -> Result<Self> {
        let file = File::open(path).map_err(|e| io_error("open", path, e))?;
        Ok(Self { file, path: path.to_owned(), form, done: 0, rest: Vec::new() })
    }

    /// Passes over a block.
    fn skip(&mut self, size: u64) -> Result<()> {
        self.done += size;
        let found = self.file.seek(SeekFrom::Start(self.done));
        found.map(drop).map_err(|e| io_error("read", &self.path, e))
    }

    /// The next rows before `end`, which is the end of one; `None` if there are none.
    fn page(&mut self, end: u64) -> Result<Option<Records>> {
        match self.form {
            Form::Columns => self.block(end),
            _ => self.lines(end),
        }
    }

    fn block(&mut self, end: u64) -> Result<Option<Records>> {
        if self.done >= end {
            return Ok(None);
        }
        let (records, size) = block::read(&mut self.file, end - self.done, &self.path)?;
        self.done += size;
        Ok(Some(records))
    }

    fn lines(&mut self, end: u64) -> Result<Option<Records>> {
        let mut buffer = std::mem::take(&mut self.rest);
        loop {
            let wanted = (end - self.done - buffer.len() as u64).min(PAGE_BYTES);
            if wanted == 0 && buffer.is_empty() {
                return Ok(None);
            }
            buffer.reserve_exact(wanted as usize);
            let read = (&mut self.file).take(wanted).read_to_end(&mut buffer);
            let read = read.map_err(|e| io_error("read", &self.path, e))?;
            let Some(last) = memchr::memrchr(b'\n', &buffer) else {
                if read == 0 {
                    return Err(corrupt(&self.path, "is shorter than what was committed"));
                }
                continue;
            };
            self.rest = buffer.split_off(last + 1);
            self.done += buffer.len() as u64;
            let (mut spans, mut start) = (Vec::new(), 0);
            for end in memchr::memchr_iter(b'\n', &buffer) {
                spans.push(start as u32..end as u32);
                start = end + 1;
            }
            return Ok(Some(Records::from_spans(buffer.into(), spans)));
        }
    }
}

#[cfg(test)]
mod tests {
    use busta_core::columns::{Column, Columns, Values};
    use busta_core::{Error, StreamSpec, WriteMode};

    use super::super::block::Block;
    use super::super::format::{Format, MadeFile, Pages};
    use super::super::segment::Phase;
    use super::super::{Points, points};
    use super::*;

    const POINTS: Points = points!("counting");

    /// Makes nothing, and counts the rows that came as blocks and those that were read.
    #[derive(Clone, Debug, Default)]
    struct Counting {
        held: Arc<AtomicU64>,
        read: Arc<AtomicU64>,
    }

    impl Format for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn points(&self) -> &'static Points {
            &POINTS
        }

        fn log(&self) -> Form {
            Form::Lines
        }

        fn file(&self) -> Form {
            Form::Parquet
        }

        fn is_full(&self, _: u64, _: Option<u64>) -> bool {
            false
        }

        fn begin(&self, _: &str, _: Option<&Value>, _: Paths) -> Result<Box<dyn FileMaker>> {
            Ok(Box::new(self.clone()))
        }

        fn join(&self, _: &Value, found: &Value) -> Result<Value> {
            Ok(found.clone())
        }

        fn read(&self, _: File, _: &std::path::Path) -> Result<Pages> {
            Err(Error::bug("there is no file"))
        }
    }

    impl FileMaker for Counting {
        fn push(&mut self, rows: &Records) -> Result<bool> {
            self.read.fetch_add(rows.len() as u64, Ordering::Relaxed);
            Ok(true)
        }

        fn push_block(&mut self, block: &Block) -> Result<bool> {
            self.held.fetch_add(block.rows() as u64, Ordering::Relaxed);
            Ok(true)
        }

        fn learn(&mut self, _: &Records) {}

        fn written(&self) -> u64 {
            0
        }

        fn finish(self: Box<Self>) -> Result<Made> {
            let rows = [&self.held, &self.read].map(|count| count.load(Ordering::Relaxed)).iter().sum();
            let file =
                MadeFile { path: PathBuf::new(), folder: String::new(), fixed: vec![], rows, bytes: 0 };
            Ok(Made { files: vec![file], ..Made::default() })
        }
    }

    fn batch(rows: usize) -> Arc<Rows> {
        let list = vec![Column::new("n", Values::Ints((0..rows as i64).collect()))];
        let block = Block::of(Records::of_columns(Columns::of(rows, list).unwrap()), vec![]).unwrap();
        Arc::new(Rows { data: Data::Block(block), form: Form::Columns, rows: rows as u64, ..Rows::default() })
    }

    fn segment(spec: &StreamSpec) -> Segment {
        Segment {
            id: 1,
            order: 1,
            table: spec.table.clone(),
            source: "s".into(),
            stream: spec.name.clone(),
            run: "R".into(),
            mode: WriteMode::Append,
            key: None,
            form: Form::Columns,
            folder: String::new(),
            fixed: vec![],
            rows: 0,
            bytes: 0,
            phase: Phase::Open,
        }
    }

    /// Follows a segment of these batches, of which some are held; gives how many rows were held, and how many read.
    fn follow(batches: &[(usize, bool)]) -> (u64, u64) {
        let folder = tempfile::tempdir().unwrap();
        let counting = Counting::default();
        let layout = Layout::new(folder.path().to_owned(), Arc::new(counting.clone()));
        layout.create().unwrap();
        let mut segment = segment(&StreamSpec::new("t", vec![]));
        let (mut log, mut recent) = (File::create(layout.staged(&segment)).unwrap(), Vec::new());
        for (rows, is_held) in batches {
            let rows = batch(*rows);
            rows.data.write(&mut log).unwrap();
            let start = segment.bytes;
            segment.bytes += rows.data.size();
            segment.rows += rows.rows;
            recent.extend(is_held.then_some(Recent { start, rows }));
        }
        let mut ahead = Ahead::default();
        ahead.follow(&layout, &segment, None, (recent, true));
        assert_eq!(ahead.take(&segment).unwrap().rows(), segment.rows);
        assert_eq!(ahead.held.load(Ordering::Relaxed), 0, "nothing stays");
        (counting.held.load(Ordering::Relaxed), counting.read.load(Ordering::Relaxed))
    }

    #[test]
    fn batches_that_are_held_are_not_read() {
        assert_eq!(follow(&[(10, false), (20, true), (40, false), (80, true), (160, true)]), (260, 50));
        assert_eq!(follow(&[(10, true), (20, false)]), (10, 20));
        assert_eq!(follow(&[]), (0, 0));
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let large = HELD_BYTES / 8 / 2 + 1;
        assert_eq!(follow(&[(large, true), (large, true), (1, true)]), (large as u64 + 1, large as u64));
    }
}
