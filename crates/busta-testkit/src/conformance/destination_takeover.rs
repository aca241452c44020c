//! Whose a source is: a run takes it over with its first commit or finish, and not before.

use busta_core::{Cursor, ErrorKind, Finish, Position, StreamFinish, WriteMode};

use super::destination::*;

/// A run is half done; another one asks what is there, in the same process and in one of its own, and
/// writes nothing; then the first one goes on.
pub async fn asking_does_no_harm(new: fn() -> Place) {
    let specs = [stream("a", WriteMode::Append), stream("m", WriteMode::Merge)];
    let mut desk = Desk::open(new(), &specs).await;
    let mut chunk = desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#]);
    chunk.found = vec![found("f", "a")];
    chunk.starts = vec![("k".into(), Cursor::encode(&1).unwrap())];
    desk.put(chunk).await;
    desk.write("m", "t", &[r#"{"id":1}"#]).await;
    desk.finish(&["m"]).await;
    for reopen in [false, true] {
        let asked = if reopen { desk.restart_as("R2").await } else { desk.begin("R2").await };
        assert!(asked.splits.is_empty() && asked.finished.is_empty(), "{asked:?}");
        assert_eq!(asked.start("k").unwrap().as_str(), "1");
        let resumed = if reopen { desk.restart_as("R1").await } else { desk.begin("R1").await };
        assert_eq!(resumed.splits.len(), 2);
        assert_eq!(resumed.position(&"s".into()), at(1));
        assert_eq!(resumed.finished, ["m".into()].into());
    }
    desk.put(desk.chunk("a", "s", at(1), Position::Done, &[r#"{"n":2}"#])).await;
    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":2}"#]).await;
}

/// The first commit of another run drops the positions of the one before, whose chunks and finishes
/// are refused from then on. A chunk that does not fit takes nothing over.
pub async fn taking_over_fences_the_other_run(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    desk.put(desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#])).await;
    let late = desk.chunk("a", "s", at(1), at(2), &[r#"{"n":2}"#]);

    desk.begin("R2").await;
    let astray = desk.chunk("a", "s", at(1), at(2), &[r#"{"n":3}"#]);
    let refused = desk.commit(vec![astray]).await.remove(0).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let old = desk.commit(vec![late]).await.remove(0);
    assert_eq!(old.unwrap().inserted, 1, "the source is still the first run's");

    desk.put(desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":4}"#])).await;
    desk.run = "R1".into();
    let late = desk.chunk("a", "s", at(2), at(3), &[r#"{"n":5}"#]);
    let anew = desk.chunk("a", "t", Position::Start, at(1), &[r#"{"n":6}"#]);
    for outcome in desk.commit(vec![late, anew]).await {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Conflict);
    }
    let streams = vec![StreamFinish { stream: "a".into(), starts: vec![] }];
    let finish = Finish::completed(desk.run.clone(), desk.source.clone(), streams);
    assert_eq!(desk.destination.finish(&finish).await.unwrap_err().kind(), ErrorKind::Conflict);

    let taken = desk.restart_as("R2").await;
    assert_eq!((taken.splits.len(), taken.position(&"s".into())), (1, at(1)));
    assert!(desk.restart_as("R1").await.splits.is_empty());
    desk.expect("a", &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":4}"#]).await;
}

/// Of two runs that were prepared side by side, the one that writes first has the source.
pub async fn the_first_to_write_takes_over(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    desk.begin("R2").await;
    desk.write("a", "s", &[r#"{"n":2}"#]).await;
    desk.run = "R1".into();
    let late = desk.chunk("a", "s", Position::Start, at(1), &[r#"{"n":1}"#]);
    assert_eq!(desk.commit(vec![late]).await.remove(0).unwrap_err().kind(), ErrorKind::Conflict);
    desk.expect("a", &[r#"{"n":2}"#]).await;
}

/// The rows that wait for the end of their run still wait after another run has asked.
pub async fn asking_keeps_the_rows_of_replace(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    desk.put(desk.chunk("r", "s", Position::Start, at(1), &[r#"{"id":1}"#])).await;
    desk.restart_as("R2").await;
    assert_eq!(desk.restart_as("R1").await.position(&"s".into()), at(1));
    desk.put(desk.chunk("r", "s", at(1), Position::Done, &[r#"{"id":2}"#])).await;
    desk.finish(&["r"]).await;
    desk.expect("r", &[r#"{"id":1}"#, r#"{"id":2}"#]).await;
}

/// The first commit or the first finish of another run drops them, as of any stream of the source.
pub async fn taking_over_drops_the_rows_of_replace(new: fn() -> Place) {
    for by_finish in [false, true] {
        let specs = [stream("r", WriteMode::Replace), stream("a", WriteMode::Append)];
        let mut desk = Desk::open(new(), &specs).await;
        desk.put(desk.chunk("r", "s", Position::Start, at(1), &[r#"{"id":1}"#])).await;
        desk.restart_as("R2").await;
        if by_finish {
            desk.finish(&["a"]).await;
        } else {
            desk.write("a", "t", &[r#"{"n":1}"#]).await;
        }
        assert!(desk.restart_as("R1").await.splits.is_empty());
        desk.put(desk.chunk("r", "s", Position::Start, Position::Done, &[r#"{"id":2}"#])).await;
        desk.finish(&["r"]).await;
        desk.expect("r", &[r#"{"id":2}"#]).await;
    }
}
