//! What is committed, as the sum of the changes in the manifest.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use busta_core::{Checkpoint, Cursor, CursorValue, Position, RunId, SourceName, Split, SplitId, SplitState};
use busta_core::{Cursors, StreamName, StreamSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::columns::{Columns, Types};
use super::failures::Log;
use super::segment::{Phase, Segment};

/// One change of what is committed. The changes of a manifest line hold together or not at all.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// No segment gets a smaller number than this from now on.
    Next(u64),
    /// The source's part of a run takes the source over, or has other streams than before. Another run's positions are forgotten.
    Run { source: SourceName, run: RunId, streams: Vec<StreamSpec> },
    /// Where a split stands now.
    Split { source: SourceName, id: SplitId, state: SplitRecord },
    /// A start cursor.
    Start { source: SourceName, key: String, at: Cursor },
    /// A start cursor that came with rows which wait for the end of their run, and waits with them.
    Hold { source: SourceName, stream: StreamName, key: String, at: Cursor },
    /// The run has finished a stream: the positions of its splits are forgotten, and the start cursors that have waited
    /// hold.
    Forget { source: SourceName, stream: StreamName },
    /// A segment begins.
    Segment(Segment),
    /// An open segment has grown to this.
    Grown { id: u64, rows: u64, bytes: u64 },
    /// A segment has its full size.
    Full(u64),
    /// A segment goes to its table's folder.
    Seal(u64),
    /// A segment and its rows are gone.
    Drop(u64),
    /// The log of failures has grown to this many bytes.
    Failures(u64),
    /// Another log of failures has taken the place of the one before.
    FailureLog(Log),
    /// Columns that are new or wider.
    Columns { table: String, columns: Vec<(String, Types)> },
    /// What the format of the files wants to know about a table, and whether some of its files may have columns of
    /// narrower types than it says.
    Remember {
        table: String,
        what: Value,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        uneven: bool,
    },
}

/// What is stored about a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SplitRecord {
    pub(super) stream: StreamName,
    pub(super) at: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) high: Option<CursorValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Split>,
}

/// What is stored about a source.
#[derive(Clone, Debug)]
pub(super) struct SourceState {
    pub(super) run: RunId,
    pub(super) streams: Vec<StreamSpec>,
    /// Those that are not done. What is here holds, whatever is known of its end.
    pub(super) open: HashMap<SplitId, SplitRecord>,
    /// The records of those that are done, by stream and id: there may be millions.
    done: HashMap<StreamName, Cursors>,
    /// The streams that the run has finished.
    pub(super) finished: HashSet<StreamName>,
    pub(super) starts: Cursors,
    /// Those that wait, by stream.
    pub(super) held: HashMap<StreamName, Cursors>,
}

/// All that is committed. Its size is that of the live things: the splits of current runs, the start
/// cursors, the files and the columns.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The number of the next segment.
    pub(super) next: u64,
    pub(super) sources: HashMap<SourceName, SourceState>,
    pub(super) segments: BTreeMap<u64, Segment>,
    pub(super) columns: BTreeMap<String, Columns>,
    /// What the format of the files remembers of each table.
    pub(super) remembered: BTreeMap<String, Value>,
    /// The tables of which some files may have columns of narrower types than are remembered.
    pub(super) uneven: BTreeSet<String>,
    /// The log of failures, as far as it is committed.
    pub(super) failures: Log,
    /// Dropped segments whose files may still be there.
    pub(super) doomed: Vec<Segment>,
}

