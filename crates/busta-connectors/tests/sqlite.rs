//! What only the sqlite destination promises: how values are stored, what other programs see, and
//! what it says when something is in its way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{
    Chunk, Committed, Cursor, Destination, Error, ErrorKind, Finish, Position, Records, Result, Step,
    StreamFinish, StreamSpec, WriteMode,
};
use rusqlite::Connection;
use serde_json::{Value, json};

fn open(folder: &Path, keys: Value) -> Arc<dyn Destination> {
    let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
    (registry::destination("sqlite").unwrap().build)(keys, context).unwrap()
}

fn quick() -> Value {
    json!({ "busy_timeout": "20ms" })
}

async fn prepare(destination: &Arc<dyn Destination>, source: &str, spec: &StreamSpec) -> Result<()> {
    destination.prepare(&"R".into(), &source.into(), std::slice::from_ref(spec)).await.map(drop)
}

fn chunk(destination: &Arc<dyn Destination>, source: &str, split: &str, records: &[&str]) -> Chunk {
    let records: Records = records.iter().copied().collect();
    Chunk {
        run: "R".into(),
        source: source.into(),
        stream: "orders".into(),
        step: Some(Step { split: split.into(), from: Position::Start, to: Position::Done }),
        staged: Some(destination.stage(&"R".into(), &source.into(), &"orders".into(), &records)),
        failures: vec![],
        high: None,
        found: vec![],
        starts: vec![],
    }
}

async fn write(
    destination: &Arc<dyn Destination>,
    source: &str,
    split: &str,
    records: &[&str],
) -> Result<Committed> {
    let chunk = chunk(destination, source, split, records);
    destination.commit(&[chunk]).await?.pop().unwrap()
}

fn orders(mode: WriteMode) -> StreamSpec {
    StreamSpec { write_mode: mode, ..StreamSpec::new("orders", vec!["id".into()]) }
}

/// A destination with the records written, each batch in a commit of its own.
async fn filled(folder: &Path, batches: &[&[&str]]) -> Arc<dyn Destination> {
    let destination = open(folder, quick());
    prepare(&destination, "shop", &orders(WriteMode::Append)).await.unwrap();
    for (n, batch) in batches.iter().enumerate() {
        write(&destination, "shop", &n.to_string(), batch).await.unwrap();
    }
    destination
}

async fn rows(destination: &Arc<dyn Destination>) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut scan = destination.readable().scan("orders").await.unwrap();
    while let Some(page) = scan.next().await.unwrap() {
        for text in page.iter() {
            let mut row: Value = serde_json::from_slice(text).unwrap();
            row.as_object_mut().unwrap().retain(|name, _| !name.starts_with("_busta_"));
            rows.push(row);
        }
    }
    rows
}

