//! The `parquet` destination against the conformance suite.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_testkit::conformance::destination::Place;
use serde_json::{Value, json};

fn place(keys: Value) -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place::new(move || {
        let context = DestinationContext { base_dir: folder.path().to_owned(), clock: Arc::new(SystemClock) };
        (registry::destination("parquet").unwrap().build)(keys.clone(), context).unwrap()
    })
}

mod plain {
    fn new() -> super::Place {
        super::place(super::json!({"path": "lake"}))
    }
    busta_testkit::destination_conformance!(steady new);
}

mod small_files {
    fn new() -> super::Place {
        super::place(super::json!({"path": "a/lake", "file_size": 100}))
    }
    busta_testkit::destination_conformance!(steady new);
}

mod in_folders {
    fn new() -> super::Place {
        let by = super::json!(["v", { "field": "at", "by": "day" }]);
        super::place(super::json!({"path": "lake", "file_size": 100, "partition_by": by}))
    }
    busta_testkit::destination_conformance!(steady new);
}

mod files {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicBool, Ordering};

    use busta_core::{Destination, Finish, StreamFinish, StreamSpec, WriteMode};
    use busta_parquet::ParquetReader;
    use busta_testkit::landing::Landing;

    use super::*;

    fn open(folder: &Path, keys: Value) -> Arc<dyn Destination> {
        let context = DestinationContext { base_dir: folder.to_owned(), clock: Arc::new(SystemClock) };
        (registry::destination("parquet").unwrap().build)(keys, context).unwrap()
    }

    async fn prepare(destination: &dyn Destination, run: &str) {
        let streams = [
            StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("appended", vec![]) },
            StreamSpec::new("merged", vec!["id".into()]),
        ];
        destination.prepare(&run.into(), &"shop".into(), &streams).await.unwrap();
    }

    async fn write(destination: &dyn Destination, run: &str, stream: &str, split: &str, records: &[String]) {
        let landing = Landing::new(run, "shop", stream, split);
        landing.write(destination, records.iter().map(String::as_str)).await.unwrap();
    }

    async fn finish(destination: &dyn Destination, run: &str) {
        let done = |name: &str| StreamFinish { stream: name.into(), starts: vec![] };
        let streams = vec![done("appended"), done("merged")];
        destination.finish(&Finish::completed(run.into(), "shop".into(), streams)).await.unwrap();
    }

    /// The Parquet files below a folder.
    fn globbed(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                found.extend(globbed(&path));
            } else {
                assert_eq!(path.extension().unwrap(), "parquet", "{}", path.display());
                found.push(path);
            }
        }
        found
    }

    /// `None` if the file has been removed meanwhile.
    fn rows_in(path: &Path) -> Option<Vec<Value>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            file => file.unwrap(),
        };
        let pages = ParquetReader::open(file).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut rows = Vec::new();
        for page in pages {
            rows.extend(page.unwrap().iter().map(|row| serde_json::from_slice::<Value>(row).unwrap()));
        }
        Some(rows)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reader_that_globs_sees_only_complete_files() {
        let folder = tempfile::tempdir().unwrap();
        let keys = json!({"path": "lake", "file_size": 500, "partition_by": ["colour"]});
        let destination = open(folder.path(), keys);
        let (tables, done) = (folder.path().join("lake"), Arc::new(AtomicBool::new(false)));
        let reader = std::thread::spawn({
            let done = Arc::clone(&done);
            move || {
                let (mut seen, mut last) = (BTreeSet::new(), false);
                while !std::mem::replace(&mut last, done.load(Ordering::SeqCst)) {
                    for path in ["appended", "merged"].iter().flat_map(|table| globbed(&tables.join(table))) {
                        if let Some(rows) = rows_in(&path) {
                            assert!(!rows.is_empty(), "{}", path.display());
                            seen.insert(path);
                        }
                    }
                }
                seen.len()
            }
        });
        for run in ["R1", "R2"] {
            prepare(&*destination, run).await;
            for page in 0..30 {
                let record = |n: usize| {
                    let pad = "x".repeat(200);
                    format!(
                        r#"{{"id":{n},"colour":"{}","run":"{run}","pad":"{pad}"}}"#,
                        ["red", "b/w"][n % 2]
                    )
                };
                let records: Vec<String> = (page * 20..page * 20 + 20).map(record).collect();
                for stream in ["appended", "merged"] {
                    write(&*destination, run, stream, &format!("{stream} {page}"), &records).await;
                }
            }
            finish(&*destination, run).await;
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().unwrap() >= 4);
        let lake = folder.path().join("lake");
        let count = |table: &str| -> usize {
            globbed(&lake.join(table)).iter().map(|path| rows_in(path).unwrap().len()).sum()
        };
        assert_eq!((count("appended"), count("merged")), (1200, 600));
        let names: BTreeSet<_> =
            std::fs::read_dir(lake.join("merged")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["colour=b%2Fw", "colour=red"]);
    }

    /// Columns that come late, and types that widen, are in all files made from then on; older files stay as they are
    /// if that is wanted.
    #[tokio::test]
    async fn the_shape_of_a_table_only_widens() {
        let folder = tempfile::tempdir().unwrap();
        let destination = open(folder.path(), json!({"path": "lake", "rewrite_widened": false}));
        let pages = [r#"{"a":1}"#, r#"{"a":1.5,"b":"x"}"#, r#"{"b":"y"}"#];
        for (n, record) in pages.iter().enumerate() {
            let run = format!("R{n}");
            prepare(&*destination, &run).await;
            write(&*destination, &run, "appended", "s", &[(*record).to_owned()]).await;
            finish(&*destination, &run).await;
        }
        let mut files = globbed(&folder.path().join("lake/appended"));
        files.sort();
        let kinds: Vec<Vec<String>> = files
            .iter()
            .map(|path| {
                let shape = ParquetReader::open(File::open(path).unwrap()).unwrap().shape().unwrap();
                let own = shape.columns().iter().filter(|column| !column.name().starts_with("_busta_"));
                own.map(|column| format!("{} {}", column.name(), column.kind())).collect()
            })
            .collect();
        assert_eq!(kinds, [vec!["a Int"], vec!["a Float", "b Text"], vec!["a Float", "b Text"]]);
    }

    /// Large enough that the file is made while the rows still come; columns that appear on the way make
    /// it begin anew.
    #[tokio::test]
    async fn files_made_ahead_hold_every_row() {
        for appears in [3, 39, 1000] {
            let folder = tempfile::tempdir().unwrap();
            let destination = open(folder.path(), json!({"path": "lake"}));
            prepare(&*destination, "R1").await;
            for page in 0..40 {
                let extra = if page < appears { "" } else { r#""late":true,"# };
                let record = |n: usize| format!(r#"{{"id":{n},{extra}"pad":"{}"}}"#, "x".repeat(2000));
                let records: Vec<String> = (page * 50..page * 50 + 50).map(record).collect();
                write(&*destination, "R1", "merged", &format!("{page}"), &records).await;
            }
            finish(&*destination, "R1").await;
            let files = globbed(&folder.path().join("lake/merged"));
            assert_eq!(files.len(), 1);
            let ids: Vec<u64> =
                rows_in(&files[0]).unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (0..2000).collect::<Vec<_>>());
            assert_eq!(std::fs::read_dir(folder.path().join("lake/_busta/ahead")).unwrap().count(), 0);
        }
    }

    /// What the columns of each file hold, but for busta's own.
    fn kinds(folder: &Path, table: &str) -> Vec<String> {
        let shown = |path: &PathBuf| {
            let shape = ParquetReader::open(File::open(path).unwrap()).unwrap().shape().unwrap();
            let own = shape.columns().iter().filter(|column| !column.name().starts_with("_busta"));
            own.map(|column| format!("{} {}", column.name(), column.kind())).collect::<Vec<_>>().join(", ")
        };
        let mut kinds: Vec<_> = globbed(&folder.join("lake").join(table)).iter().map(shown).collect();
        kinds.sort();
        kinds
    }

    fn texts(rows: &[Value]) -> Vec<String> {
        rows.iter().map(Value::to_string).collect()
    }

    async fn both(destination: &dyn Destination, run: &str, rows: &[Value]) {
        prepare(destination, run).await;
        for stream in ["appended", "merged"] {
            write(destination, run, stream, &format!("{stream} {run}"), &texts(rows)).await;
        }
        finish(destination, run).await;
    }

    #[tokio::test]
    async fn older_files_get_the_wider_types_of_newer_ones() {
        let folder = tempfile::tempdir().unwrap();
        let destination = open(folder.path(), json!({"path": "lake"}));
        let first =
            [json!({"id": 1, "v": 1, "other": 1, "late": null}), json!({"id": 2, "v": 2, "other": 1})];
        both(&*destination, "R1", &first).await;
        both(&*destination, "R2", &[json!({"id": 3, "other": 2})]).await;
        for table in ["appended", "merged"] {
            let found = kinds(folder.path(), table);
            assert_eq!(
                found, ["id Int, late Text, other Int, v Int"; 2],
                "{table}: the second has all columns"
            );
        }
        let untouched = globbed(&folder.path().join("lake/appended"));
        both(&*destination, "R3", &[json!({"id": 4, "new": true})]).await;
        let now = globbed(&folder.path().join("lake/appended"));
        assert!(
            untouched.iter().all(|file| now.contains(file)),
            "a new column is no reason to write anything anew"
        );
        both(&*destination, "R4", &[json!({"id": 5, "v": 1.5, "late": 7})]).await;
        both(&*destination, "R5", &[json!({"id": 1, "v": "x"})]).await;
        for table in ["appended", "merged"] {
            let found = kinds(folder.path(), table);
            assert_eq!(found.len(), 5, "{table}");
            let typed = |file: &String| file.starts_with("id Int, late Int, other Int, v Text");
            assert!(found.iter().all(typed), "{table}: {found:?}");
            let mut rows: Vec<Value> = globbed(&folder.path().join("lake").join(table))
                .iter()
                .flat_map(|path| rows_in(path).unwrap())
                .collect();
            rows.sort_by_key(|row| (row["id"].as_u64(), row["v"].to_string()));
            let values: Vec<_> =
                rows.iter().map(|row| (row["id"].as_u64().unwrap(), row["v"].clone())).collect();
            // By way of decimals, which they were for a while.
            let old = (1, json!("1.0"));
            let rest =
                [(1, json!("x")), (2, json!("2.0")), (3, Value::Null), (4, Value::Null), (5, json!("1.5"))];
            match table {
                "merged" => assert_eq!(values, rest),
                _ => assert_eq!(values, [&[old][..], &rest[..]].concat()),
            }
        }
        let scratch =
            |name: &str| std::fs::read_dir(folder.path().join("lake/_busta").join(name)).unwrap().count();
        assert_eq!((scratch("staging"), scratch("trash"), scratch("ahead")), (0, 0, 0));
    }

    #[tokio::test]
    async fn files_that_are_told_apart_by_a_wider_column_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let destination = open(folder.path(), json!({"path": "lake"}));
        both(&*destination, "R1", &[json!({"id": 1, "v": 1}), json!({"id": 2, "v": 1})]).await;
        both(&*destination, "R2", &[json!({"id": "1", "v": 1.5})]).await;
        assert_eq!(kinds(folder.path(), "appended"), ["id Text, v Float"; 2]);
        assert_eq!(kinds(folder.path(), "merged"), ["id Int, v Int", "id Text, v Float"]);
        both(&*destination, "R3", &[json!({"id": 2, "v": 3})]).await;
        let tables = destination.readable().tables().await.unwrap();
        let rows = tables.iter().find(|table| table.name == "merged").unwrap().rows;
        assert_eq!(rows, 3, "1, 2 and \"1\"");
    }
}