impl State {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Next(next) => self.next = self.next.max(next),
            Change::Run { source, run, streams } => self.begin(source, run, streams),
            Change::Split { source, id, state } => {
                if let Some(known) = self.sources.get_mut(&source) {
                    known.set_split(id, state);
                }
            }
            Change::Start { source, key, at } => {
                if let Some(known) = self.sources.get_mut(&source) {
                    known.starts.insert(key, at);
                }
            }
            Change::Hold { source, stream, key, at } => {
                if let Some(known) = self.sources.get_mut(&source) {
                    known.held.entry(stream).or_default().insert(key, at);
                }
            }
            Change::Forget { source, stream } => {
                if let Some(known) = self.sources.get_mut(&source) {
                    known.starts.extend(known.held.remove(&stream).iter().flat_map(Cursors::iter));
                    known.open.retain(|_, split| split.stream != stream);
                    known.done.remove(&stream);
                    known.finished.insert(stream);
                }
            }
            Change::Segment(segment) => {
                self.next = self.next.max(segment.id + 1);
                self.segments.insert(segment.id, segment);
            }
            Change::Grown { id, rows, bytes } => {
                if let Some(segment) = self.segments.get_mut(&id) {
                    (segment.rows, segment.bytes) = (rows, bytes);
                }
            }
            Change::Full(id) => self.set_phase(id, Phase::Full),
            Change::Seal(id) => self.set_phase(id, Phase::Sealed),
            Change::Drop(id) => self.doomed.extend(self.segments.remove(&id)),
            Change::Failures(length) => self.failures.length = length,
            Change::FailureLog(log) => self.failures = log,
            Change::Columns { table, columns } => self.columns.entry(table).or_default().merge(&columns),
            Change::Remember { table, what, uneven } => {
                if uneven {
                    self.uneven.insert(table.clone());
                } else {
                    self.uneven.remove(&table);
                }
                self.remembered.insert(table, what);
            }
        }
    }

    fn begin(&mut self, source: SourceName, run: RunId, streams: Vec<StreamSpec>) {
        let known = self.sources.entry(source).or_insert_with(|| SourceState {
            run: run.clone(),
            streams: Vec::new(),
            open: HashMap::new(),
            done: HashMap::new(),
            finished: HashSet::new(),
            starts: Cursors::default(),
            held: HashMap::new(),
        });
        if known.run != run {
            known.open.clear();
            known.done.clear();
            known.finished.clear();
            known.held.clear();
            known.run = run;
        }
        known.streams = streams;
    }

    fn set_phase(&mut self, id: u64, phase: Phase) {
        if let Some(segment) = self.segments.get_mut(&id) {
            segment.phase = phase;
        }
    }

    /// The state as changes: one line of a compacted manifest each.
    pub(super) fn snapshot(&self) -> impl Iterator<Item = Change> {
        let fixed = [Change::Next(self.next), Change::FailureLog(self.failures)];
        let sources = self.sources.iter().flat_map(|(source, known)| source_changes(source, known));
        let segments = self.segments.values().cloned().map(Change::Segment);
        let columns = self.columns.iter().map(|(table, columns)| Change::Columns {
            table: table.clone(),
            columns: columns.list().to_vec(),
        });
        let remembered = self.remembered.iter().map(|(table, what)| Change::Remember {
            table: table.clone(),
            what: what.clone(),
            uneven: self.uneven.contains(table),
        });
        fixed.into_iter().chain(sources).chain(segments).chain(columns).chain(remembered)
    }

    /// What the engine is told about a source's part of a run.
    pub(super) fn checkpoint(&self, run: &RunId, source: &SourceName) -> Checkpoint {
        let Some(known) = self.sources.get(source) else { return Checkpoint::default() };
        if known.run != *run {
            return Checkpoint { starts: known.starts.clone(), ..Checkpoint::default() };
        }
        let split = |(id, record): (SplitId, SplitRecord)| {
            let SplitRecord { at: position, high, found, .. } = record;
            (id, SplitState { position, high, found })
        };
        Checkpoint {
            splits: known.splits().map(split).collect(),
            finished: known.finished.clone(),
            starts: known.starts.clone(),
        }
    }

    /// The names of all tables, in order.
    pub(super) fn tables(&self) -> Vec<String> {
        let declared = self.sources.values().flat_map(|known| known.streams.iter().map(|s| &s.table));
        let mut tables: Vec<String> =
            declared.chain(self.segments.values().map(|s| &s.table)).cloned().collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}

impl SourceState {
    /// What is stored about a split of a stream.
    pub(super) fn split(&self, stream: &StreamName, id: &SplitId) -> Option<SplitRecord> {
        let done = || self.done.get(stream)?.get(id.as_str())?.decode().ok();
        self.open.get(id).cloned().or_else(done)
    }

    /// What a stream is like.
    pub(super) fn spec(&self, stream: &StreamName) -> Option<&StreamSpec> {
        self.streams.iter().find(|spec| spec.name == *stream)
    }

    /// Whether anything is stored about splits of a stream.
    pub(super) fn has_moved(&self, stream: &StreamName) -> bool {
        self.done.contains_key(stream) || self.open.values().any(|split| split.stream == *stream)
    }

    fn set_split(&mut self, id: SplitId, state: SplitRecord) {
        let packed = (state.at == Position::Done).then(|| Cursor::encode(&state));
        match packed {
            Some(Ok(packed)) => {
                self.open.remove(&id);
                self.done.entry(state.stream).or_default().insert(id.to_string(), packed);
            }
            _ => drop(self.open.insert(id, state)),
        }
    }

    /// All of them. One that has moved on from its end comes twice, at last as it is.
    fn splits(&self) -> impl Iterator<Item = (SplitId, SplitRecord)> + '_ {
        let open = self.open.iter().map(|(id, split)| (id.clone(), split.clone()));
        let done = self.done.values().flat_map(Cursors::iter);
        // They were encoded in this process.
        done.filter_map(|(id, packed)| Some((id.into(), packed.decode().ok()?))).chain(open)
    }
}

fn source_changes<'a>(source: &'a SourceName, known: &'a SourceState) -> impl Iterator<Item = Change> + 'a {
    let begin =
        Change::Run { source: source.clone(), run: known.run.clone(), streams: known.streams.clone() };
    let finished =
        known.finished.iter().map(|stream| Change::Forget { source: source.clone(), stream: stream.clone() });
    let splits = known.splits().map(|(id, state)| Change::Split { source: source.clone(), id, state });
    let starts = known.starts.iter().map(|(key, at)| Change::Start { source: source.clone(), key, at });
    let held = known.held.iter().flat_map(move |(stream, held)| {
        held.iter().map(move |(key, at)| Change::Hold {
            source: source.clone(),
            stream: stream.clone(),
            key,
            at,
        })
    });
    std::iter::once(begin).chain(finished).chain(splits).chain(starts).chain(held)
}
