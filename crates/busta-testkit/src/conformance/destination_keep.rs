//! `keep: first`: a record whose key is there changes nothing.

use busta_core::dataset::Keep;
use busta_core::{StreamSpec, WriteMode};

use super::destination::*;

/// A stream whose records stay as they came first. The cursor field says which is newer, and is not asked.
fn first(mode: WriteMode) -> StreamSpec {
    let mut spec = StreamSpec { cursor_field: Some("at".to_owned()), ..stream("f", mode) };
    spec.dataset.keep = Keep::First;
    spec
}

/// Across batches, restarts and runs; whatever comes later is counted as a repetition.
pub async fn the_first_stays(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[first(WriteMode::Merge)]).await;
    desk.write("f", "s1", &[r#"{"id":1,"at":1,"v":"a"}"#, r#"{"id":2,"at":1}"#]).await;
    let again = desk.write("f", "s2", &[r#"{"id":1,"at":9,"v":"b"}"#, r#"{"id":3,"at":0}"#]).await;
    assert_eq!((again.inserted, again.updated, again.deduped), (1, 0, 1));
    desk.restart_as("R2").await;
    let again = desk.write("f", "s1", &[r#"{"id":2,"at":2,"more":true}"#]).await;
    assert_eq!((again.inserted, again.updated, again.deduped), (0, 0, 1));
    desk.expect("f", &[r#"{"id":1,"at":1,"v":"a"}"#, r#"{"id":2,"at":1}"#, r#"{"id":3,"at":0}"#]).await;
}

/// Two records with one key in one batch, and in two chunks of one commit.
pub async fn the_first_of_a_batch_stays(new: fn() -> Place) {
    let desk = Desk::open(new(), &[first(WriteMode::Merge)]).await;
    let batch = [r#"{"id":1,"v":"a"}"#, r#"{"id":1,"v":"b"}"#, r#"{"v":"no key"}"#];
    let committed = desk.write("f", "s1", &batch).await;
    assert_eq!((committed.inserted, committed.deduped, committed.rejected), (1, 1, 1));
    use busta_core::Position::{Done, Start};
    let chunks = vec![
        desk.chunk("f", "s2", Start, Done, &[r#"{"id":2,"v":"a"}"#]),
        desk.chunk("f", "s3", Start, Done, &[r#"{"id":2,"v":"b"}"#]),
    ];
    for outcome in desk.commit(chunks).await {
        outcome.unwrap();
    }
    desk.expect("f", &[r#"{"id":1,"v":"a"}"#, r#"{"id":2,"v":"a"}"#]).await;
}

/// The first of a run's own records replaces what earlier runs have left.
pub async fn of_a_replacement_the_first_stays(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[first(WriteMode::Replace)]).await;
    desk.write("f", "s1", &[r#"{"id":1,"v":"old"}"#, r#"{"id":2,"v":"old"}"#]).await;
    desk.finish(&["f"]).await;
    desk.restart_as("R2").await;
    let fresh = desk.write("f", "s1", &[r#"{"id":1,"v":"a"}"#, r#"{"id":1,"v":"b"}"#]).await;
    assert_eq!((fresh.inserted, fresh.deduped), (1, 1));
    desk.finish(&["f"]).await;
    desk.expect("f", &[r#"{"id":1,"v":"a"}"#]).await;
}
