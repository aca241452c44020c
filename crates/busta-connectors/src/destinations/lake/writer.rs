//! The folder, opened for writing: recovery, and what every operation on it needs.
//!
//! Opening replays: the manifest says what is committed, and everything on the disk is brought in
//! line with it. Tails behind the committed lengths are cut off, renames and removals that a crash
//! left half done are completed, and files in busta's own folders that no line names are swept. The
//! tables' folders hold only files that a line named before they came there, so nothing of others is
//! ever touched.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use busta_core::failpoint::hit;
use busta_core::{Error, Result, SourceName, StreamName, StreamSpec};

use super::ahead::{Ahead, Recent};
use super::failures::FailureLog;
use super::index::KeyIndex;
use super::layout::{Layout, create_folder, remove_file, rename_file, sync_folder};
use super::manifest::Manifest;
use super::segment::{Phase, Segment};
use super::sidecar;
use super::stage::Rows;
use super::state::{Change, State};
use super::trouble::{corrupt, gone, io_error};
use crate::destinations::claims::Claims;

/// How many segments are kept open between commits.
const MAX_HANDLES: usize = 64;

/// The folder of a destination, held by this process alone.
pub(super) struct Lake {
    pub(super) layout: Layout,
    pub(super) manifest: Manifest,
    pub(super) state: State,
    pub(super) failures: FailureLog,
    /// The open segment of each stream.
    pub(super) current: HashMap<(SourceName, StreamName), u64>,
    /// What records of keyed streams are counted by.
    pub(super) index: KeyIndex,
    pub(super) prepared: Prepared,
    /// What the state has already, and the next line of the manifest is to begin with.
    early: Vec<Change>,
    /// Files that are made while their segments grow.
    pub(super) ahead: Ahead,
    /// What the last commit has appended, by segment.
    pub(super) recent: HashMap<u64, Vec<Recent>>,
    /// Segments in staging that have their full size.
    full: BTreeSet<u64>,
    handles: HashMap<u64, Handle>,
    /// Sealed segments that are still in staging.
    moves: Vec<Segment>,
    /// Whether an operation failed and may have left something behind the committed lengths.
    unclean: bool,
    /// Held by scans, which may read files that have been dropped since they began.
    pins: Arc<()>,
    _lock: File,
}

/// What was prepared, and is not in the manifest before something is written.
#[derive(Default)]
pub(super) struct Prepared {
    /// Which runs may take their source over.
    pub(super) claims: Claims,
    /// The streams of each source, as they were prepared last.
    pub(super) streams: HashMap<SourceName, Vec<StreamSpec>>,
}

/// A segment opened for appending.
struct Handle {
    file: File,
    path: PathBuf,
    keys: Option<File>,
}

/// How many files are synced at once.
const MAX_SYNCS: usize = 16;

impl Lake {
    /// Opens the folder and recovers what a crash left half done.
    pub(super) fn open(layout: &Layout) -> Result<Self> {
        layout.create()?;
        let lock = lock(layout)?;
        let (state, length) = Manifest::read(layout)?;
        let manifest = Manifest::open(layout, length)?;
        remove_file(&layout.manifest_new())?;
        let failures = FailureLog::open(layout, state.failures)?;
        let current = open_segments(&state);
        let mut lake = Self {
            layout: layout.clone(),
            manifest,
            state,
            failures,
            current,
            index: KeyIndex::default(),
            prepared: Prepared::default(),
            early: Vec::new(),
            ahead: Ahead::default(),
            recent: HashMap::new(),
            full: BTreeSet::new(),
            handles: HashMap::new(),
            moves: Vec::new(),
            unclean: false,
            pins: Arc::new(()),
            _lock: lock,
        };
        lake.recover()?;
        Ok(lake)
    }

