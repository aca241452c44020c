//! Single cases, each with what it is for.

use std::time::Instant;

use busta_core::reading::history::{
    ChangeAction, ChangesQuery, Edit, EditAction, EditWork, EpisodeKind, PartQuery, Place, RowKey,
    SnapshotMark,
};
use busta_core::report::Status;
use busta_core::{DatasetSettings, ErrorKind, StreamSpec, WriteMode};
use serde_json::{Value, json};

use super::desk::{Desk, HandClock, TABLE, key, spec, text};

fn merge() -> StreamSpec {
    spec(WriteMode::Merge)
}

fn seller(name: &str, score: i64) -> Value {
    json!({ "id": name, "score": score })
}

fn remove(names: &[&str]) -> EditWork {
    EditWork::Remove(names.iter().map(|name| key(*name)).collect())
}

#[tokio::test]
async fn a_timeline_tells_runs_and_edits() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "ebay", &merge(), &[vec![seller("a", 1), seller("b", 2)]]).await;
    desk.clock.forward(60);
    let removed = desk.edit(None, remove(&["a"])).await.unwrap();
    assert_eq!((removed.count, removed.records.len()), (1, 1));
    desk.clock.forward(60);
    desk.collect("R2", "ebay", &merge(), &[vec![seller("a", 1), seller("b", 3), seller("c", 4)]]).await;
    let part = PartQuery::of(TABLE, 10);
    let episodes = desk.history().episodes(&part).await.unwrap().items;
    let told: Vec<_> = episodes.iter().map(|e| (e.kind, e.inserted, e.updated, e.removed, e.count)).collect();
    let expected =
        [(EpisodeKind::Run, 1, 1, 0, 2), (EpisodeKind::Edit, 0, 0, 1, 1), (EpisodeKind::Run, 2, 0, 0, 2)];
    assert_eq!(told, expected, "the removed one did not come back");
    let edit = &episodes[1];
    assert_eq!(
        (edit.who.as_deref(), edit.action, edit.at),
        (Some("ann"), Some(EditAction::Remove), HandClock::at(60))
    );
    assert_eq!(edit.keys[0].get(), r#"{"id":"a"}"#);
    let query = ChangesQuery { table: TABLE.into(), limit: 2, ..ChangesQuery::default() };
    let newest = desk.history().changes(&query).await.unwrap();
    let seqs: Vec<u64> = newest.items.iter().map(|change| change.seq).collect();
    assert_eq!(seqs, [5, 4]);
    let update = &newest.items[1];
    assert_eq!((update.action, update.count), (ChangeAction::Update, 1));
    let before: Value = serde_json::from_str(update.before.as_ref().unwrap().get()).unwrap();
    assert_eq!((&before["score"], &before["_busta_run"]), (&json!(2), &json!("R1")));
    let of_run = ChangesQuery { run: Some("R1".into()), limit: 10, ..query.clone() };
    assert_eq!(desk.history().changes(&of_run).await.unwrap().items.len(), 2);
    let of_key = ChangesQuery { key: Some(RowKey::Text("a".into())), limit: 10, ..query };
    let actions: Vec<_> =
        desk.history().changes(&of_key).await.unwrap().items.iter().map(|change| change.action).collect();
    assert_eq!(actions, [ChangeAction::Remove, ChangeAction::Insert]);
}

#[tokio::test]
async fn what_was_removed_comes_back_when_it_is_undone_or_added() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let batch = [vec![seller("a", 1), seller("b", 2)]];
    desk.collect("R1", "ebay", &merge(), &batch).await;
    let first = desk.edit(None, remove(&["a", "b"])).await.unwrap().change.unwrap();
    desk.collect("R2", "ebay", &merge(), &batch).await;
    assert!(desk.rows().await.is_empty());
    let undone = desk.edit(None, EditWork::Undo(first)).await.unwrap();
    assert_eq!(desk.rows().await.len(), 2);
    // An undo can be undone, and what it removed stays away as before.
    desk.edit(None, EditWork::Undo(undone.change.unwrap())).await.unwrap();
    desk.collect("R3", "ebay", &merge(), &batch).await;
    assert!(desk.rows().await.is_empty());
    desk.edit(Some("ebay"), EditWork::Insert(vec![text(&seller("a", 7))])).await.unwrap();
    desk.collect("R4", "ebay", &merge(), &batch).await;
    let rows = desk.rows().await;
    assert_eq!(rows.len(), 1, "b stays away");
    assert_eq!(rows.values().next().unwrap()["score"], 1, "by `newest` the collected one counts");
}

