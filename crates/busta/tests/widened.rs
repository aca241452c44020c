//! A column gets a wider type: all files of its table have it at the end, also of a run that died on the way, and
//! readers find one table where they read the folder as their manuals do.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;

use busta_parquet::ParquetReader;
use busta_testkit::judges;
use serde_json::{Value, json};
use support::Desk;

const CONFIG: &str = "destination: { type: parquet, path: lake, file_size: 1KiB }
sources:
  - { name: rows, type: files, paths: ['in/*.ndjson'], primary_key: id }
";

/// The rows of a run. What was a whole number, a decimal, a truth, a time or nothing at all becomes something else.
fn rows(run: usize) -> Vec<Value> {
    let row = |n: usize| match run {
        0 => {
            json!({"id": n, "a": n, "b": n, "c": n as f64 + 0.5, "d": true, "e": "2024-01-31T23:59:59.000001Z",
                    "f": null, "g": {"x": n}, "h": "text", "i": n})
        }
        _ => {
            json!({"id": n + 100, "a": n as f64 + 0.25, "b": format!("b{n}"), "c": "c", "d": "d", "e": "later",
                    "f": n, "g": {"x": "y"}, "h": ["list"], "i": n})
        }
    };
    let mut rows: Vec<Value> = (0..60).map(row).collect();
    if run > 0 {
        // And some rows that are there already.
        rows.extend((0..5).map(|n| json!({"id": n, "a": 0.5, "i": n})));
    }
    rows
}

fn write(desk: &Desk, run: usize) {
    let lines: Vec<String> = rows(run).iter().map(Value::to_string).collect();
    desk.write(&format!("in/{run}.ndjson"), lines.join("\n"));
}

/// The types of all files, and the rows.
fn landed(desk: &Desk) -> (BTreeSet<String>, Vec<String>) {
    let (mut types, mut rows) = (BTreeSet::new(), Vec::new());
    for file in std::fs::read_dir(desk.file("lake/rows")).unwrap().map(|file| file.unwrap().path()) {
        let reader = ParquetReader::open(File::open(file).unwrap()).unwrap();
        let shape = reader.shape().unwrap();
        types.extend(shape.columns().iter().map(|column| format!("{} {}", column.name(), column.kind())));
        for page in reader {
            let stamped = page
                .unwrap()
                .iter()
                .map(|row| serde_json::from_slice::<Value>(row).unwrap())
                .collect::<Vec<_>>();
            rows.extend(stamped.into_iter().map(|mut row| {
                let fields = row.as_object_mut().unwrap();
                fields.retain(|name, value| !name.starts_with("_busta") && !value.is_null());
                row.to_string()
            }));
        }
    }
    rows.sort();
    (types, rows)
}

fn two_runs() -> Desk {
    let desk = Desk::new(CONFIG);
    write(&desk, 0);
    desk.collect_well(&[]);
    write(&desk, 1);
    desk
}

const TYPES: [&str; 13] = [
    "_busta_loaded_at Text",
    "_busta_run Text",
    "_busta_source Text",
    "a Float",
    "b Text",
    "c Text",
    "d Text",
    "e Text",
    "f Int",
    "g Json",
    "h Json",
    "i Int",
    "id Int",
];

#[cfg(feature = "failpoints")]
#[test]
fn a_run_that_dies_while_files_get_wider_types_is_gone_on_with() {
    let desk = two_runs();
    desk.collect_well(&[]);
    let (types, expected) = landed(&desk);
    assert_eq!(types, TYPES.map(str::to_owned).into());
    assert_eq!(expected.len(), 120);
    let points = ["settled", "rewritten", "trashed", "evened"].map(|point| format!("parquet.finish.{point}"));
    let moves = ["before_rename", "after_rename"].map(|point| format!("parquet.seal.{point}"));
    for point in points.iter().chain(&moves) {
        let mut died = 0;
        // The last is a file that gets a wider type, wherever those of the run itself came to it too.
        for nth in [1, 2, 3, 4] {
            let desk = two_runs();
            let mut command = desk.command(&support::COLLECT);
            let ended = command.env("BUSTA_FAILPOINT", format!("{point}:{nth}")).output().unwrap();
            let code = support::exit_code(ended.status);
            if code == 0 {
                break;
            }
            assert_eq!(code, 134, "{point}:{nth}: {}", String::from_utf8_lossy(&ended.stderr));
            died += 1;
            desk.collect_well(&["--resume"]);
            let (types, rows) = landed(&desk);
            assert_eq!(types, TYPES.map(str::to_owned).into(), "{point}:{nth}");
            assert!(rows == expected, "{point}:{nth}: {} rows", rows.len());
        }
        assert!(died > 0, "{point} is never passed");
    }
}

#[test]
fn others_read_a_folder_with_wider_types_as_one_table() {
    let Some(python) = judges::python() else { return };
    let desk = two_runs();
    desk.collect_well(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/widened.py");
    let output = Command::new(python).arg(script).arg(desk.file("lake/rows")).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "a judge has found something; see above");
}