    fn recover(&mut self) -> Result<()> {
        self.full = full_segments(&self.state);
        files_in(&self.layout.ahead())?.iter().try_for_each(|path| remove_file(path))?;
        let staging = self.layout.staging();
        for path in files_in(&staging)? {
            match self.segment_at(&path) {
                Some(segment) if segment.phase == Phase::Sealed => self.moves.push(segment.clone()),
                Some(_) => {}
                None => remove_file(&path)?,
            }
        }
        for segment in self.state.segments.values().filter(|s| s.phase != Phase::Sealed) {
            cut_segment(&self.layout, segment)?;
        }
        for path in files_in(&self.layout.keys())? {
            if number_of(&path).is_none_or(|id| !self.state.segments.contains_key(&id)) {
                remove_file(&path)?;
            }
        }
        self.settle()?;
        self.even_out();
        self.compact_if_long()
    }

    fn segment_at(&self, path: &std::path::Path) -> Option<&Segment> {
        let segment = self.state.segments.get(&number_of(path)?)?;
        (self.layout.staged(segment) == path).then_some(segment)
    }

    /// Whether the folder is still the one that was opened.
    pub(super) fn check_place(&self) -> Result<()> {
        self.manifest.check_place()
    }

    /// Held while files are read that may be dropped meanwhile.
    pub(super) fn pin(&self) -> Arc<()> {
        Arc::clone(&self.pins)
    }

    /// Takes back what an operation that failed has left, so that nothing half written stays.
    pub(super) fn heal(&mut self) -> Result<()> {
        if !self.unclean {
            return Ok(());
        }
        // Opening a segment again cuts it.
        self.handles.clear();
        self.manifest.cut()?;
        if !self.early.is_empty() {
            self.state = Manifest::read(&self.layout)?.0;
            self.current = open_segments(&self.state);
            self.early.clear();
        }
        self.full = full_segments(&self.state);
        self.failures.cut(self.state.failures)?;
        let mut moves = Vec::new();
        for path in files_in(&self.layout.staging())? {
            match self.segment_at(&path) {
                Some(segment) if segment.phase != Phase::Sealed => cut_segment(&self.layout, segment)?,
                Some(segment) => moves.push(segment.clone()),
                None => remove_file(&path)?,
            }
        }
        self.moves = moves;
        self.unclean = false;
        Ok(())
    }

    /// Runs an operation; when it fails, takes back what it has left, now or before the next one.
    pub(super) fn attempt<T>(&mut self, operation: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.heal()?;
        let result = operation(self);
        if result.is_err() {
            self.unclean = true;
            // It may have counted what was not committed.
            self.index = KeyIndex::default();
            if let Err(error) = self.heal() {
                tracing::debug!(%error, "clean-up waits for the next operation");
            }
        }
        result
    }

    /// Commits changes, together with those that are already applied: one line of the manifest.
    /// `false` if there are none.
    pub(super) fn log(&mut self, changes: Vec<Change>) -> Result<bool> {
        let applied = self.early.len();
        let line: Vec<Change> = self.early.iter().cloned().chain(changes).collect();
        if line.is_empty() {
            return Ok(false);
        }
        self.manifest.append(&line)?;
        self.early.clear();
        line.into_iter().skip(applied).for_each(|change| self.apply(change));
        Ok(true)
    }

