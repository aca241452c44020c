//! The log of failures: what was added and what was taken back, line by line. Only what lies before
//! the length in the manifest counts.
//!
//! When most of its lines count for nothing any more, a log with only those that do is written beside it,
//! whole and synced, and takes its place with the line of the manifest that names it. The old one stays a
//! little, for who is reading it; whatever a crash leaves beside the log that is named is swept.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use busta_core::failpoint::hit;

use busta_core::reading::{FailuresPage, FailuresQuery};
use busta_core::{Error, Failure, Result, RunId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::layout::{Layout, remove_file, sync_folder};
use super::trouble::{corrupt, io_error};

/// A log with fewer lines that count for nothing is left as it is.
const DEAD_LINES: u64 = 64;

/// A log, as far as it is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    /// Which one: each that takes the place of another has the next number.
    pub(super) number: u64,
    /// How many bytes of it are committed.
    pub(super) length: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Add(Failure),
    Remove(String),
}

/// The log, opened for writing. It keeps 8 bytes of memory per failure.
pub(super) struct FailureLog {
    file: Option<File>,
    layout: Layout,
    log: Log,
    /// Its lines, also those that count for nothing.
    lines: u64,
    known: HashSet<u64>,
    /// Logs whose place was taken just now, and those before, which nobody begins to read any more.
    replaced: Vec<PathBuf>,
    stale: Vec<PathBuf>,
}

/// Lines to be committed, and what they do.
#[derive(Default)]
pub(super) struct FailureDraft {
    lines: Vec<u8>,
    added: HashSet<u64>,
    removed: HashSet<u64>,
}

impl FailureDraft {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many failures it takes back.
    pub(super) fn removed(&self) -> u64 {
        self.removed.len() as u64
    }

    fn push(&mut self, line: &Line) -> Result<()> {
        serde_json::to_writer(&mut self.lines, line)
            .map_err(|e| Error::bug(format!("a failure cannot be encoded: {e}")))?;
        self.lines.push(b'\n');
        Ok(())
    }
}

impl FailureLog {
    /// Cuts the log to its committed length and learns what it holds.
    pub(super) fn open(layout: &Layout, log: Log) -> Result<Self> {
        let (mut known, mut lines) = (HashSet::new(), 0);
        for_each_line(layout, log, |_, line| {
            lines += 1;
            match line {
                Line::Add(failure) => known.insert(short(&failure.id)),
                Line::Remove(id) => known.remove(&short(&id)),
            };
        })?;
        let (replaced, stale) = (Vec::new(), others(layout, log)?);
        let mut opened = Self { file: None, layout: layout.clone(), log, lines, known, replaced, stale };
        if layout.failures(log.number).exists() {
            opened.cut(log)?;
        }
        opened.sweep()?;
        Ok(opened)
    }

    /// Adds a failure to a draft, unless it is known.
    pub(super) fn add(&self, draft: &mut FailureDraft, failure: &Failure) -> Result<bool> {
        let id = short(&failure.id);
        let known = self.known.contains(&id) && !draft.removed.contains(&id);
        if known || !draft.added.insert(id) {
            return Ok(false);
        }
        draft.push(&Line::Add(failure.clone()))?;
        Ok(true)
    }

    /// Takes a failure back, if it is known.
    pub(super) fn remove(&self, draft: &mut FailureDraft, id: &str) -> Result<()> {
        let short = short(id);
        let here = draft.added.remove(&short) || self.known.contains(&short);
        if here && draft.removed.insert(short) {
            draft.push(&Line::Remove(id.to_owned()))?;
        }
        Ok(())
    }

