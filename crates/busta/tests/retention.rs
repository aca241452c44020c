//! What is too old goes, and nothing else, also when the server dies while it cleans.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fmt::Write;

use busta_connectors::destinations::sqlite::PURGE_FAILPOINTS;
use rusqlite::Connection;
use serde_json::Value;
use support::Desk;
use support::server::Server;

/// Two of three of these are made old: three steps of two thousand.
const ROWS: u64 = 9000;
const STEP: u64 = 2000;

/// Rows that land while it cleans.
const MORE: u64 = 300;

const CONFIG: &str = "state: { path: state.db }
destination: { type: sqlite, path: out.db }
retention: { every: 1s }
server: { initial_delay: 0s }
sources:
  - { name: drops, type: files, paths: [in/*.ndjson], stream: drops, primary_key: id, retention: 1d }
  - { name: kept, type: files, paths: [kept.ndjson], stream: kept, primary_key: id }
";

fn lines(ids: impl Iterator<Item = u64>) -> String {
    ids.fold(String::new(), |mut text, id| {
        let _ = writeln!(text, "{{\"id\":{id},\"what\":\"row {id}\"}}");
        text
    })
}

/// A desk on which old and young records and failures lie.
fn desk() -> Desk {
    let desk = Desk::new(CONFIG);
    desk.write("in/first.ndjson", lines(0..ROWS) + "no record\nnor this\n");
    desk.write("kept.ndjson", lines(0..30));
    let (ended, _) = desk.collect(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let db = Connection::open(desk.file("out.db")).unwrap();
    let long_ago = "2020-02-02T02:02:02.000Z";
    for table in ["drops", "kept"] {
        let sql = format!("UPDATE {table} SET _busta_loaded_at = ?1 WHERE id % 3 <> 0");
        assert!(db.execute(&sql, [long_ago]).unwrap() > 0);
    }
    let first =
        "UPDATE _busta_failures SET at = ?1 WHERE _rowid_ = (SELECT min(_rowid_) FROM _busta_failures)";
    assert_eq!(db.execute(first, [long_ago]).unwrap(), 1);
    desk
}

/// The rows of a table, whole, by their id.
fn rows(desk: &Desk, table: &str, which: &str) -> Vec<String> {
    let db = Connection::open(desk.file("out.db")).unwrap();
    let sql = format!("SELECT id, what, _busta_run, _busta_loaded_at FROM {table} WHERE {which} ORDER BY id");
    let mut query = db.prepare(&sql).unwrap();
    let text = |row: &rusqlite::Row<'_>| {
        let id: i64 = row.get(0)?;
        let rest: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        Ok(format!("{id} {rest:?}"))
    };
    query.query_map([], text).unwrap().map(Result::unwrap).collect()
}

fn count(page: &Value, table: &str) -> u64 {
    let all = page["items"].as_array().unwrap();
    let found = all.iter().find(|dataset| dataset["name"] == table);
    found.map_or(0, |dataset| dataset["rows"].as_u64().unwrap())
}

#[test]
fn a_server_that_dies_while_it_cleans_goes_on_at_its_next_start() {
    for point in PURGE_FAILPOINTS {
        let desk = desk();
        let (young, kept) = (rows(&desk, "drops", "id % 3 = 0"), rows(&desk, "kept", "true"));
        let mut server = Server::start_to_die_at(&desk, point, 2);
        assert_ne!(server.ended(), 0);
        let steps = if point.ends_with("before_commit") { 1 } else { 2 };
        let left = rows(&desk, "drops", "id % 3 <> 0").len() as u64;
        assert_eq!(left, ROWS / 3 * 2 - steps * STEP, "after {point}: whole steps");
        assert_eq!(rows(&desk, "drops", "id % 3 = 0"), young, "after {point}");

        desk.write("in/second.ndjson", lines(ROWS..ROWS + MORE));
        let mut server = Server::start(&desk);
        server.until_run(&server.collect(), "completed");
        let all = ROWS / 3 + MORE;
        server.until("/api/v1/datasets", |page| count(page, "drops") == all);
        let failures = server.until("/api/v1/failures", |page| page["items"].as_array().unwrap().len() == 1);
        assert!(failures["items"][0]["at"].as_str().unwrap() > "2020-12-31");
        server.signal("-TERM");
        assert_eq!(server.ended(), 0);
        let old = format!("id < {ROWS}");
        assert_eq!(rows(&desk, "drops", &old), young, "{point}: what was young is as it was");
        assert_eq!(rows(&desk, "drops", "true").len() as u64, all);
        assert_eq!(rows(&desk, "kept", "true"), kept, "{point}: no retention, and nothing goes");
    }
}

#[test]
fn runs_and_events_are_forgotten_but_for_the_newest() {
    let desk = Desk::new(
        &CONFIG.replace("{ every: 1s }", "{ every: 1s, runs: 1s, keep_runs: 2, events: 1d, max_events: 3 }"),
    );
    desk.write("in/first.ndjson", lines(0..10));
    desk.write("kept.ndjson", lines(0..10));
    let server = Server::start(&desk);
    let ids: Vec<String> = (0..4)
        .map(|_| {
            let id = server.collect();
            server.until_run(&id, "completed");
            id
        })
        .collect();
    let page = server.until("/api/v1/runs", |page| page["items"].as_array().unwrap().len() == 2);
    let left: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(left, [&ids[3], &ids[2]]);
    // At most so many: what is only shown live takes numbers too.
    let events = server.until("/api/v1/activity", |page| page["items"].as_array().unwrap().len() <= 3);
    let newest = &events["items"][0];
    assert_eq!(
        (&newest["run"], &newest["action"]),
        (&Value::from(ids[3].as_str()), &Value::from("complete"))
    );
    assert_eq!(server.all("/api/v1/datasets", 1), ["drops", "kept"], "records stay");
}
