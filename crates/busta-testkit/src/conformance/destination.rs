//! The conformance suite of [`Destination`]: what "exactly once" means, as tests.
//!
//! An implementation runs it with one line, which makes one test per case:
//!
//! ```ignore
//! busta_testkit::destination_conformance!(new_place);
//!
//! fn new_place() -> Place {
//!     let folder = tempfile::tempdir().unwrap();
//!     Place::new(move || open_it_in(folder.path()))
//! }
//! ```
//!
//! A [`Place`] opens the destination as often as a case wants: dropping one value and opening the
//! next is the restart of the process. Crashes in the middle of a commit are the business of the
//! failpoint tests, which need the real binary.
//!
//! How values are compared: a top-level `null` equals an absent field (a table has no third state),
//! fields whose names start with `_busta_` are the destination's own, numbers are equal if they are
//! the same number (`1` and `1.0`), and of a name that occurs twice in a record the last one counts.

use std::cmp::Ordering;
use std::sync::Arc;

use busta_core::{Checkpoint, Step};
use busta_core::{
    Chunk, Committed, Cursor, CursorValue, Destination, ErrorKind, Failure, Finish, Position, Records,
    Result, RunId, SourceName, Split, StreamFinish, StreamName, StreamSpec, WriteMode,
};
use serde_json::Value;

pub use super::destination_keep::*;
pub use super::destination_modes::*;
pub use super::destination_pages::*;
pub use super::destination_purge::*;
pub use super::destination_random::*;
pub use super::destination_read::*;
pub use super::destination_schema::*;
pub use super::destination_steps::*;
pub use super::destination_takeover::*;

/// Somewhere to land, empty at first.
pub struct Place(Box<dyn Fn() -> Arc<dyn Destination> + Send + Sync>);

impl Place {
    /// A place that `open` opens, each time as a new process would.
    pub fn new(open: impl Fn() -> Arc<dyn Destination> + Send + Sync + 'static) -> Self {
        Self(Box::new(open))
    }
}

/// Makes one test per case of the suite. Takes a `fn() -> Place` that gives a new, empty place; behind
/// the word `steady` one of a destination that keeps only one type per column, so that numbers beside
/// texts come back as texts. The word `keeps_first` makes the cases of a destination that can keep the first of two
/// records with one key; they come beside the others.
#[macro_export]
macro_rules! destination_conformance {
    ($new_place:path) => {
        $crate::destination_conformance!(steady $new_place);
        $crate::destination_conformance!(@cases $new_place:
            numbers_come_back
            types_may_drift
            a_thousand_drifting_records_come_back
            drift_survives_a_restart
            random_histories_match_the_model
            pages_of_drifting_types_match_the_rows
        );
    };
    (steady $new_place:path) => {
        $crate::destination_conformance!(@cases $new_place:
            a_step_is_taken_once
            a_wrong_step_is_refused_alone
            steps_of_one_split_in_one_commit_follow_each_other
            failures_are_stored_once
            a_done_split_has_not_failed
            everything_comes_back_after_a_restart
            another_run_starts_over
            asking_does_no_harm
            taking_over_fences_the_other_run
            the_first_to_write_takes_over
            asking_keeps_the_rows_of_replace
            taking_over_drops_the_rows_of_replace
            preparing_twice_changes_nothing
            splits_of_two_sources_do_not_meet
            an_empty_commit_is_nothing
            append_keeps_every_record
            merge_last_one_wins
            merge_newest_one_wins
            merge_understands_times
            merge_replaces_the_whole_record
            merge_counts
            merge_by_several_fields
            merge_by_a_key_that_may_lack_a_part
            keys_are_per_source
            keys_keep_their_types
            a_record_without_its_key_is_a_failure
            replace_keeps_the_old_until_the_end
            replace_leaves_other_sources_alone
            replace_drops_an_unfinished_run
            replace_holds_starts_back_until_the_end
            replace_by_nothing_is_nothing
            replace_merges_its_own_records
            finish_twice_changes_nothing
            finish_forgets_positions_of_its_streams
            tables_and_columns_are_readable
            what_is_not_there_is_not_found
            a_long_scan_gives_every_row
            a_scan_sees_one_state
            failures_are_readable
            pages_give_every_row_once
            pages_come_in_any_order
            filters_match_the_model
            filters_and_orders_go_together
            pages_are_steady_while_rows_come_in
            pages_show_the_newest_of_merged_rows
            a_query_of_what_is_not_there_is_refused
            hostile_names_and_values_do_no_harm
            failures_come_page_by_page
            a_purge_removes_what_is_old
            a_purge_of_nothing_changes_nothing
            a_purge_leaves_an_unfinished_replace_alone
            a_purge_removes_old_failures
            scalars_come_back
            names_come_back
            two_thousand_fields_come_back
            odd_records_come_back
            random_histories_of_steady_types_match_the_model
        );
    };
    (keeps_first $new_place:path) => {
        $crate::destination_conformance!(@cases $new_place:
            the_first_stays
            the_first_of_a_batch_stays
            of_a_replacement_the_first_stays
        );
    };
    (@cases $new_place:path: $($case:ident)*) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::conformance::destination::$case($new_place).await;
        })*
    };
}