fn other_program(folder: &Path) -> Connection {
    Connection::open(folder.join("busta.db")).unwrap()
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn assert_sound(folder: &Path) {
    assert_eq!(texts(&other_program(folder), "PRAGMA integrity_check"), ["ok"]);
}

/// Not only the same number, but the same JSON: 2.0 does not become 2, in whatever order they come.
#[tokio::test]
async fn values_keep_their_form() {
    let values =
        ["1", "2.0", "\"007\"", "true", "[1.0]", "9007199254740993", "18446744073709551615", "-0.5", "1e300"];
    for first in 0..values.len() {
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<String> =
            (0..values.len()).map(|n| format!(r#"{{"v":{}}}"#, values[(first + n) % values.len()])).collect();
        let batches: Vec<[&str; 1]> = records.iter().map(|r| [r.as_str()]).collect();
        let batches: Vec<&[&str]> = batches.iter().map(|b| &b[..]).collect();
        let destination = filled(folder.path(), &batches).await;
        let expected: Vec<Value> = records.iter().map(|r| serde_json::from_str(r).unwrap()).collect();
        assert_eq!(rows(&destination).await, expected);
        drop(destination);
        assert_sound(folder.path());
    }
}

/// Columns declare their types, and SQL gives what one expects, also in a widened column.
#[tokio::test]
async fn other_programs_read_typed_columns() {
    let folder = tempfile::tempdir().unwrap();
    let record = r#"{"id":1,"price":2,"paid":true,"rate":0.5,"name":"n","tags":["a","b"]}"#;
    let destination = filled(folder.path(), &[&[record], &[r#"{"id":2,"price":2.5}"#]]).await;
    let other = other_program(folder.path());
    let declared = texts(&other, "SELECT name || ' ' || type FROM pragma_table_info('orders') ORDER BY cid");
    let expected = [
        "id INTEGER",
        "price ",
        "paid BOOLEAN",
        "rate REAL",
        "name TEXT",
        "tags JSON TEXT",
        "_busta_run TEXT",
        "_busta_source TEXT",
        "_busta_loaded_at TEXT",
    ];
    assert_eq!(declared, expected);
    assert_eq!(texts(&other, "SELECT cast(sum(price) AS TEXT) FROM orders WHERE price > 1.5"), ["4.5"]);
    assert_eq!(texts(&other, "SELECT name FROM orders WHERE paid AND tags ->> 1 = 'b'"), ["n"]);
    assert_eq!(texts(&other, "SELECT DISTINCT _busta_source || _busta_run FROM orders"), ["shopR"]);
    assert_eq!(texts(&other, "PRAGMA journal_mode"), ["wal"]);
    let changes: Vec<String> = destination.schema_changes().into_iter().map(|c| c.change).collect();
    assert!(changes.contains(&"new column tags (JSON)".to_owned()), "{changes:?}");
    assert_eq!(changes.last().unwrap(), "price: INTEGER -> REAL");
    assert!(destination.schema_changes().is_empty());
}

/// A user may add columns and indexes of his own; columns still widen.
#[tokio::test]
async fn a_table_changed_by_hand_still_works() {
    let folder = tempfile::tempdir().unwrap();
    let destination = filled(folder.path(), &[&[r#"{"id":1,"v":2.0,"w":1}"#]]).await;
    other_program(folder.path())
        .execute_batch("ALTER TABLE orders ADD COLUMN note; CREATE INDEX mine ON orders (v); CREATE VIEW w AS SELECT w FROM orders")
        .unwrap();
    write(&destination, "shop", "next", &[r#"{"id":2,"v":"007","w":"x","new":1}"#]).await.unwrap();
    let expected = [json!({"id":1,"v":2.0,"w":1}), json!({"id":2,"v":"007","w":"x","new":1})];
    assert_eq!(rows(&destination).await, expected);
    assert_sound(folder.path());
}

/// Where the declaration is not ours any more, the column is copied.
#[tokio::test]
async fn a_column_declared_by_hand_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let destination = filled(folder.path(), &[&[r#"{"id":1,"v":1}"#]]).await;
    other_program(folder.path())
        .execute_batch(
            "ALTER TABLE orders DROP COLUMN v; ALTER TABLE orders ADD COLUMN v INT; UPDATE orders SET v = 1",
        )
        .unwrap();
    write(&destination, "shop", "next", &[r#"{"id":2,"v":"007"}"#]).await.unwrap();
    assert_eq!(rows(&destination).await, [json!({"id":1,"v":1}), json!({"id":2,"v":"007"})]);
    assert_sound(folder.path());
}

/// Two processes may write to one file, each its own sources, and see each other's columns.
#[tokio::test]
async fn two_processes_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = orders(WriteMode::Merge);
    let (one, two) = (open(folder.path(), json!({})), open(folder.path(), json!({})));
    prepare(&one, "shop", &spec).await.unwrap();
    prepare(&two, "mill", &spec).await.unwrap();
    for (n, v) in ["1", "\"x\"", "[1]", "true"].iter().enumerate() {
        let record = format!(r#"{{"id":{n},"V":{v},"own {n}":{v}}}"#);
        write(&one, "shop", &n.to_string(), &[&record]).await.unwrap();
        write(&two, "mill", &n.to_string(), &[&record]).await.unwrap();
    }
    assert_eq!(rows(&one).await.len(), 8);
    drop((one, two));
    assert_sound(folder.path());
}

/// A run that finds nothing new leaves the file as it was, byte for byte.
#[tokio::test]
async fn asking_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("busta.db");
    let merged = orders(WriteMode::Merge);
    let destination = open(folder.path(), quick());
    prepare(&destination, "shop", &merged).await.unwrap();
    write(&destination, "shop", "s", &[r#"{"id":1}"#]).await.unwrap();
    drop(destination);
    let before = std::fs::read(&file).unwrap();
    let by_number = StreamSpec { primary_key: vec!["number".into()], ..merged.clone() };
    for (run, spec) in [("R", &merged), ("R2", &merged), ("R2", &by_number)] {
        let destination = open(folder.path(), quick());
        destination.prepare(&run.into(), &"shop".into(), std::slice::from_ref(spec)).await.unwrap();
        let wal = std::fs::metadata(folder.path().join("busta.db-wal")).map_or(0, |meta| meta.len());
        assert_eq!(wal, 0, "nothing in the log either");
        drop(destination);
        assert!(std::fs::read(&file).unwrap() == before, "run {run} has written to the database");
        assert!(!folder.path().join("busta.db-wal").exists());
    }
}

/// A run that another process has taken over cannot write any more.
#[tokio::test]
async fn a_run_that_was_taken_over_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (open(folder.path(), json!({})), open(folder.path(), json!({})));
    prepare(&old, "shop", &orders(WriteMode::Append)).await.unwrap();
    new.prepare(&"R2".into(), &"shop".into(), &[orders(WriteMode::Append)]).await.unwrap();
    let theirs = Chunk { run: "R2".into(), ..chunk(&new, "shop", "s", &[]) };
    new.commit(&[theirs]).await.unwrap().pop().unwrap().unwrap();
    let error = write(&old, "shop", "s", &[r#"{"id":1}"#]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(rows(&new).await.is_empty());
}

/// While somebody holds the lock: a clear error, nothing written, and the same chunk goes later.
#[tokio::test]
async fn a_locked_database_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let destination = filled(folder.path(), &[]).await;
    let other = other_program(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let chunk = chunk(&destination, "shop", "s", &[r#"{"id":1}"#]);
    let error = destination.commit(std::slice::from_ref(&chunk)).await.unwrap_err();
    assert_says(&error, ErrorKind::Unavailable, &["locked", "busta.db", "busy_timeout"]);
    assert!(rows(&destination).await.is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(destination.commit(&[chunk]).await.unwrap().pop().unwrap().unwrap().inserted, 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("busta.db");
    std::fs::write(&file, "once upon a time, there was no database here. ".repeat(50)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = prepare(&open(folder.path(), quick()), "shop", &orders(WriteMode::Append)).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["not an SQLite database", "destination.path"]);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_newer_layout_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), &[]).await);
    other_program(folder.path()).execute_batch("UPDATE _busta_meta SET value = 99").unwrap();
    let destination = open(folder.path(), quick());
    let error = prepare(&destination, "shop", &orders(WriteMode::Append)).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["newer busta", "99"]);
    assert_eq!(destination.readable().tables().await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_database_of_an_older_version_gets_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), &[&[r#"{"id":1}"#]]).await);
    other_program(folder.path()).execute_batch("DROP TABLE _busta_held_starts").unwrap();
    let destination = open(folder.path(), quick());
    prepare(&destination, "shop", &orders(WriteMode::Replace)).await.unwrap();
    let mut chunk = chunk(&destination, "shop", "new", &[r#"{"id":2}"#]);
    chunk.starts = vec![("file".into(), Cursor::from_stored("7"))];
    destination.commit(&[chunk]).await.unwrap().pop().unwrap().unwrap();
    let streams = vec![StreamFinish { stream: "orders".into(), starts: vec![] }];
    destination.finish(&Finish::completed("R".into(), "shop".into(), streams)).await.unwrap();
    let starts = texts(&other_program(folder.path()), "SELECT key || ' ' || cursor FROM _busta_starts");
    assert_eq!(starts, ["file 7"]);
    assert_eq!(rows(&destination).await, [json!({"id": 2})]);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    other_program(folder.path())
        .execute_batch("CREATE TABLE Orders (a); INSERT INTO Orders VALUES (1)")
        .unwrap();
    let error = prepare(&open(folder.path(), quick()), "shop", &orders(WriteMode::Append)).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["orders", "did not make", "table:"]);
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = open(folder.path(), json!({ "path": "no/such/data.db" }));
    let error = prepare(&elsewhere, "shop", &orders(WriteMode::Append)).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["no/such", "does not exist"]);
    assert!(!folder.path().join("no").exists());
    let default = open(&folder.path().join("project"), json!({}));
    prepare(&default, "shop", &orders(WriteMode::Append)).await.unwrap();
    assert!(folder.path().join("project/busta.db").exists());
}

/// SQLite would go on writing to a file that is gone, and everything would be lost at the end.
#[tokio::test]
async fn a_removed_folder_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("data");
    let destination = filled(&inner, &[&[r#"{"id":1}"#]]).await;
    std::fs::remove_dir_all(&inner).unwrap();
    let error = write(&destination, "shop", "next", &[r#"{"id":2}"#]).await.unwrap_err();
    assert_says(&error, ErrorKind::Unavailable, &["gone"]);
}

#[tokio::test]
async fn reading_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path(), quick());
    let error = destination.readable().tables().await.unwrap_err();
    assert_says(&error, ErrorKind::NotFound, &["no collected data", "busta sources collect"]);
    assert!(!folder.path().join("busta.db").exists(), "reading makes no file");
    other_program(folder.path()).execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(destination.readable().tables().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_database_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("busta.db");
    drop(filled(folder.path(), &[]).await);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&file).is_ok() {
        // The superuser may write to anything, so there is nothing to see.
        return;
    }
    let error = prepare(&open(folder.path(), quick()), "shop", &orders(WriteMode::Append)).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["read-only"]);
}

#[tokio::test]
async fn streams_that_cannot_be_stored_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let destination = open(folder.path(), quick());
    for table in ["sqlite_x", "_busta_splits", "", "a\0b"] {
        let spec = StreamSpec { table: table.into(), ..orders(WriteMode::Append) };
        assert_eq!(prepare(&destination, "shop", &spec).await.unwrap_err().kind(), ErrorKind::Config);
    }
    let unkeyed = StreamSpec { primary_key: vec![], ..orders(WriteMode::Merge) };
    assert_says(
        &prepare(&destination, "shop", &unkeyed).await.unwrap_err(),
        ErrorKind::Config,
        &["no key", "primary_key"],
    );
    let twins = [
        orders(WriteMode::Replace),
        StreamSpec { table: "ORDERS".into(), ..StreamSpec::new("lines", vec![]) },
    ];
    let error = destination.prepare(&"R".into(), &"shop".into(), &twins).await.unwrap_err();
    assert_says(&error, ErrorKind::Config, &["share the table"]);
}

#[test]
fn wrong_keys_are_named() {
    let build = |keys| {
        let context = DestinationContext { base_dir: ".".into(), clock: Arc::new(SystemClock) };
        match (registry::destination("sqlite").unwrap().build)(keys, context) {
            Ok(_) => panic!("must be refused"),
            Err(problems) => problems[0].to_string(),
        }
    };
    assert!(build(json!({ "pth": "x" })).contains("unknown field `pth`"));
    assert!(build(json!({ "path": "" })).contains("path"));
    assert!(build(json!({ "path": "data/" })).contains("is a folder"));
    assert!(build(json!({ "busy_timeout": "soon" })).contains("busy_timeout"));
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

/// Several processes may make the file at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_may_be_made_by_many() {
    let folder = tempfile::tempdir().unwrap();
    let opening: Vec<_> = (0..8)
        .map(|n| {
            let destination = open(folder.path(), json!({}));
            tokio::spawn(async move {
                let source = format!("source {n}");
                prepare(&destination, &source, &orders(WriteMode::Append)).await?;
                write(&destination, &source, "s", &[r#"{"id":1}"#]).await
            })
        })
        .collect();
    for opened in opening {
        assert_eq!(opened.await.unwrap().unwrap().inserted, 1);
    }
    assert_sound(folder.path());
}
