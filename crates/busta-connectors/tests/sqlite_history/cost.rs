use super::desk::{Desk, spec};
use busta_core::{DatasetSettings, StreamSpec, WriteMode};
use serde_json::{Value, json};
use std::time::Instant;

#[tokio::test]
#[ignore]
async fn cost() {
    let full = |n: usize, v: usize| {
        json!({ "id": format!("seller{n}"), "name": format!("Seller {n}"), "score": v, "percentage": 99.5,
                "country": "US", "product": format!("B0{n:08}"), "category": "electronics" })
    };
    for logged in [false, true, false, true] {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path());
        let plain = StreamSpec { dataset: DatasetSettings::default(), ..spec(WriteMode::Merge) };
        let spec = if logged { spec(WriteMode::Merge) } else { plain };
        let mut told = String::new();
        for (run, v) in [("R1", 0), ("R2", 0), ("R3", 1)] {
            desk.destination.prepare(&run.into(), &"e".into(), std::slice::from_ref(&spec)).await.unwrap();
            let chunks: Vec<_> = (0..10)
                .map(|part| {
                    let rows: Vec<Value> = (part * 10_000..(part + 1) * 10_000).map(|n| full(n, v)).collect();
                    desk.chunk(run, "e", part, &rows)
                })
                .collect();
            let began = Instant::now();
            for chunk in chunks {
                desk.destination.commit(&[chunk]).await.unwrap().remove(0).unwrap();
            }
            desk.finish(run, "e").await;
            told += &format!(" {} ms", began.elapsed().as_millis());
        }
        let size = std::fs::metadata(folder.path().join("busta.db")).unwrap().len();
        println!("logged {logged}: insert, same, change of 100,000:{told}; {} MB", size >> 20);
    }
}