    /// Writes a draft behind what is committed and syncs it; gives the new length.
    pub(super) fn write(&mut self, draft: &FailureDraft) -> Result<u64> {
        let path = self.layout.failures(self.log.number);
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new().create(true).append(true).open(&path);
                let file = file.map_err(|e| io_error("open", &path, e))?;
                sync_folder(&self.layout.own())?;
                none.insert(file)
            }
        };
        file.write_all(&draft.lines).map_err(|e| io_error("write", &path, e))?;
        file.sync_data().map_err(|e| io_error("sync", &path, e))?;
        Ok(self.log.length + draft.lines.len() as u64)
    }

    /// A draft has been committed.
    pub(super) fn committed(&mut self, draft: &FailureDraft) {
        draft.removed.iter().for_each(|id| {
            self.known.remove(id);
        });
        self.known.extend(&draft.added);
        self.lines += draft.lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.log.length += draft.lines.len() as u64;
    }

    /// Takes back whatever a write that failed has left.
    pub(super) fn cut(&mut self, log: Log) -> Result<()> {
        let path = self.layout.failures(log.number);
        self.file = None;
        if log.length == 0 && !path.exists() {
            return Ok(());
        }
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(log.length));
        cut.map_err(|e| io_error("cut", &path, e))
    }

    /// If most lines would count for nothing once `draft` has taken failures back: a log of those that
    /// count, written and synced, that is to take the place of this one.
    pub(super) fn tidied(&self, draft: &FailureDraft) -> Result<Option<Log>> {
        let alive = (self.known.len() as u64).saturating_sub(draft.removed());
        if self.lines.saturating_sub(alive) < alive.max(DEAD_LINES) {
            return Ok(None);
        }
        let log = self.rewrite(&draft.removed)?;
        hit(self.layout.points().failures_written);
        Ok(Some(log))
    }

    fn rewrite(&self, without: &HashSet<u64>) -> Result<Log> {
        let mut log = Log { number: self.log.number + 1, length: 0 };
        let path = self.layout.failures(log.number);
        let mut alive = alive(&self.layout, self.log)?;
        alive.retain(|id, _| !without.contains(id));
        let starts: HashSet<u64> = alive.into_values().collect();
        let mut out = BufWriter::new(File::create(&path).map_err(|e| io_error("create", &path, e))?);
        for_each_text(&self.layout, self.log, |at, text| {
            if starts.contains(&at) {
                out.write_all(text).map_err(|e| io_error("write", &path, e))?;
                log.length += text.len() as u64;
            }
            Ok(())
        })?;
        let file = out.into_inner().map_err(|e| io_error("write", &path, e.into_error()))?;
        file.sync_all().map_err(|e| io_error("sync", &path, e))?;
        sync_folder(&self.layout.own())?;
        Ok(log)
    }

    /// A tidied log was committed; after the draft without which it was written.
    pub(super) fn took_place(&mut self, tidied: Option<Log>) {
        let Some(log) = tidied else { return };
        hit(self.layout.points().failures_manifest_written);
        self.replaced.push(self.layout.failures(self.log.number));
        (self.file, self.log, self.lines) = (None, log, self.known.len() as u64);
    }

    /// Removes the logs whose place was taken before the last time that this was called: who had just begun
    /// to read one of them is done.
    pub(super) fn sweep(&mut self) -> Result<()> {
        while let Some(path) = self.stale.last() {
            remove_file(path)?;
            self.stale.pop();
        }
        self.stale = std::mem::take(&mut self.replaced);
        Ok(())
    }
}

/// The logs beside this one.
fn others(layout: &Layout, log: Log) -> Result<Vec<PathBuf>> {
    let (own, current) = (layout.own(), layout.failures(log.number));
    let entries = std::fs::read_dir(&own).map_err(|e| io_error("read", &own, e))?;
    let mut others = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| io_error("read", &own, e))?;
        let name = entry.file_name();
        let is_log = name.to_str().is_some_and(|n| n.starts_with("failures.") && n.ends_with(".ndjson"));
        if is_log && entry.path() != current {
            others.push(entry.path());
        }
    }
    Ok(others)
}

