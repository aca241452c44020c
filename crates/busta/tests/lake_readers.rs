//! DuckDB, Polars and pyarrow read a lake of Parquet files: three runs, more columns in each, hive folders.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use busta_testkit::judges;
use serde_json::{Value, json};
use support::Desk;

const CONFIG: &str = "destination:
  type: parquet
  path: lake
  file_size: 2KiB
  partition_by: [country, { field: at, by: month }]
sources:
  - { name: rows, type: files, paths: ['in/*.ndjson'] }
";

const COUNTRIES: [Option<&str>; 5] = [Some("FR"), Some("b/w"), Some("ü = 1%"), Some("007"), None];

/// The rows of a run: integers first, then other numbers and new columns.
fn rows(run: usize) -> Vec<Value> {
    let row = |n: usize| {
        let mut row = json!({
            "id": run * 1000 + n,
            "at": format!("2024-{:02}-15T12:00:00.5Z", n % 3 + 1),
            "count": n as i64 - 9_007_199_254_740_993,
            "value": n,
            "text": format!("row {n}, \"quoted\"\n\u{1F600}"),
            "nested": {"n": n, "list": [1, null, "x"]},
        });
        if let Some(country) = COUNTRIES[n % 5] {
            row["country"] = json!(country);
        }
        if run > 0 {
            row["value"] = json!(n as f64 + 0.25);
            row["flag"] = json!(n.is_multiple_of(2));
        }
        if run > 1 {
            row["late"] = json!(format!("late {n}"));
        }
        row
    };
    (0..100).map(row).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn others_read_a_lake() {
    let Some(python) = judges::python() else { return };
    let desk = Desk::new(CONFIG);
    let mut all = Vec::new();
    for run in 0..3 {
        let lines: Vec<String> = rows(run).iter().map(Value::to_string).collect();
        desk.write(&format!("in/{run}.ndjson"), lines.join("\n"));
        assert_eq!(desk.collect_well(&[])["records"], 100);
        all.extend(lines);
    }
    desk.write("expected.ndjson", all.join("\n"));
    let lake = desk.file("lake/rows");
    assert!(files(&lake).len() >= 45, "{:?}", files(&lake));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/lake.py");
    let output =
        Command::new(python).arg(script).arg(&lake).arg(desk.file("expected.ndjson")).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "a judge has found something; see above");
}

/// Three Parquet files of pyarrow with the types that people have, of which none has quite the columns of another.
#[test]
fn others_read_what_came_from_their_own() {
    let Some(python) = judges::python() else { return };
    let desk = Desk::new(
        "destination: { type: parquet, path: lake }
sources:
  - { name: rows, type: files, paths: [in] }
",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/tables.py");
    let judge = |act: &str| {
        let folders = [desk.file("in"), desk.file("lake/rows")];
        let output = Command::new(&python).arg(script).arg(act).args(folders).output().unwrap();
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{act}: a judge has found something; see above");
    };
    judge("write");
    assert_eq!(desk.collect_well(&[])["records"], 60_000);
    judge("compare");
}