#[tokio::test]
async fn an_undo_names_the_row_that_is_in_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "ebay", &merge(), &[vec![seller("a", 1), seller("b", 2)]]).await;
    let update = |score: i64| EditWork::Update { key: key("a"), fields: text(&json!({ "score": score })) };
    let first = desk.edit(None, update(5)).await.unwrap().change.unwrap();
    desk.edit(None, update(6)).await.unwrap();
    let error = desk.edit(None, EditWork::Undo(first)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains(r#"row {"id":"a"} has changed since"#), "{error}");
    desk.edit(None, update(5)).await.unwrap();
    desk.edit(None, EditWork::Undo(first)).await.unwrap();
    let error = desk.edit(None, EditWork::Undo(first)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("undone already"), "{error}");
    assert_eq!(desk.rows().await.values().next().unwrap()["score"], 1);
    let error = desk.edit(None, EditWork::Undo(1)).await.unwrap_err();
    assert!(error.message().contains("was no edit but a run"), "{error}");
    assert_eq!(desk.edit(None, EditWork::Undo(99)).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn edits_are_whole_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let error = desk.edit(Some("ebay"), remove(&["a"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "no database is made by an edit");
    assert!(!folder.path().join("busta.db").exists());
    let record = json!({ "id": "a", "score": 1, "price": 1.5, "tags": ["x"], "new": true });
    desk.collect("R1", "ebay", &merge(), &[vec![record]]).await;
    let insert = |record: Value| {
        desk.edit(Some("ebay"), EditWork::Insert(vec![text(&seller("ok", 1)), text(&record)]))
    };
    for (wrong, kind, part) in [
        (json!({ "id": "x", "scroe": 1 }), ErrorKind::Data, "no column `scroe`"),
        (json!({ "id": "x", "score": "many" }), ErrorKind::Data, "`score` holds INTEGER"),
        (json!({ "id": "x", "new": 1 }), ErrorKind::Data, "`new` holds BOOLEAN"),
        (json!({ "score": 1 }), ErrorKind::Data, "`id` is missing"),
        (json!({ "id": "x", "_busta_run": "R" }), ErrorKind::Data, "busta's own"),
        (json!({ "id": "a" }), ErrorKind::Conflict, r#"there is a row {"id":"a"}"#),
        (json!({ "id": "ok" }), ErrorKind::Conflict, "there is a row"),
    ] {
        let error = insert(wrong.clone()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{wrong}: {error}");
        assert!(error.message().contains(part), "{wrong}: {error}");
    }
    assert_eq!(desk.rows().await.len(), 1, "of a refused edit nothing stays");
    let done = insert(json!({ "id": "b", "price": 5, "tags": null })).await.unwrap();
    assert_eq!((done.change, done.records.len()), (Some(2), 2), "refused ones take no number");
    let row: Value = serde_json::from_str(done.records[1].get()).unwrap();
    assert_eq!((&row["price"], row.get("tags")), (&json!(5.0), None));
    let update = |fields: Value| desk.edit(None, EditWork::Update { key: key("b"), fields: text(&fields) });
    let error = update(json!({ "id": "c" })).await.unwrap_err();
    assert!(error.message().contains("is the key"), "{error}");
    let done = update(json!({ "id": "b", "price": null, "score": 3 })).await.unwrap();
    let row: Value = serde_json::from_str(done.records[0].get()).unwrap();
    assert_eq!((row.get("price"), &row["score"], &row["_busta_run"]), (None, &json!(3), &json!("edit-3")));
    let missing = desk.edit(None, remove(&["b", "nobody"])).await.unwrap_err();
    assert!(missing.kind() == ErrorKind::NotFound && missing.message().contains("nobody"), "{missing}");
    assert_eq!(desk.rows().await.len(), 3);
    let many = vec![key("b"); 1001];
    assert!(desk.edit(None, EditWork::Remove(many)).await.unwrap_err().message().contains("too many"));
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "ebay", &merge(), &[vec![seller("a", 1)]]).await;
    let update = |score: i64| EditWork::Update { key: key("a"), fields: text(&json!({ "score": score })) };
    let same = desk.edit(None, update(1)).await.unwrap();
    assert_eq!((same.change, same.count), (None, 1));
    let record: Value = serde_json::from_str(same.records[0].get()).unwrap();
    assert_eq!((&record["_busta_run"], &record["score"]), (&json!("R1"), &json!(1)), "it stands as it was");
    let part = PartQuery::of(TABLE, 10);
    assert_eq!(desk.history().episodes(&part).await.unwrap().items.len(), 1);
    assert_eq!(desk.changes(0).await.len(), 1);
    assert!(desk.edit(None, update(2)).await.unwrap().change.is_some());
}

/// The one who lands in a table may have nothing to say for a long time.
#[tokio::test]
async fn rows_added_for_a_source_that_never_committed_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "ebay", &merge(), &[vec![seller("a", 1)]]).await;
    desk.edit(Some("west"), EditWork::Insert(vec![text(&seller("w", 1))])).await.unwrap();
    let work = EditWork::Update { key: key("w"), fields: text(&json!({ "score": 2 })) };
    assert_eq!(desk.edit(None, work).await.unwrap().records.len(), 1);
    let query =
        ChangesQuery { table: TABLE.into(), key: Some(key("w")), limit: 9, ..ChangesQuery::default() };
    assert_eq!(desk.history().changes(&query).await.unwrap().items.len(), 2);
    desk.edit(None, remove(&["w", "a"])).await.unwrap();
    assert!(desk.rows().await.is_empty());
}

/// A snapshot is a fact about the table, whatever came of the run.
#[tokio::test]
async fn a_run_that_was_not_complete_has_a_snapshot_too() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let spec = merge();
    let begin = async |run: &str| {
        desk.destination.prepare(&run.into(), &"ebay".into(), std::slice::from_ref(&spec)).await.unwrap()
    };
    begin("R1").await;
    desk.commit("R1", "ebay", 0, &[seller("a", 1), seller("b", 1)]).await.unwrap();
    desk.end("R1", "ebay", Status::Partial).await;
    desk.edit(None, remove(&["b"])).await.unwrap();
    let marks = async || desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items;
    let told = |mark: &SnapshotMark| (mark.run.to_string(), mark.status, mark.seq, mark.count);
    let partial = ("R1".to_owned(), Status::Partial, 2, 2);
    assert_eq!(marks().await.iter().map(told).collect::<Vec<_>>(), std::slice::from_ref(&partial));
    assert_eq!(desk.rows_at(Place::Run("R1".into())).await.unwrap().len(), 2);
    // A run that fails before it has written anything leaves to the other what it needs to be resumed.
    begin("R2").await;
    desk.end("R2", "ebay", Status::Failed).await;
    let failed = ("R2".to_owned(), Status::Failed, 3, 1);
    assert_eq!(marks().await.iter().map(told).collect::<Vec<_>>(), [failed.clone(), partial]);
    assert_eq!(begin("R1").await.splits.len(), 1);
    // What it has come to in the end counts.
    desk.commit("R1", "ebay", 1, &[seller("c", 1)]).await.unwrap();
    desk.finish("R1", "ebay").await;
    let completed = ("R1".to_owned(), Status::Completed, 4, 2);
    assert_eq!(marks().await.iter().map(told).collect::<Vec<_>>(), [failed, completed]);
    let episodes = desk.history().episodes(&PartQuery::of(TABLE, 10)).await.unwrap().items;
    let status: Vec<_> = episodes.iter().map(|episode| episode.status).collect();
    assert_eq!(status, [Some(Status::Failed), None, Some(Status::Completed)]);
}

#[tokio::test]
async fn what_is_ignored_is_no_change() {
    for mode in [WriteMode::Merge, WriteMode::Replace] {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        let mut spec = spec(mode);
        spec.dataset.ignore_changes = vec!["seen".to_owned()];
        let found = |score: i64, seen: i64| json!({ "id": "a", "score": score, "seen": seen });
        let rows = async || desk.rows().await.into_values().collect::<Vec<_>>();
        desk.collect("R1", "ebay", &spec, &[vec![found(1, 1)]]).await;
        let again = desk.collect("R2", "ebay", &spec, &[vec![found(1, 2)]]).await;
        assert_eq!(desk.changes(0).await.len(), 1, "{mode:?}");
        if mode == WriteMode::Merge {
            assert_eq!((again[0].updated, again[0].deduped), (0, 1));
            assert_eq!(rows().await, [found(1, 1)], "the row stays as it was written");
        }
        desk.collect("R3", "ebay", &spec, &[vec![found(2, 3)]]).await;
        assert_eq!(rows().await, [found(2, 3)], "{mode:?}");
        // There and back again: what is ignored is no difference either.
        desk.collect("R4", "ebay", &spec, &[vec![found(1, 4)]]).await;
        let between = desk.difference(Place::Run("R1".into()), Place::Now).await.unwrap();
        assert!(between.changed.is_empty(), "{mode:?}: {between:?}");
        // Who says so himself means it.
        let work = EditWork::Update { key: key("a"), fields: text(&json!({ "seen": 9 })) };
        assert!(desk.edit(None, work).await.unwrap().change.is_some());
        assert_eq!(rows().await, [found(1, 9)], "{mode:?}");
    }
}

#[tokio::test]
async fn rows_of_two_sources_with_one_key_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "east", &merge(), &[vec![seller("a", 1)]]).await;
    desk.collect("R1", "west", &merge(), &[vec![seller("a", 2)]]).await;
    let error = desk.edit(None, remove(&["a"])).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("east, west"), "{error}");
    desk.edit(Some("west"), remove(&["a"])).await.unwrap();
    assert_eq!(desk.rows().await.keys().next().unwrap().0, "east");
    let error = desk.edit(None, EditWork::Insert(vec![text(&seller("b", 1))])).await.unwrap_err();
    assert!(error.to_string().contains("source"), "{error}");
}