/// One source's part of one run at a place, with short words for what the cases do.
pub(super) struct Desk {
    place: Place,
    pub destination: Arc<dyn Destination>,
    pub run: RunId,
    pub source: SourceName,
    specs: Vec<StreamSpec>,
}

impl Desk {
    /// A new place, prepared for run `R1` of source `shop`.
    pub async fn open(place: Place, specs: &[StreamSpec]) -> Self {
        let destination = (place.0)();
        let desk =
            Self { place, destination, run: "R1".into(), source: "shop".into(), specs: specs.to_vec() };
        desk.prepare().await;
        desk
    }

    pub async fn prepare(&self) -> Checkpoint {
        self.destination.prepare(&self.run, &self.source, &self.specs).await.unwrap()
    }

    /// The process ends and another one resumes the run.
    pub async fn restart(&mut self) -> Checkpoint {
        // The old value must be gone before the new one opens the same files.
        self.destination = Arc::new(super::destination_read::Nowhere);
        self.destination = (self.place.0)();
        self.prepare().await
    }

    /// The process ends and another one begins another run.
    pub async fn restart_as(&mut self, run: &str) -> Checkpoint {
        self.run = run.into();
        self.restart().await
    }

    /// Another run is prepared in the same process, and writes from now on.
    pub async fn begin(&mut self, run: &str) -> Checkpoint {
        self.run = run.into();
        self.prepare().await
    }

    /// Another source's desk at the same destination, in the same process.
    pub async fn beside(&self, source: &str, specs: &[StreamSpec]) -> Neighbour<'_> {
        let source: SourceName = source.into();
        self.destination.prepare(&self.run, &source, specs).await.unwrap();
        Neighbour { desk: self, source }
    }

    /// A chunk of `records` that moves `split` from `from` to `to`. The destination's refusals are
    /// placed and stored with the chunk's own, as the engine does.
    pub fn chunk(&self, stream: &str, split: &str, from: Position, to: Position, records: &[&str]) -> Chunk {
        self.chunk_of(&self.source, stream, split, from, to, records)
    }

    fn chunk_of(
        &self,
        source: &SourceName,
        stream: &str,
        split: &str,
        from: Position,
        to: Position,
        records: &[&str],
    ) -> Chunk {
        let stream: StreamName = stream.into();
        let split = split.into();
        let records: Records = records.iter().copied().collect();
        let mut staged = self.destination.stage(&self.run, source, &stream, &records);
        let failures = std::mem::take(&mut staged.failures)
            .into_iter()
            .map(|f| f.place(&self.run, source, &stream, &split, chrono_epoch()))
            .collect();
        Chunk {
            run: self.run.clone(),
            source: source.clone(),
            stream,
            step: Some(Step { split, from, to }),
            staged: Some(staged),
            failures,
            high: None,
            found: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Commits one chunk that must be accepted.
    pub async fn put(&self, chunk: Chunk) -> Committed {
        self.commit(vec![chunk]).await.pop().unwrap().unwrap()
    }

    /// Writes `records` as the whole of a split of its own.
    pub async fn write(&self, stream: &str, split: &str, records: &[&str]) -> Committed {
        self.put(self.chunk(stream, split, Position::Start, Position::Done, records)).await
    }

    pub async fn commit(&self, chunks: Vec<Chunk>) -> Vec<Result<Committed>> {
        let outcomes = self.destination.commit(&chunks).await.unwrap();
        assert_eq!(outcomes.len(), chunks.len(), "one outcome per chunk");
        outcomes
    }

    pub async fn finish(&self, streams: &[&str]) {
        self.finish_at(streams, None).await;
    }

    pub async fn finish_at(&self, streams: &[&str], start: Option<Cursor>) {
        let streams = streams
            .iter()
            .map(|&stream| StreamFinish {
                stream: stream.into(),
                starts: start.clone().map(|start| (stream.to_owned(), start)).into_iter().collect(),
            })
            .collect();
        let finish = Finish::completed(self.run.clone(), self.source.clone(), streams);
        self.destination.finish(&finish).await.unwrap();
    }

    /// The rows of a table in stored order, without the destination's own fields and without nulls.
    /// There need not be a table before anything was written.
    pub async fn rows(&self, table: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut scan = match self.destination.readable().scan(table).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return rows,
            scan => scan.unwrap(),
        };
        while let Some(page) = scan.next().await.unwrap() {
            rows.extend(page.iter().map(|text| plain(&serde_json::from_slice(text).unwrap())));
        }
        rows
    }

    /// Asserts that a table holds exactly these records, in any order.
    pub async fn expect(&self, table: &str, records: &[&str]) {
        let expected = records.iter().map(|text| plain(&serde_json::from_str(text).unwrap())).collect();
        same_rows(self.rows(table).await, expected);
    }

    pub async fn failures(&self) -> Vec<Failure> {
        self.destination.readable().failures(None, 1000).await.unwrap()
    }
}

