//! What else a view lives through: other programs, rows that were there before it, odd columns.

use busta_connectors::registry;
use busta_core::WriteMode;
use busta_core::clock::Clock;
use busta_core::dataset::ViewSettings;
use busta_core::reading::view::{Label, RecentQuery, SentimentQuery};
use busta_core::{Destination, ErrorKind};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Desk, TABLE, spec, view};

fn posts(desk: &Desk, ids: std::ops::Range<i64>) -> Vec<Value> {
    let now = desk.clock.now().timestamp();
    let post = |id: i64| {
        json!({ "id": id, "at": now - id * 60 % 400_000, "group": (["a", "b"][(id % 2) as usize]), "title": "alpha beta",
                "body": if id % 3 == 0 { "gamma" } else { "delta" }, "score": id % 50,
                "s_compound": 0.2, "s_label": "positive" })
    };
    ids.map(post).collect()
}

fn ids_of(page: &busta_core::reading::RowPage) -> Vec<i64> {
    let id = |row: &[u8]| serde_json::from_slice::<Value>(row).unwrap()["id"].as_i64().unwrap();
    page.rows.iter().map(id).collect()
}

/// Another program needs nothing of ours to write, and what it has written counts from our next commit on.
#[tokio::test]
async fn other_programs_may_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), &spec(WriteMode::Merge, Some(view()))).await;
    let records = posts(&desk, 0..60);
    desk.merge(&records).await;
    let other = Connection::open(folder.path().join("busta.db")).unwrap();
    other.execute("DELETE FROM posts WHERE id < 10", []).unwrap();
    other.execute("UPDATE posts SET \"group\" = 'c', _rowid_ = _rowid_ + 1000 WHERE id = 20", []).unwrap();
    other.execute_batch("VACUUM").unwrap();
    other.execute("INSERT OR REPLACE INTO posts SELECT * FROM posts WHERE id = -1", []).unwrap();
    drop(other);
    desk.oracle.rows.retain(|id, _| *id >= 10);
    let mut moved = records[20].clone();
    moved["group"] = json!("c");
    let now = desk.clock.now();
    desk.oracle.rows.remove(&20);
    desk.oracle.merge(&moved, now);
    desk.clock.pass(5);
    let more = posts(&desk, 100..105);
    desk.merge(&more).await;
    desk.check().await;
}

/// Rowids stay what they are also where a table has no key, and so no index of its own.
#[tokio::test]
async fn rows_without_a_key_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), &spec(WriteMode::Append, Some(view()))).await;
    let records = posts(&desk, 0..30);
    desk.write(&records).await;
    let other = Connection::open(folder.path().join("busta.db")).unwrap();
    let rowids = || -> Vec<i64> {
        let mut statement = other.prepare("SELECT _rowid_ FROM posts ORDER BY 1").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    other.execute("DELETE FROM posts WHERE id < 10", []).unwrap();
    let before = rowids();
    other.execute_batch("VACUUM").unwrap();
    assert_eq!((before.len(), rowids()), (20, before));
}

