//! Reading back: tables, columns, rows, failures.

use async_trait::async_trait;
use busta_core::destination::{Readable, SchemaChange};
use busta_core::{
    Checkpoint, Chunk, Committed, Destination, Error, ErrorKind, Finish, Position, Records, Result, RunId,
    SourceName, Staged, StreamName, StreamSpec, WriteMode,
};

use super::destination::*;
use super::destination_steps::failure;

/// Tables have their names and row counts, columns their names in the order of the fields.
pub async fn tables_and_columns_are_readable(new: fn() -> Place) {
    let named = StreamSpec { table: "the orders".into(), ..stream("m", WriteMode::Merge) };
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append), named]).await;
    desk.write("a", "s", &[r#"{"x":1}"#, r#"{"x":2}"#]).await;
    desk.write("m", "t", &[r#"{"id":1,"name":"n","tags":[1]}"#]).await;
    desk.restart().await;
    let readable = desk.destination.readable();
    let mut tables: Vec<_> = readable.tables().await.unwrap().into_iter().map(|t| (t.name, t.rows)).collect();
    tables.sort();
    assert_eq!(tables, [("a".to_owned(), 2), ("the orders".to_owned(), 1)]);
    let columns = readable.columns("the orders").await.unwrap();
    let fields: Vec<_> = columns
        .iter()
        .filter(|c| !c.name.starts_with("_busta_"))
        .map(|c| (c.name.as_str(), c.primary_key))
        .collect();
    assert_eq!(fields, [("id", true), ("name", false), ("tags", false)]);
    assert!(columns.iter().all(|c| !c.kind.is_empty()));
}

/// A table that is not there is `NotFound`, and the error names those that are.
pub async fn what_is_not_there_is_not_found(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("orders", WriteMode::Append)]).await;
    desk.write("orders", "s", &[r#"{"x":1}"#]).await;
    let readable = desk.destination.readable();
    let error = readable.columns("ordres").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("orders"), "{error}");
    assert_eq!(readable.scan("ordres").await.err().unwrap().kind(), ErrorKind::NotFound);
}

/// A scan of many pages gives every row once, in stored order.
pub async fn a_long_scan_gives_every_row(new: fn() -> Place) {
    let desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    let records: Vec<String> = (0..5_000).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    for (page, records) in records.chunks(1_000).enumerate() {
        let texts: Vec<&str> = records.iter().map(String::as_str).collect();
        desk.write("a", &format!("s{page}"), &texts).await;
    }
    let rows = desk.rows("a").await;
    let expected: Vec<_> = (0..5_000).map(|n| serde_json::json!({ "n": n })).collect();
    same_list(&rows, &expected);
}

/// What is committed after a scan began is not part of it, and does not disturb it.
pub async fn a_scan_sees_one_state(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("r", WriteMode::Replace)]).await;
    let records: Vec<String> = (0..3_000).map(|n| format!(r#"{{"id":{n},"v":"old"}}"#)).collect();
    desk.write("r", "s", &records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    desk.finish(&["r"]).await;
    desk.restart_as("R2").await;
    let mut scan = desk.destination.readable().scan("r").await.unwrap();
    let mut old = scan.next().await.unwrap().unwrap().len();
    desk.write("r", "s", &[r#"{"id":1,"v":"new"}"#]).await;
    desk.finish(&["r"]).await;
    while let Some(page) = scan.next().await.unwrap() {
        old += page.iter().filter(|text| !String::from_utf8_lossy(text).contains("new")).count();
    }
    assert_eq!(old, 3_000);
    desk.expect("r", &[r#"{"id":1,"v":"new"}"#]).await;
}

/// Failures are read back as they were stored, of one run or of all, as many as are asked for.
pub async fn failures_are_readable(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    for run in ["R1", "R2"] {
        desk.restart_as(run).await;
        let mut chunk = desk.chunk("a", "s", Position::Start, Position::Done, &[]);
        chunk.failures = (0..3).map(|n| failure(&desk, "s", Some(&n.to_string()), "ä \"quoted\"")).collect();
        let expected = chunk.failures.clone();
        desk.put(chunk).await;
        let mut stored = desk.destination.readable().failures(Some(&run.into()), 10).await.unwrap();
        stored.sort_by(|a, b| a.position.cmp(&b.position));
        assert_eq!(stored, expected);
    }
    assert_eq!(desk.failures().await.len(), 6);
    assert_eq!(desk.destination.readable().failures(None, 4).await.unwrap().len(), 4);
    assert!(desk.destination.readable().failures(Some(&"R9".into()), 4).await.unwrap().is_empty());
}

/// Stands in for a destination while it is closed.
pub(super) struct Nowhere;

#[async_trait]
impl Destination for Nowhere {
    async fn prepare(&self, _: &RunId, _: &SourceName, _: &[StreamSpec]) -> Result<Checkpoint> {
        Err(closed())
    }

    fn stage(&self, _: &RunId, _: &SourceName, _: &StreamName, _: &Records) -> Staged {
        panic!("the destination is closed")
    }

    async fn commit(&self, _: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        Err(closed())
    }

    async fn finish(&self, _: &Finish) -> Result<()> {
        Err(closed())
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        Vec::new()
    }

    fn readable(&self) -> &dyn Readable {
        panic!("the destination is closed")
    }
}

fn closed() -> Error {
    Error::bug("the destination is closed")
}