/// A second source at a desk's destination.
pub(super) struct Neighbour<'a> {
    desk: &'a Desk,
    pub source: SourceName,
}

impl Neighbour<'_> {
    pub fn chunk(&self, stream: &str, split: &str, from: Position, to: Position, records: &[&str]) -> Chunk {
        self.desk.chunk_of(&self.source, stream, split, from, to, records)
    }

    pub async fn write(&self, stream: &str, split: &str, records: &[&str]) -> Committed {
        self.desk.put(self.chunk(stream, split, Position::Start, Position::Done, records)).await
    }

    pub async fn finish(&self, stream: &str) {
        let streams = vec![StreamFinish { stream: stream.into(), starts: vec![] }];
        let finish = Finish::completed(self.desk.run.clone(), self.source.clone(), streams);
        self.desk.destination.finish(&finish).await.unwrap();
    }
}

/// A stream keyed by `id` unless it appends.
pub(super) fn stream(name: &str, write_mode: WriteMode) -> StreamSpec {
    let key = if write_mode == WriteMode::Append { vec![] } else { vec!["id".to_owned()] };
    StreamSpec { write_mode, ..StreamSpec::new(name, key) }
}

/// A stream keyed by `id`, the newest by `at`.
pub(super) fn merged_by_time(name: &str) -> StreamSpec {
    StreamSpec { cursor_field: Some("at".into()), ..stream(name, WriteMode::Merge) }
}

/// The position after page `n`.
pub(super) fn at(n: u32) -> Position {
    Position::At(Cursor::encode(&n).unwrap())
}

pub(super) fn found(id: &str, stream: &str) -> Split {
    Split::new(id, stream.into(), Some("host:80".into()), &serde_json::json!({ "of": id })).unwrap()
}

pub(super) fn high(n: i64) -> Option<CursorValue> {
    Some(CursorValue::Integer(n))
}

pub(super) fn chrono_epoch() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH
}

/// A row as the suite compares it.
pub(super) fn plain(row: &Value) -> Value {
    let fields = row.as_object().expect("a row is an object");
    let kept = fields.iter().filter(|(name, value)| !name.starts_with("_busta_") && !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Asserts that two lists hold the same rows, in any order.
#[track_caller]
pub(super) fn same_rows(mut actual: Vec<Value>, mut expected: Vec<Value>) {
    let by_text = |a: &Value, b: &Value| whole_numbers(a).to_string().cmp(&whole_numbers(b).to_string());
    actual.sort_by(by_text);
    expected.sort_by(by_text);
    same_list(&actual, &expected);
}

/// Asserts that two lists hold the same rows in the same order.
#[track_caller]
pub(super) fn same_list(actual: &[Value], expected: &[Value]) {
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(same(actual, expected), "read back\n{actual}\ninstead of\n{expected}");
    }
    assert_eq!(actual.len(), expected.len(), "rows: read back {actual:?} instead of {expected:?}");
}

/// `1.0` and `1` sort alike.
fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(n) => match n.as_f64() {
            Some(f) if n.is_f64() && f.fract() == 0.0 && f.abs() < 1e15 => Value::from(f as i64),
            _ => value.clone(),
        },
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (k.clone(), whole_numbers(v))).collect())
        }
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        _ => value.clone(),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let exact = |n: &serde_json::Number| n.as_i128().ok_or(n.as_f64());
            match (exact(a), exact(b)) {
                (Ok(a), Ok(b)) => a == b,
                (Err(a), Err(b)) => a == b,
                (Ok(whole), Err(Some(float))) | (Err(Some(float)), Ok(whole)) => {
                    (whole as f64).total_cmp(&float) == Ordering::Equal && float as i128 == whole
                }
                _ => false,
            }
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