#[tokio::test]
async fn a_view_of_what_is_there_is_built_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), &spec(WriteMode::Merge, None)).await;
    let records = posts(&desk, 0..20_500);
    desk.merge(&records).await;
    let page = RecentQuery { table: TABLE.into(), limit: 1, ..RecentQuery::default() };
    let error = desk.destination.readable().recent(&page).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "there is no view of `posts`"));

    desk.restart(folder.path(), &spec(WriteMode::Merge, Some(view()))).await;
    let query = SentimentQuery { table: TABLE.into(), group: None, hours: desk.hours("200h", "1h") };
    let stats = desk.destination.readable().sentiment(&query).await.unwrap();
    assert_eq!(stats, desk.oracle.sentiment(&query));
    assert_eq!(stats.total.records, 20_500);

    // Taken away, it leaves nothing behind.
    desk.restart(folder.path(), &spec(WriteMode::Merge, None)).await;
    let other = Connection::open(folder.path().join("busta.db")).unwrap();
    let left = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%view%' AND name NOT LIKE '%\\_busta\\_views%' ESCAPE '\\'";
    assert_eq!(other.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Views of another version are no obstacle to those who write, and are made anew by the next run.
#[tokio::test]
async fn a_view_of_another_version_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = spec(WriteMode::Merge, Some(view()));
    let mut desk = Desk::new(folder.path(), &wanted).await;
    let records = posts(&desk, 0..60);
    desk.merge(&records).await;
    let other = Connection::open(folder.path().join("busta.db")).unwrap();
    let aged = "UPDATE _busta_views SET settings = replace(settings, '[2,', '[1,');
        DROP TABLE _busta_view_hours_posts;
        ALTER TABLE _busta_view_words_posts RENAME TO _busta_view_hours_posts;
        ALTER TABLE _busta_view_journal_posts RENAME TO _busta_view_totals_posts";
    other.execute_batch(aged).unwrap();

    let more = posts(&desk, 60..70);
    desk.merge(&more).await;
    let query = SentimentQuery { table: TABLE.into(), group: None, hours: desk.hours("24h", "1h") };
    let error = desk.destination.readable().sentiment(&query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("another version") && error.hint_text().is_some(), "{error}");

    desk.restart(folder.path(), &wanted).await;
    desk.oracle.rebuild();
    desk.check().await;
    let left = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%totals%'";
    assert_eq!(other.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// A question that rests upon a column that is not there is refused, and the end of the run tells of it.
#[tokio::test]
async fn columns_that_are_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ViewSettings { score: Some("points".into()), ..view() };
    let desk = &mut Desk::new(folder.path(), &spec(WriteMode::Merge, Some(settings))).await;
    let page = RecentQuery { table: TABLE.into(), limit: 1, ..RecentQuery::default() };
    assert!(desk.destination.readable().recent(&page).await.is_ok(), "nothing is there yet");
    // One of the texts will do.
    let at = desk.clock.now().timestamp();
    desk.write(&[json!({ "id": 1, "created": at, "title": "alpha", "s_label": "neutral" })]).await;

    let told = |error: busta_core::Error| {
        assert_eq!(error.kind(), ErrorKind::Data);
        assert!(error.hint_text().unwrap().contains("created"), "{error:?}");
        error.message().to_owned()
    };
    let readable = desk.destination.readable();
    let missing = "the view of `posts` is made of columns that the table does not have: `at` (time)";
    assert_eq!(told(readable.recent(&page).await.unwrap_err()), missing);
    let in_group = RecentQuery { group: Some("a".into()), ..page };
    let and_group = format!("{missing}, `group` (group_by)");
    assert_eq!(told(readable.recent(&in_group).await.unwrap_err()), and_group);
    let stats = SentimentQuery { table: TABLE.into(), group: None, hours: desk.hours("24h", "1h") };
    assert_eq!(told(readable.sentiment(&stats).await.unwrap_err()), and_group);
    let trends = desk.trends(None, "24h");
    assert_eq!(told(readable.trending(&trends).await.unwrap_err()), format!("{missing}, `points` (score)"));

    desk.destination.schema_changes();
    desk.finish().await;
    let changes: Vec<String> = desk.destination.schema_changes().into_iter().map(|c| c.change).collect();
    let all = "`at` (time), `group` (group_by), `points` (score)";
    assert_eq!(changes, [format!("its view counts nothing of what the table does not have: {all}")]);
}

#[tokio::test]
async fn pages_are_found_by_text_label_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), &spec(WriteMode::Merge, Some(view()))).await;
    let mut records = posts(&desk, 0..30);
    records[7]["body"] = json!("A Straße in ÉTÉ");
    records[9]["s_label"] = json!("neutral");
    desk.merge(&records).await;
    let destination = std::sync::Arc::clone(&desk.destination);
    let recent = async |query: RecentQuery| {
        let page =
            destination.readable().recent(&RecentQuery { table: TABLE.into(), limit: 50, ..query }).await;
        ids_of(&page.unwrap())
    };
    assert_eq!(
        recent(RecentQuery { text: Some("stra\u{df}e IN été".into()), ..RecentQuery::default() }).await,
        [7]
    );
    let neutral = RecentQuery { label: Some(Label::Neutral), ..RecentQuery::default() };
    assert_eq!(recent(neutral).await, [9]);
    let since = desk.clock.now() - chrono::TimeDelta::minutes(3);
    assert_eq!(recent(RecentQuery { since: Some(since), ..RecentQuery::default() }).await, [0, 1, 2, 3]);
    assert!(recent(RecentQuery { group: Some("none".into()), ..RecentQuery::default() }).await.is_empty());
}

/// Columns that hold anything, or are not there.
#[tokio::test]
async fn odd_values_count_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), &spec(WriteMode::Merge, Some(view()))).await;
    let at = desk.clock.now().timestamp();
    let records = [
        json!({ "id": 1, "at": at, "group": 7, "title": ["alpha"], "score": "many", "s_compound": "x", "s_label": 1 }),
        json!({ "id": 2, "at": {"at": at} }),
        json!({ "id": 3, "at": true, "title": "beta" }),
        json!({ "id": 4, "at": at.to_string(), "group": true, "title": 5, "score": 1.5, "s_compound": 9 }),
        json!({ "id": 5, "at": i64::MAX, "group": "a" }),
        json!({ "id": 6, "at": -at, "group": "x".repeat(100_000), "title": "alpha ".repeat(100_000) }),
    ];
    for record in &records {
        desk.write(std::slice::from_ref(record)).await;
    }
    let query = SentimentQuery { table: TABLE.into(), group: None, hours: desk.hours("1h", "1h") };
    let stats = desk.destination.readable().sentiment(&query).await.unwrap();
    assert_eq!((stats.total.records, stats.total.scored), (2, 1));
    let names: Vec<&str> = stats.groups.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["7", "true"]);
    let page = RecentQuery { table: TABLE.into(), limit: 10, ..RecentQuery::default() };
    assert_eq!(ids_of(&desk.destination.readable().recent(&page).await.unwrap()), [4, 1, 6]);
}

#[tokio::test]
async fn a_destination_without_views_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let context = busta_core::connector::DestinationContext {
        base_dir: folder.path().to_owned(),
        clock: std::sync::Arc::new(busta_core::clock::SystemClock),
    };
    let built = registry::destination("ndjson").unwrap().build;
    let destination: std::sync::Arc<dyn Destination> = built(json!({ "path": "out" }), context).unwrap();
    let settings = spec(WriteMode::Merge, Some(view())).dataset;
    assert!(destination.check_dataset(&settings).is_err());
    let query = RecentQuery { table: TABLE.into(), limit: 1, ..RecentQuery::default() };
    assert_eq!(destination.readable().recent(&query).await.unwrap_err().kind(), ErrorKind::NotFound);
}