/// Reads stored failures, oldest first.
pub(super) fn read(layout: &Layout, log: Log, run: Option<&RunId>, limit: usize) -> Result<Vec<Failure>> {
    let alive = alive(layout, log)?;
    let mut found = Vec::new();
    for_each_line(layout, log, |at, line| {
        if let Line::Add(failure) = line
            && found.len() < limit
            && run.is_none_or(|run| failure.run == *run)
            && alive.get(&short(&failure.id)) == Some(&at)
        {
            found.push(failure);
        }
    })?;
    Ok(found)
}

/// A page of stored failures, the last stored first. The log is read once from its beginning to where the
/// last page ended; no more failures are kept than the page holds.
pub(super) fn page(layout: &Layout, log: Log, query: &FailuresQuery) -> Result<FailuresPage> {
    let before = query.place::<u64>()?.unwrap_or(u64::MAX);
    let (alive, limit) = (alive(layout, log)?, query.limit.max(1));
    let (mut found, mut more) = (VecDeque::new(), false);
    for_each_line(layout, log, |at, line| {
        if let Line::Add(failure) = line
            && at < before
            && query.admits(&failure)
            && alive.get(&short(&failure.id)) == Some(&at)
        {
            found.push_back((at, failure));
            if found.len() > limit {
                found.pop_front();
                more = true;
            }
        }
    })?;
    let last = found.front().filter(|_| more).map(|(at, _)| query.cursor(at)).transpose()?;
    Ok(FailuresPage { failures: found.into_iter().rev().map(|(_, failure)| failure).collect(), next: last })
}

/// The ids of the oldest failures that `wanted` holds for, at most `limit`.
pub(super) fn some(
    layout: &Layout,
    log: Log,
    limit: usize,
    wanted: impl Fn(&Failure) -> bool,
) -> Result<Vec<String>> {
    let alive = alive(layout, log)?;
    let mut found = Vec::new();
    for_each_line(layout, log, |at, line| {
        if let Line::Add(failure) = line
            && found.len() < limit
            && alive.get(&short(&failure.id)) == Some(&at)
            && wanted(&failure)
        {
            found.push(failure.id);
        }
    })?;
    Ok(found)
}

/// The ids of the failures that count, and where in the log each was added last.
fn alive(layout: &Layout, log: Log) -> Result<HashMap<u64, u64>> {
    let mut alive = HashMap::new();
    for_each_line(layout, log, |at, line| {
        match line {
            Line::Add(failure) => alive.insert(short(&failure.id), at),
            Line::Remove(id) => alive.remove(&short(&id)),
        };
    })?;
    Ok(alive)
}

/// Calls `each` with every line and where it begins.
fn for_each_line(layout: &Layout, log: Log, mut each: impl FnMut(u64, Line)) -> Result<()> {
    let path = layout.failures(log.number);
    for_each_text(layout, log, |at, text| {
        let line = serde_json::from_slice(text);
        each(at, line.map_err(|e| corrupt(&path, format_args!("after byte {at}: {e}")))?);
        Ok(())
    })
}

/// The same with the text of each line.
fn for_each_text(layout: &Layout, log: Log, mut each: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
    let committed = log.length;
    if committed == 0 {
        return Ok(());
    }
    let path = layout.failures(log.number);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(corrupt(&path, "is missing, though it was committed"));
        }
        Err(e) => return Err(io_error("open", &path, e)),
    };
    let (mut lines, mut line, mut length) = (BufReader::new(file.take(committed)), Vec::new(), 0);
    loop {
        line.clear();
        let size = lines.read_until(b'\n', &mut line).map_err(|e| io_error("read", &path, e))?;
        if size == 0 && length == committed {
            return Ok(());
        }
        each(length, &line)?;
        length += size as u64;
    }
}

/// A failure's id as a number: 16 hex digits are one.
fn short(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or_else(|_| {
        let mut first = [0; 8];
        first.copy_from_slice(&Sha256::digest(id)[..8]);
        u64::from_le_bytes(first)
    })
}
