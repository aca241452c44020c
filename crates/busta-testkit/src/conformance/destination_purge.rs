//! Removing what is old.

use busta_core::clock::{Clock, SystemClock};
use busta_core::destination::{Purge, Purged};
use busta_core::{Position, WriteMode};
use chrono::{DateTime, Duration, Utc};

use super::destination::*;
use super::destination_steps::failure;

/// The rows of an old run go, those of the newer one and those of other sources stay; so does the
/// checkpoint.
pub async fn a_purge_removes_what_is_old(new: fn() -> Place) {
    let specs = [stream("a", WriteMode::Append), stream("m", WriteMode::Merge)];
    let mut desk = Desk::open(new(), &specs).await;
    let records: Vec<String> = (0..25).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    desk.write("a", "s", &records).await;
    desk.write("m", "t", &records).await;
    desk.finish_at(&["a", "m"], Some(busta_core::Cursor::encode(&7).unwrap())).await;
    let other = desk.beside("other", &specs).await;
    other.write("a", "s", &[r#"{"id":900}"#]).await;
    other.finish("a").await;
    let between = tick().await;
    desk.begin("R2").await;
    desk.write("a", "s", &[r#"{"id":100}"#]).await;
    desk.put(desk.chunk("m", "t", Position::Start, at(1), &[r#"{"id":3,"v":"new"}"#])).await;
    desk.finish(&["a"]).await;
    // What waits for its finish keeps the old rows of its table, where there are files.
    desk.put(desk.chunk("m", "t", at(1), Position::Done, &[])).await;
    desk.finish(&["m"]).await;
    let before = desk.prepare().await;
    let purged = purge(&desk, between).await;
    desk.expect("a", &[r#"{"id":100}"#, r#"{"id":900}"#]).await;
    desk.expect("m", &[r#"{"id":3,"v":"new"}"#]).await;
    assert_eq!(purged.rows, 25 + 24);
    assert_eq!(purge(&desk, between).await, Purged::default());
    let after = desk.restart().await;
    assert_eq!((after.splits, after.starts), (before.splits, before.starts));
    desk.expect("a", &[r#"{"id":100}"#, r#"{"id":900}"#]).await;
    // A key that was purged is new again.
    desk.begin("R3").await;
    let committed = desk.write("m", "t", &[r#"{"id":4}"#, r#"{"id":3,"v":"new"}"#]).await;
    assert_eq!((committed.inserted, committed.deduped), (1, 1));
    desk.finish(&["m"]).await;
    desk.expect("m", &[r#"{"id":3,"v":"new"}"#, r#"{"id":4}"#]).await;
}

/// Before anything is old, and before anything is there, a purge changes nothing.
pub async fn a_purge_of_nothing_changes_nothing(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    assert_eq!(purge(&desk, SystemClock.now()).await, Purged::default());
    desk.write("a", "s", &[r#"{"x":1}"#]).await;
    desk.finish(&["a"]).await;
    assert_eq!(purge(&desk, DateTime::UNIX_EPOCH).await, Purged::default());
    desk.expect("a", &[r#"{"x":1}"#]).await;
}

/// Rows that replace others at the end of their run are not old before they are visible.
pub async fn a_purge_leaves_an_unfinished_replace_alone(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    desk.write("r", "s", &[r#"{"id":1}"#]).await;
    assert_eq!(purge(&desk, SystemClock.now() + Duration::days(1)).await.rows, 0);
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":1}"#]).await;
    assert_eq!(purge(&desk, SystemClock.now() + Duration::days(1)).await.rows, 1);
    desk.expect("r", &[]).await;
}

/// Old failures go, in batches; newer ones and those of other sources stay.
pub async fn a_purge_removes_old_failures(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    let mut chunk = desk.chunk("a", "s", Position::Start, at(1), &[]);
    chunk.failures = (0..9).map(|n| failure(&desk, "s", Some(&n.to_string()), "old")).collect();
    let mut young = failure(&desk, "s", Some("young"), "young");
    young.at = SystemClock.now();
    let mut theirs = failure(&desk, "s", Some("theirs"), "theirs");
    theirs.source = "other".into();
    chunk.failures.extend([young, theirs]);
    desk.put(chunk).await;
    let purged = purge(&desk, SystemClock.now() - Duration::hours(1)).await;
    assert_eq!(purged.failures, 9);
    desk.restart().await;
    let mut left: Vec<_> = desk.failures().await.into_iter().filter_map(|f| f.position).collect();
    left.sort();
    assert_eq!(left, ["theirs", "young"]);
}

/// All batches of a purge of the desk's source.
async fn purge(desk: &Desk, older_than: DateTime<Utc>) -> Purged {
    let mut purge = Purge { source: desk.source.clone(), older_than, batch: 4, after: None };
    let mut all = Purged::default();
    for _ in 0..200 {
        let purged = desk.destination.purge(&purge).await.unwrap();
        all.rows += purged.rows;
        all.failures += purged.failures;
        purge.after = purged.next;
        if purge.after.is_none() {
            return all;
        }
    }
    panic!("the purge does not end");
}

/// A time after all that was loaded, and not after what is loaded next: the clock's next millisecond.
async fn tick() -> DateTime<Utc> {
    let millis = SystemClock.now().timestamp_millis();
    while SystemClock.now().timestamp_millis() <= millis {
        tokio::task::yield_now().await;
    }
    DateTime::from_timestamp_millis(millis + 1).unwrap()
}
