//! Batches of columns in the order of their keys, which a lake knows by the least and the greatest of them: what
//! meets is compared row by row, also where it lies in files whose pages end elsewhere.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::columns::{Cell, Column, Columns, Values};
use busta_core::connector::DestinationContext;
use busta_core::{
    Chunk, Cursor, Destination, Finish, Position, Records, RunId, Step, StreamFinish, StreamSpec, WriteMode,
};
use serde_json::{Value, json};

struct Lake {
    destination: Arc<dyn Destination>,
    /// What should be there: the value of each key.
    expected: BTreeMap<String, i64>,
    runs: u32,
    _folder: tempfile::TempDir,
}

impl Lake {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = DestinationContext { base_dir: folder.path().to_owned(), clock: Arc::new(SystemClock) };
        let keys = json!({ "path": "lake" });
        let destination = (registry::destination("parquet").unwrap().build)(keys, context).unwrap();
        Self { destination, expected: BTreeMap::new(), runs: 0, _folder: folder }
    }

    /// A run that brings these batches, all rows with the value `v`.
    async fn run(&mut self, batches: Vec<(Vec<String>, Records)>, v: i64) {
        self.runs += 1;
        let (run, source): (RunId, _) = (format!("R{}", self.runs).into(), "shop".into());
        let spec =
            StreamSpec { write_mode: WriteMode::Merge, ..StreamSpec::new("trades", vec!["id".to_owned()]) };
        self.destination.prepare(&run, &source, &[spec]).await.unwrap();
        for (n, (keys, records)) in batches.into_iter().enumerate() {
            let at =
                |n: usize| if n == 0 { Position::Start } else { Position::At(Cursor::encode(&n).unwrap()) };
            let chunk = Chunk {
                staged: Some(self.destination.stage(&run, &source, &"trades".into(), &records)),
                failures: Vec::new(),
                step: Some(Step { split: "all".into(), from: at(n), to: at(n + 1) }),
                run: run.clone(),
                source: source.clone(),
                stream: "trades".into(),
                high: None,
                found: Vec::new(),
                starts: Vec::new(),
            };
            self.destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
            self.expected.extend(keys.into_iter().map(|key| (key, v)));
        }
        let streams = vec![StreamFinish { stream: "trades".into(), starts: vec![] }];
        self.destination.finish(&Finish::completed(run, source, streams)).await.unwrap();
        self.judge().await;
    }

    async fn judge(&self) {
        let mut scan = self.destination.readable().scan("trades").await.unwrap();
        let (mut found, mut rows) = (BTreeMap::new(), 0);
        while let Some(page) = scan.next().await.unwrap() {
            for row in page.iter() {
                let row: Value = serde_json::from_slice(row).unwrap();
                let key = row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned);
                found.insert(key, row["v"].as_i64().unwrap());
                rows += 1;
            }
        }
        assert_eq!(rows, self.expected.len(), "rows after run {}", self.runs);
        assert!(found == self.expected, "each key has its newest value after run {}", self.runs);
    }
}

/// A batch of columns with ascending keys.
fn columns(keys: Range<i64>, v: i64) -> (Vec<String>, Records) {
    let list = vec![Column::new("id", Values::Ints(vec![])), Column::new("v", Values::Ints(vec![]))];
    let mut columns = Columns::new(list);
    for key in keys.clone() {
        columns.column_mut(0).push(Cell::Int(key));
        columns.column_mut(1).push(Cell::Int(v));
        columns.end_row();
    }
    (keys.map(|key| key.to_string()).collect(), Records::of_columns(columns))
}

fn text(key: &str, v: i64) -> (Vec<String>, Records) {
    let record = json!({ "id": key, "v": v }).to_string();
    (vec![key.to_owned()], [record.as_str()].into_iter().collect())
}

#[tokio::test]
async fn all_rows_may_come_again_changed() {
    let mut lake = Lake::new();
    lake.run(vec![columns(0..5_000, 1), columns(5_000..10_000, 1)], 1).await;
    lake.run(vec![columns(0..5_000, 2), columns(5_000..10_000, 2)], 2).await;
}

#[tokio::test]
async fn some_rows_may_come_again_changed() {
    let mut lake = Lake::new();
    lake.run(vec![columns(0..5_000, 1), columns(5_000..10_000, 1), columns(20_000..23_000, 1)], 1).await;
    lake.run(vec![columns(4_500..9_000, 2), columns(22_999..24_000, 2)], 2).await;
    lake.run(vec![columns(30_000..31_000, 3)], 3).await;
}

/// In a file whose column holds texts too, numbers are texts.
#[tokio::test]
async fn keys_stay_numbers_beside_keys_that_are_texts() {
    let mut lake = Lake::new();
    lake.run(vec![columns(0..5_000, 1), text("A7", 1), columns(5_000..10_000, 1)], 1).await;
    lake.run(vec![columns(100..6_000, 2)], 2).await;
    lake.run(vec![text("A7", 3), columns(0..10_000, 3)], 3).await;
}
