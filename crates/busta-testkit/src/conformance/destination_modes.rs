//! Append, merge and replace.

use busta_core::{Cursor, Position, Stage, StreamName, StreamSpec, WriteMode};

use super::destination::*;

/// Every record is a row, also the same one twice, in the order in which they came.
pub async fn append_keeps_every_record(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    let first = desk.write("a", "s1", &[r#"{"id":1}"#, r#"{"id":1}"#]).await;
    assert_eq!((first.inserted, first.updated, first.deduped), (2, 0, 0));
    desk.restart().await;
    desk.write("a", "s2", &[r#"{"id":2}"#, r#"{"id":1}"#]).await;
    let expected: Vec<_> = [1, 1, 2, 1].map(|n| serde_json::json!({ "id": n })).into();
    same_list(&desk.rows("a").await, &expected);
}

/// Without a cursor field the record that came last wins: in a batch, across batches and restarts.
pub async fn merge_last_one_wins(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    desk.write("m", "s1", &[r#"{"id":1,"v":"a"}"#, r#"{"id":2,"v":"a"}"#, r#"{"id":1,"v":"b"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"v":"b"}"#, r#"{"id":2,"v":"a"}"#]).await;
    desk.write("m", "s2", &[r#"{"id":2,"v":"c"}"#]).await;
    desk.restart().await;
    let chunks = vec![
        desk.chunk("m", "s3", Position::Start, Position::Done, &[r#"{"id":1,"v":"d"}"#]),
        desk.chunk("m", "s4", Position::Start, Position::Done, &[r#"{"id":1,"v":"e"}"#]),
    ];
    for outcome in desk.commit(chunks).await {
        outcome.unwrap();
    }
    desk.expect("m", &[r#"{"id":1,"v":"e"}"#, r#"{"id":2,"v":"c"}"#]).await;
    desk.restart_as("R2").await;
    desk.write("m", "s1", &[r#"{"id":2,"v":"f"}"#]).await;
    desk.finish(&["m"]).await;
    desk.expect("m", &[r#"{"id":1,"v":"e"}"#, r#"{"id":2,"v":"f"}"#]).await;
}

/// With a cursor field the newest one wins whatever comes last; of two with the same value the
/// later one; a record without a value is older than any other.
pub async fn merge_newest_one_wins(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[merged_by_time("m")]).await;
    desk.write("m", "s1", &[r#"{"id":1,"at":5,"v":"new"}"#, r#"{"id":1,"at":4,"v":"old"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"at":5,"v":"new"}"#]).await;
    let stale = desk.write("m", "s2", &[r#"{"id":1,"at":3,"v":"older"}"#]).await;
    assert_eq!((stale.updated, stale.deduped), (0, 1));
    desk.restart().await;
    let stale = desk.write("m", "s3", &[r#"{"id":1,"at":4.5,"v":"older"}"#, r#"{"id":1,"v":"none"}"#]).await;
    assert_eq!((stale.updated, stale.deduped), (0, 2));
    desk.expect("m", &[r#"{"id":1,"at":5,"v":"new"}"#]).await;
    let equal = desk.write("m", "s4", &[r#"{"id":1,"at":5,"v":"later"}"#]).await;
    assert_eq!((equal.updated, equal.deduped), (1, 0));
    desk.expect("m", &[r#"{"id":1,"at":5,"v":"later"}"#]).await;
    desk.write("m", "s5", &[r#"{"id":1,"at":10,"v":"ten"}"#, r#"{"id":2,"v":"none"}"#]).await;
    desk.write("m", "s6", &[r#"{"id":2,"at":null,"v":"null"}"#, r#"{"id":1,"at":9,"v":"nine"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"at":10,"v":"ten"}"#, r#"{"id":2,"v":"null"}"#]).await;
    // A text is newer than a number.
    desk.write("m", "s7", &[r#"{"id":1,"at":"2024-01-01","v":"text"}"#, r#"{"id":1,"at":99,"v":"n"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"at":"2024-01-01","v":"text"}"#, r#"{"id":2,"v":"null"}"#]).await;
}

/// RFC 3339 times are compared as instants.
pub async fn merge_understands_times(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[merged_by_time("m")]).await;
    desk.write("m", "s1", &[r#"{"id":1,"at":"2024-01-01T11:00:00Z","v":"new"}"#]).await;
    desk.write("m", "s2", &[r#"{"id":1,"at":"2024-01-01T12:00:00+02:00","v":"old"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"at":"2024-01-01T11:00:00Z","v":"new"}"#]).await;
    desk.restart().await;
    let records = [
        r#"{"id":1,"at":"2024-01-01T11:00:00.5Z","v":"half"}"#,
        r#"{"id":1,"at":"2024-01-01T11:00:00.25Z","v":"quarter"}"#,
    ];
    desk.write("m", "s3", &records).await;
    desk.expect("m", &records[..1]).await;
}

/// A newer record replaces the whole of the old one: fields that it lacks are gone.
pub async fn merge_replaces_the_whole_record(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    desk.write("m", "s1", &[r#"{"id":1,"a":1,"b":[1]}"#, r#"{"id":2,"a":2}"#]).await;
    desk.restart().await;
    let committed = desk.write("m", "s2", &[r#"{"id":1,"c":"x"}"#]).await;
    assert_eq!(committed.updated, 1);
    desk.expect("m", &[r#"{"id":1,"c":"x"}"#, r#"{"id":2,"a":2}"#]).await;
}

/// New, changed and unchanged records are told apart; every record is counted once.
pub async fn merge_counts(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    let records = [r#"{"id":1,"v":1.5,"w":[1]}"#, r#"{"id":2,"v":null}"#, r#"{"id":3,"v":true}"#];
    let first = desk.write("m", "s1", &records).await;
    assert_eq!((first.inserted, first.updated, first.deduped, first.rejected), (3, 0, 0, 0));
    desk.restart_as("R2").await;
    let again = desk.write("m", "s1", &records).await;
    assert_eq!((again.inserted, again.updated, again.deduped, again.rejected), (0, 0, 3, 0));
    let mixed = [r#"{"id":4}"#, r#"{"id":1,"v":2}"#, r#"{"id":2}"#, r#"{"id":4}"#, r#"{"v":1}"#];
    let mixed = desk.write("m", "s2", &mixed).await;
    assert_eq!((mixed.inserted, mixed.updated, mixed.deduped, mixed.rejected), (1, 1, 2, 1));
}

/// A key of several fields, in whatever order a record has them.
pub async fn merge_by_several_fields(new: fn() -> Place) {
    let spec = StreamSpec { primary_key: vec!["a".into(), "b".into()], ..stream("m", WriteMode::Merge) };
    let mut desk = Desk::open(new(), &[spec]).await;
    desk.write("m", "s1", &[r#"{"a":1,"b":"x","v":1}"#, r#"{"a":1,"b":"y","v":2}"#]).await;
    desk.write("m", "s2", &[r#"{"a":"1\",","b":"x","v":3}"#, r#"{"a":"1","b":",x","v":4}"#]).await;
    desk.restart().await;
    desk.write("m", "s3", &[r#"{"v":5,"b":"\u0078","a":1}"#]).await;
    let expected = [
        r#"{"a":1,"b":"x","v":5}"#,
        r#"{"a":1,"b":"y","v":2}"#,
        r#"{"a":"1\",","b":"x","v":3}"#,
        r#"{"a":"1","b":",x","v":4}"#,
    ];
    desk.expect("m", &expected).await;
}

/// A part of the key that a record may lack is as good as a null, and is no value of another record.
pub async fn merge_by_a_key_that_may_lack_a_part(new: fn() -> Place) {
    let spec = StreamSpec {
        primary_key: vec!["a".into(), "b".into()],
        optional_key: vec!["a".into()],
        ..stream("m", WriteMode::Merge)
    };
    let mut desk = Desk::open(new(), &[spec]).await;
    let records = [r#"{"b":"x","v":1}"#, r#"{"a":"","b":"x","v":2}"#, r#"{"a":"null","b":"x","v":3}"#];
    let first = desk.write("m", "s1", &records).await;
    assert_eq!((first.inserted, first.rejected), (3, 0));
    let again = desk.write("m", "s2", &[r#"{"a":null,"b":"x","v":1}"#]).await;
    assert_eq!((again.inserted, again.updated, again.deduped), (0, 0, 1));
    desk.restart_as("R2").await;
    let again = desk.write("m", "s1", &records).await;
    assert_eq!((again.inserted, again.updated, again.deduped), (0, 0, 3));
    let more =
        desk.write("m", "s2", &[r#"{"b":"x","v":4}"#, r#"{"b":"y","v":5}"#, r#"{"a":"z","v":6}"#]).await;
    assert_eq!((more.inserted, more.updated, more.rejected), (1, 1, 1));
    desk.expect("m", &[r#"{"b":"x","v":4}"#, records[1], records[2], r#"{"b":"y","v":5}"#]).await;
}

/// Two sources may share a table: their keys do not meet.
pub async fn keys_are_per_source(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    let other = desk.beside("mill", &[stream("m", WriteMode::Merge)]).await;
    desk.write("m", "s", &[r#"{"id":1,"of":"shop"}"#]).await;
    let theirs = other.write("m", "s", &[r#"{"id":1,"of":"mill"}"#]).await;
    assert_eq!(theirs.inserted, 1);
    desk.expect("m", &[r#"{"id":1,"of":"shop"}"#, r#"{"id":1,"of":"mill"}"#]).await;
    other.write("m", "s2", &[r#"{"id":1,"of":"mill 2"}"#]).await;
    desk.expect("m", &[r#"{"id":1,"of":"shop"}"#, r#"{"id":1,"of":"mill 2"}"#]).await;
}

/// `1` and `"1"` are two keys, and so are integers that no float can tell apart.
pub async fn keys_keep_their_types(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    let records = [
        r#"{"id":1}"#,
        r#"{"id":"1"}"#,
        r#"{"id":"01"}"#,
        r#"{"id":true}"#,
        r#"{"id":9007199254740992}"#,
        r#"{"id":9007199254740993}"#,
        r#"{"id":18446744073709551614}"#,
        r#"{"id":18446744073709551615}"#,
        r#"{"id":""}"#,
        r#"{"id":"A"}"#,
        r#"{"id":"a"}"#,
        r#"{"id":"a "}"#,
    ];
    assert_eq!(desk.write("m", "s1", &records).await.inserted, records.len() as u64);
    desk.restart().await;
    assert_eq!(desk.write("m", "s2", &records).await.deduped, records.len() as u64);
    desk.expect("m", &records).await;
}

/// A record whose key field is missing or null is refused by name, and the rest goes on.
pub async fn a_record_without_its_key_is_a_failure(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    let committed =
        desk.write("m", "s", &[r#"{"id":1}"#, r#"{"v":1}"#, r#"{"id":null}"#, r#"{"id":2}"#]).await;
    assert_eq!((committed.inserted, committed.rejected), (2, 2));
    desk.restart().await;
    desk.expect("m", &[r#"{"id":1}"#, r#"{"id":2}"#]).await;
    let failures = desk.failures().await;
    assert_eq!(failures.len(), 2, "{failures:?}");
    for failure in failures {
        assert_eq!(failure.stage, Stage::Write);
        assert!(failure.reason.contains("`id`"), "{}", failure.reason);
        assert!(failure.payload.is_some() && failure.position.is_some());
    }
}

/// The rows of the last run stay visible, whole, until the new ones take their place.
pub async fn replace_keeps_the_old_until_the_end(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    desk.write("r", "s", &[r#"{"id":1,"v":"old"}"#, r#"{"id":2,"v":"old"}"#]).await;
    assert!(desk.rows("r").await.is_empty());
    desk.finish(&["r"]).await;
    let old = [r#"{"id":1,"v":"old"}"#, r#"{"id":2,"v":"old"}"#];
    desk.expect("r", &old).await;
    desk.restart_as("R2").await;
    desk.put(desk.chunk("r", "s", Position::Start, at(1), &[r#"{"id":2,"v":"new","w":1}"#])).await;
    desk.expect("r", &old).await;
    desk.restart().await;
    desk.put(desk.chunk("r", "s", at(1), Position::Done, &[r#"{"id":3,"v":[1]}"#])).await;
    desk.expect("r", &old).await;
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":2,"v":"new","w":1}"#, r#"{"id":3,"v":[1]}"#]).await;
    desk.restart_as("R3").await;
    desk.expect("r", &[r#"{"id":2,"v":"new","w":1}"#, r#"{"id":3,"v":[1]}"#]).await;
}

/// Only the rows of the source that finishes are replaced.
pub async fn replace_leaves_other_sources_alone(new: fn() -> Place) {
    let specs = [stream("r", WriteMode::Replace)];
    let mut desk = Desk::open(new(), &specs).await;
    {
        let other = desk.beside("mill", &specs).await;
        other.write("r", "s", &[r#"{"id":1,"of":"mill"}"#]).await;
        other.finish("r").await;
        desk.write("r", "s", &[r#"{"id":1,"of":"shop"}"#]).await;
        other.write("r", "s2", &[r#"{"id":7,"of":"mill"}"#]).await;
        desk.finish(&["r"]).await;
        desk.expect("r", &[r#"{"id":1,"of":"mill"}"#, r#"{"id":1,"of":"shop"}"#]).await;
    }
    desk.restart_as("R2").await;
    desk.write("r", "s", &[r#"{"id":2,"of":"shop"}"#]).await;
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":1,"of":"mill"}"#, r#"{"id":2,"of":"shop"}"#]).await;
}

/// The start cursors that came with the rows wait with them, also through a restart: nobody finds them before the
/// stream is finished, and nobody at all if another run takes over.
pub async fn replace_holds_starts_back_until_the_end(new: fn() -> Place) {
    let specs = [stream("r", WriteMode::Replace), stream("m", WriteMode::Merge)];
    let mut desk = Desk::open(new(), &specs).await;
    let step = |desk: &Desk, stream: &str, from, to, key: &str, cursor: u32| {
        let mut chunk = desk.chunk(stream, key, from, to, &[]);
        chunk.starts = vec![(key.to_owned(), Cursor::encode(&cursor).unwrap())];
        chunk
    };
    let (start, done) = (Position::Start, Position::Done);
    desk.put(step(&desk, "r", start.clone(), done.clone(), "left", 1)).await;
    desk.restart_as("R2").await;
    desk.put(step(&desk, "r", start.clone(), at(1), "r", 2)).await;
    desk.put(step(&desk, "m", start.clone(), done.clone(), "m", 3)).await;
    desk.finish(&["m"]).await;
    for run in ["R3", "R2"] {
        let checkpoint = desk.restart_as(run).await;
        assert_eq!(checkpoint.starts.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["m"], "{run}");
    }
    desk.put(step(&desk, "r", at(1), done, "r", 4)).await;
    desk.restart().await;
    for _ in 0..2 {
        desk.finish(&["r"]).await;
        let checkpoint = desk.restart_as("R2").await;
        assert_eq!(checkpoint.start("r").unwrap().as_str(), "4");
        assert!(checkpoint.start("left").is_none() && checkpoint.starts.len() == 2);
    }
}

/// What a run left unfinished never shows up in a later one.
pub async fn replace_drops_an_unfinished_run(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    desk.write("r", "s", &[r#"{"id":1}"#]).await;
    desk.finish(&["r"]).await;
    desk.restart_as("R2").await;
    desk.write("r", "s", &[r#"{"id":2}"#]).await;
    desk.restart_as("R3").await;
    desk.write("r", "s", &[r#"{"id":3}"#]).await;
    desk.expect("r", &[r#"{"id":1}"#]).await;
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":3}"#]).await;
}

/// A complete run without records empties the source's part of the table.
pub async fn replace_by_nothing_is_nothing(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    desk.write("r", "s", &[r#"{"id":1}"#]).await;
    desk.finish(&["r"]).await;
    desk.restart_as("R2").await;
    desk.write("r", "s", &[]).await;
    desk.finish(&["r"]).await;
    assert!(desk.rows("r").await.is_empty());
}

/// Inside a run, records of a `replace` stream with a key are merged; without a key all are kept.
pub async fn replace_merges_its_own_records(new: fn() -> Place) {
    let unkeyed = StreamSpec { primary_key: vec![], ..stream("u", WriteMode::Replace) };
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace), unkeyed]).await;
    let records = [r#"{"id":1,"v":1}"#, r#"{"id":1,"v":2}"#, r#"{"id":2,"v":3}"#];
    desk.write("r", "s", &records).await;
    desk.write("u", "u", &records).await;
    desk.restart().await;
    desk.write("r", "t", &[r#"{"id":2,"v":4}"#]).await;
    desk.finish(&["r", "u"]).await;
    desk.expect("r", &[r#"{"id":1,"v":2}"#, r#"{"id":2,"v":4}"#]).await;
    desk.expect("u", &records).await;
}

/// `finish` may be repeated, also after a restart.
pub async fn finish_twice_changes_nothing(new: fn() -> Place) {
    let specs = [stream("r", WriteMode::Replace), stream("m", WriteMode::Merge)];
    let mut desk = Desk::open(new(), &specs).await;
    desk.write("r", "s", &[r#"{"id":1}"#]).await;
    desk.write("m", "t", &[r#"{"id":1}"#]).await;
    for _ in 0..2 {
        desk.finish_at(&["r", "m"], Some(busta_core::Cursor::from_stored("7"))).await;
        desk.finish(&["r", "m"]).await;
        desk.expect("r", &[r#"{"id":1}"#]).await;
        desk.expect("m", &[r#"{"id":1}"#]).await;
        let checkpoint = desk.restart().await;
        assert!(checkpoint.splits.is_empty());
        assert_eq!(checkpoint.start("r").unwrap().as_str(), "7");
    }
}

/// Only the positions of the streams that are named are forgotten, and these are remembered as
/// finished until another run begins.
pub async fn finish_forgets_positions_of_its_streams(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append), stream("m", WriteMode::Merge)]).await;
    let mut chunk = desk.chunk("a", "s", Position::Start, Position::Done, &[]);
    chunk.found = vec![found("f", "m")];
    desk.put(chunk).await;
    desk.finish(&["a"]).await;
    let checkpoint = desk.restart().await;
    assert_eq!(checkpoint.position(&"s".into()), Position::Start);
    assert_eq!(checkpoint.splits.len(), 1);
    desk.write("m", "f", &[r#"{"id":1}"#]).await;
    assert_eq!(checkpoint.finished, [StreamName::from("a")].into());
    desk.finish(&["m"]).await;
    let checkpoint = desk.restart().await;
    assert!(checkpoint.splits.is_empty());
    assert_eq!(checkpoint.finished, [StreamName::from("a"), "m".into()].into());
    assert!(desk.restart_as("R2").await.finished.is_empty());
}
