//! What has landed, read past busta: with SQLite itself, or straight from the files.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

/// The rows of every table, sorted, without what differs from run to run.
pub type Landed = BTreeMap<String, Vec<String>>;

/// Columns that say when and by which run a row was written.
const OF_THE_RUN: [&str; 2] = ["_busta_run", "_busta_loaded_at"];

pub fn sqlite(path: &Path) -> Landed {
    let db = rusqlite::Connection::open(path).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_busta%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'")
        .unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    tables.into_iter().map(|table| (table.clone(), rows(&db, &table))).collect()
}

/// The logs tell the rows: played from the beginning they give them, each with its run, and the count is right.
pub fn check_logs(path: &Path, tables: &[&str]) {
    let db = rusqlite::Connection::open(path).unwrap();
    for table in tables {
        let sql =
            format!("SELECT source, key, after ->> 0, count, seq FROM \"_busta_log_{table}\" ORDER BY seq");
        let mut log = db.prepare(&sql).unwrap();
        let mut entries = log.query([]).unwrap();
        let mut told = BTreeMap::new();
        while let Some(entry) = entries.next().unwrap() {
            let key = (entry.get::<_, String>(0).unwrap(), format!("{:?}", entry.get_ref_unwrap(1)));
            match entry.get::<_, Option<String>>(2).unwrap() {
                Some(run) => drop(told.insert(key, run)),
                None => drop(told.remove(&key)),
            }
            assert_eq!(entry.get::<_, i64>(3).unwrap(), told.len() as i64, "{table}");
        }
        let sql = format!("SELECT _busta_source, _busta_key, _busta_run FROM \"{table}\"");
        let mut query = db.prepare(&sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok(((row.get::<_, String>(0)?, format!("{:?}", row.get_ref(1)?)), row.get::<_, String>(2)?))
        };
        let rows: BTreeMap<_, _> = query.query_map([], row).unwrap().map(Result::unwrap).collect();
        assert_eq!(told, rows, "{table}");
        let sql = "SELECT count(*) - count(DISTINCT run) FROM _busta_episodes WHERE table_name = ?1";
        let twice: i64 = db.query_row(sql, [table], |row| row.get(0)).unwrap();
        assert_eq!(twice, 0, "{table}: a run is told twice");
    }
}

fn rows(db: &rusqlite::Connection, table: &str) -> Vec<String> {
    let mut query = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let names: Vec<String> = query.column_names().map(str::to_owned).collect();
    let mut rows: Vec<String> = query
        .query_map([], |row| {
            let mut cells = BTreeMap::new();
            for (index, name) in names.iter().enumerate() {
                let value: rusqlite::types::Value = row.get(index)?;
                if !OF_THE_RUN.contains(&name.as_str()) && value != rusqlite::types::Value::Null {
                    cells.insert(name.clone(), format!("{value:?}"));
                }
            }
            Ok(format!("{cells:?}"))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    rows.sort();
    rows
}

/// Reads what anyone sees who globs the folders; everything there must be whole.
pub fn ndjson(folder: &Path) -> Landed {
    let mut landed = Landed::new();
    for table in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = table.file_name().into_string().unwrap();
        if name.starts_with("_busta") {
            continue;
        }
        let mut rows = Vec::new();
        for file in std::fs::read_dir(table.path()).unwrap().map(Result::unwrap) {
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'), "{:?} is cut", file.path());
            rows.extend(text.lines().map(row));
        }
        rows.sort();
        landed.insert(name, rows);
    }
    landed
}

/// Reads what anyone sees who globs the folders for Parquet files; every one must be whole.
#[cfg(feature = "parquet")]
pub fn parquet(folder: &Path) -> Landed {
    let mut landed = Landed::new();
    for table in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = table.file_name().into_string().unwrap();
        if name.starts_with("_busta") {
            continue;
        }
        let mut rows = Vec::new();
        for file in std::fs::read_dir(table.path()).unwrap().map(Result::unwrap) {
            let pages = busta_parquet::ParquetReader::open(std::fs::File::open(file.path()).unwrap());
            for page in pages.unwrap_or_else(|e| panic!("{:?}: {e}", file.path())) {
                rows.extend(page.unwrap().iter().map(|text| row(std::str::from_utf8(text).unwrap())));
            }
        }
        rows.sort();
        landed.insert(name, rows);
    }
    landed
}

fn row(line: &str) -> String {
    let mut row: Map<String, Value> = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    for name in OF_THE_RUN {
        row.remove(name);
    }
    serde_json::to_string(&row).unwrap()
}

/// Panics with what differs, not with everything.
pub fn assert_same(landed: &Landed, expected: &Landed, when: &str) {
    let names = |l: &Landed| l.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(landed), names(expected), "{when}: other tables");
    for (table, expected) in expected {
        let landed = &landed[table];
        let lost: Vec<_> = expected.iter().filter(|row| landed.binary_search(row).is_err()).take(3).collect();
        let added: Vec<_> =
            landed.iter().filter(|row| expected.binary_search(row).is_err()).take(3).collect();
        let twice: Vec<_> = landed.windows(2).filter(|pair| pair[0] == pair[1]).take(3).collect();
        assert!(
            landed == expected,
            "{when}: {table} has {} rows instead of {}; lost {lost:#?}, added {added:#?}, twice {twice:#?}",
            landed.len(),
            expected.len()
        );
    }
}
