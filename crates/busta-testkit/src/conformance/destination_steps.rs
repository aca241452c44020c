//! Steps of the checkpoint: each is taken once, and what is stored with it comes back.

use busta_core::{Cursor, Error, ErrorKind, Failure, Position, RunId, Stage, StreamName, WriteMode};

use super::destination::*;

const APPEND: WriteMode = WriteMode::Append;

/// The same chunk again is answered with `already`, also after a restart, and adds nothing.
pub async fn a_step_is_taken_once(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let chunk = |desk: &Desk| desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#, r#"{"n":2}"#]);
    let first = desk.put(chunk(&desk)).await;
    assert_eq!((first.inserted, first.already), (2, false));
    let again = desk.put(chunk(&desk)).await;
    assert_eq!((again.inserted, again.already), (0, true));
    desk.restart().await;
    assert!(desk.put(chunk(&desk)).await.already);
    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":2}"#]).await;
}

/// A chunk whose step starts elsewhere is a conflict and changes nothing; its neighbours land.
pub async fn a_wrong_step_is_refused_alone(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let good = desk.chunk("a", "s1", Position::Start, at(1), &[r#"{"n":1}"#]);
    let mut wrong = desk.chunk("a", "s2", at(7), at(8), &[r#"{"n":2}"#]);
    wrong.failures.push(failure(&desk, "s2", Some("item 1"), "broken"));
    wrong.found.push(found("s9", "a"));
    wrong.starts.push(("key".into(), Cursor::encode(&1).unwrap()));
    let also_good = desk.chunk("a", "s3", Position::Start, Position::Done, &[r#"{"n":3}"#]);
    let outcomes = desk.commit(vec![good, wrong, also_good]).await;
    assert_eq!(outcomes[0].as_ref().unwrap().inserted, 1);
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(outcomes[2].as_ref().unwrap().inserted, 1);
    let backwards = desk.chunk("a", "s3", at(1), at(2), &[r#"{"n":4}"#]);
    assert_eq!(desk.commit(vec![backwards]).await.pop().unwrap().unwrap_err().kind(), ErrorKind::Conflict);

    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":3}"#]).await;
    assert!(desk.failures().await.is_empty());
    let checkpoint = desk.restart().await;
    assert_eq!(checkpoint.position(&"s1".into()), at(1));
    assert_eq!(checkpoint.position(&"s2".into()), Position::Start);
    assert_eq!(checkpoint.position(&"s3".into()), Position::Done);
    assert!(!checkpoint.splits.contains_key("s9") && checkpoint.start("key").is_none());
}

/// Several chunks of one split in one commit are taken in their order.
pub async fn steps_of_one_split_in_one_commit_follow_each_other(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let one = desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#]);
    let two = desk.chunk("a", "s", at(1), at(2), &[r#"{"n":2}"#]);
    let two_again = desk.chunk("a", "s", at(1), at(2), &[r#"{"n":2}"#]);
    let end = desk.chunk("a", "s", at(2), Position::Done, &[]);
    let outcomes = desk.commit(vec![one, two, two_again, end]).await;
    let already: Vec<_> = outcomes.iter().map(|o| o.as_ref().unwrap().already).collect();
    assert_eq!(already, [false, false, true, false]);
    assert_eq!(desk.rows("a").await.len(), 2);
    assert_eq!(desk.restart().await.position(&"s".into()), Position::Done);
}

/// A failure is stored by its id: met again, it is not stored again. It needs no step.
pub async fn failures_are_stored_once(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let items = |desk: &Desk| vec![failure(desk, "s", Some("1"), "x"), failure(desk, "s", Some("2"), "y")];
    let mut chunk = desk.chunk("a", "s", Position::Start, at(1), &[]);
    chunk.failures = items(&desk);
    desk.put(chunk).await;
    let mut next = desk.chunk("a", "s", at(1), at(2), &[]);
    next.failures = items(&desk);
    desk.put(next).await;
    let mut stepless = desk.chunk("a", "t", Position::Start, at(1), &[]);
    (stepless.step, stepless.staged) = (None, None);
    stepless.failures = vec![failure(&desk, "t", None, "500")];
    desk.put(stepless).await;
    desk.restart().await;
    let stored = desk.failures().await;
    assert_eq!(stored.len(), 3, "{stored:?}");
    assert_eq!(stored.iter().filter(|f| f.split == "s".into()).count(), 2);
    let whole = stored.iter().find(|f| f.position.is_none()).unwrap();
    assert_eq!(whole, &failure(&desk, "t", None, "500"));
}

/// A step to `Done` removes the failure of the split as a whole, and no other.
pub async fn a_done_split_has_not_failed(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    for split in ["s", "t"] {
        let mut chunk = desk.chunk("a", split, Position::Start, at(1), &[]);
        chunk.failures = vec![failure(&desk, split, None, "timeout"), failure(&desk, split, Some("1"), "x")];
        desk.put(chunk).await;
    }
    desk.put(desk.chunk("a", "s", at(1), Position::Done, &[])).await;
    let mut left: Vec<_> =
        desk.failures().await.iter().map(|f| (f.split.to_string(), f.position.clone())).collect();
    left.sort();
    assert_eq!(left, [("s".into(), Some("1".into())), ("t".into(), None), ("t".into(), Some("1".into()))]);
}

/// Positions, found splits, highs and starts come back from `prepare` after a restart.
pub async fn everything_comes_back_after_a_restart(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND), stream("b", APPEND)]).await;
    let mut chunk = desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#]);
    chunk.high = high(41);
    chunk.found = vec![found("f1", "b"), found("f2", "b")];
    chunk.starts = vec![("etag".into(), Cursor::encode(&"\"abc\"").unwrap())];
    desk.put(chunk).await;
    let mut next = desk.chunk("a", "s", at(1), at(2), &[r#"{"n":2}"#]);
    next.high = high(42);
    // A split may be found twice, also after it has moved: its position stays.
    next.found = vec![found("f1", "b")];
    let moved = desk.chunk("b", "f1", Position::Start, at(9), &[]);
    let mut last = desk.chunk("a", "s", at(2), at(3), &[]);
    last.found = vec![found("f1", "b")];
    last.starts = vec![("etag".into(), Cursor::encode(&"\"def\"").unwrap())];
    last.high = high(42);
    for outcome in desk.commit(vec![next, moved, last]).await {
        outcome.unwrap();
    }
    for _ in 0..2 {
        let checkpoint = desk.restart().await;
        assert_eq!(checkpoint.splits.len(), 3);
        let s = &checkpoint.splits["s"];
        assert_eq!((&s.position, &s.high, &s.found), (&at(3), &high(42), &None));
        let f1 = &checkpoint.splits["f1"];
        assert_eq!((&f1.position, &f1.found), (&at(9), &Some(found("f1", "b"))));
        let f2 = &checkpoint.splits["f2"];
        assert_eq!((&f2.position, &f2.found), (&Position::Start, &Some(found("f2", "b"))));
        assert_eq!(checkpoint.start("etag").unwrap().as_str(), r#""\"def\"""#);
    }
    // Of what is done, it is known that it is done; what it was opened with may be large.
    desk.put(desk.chunk("b", "f1", at(9), Position::Done, &[])).await;
    for _ in 0..2 {
        let f1 = &desk.restart().await.splits["f1"];
        assert_eq!((&f1.position, &f1.found), (&Position::Done, &Some(found("f1", "b").emptied())));
    }
    desk.finish_at(&["a"], Some(Cursor::encode(&42).unwrap())).await;
    assert_eq!(desk.restart().await.start("a").unwrap().as_str(), "42");
}

/// Another run finds no positions, but the rows, the failures and the starts.
pub async fn another_run_starts_over(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let mut chunk = desk.chunk("a", "s", Position::Start, Position::Done, &[r#"{"n":1}"#]);
    chunk.starts = vec![("k".into(), Cursor::encode(&1).unwrap())];
    chunk.found = vec![found("f", "a")];
    chunk.failures = vec![failure(&desk, "s", Some("1"), "x")];
    desk.put(chunk).await;
    let checkpoint = desk.restart_as("R2").await;
    assert!(checkpoint.splits.is_empty(), "{:?}", checkpoint.splits);
    assert_eq!(checkpoint.start("k").unwrap().as_str(), "1");
    assert_eq!(desk.failures().await.len(), 1);
    desk.write("a", "s", &[r#"{"n":2}"#]).await;
    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":2}"#]).await;
}

/// `prepare` may be called again at any time.
pub async fn preparing_twice_changes_nothing(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", APPEND), stream("r", WriteMode::Replace)]).await;
    desk.put(desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#])).await;
    desk.put(desk.chunk("r", "t", Position::Start, at(1), &[r#"{"id":1}"#])).await;
    let first = desk.prepare().await;
    let second = desk.prepare().await;
    assert_eq!(first.splits, second.splits);
    assert_eq!(second.splits.len(), 2);
    desk.put(desk.chunk("r", "t", at(1), Position::Done, &[])).await;
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":1}"#]).await;
}

/// Splits, starts and finishes are per source.
pub async fn splits_of_two_sources_do_not_meet(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    let other = desk.beside("mill", &[stream("a", APPEND)]).await;
    desk.put(desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#])).await;
    let mut theirs = other.chunk("a", "s", Position::Start, Position::Done, &[r#"{"n":2}"#]);
    theirs.starts = vec![("k".into(), Cursor::encode(&2).unwrap())];
    desk.put(theirs).await;
    other.finish("a").await;
    let checkpoint = desk.prepare().await;
    assert_eq!(checkpoint.position(&"s".into()), at(1));
    assert!(checkpoint.start("k").is_none());
    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":2}"#]).await;
}

/// No chunks, no records, no step: nothing happens and nothing fails.
pub async fn an_empty_commit_is_nothing(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", APPEND)]).await;
    assert!(desk.commit(Vec::new()).await.is_empty());
    let mut chunk = desk.chunk("a", "s", Position::Start, at(1), &[]);
    chunk.staged = None;
    assert_eq!(desk.put(chunk).await, Default::default());
    assert!(desk.rows("a").await.is_empty());
}

pub(super) fn failure(desk: &Desk, split: &str, position: Option<&str>, reason: &str) -> Failure {
    let error = Error::unavailable(reason);
    let failure = match position {
        Some(position) => Failure::item(Stage::Parse, position, &error, Some(reason.as_bytes())),
        None => Failure::split(Stage::Read, &error),
    };
    let (run, stream): (&RunId, StreamName) = (&desk.run, "a".into());
    failure.place(run, &desk.source, &stream, &split.into(), chrono_epoch())
}