    /// Applies changes on which the rest of an [`attempt`](Self::attempt) builds. They are committed
    /// by its line; if it fails, the state is read again.
    pub(super) fn apply_early(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.early.push(change.clone());
            self.apply(change);
        }
    }

    fn apply(&mut self, change: Change) {
        self.note_moves(&change);
        self.state.apply(change);
    }

    fn note_moves(&mut self, change: &Change) {
        match change {
            Change::Segment(segment) if segment.phase == Phase::Sealed => self.moves.push(segment.clone()),
            Change::Segment(segment) if segment.phase == Phase::Open => {
                self.current.insert((segment.source.clone(), segment.stream.clone()), segment.id);
            }
            Change::Full(id) | Change::Seal(id) | Change::Drop(id) => {
                self.handles.remove(id);
                self.current.retain(|_, open| open != id);
                if matches!(change, Change::Full(_)) {
                    self.full.insert(*id);
                } else {
                    self.full.remove(id);
                    self.ahead.cancel(*id);
                }
                if let (Change::Seal(_), Some(segment)) = (change, self.state.segments.get(id)) {
                    self.moves.push(segment.clone());
                }
            }
            _ => {}
        }
    }

    /// Brings the files to where the manifest says they are. Whatever fails is done later: by the
    /// next call, or when the folder is opened again.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut touched = Vec::new();
        while let Some(segment) = self.moves.last() {
            let target = self.layout.sealed(segment);
            let folder = self.layout.folder(segment);
            create_folder(&folder)?;
            hit(self.layout.points().seal_before_rename);
            rename_file(&self.layout.staged(segment), &target)?;
            hit(self.layout.points().seal_after_rename);
            touched.push(folder);
            self.moves.pop();
        }
        while let Some(segment) = self.state.doomed.last() {
            self.throw_away(segment)?;
            self.state.doomed.pop();
        }
        touched.sort_unstable();
        touched.dedup();
        if !touched.is_empty() {
            touched.push(self.layout.staging());
        }
        touched.iter().try_for_each(|folder| sync_folder(folder))?;
        self.empty_trash()
    }

    fn throw_away(&self, segment: &Segment) -> Result<()> {
        let trash = self.layout.trashed(segment);
        for path in [self.layout.sealed(segment), self.layout.staged(segment)] {
            rename_file(&path, &trash)?;
        }
        hit(self.layout.points().finish_trashed);
        remove_file(&self.layout.sidecar(segment.id))
    }

    fn empty_trash(&mut self) -> Result<()> {
        if Arc::strong_count(&self.pins) > 1 {
            return Ok(());
        }
        self.failures.sweep()?;
        files_in(&self.layout.trash())?.iter().try_for_each(|path| remove_file(path))
    }

    /// Has the files of segments that grow, or have their full size, made ahead.
    pub(super) fn encode_ahead(&mut self) {
        let mut recent = std::mem::take(&mut self.recent);
        if self.layout.log() == self.layout.format().file() {
            return;
        }
        for id in self.full.iter().chain(self.current.values()) {
            let Some(segment) = self.state.segments.get(id) else { continue };
            let remembered = self.state.remembered.get(&segment.table);
            let recent = recent.remove(id).unwrap_or_default();
            self.ahead.follow(&self.layout, segment, remembered, (recent, segment.phase == Phase::Full));
        }
    }

    /// Writes the manifest anew if it has grown long.
    pub(super) fn compact_if_long(&mut self) -> Result<()> {
        if !self.manifest.is_long() || !self.moves.is_empty() || !self.state.doomed.is_empty() {
            return Ok(());
        }
        self.manifest.compact(&self.state)
    }

    /// Appends staged rows to a segment, behind its committed rows and what was appended since.
    pub(super) fn append(&mut self, segment: &Segment, rows: &Rows) -> Result<()> {
        let sidecar = self.layout.sidecar(segment.id);
        let handle = self.handle(segment)?;
        rows.data.write(&mut handle.file).map_err(|e| io_error("write", &handle.path, e))?;
        if let Some(keys) = &mut handle.keys {
            let block = sidecar::block(&rows.keys, rows.rows as u32);
            keys.write_all(&block).map_err(|e| io_error("write", &sidecar, e))?;
        }
        Ok(())
    }

    /// Makes what was appended to segments durable. All at once, since a file system joins syncs that
    /// come together into one write of its journal: eight streams then cost little more than one.
    pub(super) fn sync<'a>(&mut self, segments: impl Iterator<Item = &'a Segment>) -> Result<()> {
        let mut ids = Vec::new();
        for segment in segments {
            self.handle(segment)?;
            ids.push(segment.id);
        }
        let handles: Vec<&Handle> = ids.iter().filter_map(|id| self.handles.get(id)).collect();
        let share = handles.len().div_ceil(MAX_SYNCS).max(1);
        std::thread::scope(|scope| {
            let mut shares = handles.chunks(share);
            let own = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|share| scope.spawn(|| sync_each(share))).collect();
            let result = sync_each(own);
            others.into_iter().fold(result, |result, other| {
                let other = other.join().unwrap_or_else(|_| Err(Error::bug("a sync has panicked")));
                result.and(other)
            })
        })
    }

    fn handle(&mut self, segment: &Segment) -> Result<&mut Handle> {
        if !self.handles.contains_key(&segment.id) {
            let handle = open_segment(&self.layout, segment)?;
            self.handles.insert(segment.id, handle);
        }
        self.handles.get_mut(&segment.id).ok_or_else(|| Error::bug("a segment that was opened is not open"))
    }

    /// Closes handles when there are many: hundreds of streams must not use up the descriptors.
    pub(super) fn spare_handles(&mut self) {
        if self.handles.len() > MAX_HANDLES {
            self.handles.clear();
        }
    }
}