#[tokio::test]
async fn a_log_begins_with_the_rows_that_are_there_and_ends_when_it_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let plain = StreamSpec { dataset: DatasetSettings::default(), ..merge() };
    desk.collect("R1", "ebay", &plain, &[vec![seller("a", 1), seller("b", 2)]]).await;
    let part = PartQuery::of(TABLE, 10);
    let error = desk.history().episodes(&part).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("change_log: true"), "{error}");
    desk.clock.forward(10);
    desk.collect("R2", "ebay", &merge(), &[vec![seller("b", 3)]]).await;
    assert_eq!(desk.rows_at(Place::Seq(0)).await.unwrap().len(), 2);
    let before = desk.rows_at(Place::At(HandClock::at(5))).await.unwrap_err();
    assert!(before.message().contains("not known before"), "{before}");
    let first = desk.history().snapshots(&part).await.unwrap().items;
    assert_eq!((first[0].run.as_str(), first[0].count, first[0].seq), ("R2", 2, 1));
    // Without a log, rows change unseen: what was before cannot be told any more.
    desk.clock.forward(10);
    desk.collect("R3", "ebay", &plain, &[vec![seller("a", 9), seller("c", 4)]]).await;
    assert!(desk.rows_at(Place::Now).await.unwrap_err().message().contains("switched off"));
    assert_eq!(desk.edit(None, remove(&["a"])).await.unwrap_err().kind(), ErrorKind::NotFound);
    desk.clock.forward(10);
    desk.collect("R4", "ebay", &merge(), &[vec![seller("c", 5)]]).await;
    assert_eq!(desk.rows_at(Place::Seq(1)).await.unwrap().len(), 3, "the place where it begins again");
    assert!(desk.rows_at(Place::Seq(0)).await.is_err());
    assert_eq!(desk.history().snapshots(&part).await.unwrap().items.len(), 2, "the numbers stay");
}

