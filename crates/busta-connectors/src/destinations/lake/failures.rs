//! The log of failures: what was added and what was taken back, line by line. Only what lies before
//! the length in the manifest counts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};

use busta_core::reading::{FailuresPage, FailuresQuery};
use busta_core::{Error, Failure, Result, RunId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::layout::{Layout, sync_folder};
use super::trouble::{corrupt, io_error};

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
    known: HashSet<u64>,
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
    pub(super) fn open(layout: &Layout, committed: u64) -> Result<Self> {
        let mut log = Self { file: None, layout: layout.clone(), known: HashSet::new() };
        if committed > 0 {
            for_each_line(layout, committed, |_, line| {
                match line {
                    Line::Add(failure) => log.known.insert(short(&failure.id)),
                    Line::Remove(id) => log.known.remove(&short(&id)),
                };
            })?;
        }
        if layout.failures().exists() {
            log.cut(committed)?;
        }
        Ok(log)
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

    /// Writes a draft behind `committed` and syncs it; gives the new length.
    pub(super) fn write(&mut self, draft: &FailureDraft, committed: u64) -> Result<u64> {
        let path = self.layout.failures();
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
        Ok(committed + draft.lines.len() as u64)
    }

    /// A draft has been committed.
    pub(super) fn committed(&mut self, draft: &FailureDraft) {
        draft.removed.iter().for_each(|id| {
            self.known.remove(id);
        });
        self.known.extend(&draft.added);
    }

    /// Takes back whatever a write that failed has left.
    pub(super) fn cut(&mut self, committed: u64) -> Result<()> {
        let path = self.layout.failures();
        self.file = None;
        if committed == 0 && !path.exists() {
            return Ok(());
        }
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(committed));
        cut.map_err(|e| io_error("cut", &path, e))
    }
}

/// Reads stored failures, oldest first.
pub(super) fn read(
    layout: &Layout,
    committed: u64,
    run: Option<&RunId>,
    limit: usize,
) -> Result<Vec<Failure>> {
    let alive = alive(layout, committed)?;
    let mut found = Vec::new();
    for_each_line(layout, committed, |at, line| {
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
pub(super) fn page(layout: &Layout, committed: u64, query: &FailuresQuery) -> Result<FailuresPage> {
    let before = query.place::<u64>()?.unwrap_or(u64::MAX);
    let (alive, limit) = (alive(layout, committed)?, query.limit.max(1));
    let (mut found, mut more) = (VecDeque::new(), false);
    for_each_line(layout, committed, |at, line| {
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
    committed: u64,
    limit: usize,
    wanted: impl Fn(&Failure) -> bool,
) -> Result<Vec<String>> {
    let alive = alive(layout, committed)?;
    let mut found = Vec::new();
    for_each_line(layout, committed, |at, line| {
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
fn alive(layout: &Layout, committed: u64) -> Result<HashMap<u64, u64>> {
    let mut alive = HashMap::new();
    for_each_line(layout, committed, |at, line| {
        match line {
            Line::Add(failure) => alive.insert(short(&failure.id), at),
            Line::Remove(id) => alive.remove(&short(&id)),
        };
    })?;
    Ok(alive)
}

/// Calls `each` with every line and where it begins.
fn for_each_line(layout: &Layout, committed: u64, mut each: impl FnMut(u64, Line)) -> Result<()> {
    if committed == 0 {
        return Ok(());
    }
    let path = layout.failures();
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
        let read = serde_json::from_slice(&line);
        each(length, read.map_err(|e| corrupt(&path, format_args!("after byte {length}: {e}")))?);
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