fn full_segments(state: &State) -> BTreeSet<u64> {
    let full = state.segments.values().filter(|segment| segment.phase == Phase::Full);
    full.map(|segment| segment.id).collect()
}

fn open_segments(state: &State) -> HashMap<(SourceName, StreamName), u64> {
    let open = state.segments.values().filter(|segment| segment.phase == Phase::Open);
    open.map(|s| ((s.source.clone(), s.stream.clone()), s.id)).collect()
}

fn lock(layout: &Layout) -> Result<File> {
    let path = layout.lock();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| io_error("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::unavailable(format!("{} is in use by another busta", layout.root().display()))
                .hint("wait until the other run has ended, or give this one another `path`"))
        }
        Err(TryLockError::Error(e)) => Err(io_error("lock", &path, e)),
    }
}

/// Opens a segment for appending behind its committed bytes; one without any begins anew.
fn open_segment(layout: &Layout, segment: &Segment) -> Result<Handle> {
    let path = layout.staged(segment);
    let fresh = segment.bytes == 0;
    let file = OpenOptions::new().create(fresh).append(true).open(&path);
    let file = file.map_err(|e| io_error("open", &path, e))?;
    file.set_len(segment.bytes).map_err(|e| io_error("cut", &path, e))?;
    let keys = match &segment.key {
        None => None,
        Some(spec) if fresh => Some(begin_sidecar(layout, segment.id, &sidecar::head(spec))?),
        // One that is damaged is left alone, and the keys are read from the rows.
        Some(spec) => sidecar::reopen(&layout.sidecar(segment.id), spec, segment.rows)?,
    };
    Ok(Handle { file, path, keys })
}

pub(super) fn begin_sidecar(layout: &Layout, id: u64, head: &[u8]) -> Result<File> {
    let path = layout.sidecar(id);
    remove_file(&path)?;
    let begin = || {
        let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        file.write_all(head)?;
        Ok(file)
    };
    begin().map_err(|e| io_error("create", &path, e))
}

/// Cuts a segment in staging to its committed length.
fn cut_segment(layout: &Layout, segment: &Segment) -> Result<()> {
    let path = layout.staged(segment);
    let length = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(corrupt(&path, "is missing, though it was committed"));
        }
        Err(e) => return Err(io_error("read", &path, e)),
    };
    if length < segment.bytes {
        return Err(corrupt(&path, "is shorter than what was committed"));
    }
    if length > segment.bytes {
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(segment.bytes));
        cut.map_err(|e| io_error("cut", &path, e))?;
    }
    Ok(())
}

fn files_in(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> { fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect() };
    list().map_err(|e| io_error("list", folder, e))
}

/// The number that a file's name begins with.
fn number_of(path: &std::path::Path) -> Option<u64> {
    path.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

#[cfg(unix)]
fn is_unlinked(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|m| m.nlink() == 0)
}

#[cfg(not(unix))]
fn is_unlinked(_file: &File) -> bool {
    false
}

fn sync_each(handles: &[&Handle]) -> Result<()> {
    handles.iter().try_for_each(|handle| {
        if is_unlinked(&handle.file) {
            return Err(gone(&handle.path));
        }
        handle.file.sync_data().map_err(|e| io_error("sync", &handle.path, e))
    })
}