#[tokio::test]
async fn rows_without_a_key_cannot_be_logged() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let spec = StreamSpec { write_mode: WriteMode::Append, ..merge() };
    let error = desk.destination.prepare(&"R".into(), &"ebay".into(), &[spec]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("have no key"), "{error}");
}

#[tokio::test]
async fn a_repeated_finish_and_a_repeated_commit_change_nothing() {
    for mode in [WriteMode::Merge, WriteMode::Replace] {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        let batch = [vec![seller("a", 1), seller("b", 2)]];
        desk.collect("R1", "ebay", &spec(mode), &batch).await;
        desk.clock.forward(10);
        desk.finish("R1", "ebay").await;
        assert_eq!(desk.changes(0).await.len(), 2);
        let marks = desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items;
        assert_eq!((marks.len(), marks[0].at, marks[0].count), (1, HandClock::at(0), 2));
        // The same again in another run: nothing is logged, though `replace` writes all rows anew.
        desk.clock.forward(10);
        desk.collect("R2", "ebay", &spec(mode), &batch).await;
        assert_eq!(desk.changes(0).await.len(), 2, "{mode:?}");
        let marks = desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items;
        assert_eq!((marks.len(), marks[0].seq, marks[0].count), (2, 2, 2));
    }
}

/// Two workers find the same sellers at once: their chunks come in one commit, or in two of two processes.
#[tokio::test]
async fn two_who_find_the_same_seller_at_once_log_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let other = Desk::open_with(folder.path(), desk.clock.clone());
    let spec = merge();
    for one in [&desk, &other] {
        for source in ["ebay", "west"] {
            let streams = std::slice::from_ref(&spec);
            one.destination.prepare(&"R1".into(), &source.into(), streams).await.unwrap();
        }
    }
    let batch: Vec<Value> = (0..50).map(|n| seller(&format!("s{n}"), 1)).collect();
    let chunks = [desk.chunk("R1", "ebay", 0, &batch), desk.chunk("R1", "ebay", 1, &batch)];
    let done = desk.destination.commit(&chunks).await.unwrap();
    let inserted: Vec<u64> = done.into_iter().map(|done| done.unwrap().inserted).collect();
    assert_eq!(inserted, [50, 0]);
    let edits = async {
        for n in 0..10 {
            let work = EditWork::Insert(vec![text(&seller(&format!("by hand {n}"), 1))]);
            desk.edit(Some("ebay"), work).await.unwrap();
        }
    };
    let commits = async {
        for n in 0..10 {
            other.commit("R1", "west", n, &[seller("same", 1), seller(&format!("w{n}"), 1)]).await.unwrap();
        }
    };
    tokio::join!(edits, commits);
    let changes = desk.changes(0).await;
    let counts: Vec<u64> = changes.iter().map(|change| change.count).collect();
    assert_eq!(counts, (1..=71).collect::<Vec<u64>>(), "each is counted once, in one order");
    assert_eq!(desk.rows().await.len(), 71);
}

