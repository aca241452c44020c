//! Archives through the real binary: what is found, fetched, verified and read, whatever goes wrong meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod discovery;
mod gaps;
mod keyless;
mod kills;
mod rows;
mod sorting;
mod trust;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::origin::Origin;
use support::{COLLECT, Desk, source};

/// The 43 days from 2023-12-25 to 2024-02-05, twice.
const ROWS: i64 = 2 * 43 * 24;

/// Seven days of December, January as a month, five days of February, twice.
const FILES: i64 = 2 * (7 + 1 + 5);

/// A source of klines of two symbols, from December to February, with more keys.
fn klines(base: &str, more: &str) -> String {
    format!(
        "  - name: klines
    type: archive
    preset: binance
    base_url: {base}
    market: spot
    data_type: klines
    symbols: [BTCUSDT, ETHUSDT]
    intervals: [1h]
    from: 2023-12-25
    to: 2024-02-05
{more}"
    )
}

/// One symbol's days of a week.
fn week(base: &str, more: &str) -> String {
    klines(base, more).replace("[BTCUSDT, ETHUSDT]", "BTCUSDT").replace("2024-02-05", "2023-12-31")
}

/// The repository in which those klines are, with more options.
fn world(origin: &Origin, more: &str) -> String {
    format!("{}/archive/symbols=3,intervals=1h+4h,from=2023-12-20,to=2024-02-10{more}", origin.url())
}

/// These sources, into SQLite.
fn desk(sources: &str) -> Desk {
    Desk::new(&format!("destination: {{ type: sqlite, path: out.db }}\nsources:\n{sources}"))
}

/// Changes the configuration.
fn edit(desk: &Desk, from: &str, to: &str) {
    let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
    assert!(yaml.contains(from), "{yaml}");
    desk.write("busta.yaml", yaml.replace(from, to));
}

fn number(desk: &Desk, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn texts(desk: &Desk, sql: &str) -> Vec<String> {
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// All rows, as one text.
fn all_rows(desk: &Desk) -> String {
    let columns =
        "symbol, interval, open_time, open, high, low, close, volume, close_time, quote_volume, count";
    texts(desk, &format!("SELECT concat_ws('|', {columns}) FROM klines ORDER BY symbol, open_time"))
        .join("\n")
}

/// The zip files below a folder, in order.
fn zips(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(zips(&path));
        } else if path.extension().is_some_and(|ending| ending == "zip") {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// How many files the origin was asked for.
fn files(origin: &Origin) -> u64 {
    asked(origin, "/archive/files")
}

/// How often the origin was asked for something of a group.
fn asked(origin: &Origin, group: &str) -> u64 {
    let stats = serde_json::to_value(origin.stats()).unwrap();
    stats["groups"][group]["requests"].as_u64().unwrap_or_else(|| panic!("{stats:#}"))
}

/// A figure of the requests for files.
fn of_files(origin: &Origin, figure: &str) -> u64 {
    let stats = serde_json::to_value(origin.stats()).unwrap();
    stats["groups"]["/archive/files"][figure].as_u64().unwrap_or(0)
}