#[tokio::test]
async fn retention_is_logged_and_ends_the_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    desk.collect("R1", "ebay", &merge(), &[(0..7).map(|n| seller(&n.to_string(), n)).collect()]).await;
    desk.clock.forward(100);
    desk.collect("R2", "ebay", &merge(), &[vec![seller("0", 9), seller("9", 9)]]).await;
    let before = desk.rows_at(Place::Run("R1".into())).await.unwrap();
    assert_eq!(before.len(), 7);
    desk.clock.forward(10);
    assert_eq!(desk.purge("ebay", HandClock::at(50)).await, 6);
    assert_eq!(desk.rows().await.len(), 2);
    let episodes = desk.history().episodes(&PartQuery::of(TABLE, 10)).await.unwrap().items;
    assert_eq!((episodes[0].kind, episodes[0].removed, episodes.len()), (EpisodeKind::Retention, 6, 3));
    assert_eq!(
        desk.rows_at(Place::Run("R2".into())).await.unwrap().len(),
        8,
        "what it removed is still known"
    );
    assert!(
        desk.rows_at(Place::Run("R1".into())).await.is_ok(),
        "it is the place behind the entries that went"
    );
    assert!(desk.rows_at(Place::Seq(6)).await.unwrap_err().message().contains("not known before"));
    assert_eq!(desk.changes(0).await.len(), 2 + 6, "entries of R1 are gone");
    // And in the end what was removed is forgotten, too.
    desk.clock.forward(1000);
    desk.purge("ebay", HandClock::at(1000)).await;
    assert!(desk.rows().await.is_empty());
    let kept = desk.changes(0).await;
    assert_eq!(kept.len(), 2, "only that the last two went: {kept:?}");
    assert_eq!(desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items.len(), 2);
}

/// 100,000 known sellers, 10,000 found, half of them known: the log must not make that slow.
#[tokio::test]
async fn many_known_sellers_are_merged_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let full = |n: usize| {
        json!({ "id": format!("seller{n}"), "name": format!("Seller {n}"), "score": n, "percentage": 99.5,
                "country": "US", "product": format!("B0{n:08}"), "category": "electronics" })
    };
    let known: Vec<Vec<Value>> =
        (0..10).map(|part| (part * 10_000..(part + 1) * 10_000).map(full).collect()).collect();
    desk.collect("R1", "ebay", &merge(), &known).await;
    let found: Vec<Value> = (95_000..105_000).map(full).collect();
    desk.destination.prepare(&"R2".into(), &"ebay".into(), &[merge()]).await.unwrap();
    let chunk = desk.chunk("R2", "ebay", 0, &found);
    let began = Instant::now();
    let done = desk.destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
    desk.finish("R2", "ebay").await;
    let took = began.elapsed();
    assert_eq!((done.inserted, done.deduped), (5_000, 5_000));
    println!("100,000 known, 10,000 found: {} ms", took.as_millis());
    // A second is what it may take; a debug build on a busy machine has some more.
    assert!(took.as_millis() < 5_000, "{took:?}");
    let marks = desk.history().snapshots(&PartQuery::of(TABLE, 10)).await.unwrap().items;
    assert_eq!(marks[0].count, 105_000);
    let began = Instant::now();
    let difference = desk.history();
    let query = busta_core::reading::history::DifferenceQuery {
        table: TABLE.into(),
        from: Place::Run("R1".into()),
        to: Place::Now,
        after: None,
        limit: 1000,
    };
    assert_eq!(difference.difference(&query).await.unwrap().added.len(), 1000);
    println!("a page of the difference: {} ms", began.elapsed().as_millis());
    let began = Instant::now();
    let page = desk.history().rows_at(&Place::Run("R1".into()), &PartQuery::of(TABLE, 1000)).await.unwrap();
    assert_eq!(page.rows.len(), 1000);
    println!("a page of the rows as they were: {} ms", began.elapsed().as_millis());
    let work = remove(&["seller1", "seller2"]);
    let began = Instant::now();
    desk.history().edit(Edit { table: TABLE.into(), source: None, who: "ann".into(), work }).await.unwrap();
    println!("an edit: {} ms", began.elapsed().as_millis());
}

#[tokio::test]
async fn a_row_that_lacks_a_part_of_its_key_is_edited_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path());
    let spec = StreamSpec {
        primary_key: vec!["shop".into(), "id".into()],
        optional_key: vec!["shop".into()],
        ..merge()
    };
    let (alone, of_shop) = (json!({ "id": "a", "score": 1 }), json!({ "shop": "s", "id": "a", "score": 2 }));
    desk.collect("R1", "ebay", &spec, &[vec![alone.clone(), of_shop]]).await;
    let key = RowKey::Value(json!({ "id": "a" }));
    let fields = text(&json!({ "score": 7 }));
    let update = desk.edit(None, EditWork::Update { key: key.clone(), fields }).await.unwrap();
    let told: Value = serde_json::from_str(update.records[0].get()).unwrap();
    assert_eq!((&told["score"], told.get("shop")), (&json!(7), None));
    desk.edit(None, EditWork::Undo(update.change.unwrap())).await.unwrap();
    let removed =
        desk.edit(None, EditWork::Remove(vec![RowKey::Text(r#"[null,"a"]"#.into())])).await.unwrap();
    assert_eq!(removed.count, 1);
    desk.edit(None, EditWork::Undo(removed.change.unwrap())).await.unwrap();
    let query = ChangesQuery { table: TABLE.into(), key: Some(key), limit: 10, ..ChangesQuery::default() };
    let changes = desk.history().changes(&query).await.unwrap().items;
    assert_eq!(changes.len(), 5, "it came, and four edits");
    assert!(changes.iter().all(|change| change.key.get() == r#"{"id":"a"}"#));
    assert_eq!(desk.collect("R2", "ebay", &spec, &[vec![alone]]).await[0].deduped, 1);
}
