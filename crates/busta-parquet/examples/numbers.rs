//! How fast columns are written: rows like trades, whose numbers repeat as those of an exchange do, or do not.
//!
//! `cargo run --release -p busta-parquet --example numbers [FILE]`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use busta_core::columns::{Column, Columns, Values};
use busta_core::{Records, Result};
use busta_parquet::{ParquetWriter, Shape, WriteOptions};

const BATCHES: usize = 400;
const ROWS: usize = 5_000;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/tmp/numbers.parquet".to_owned());
    for different in [5_000, 10_000, 20_000, 60_000, 1_000_000_000] {
        let batches: Vec<Records> = (0..BATCHES).map(|n| batch(n, different)).collect();
        for _ in 0..2 {
            let started = processor_seconds();
            let sink = std::fs::File::create(&path).unwrap();
            let mut writer = ParquetWriter::create(sink, &Shape::of(&batches[0]), &WriteOptions::default())?;
            for batch in &batches {
                assert!(writer.take(batch)?);
            }
            let written = writer.close()?;
            let took = processor_seconds() - started;
            let mb = (BATCHES * ROWS * 42) as f64 / 1e6;
            let size = written.bytes as f64 / (BATCHES * ROWS) as f64;
            println!(
                "{different} different: {took:.3} s, {:.0} MB/s of values, {size:.2} bytes a row",
                mb / took
            );
        }
    }
    Ok(())
}

fn batch(n: usize, different: u64) -> Records {
    let rows = (n * ROWS) as u64..((n + 1) * ROWS) as u64;
    let draw = |row: u64, salt: u64| {
        let mut x = (row % different.max(1)).wrapping_add(salt << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 29;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ x >> 32
    };
    let price = |row: u64| (4_000_000 + (draw(row, 1) % 20_000)) as f64 / 100.0;
    let amount = |row: u64| (draw(row, 2) % 40_000_000) as f64 / 100_000.0;
    let list = vec![
        Column::new("id", Values::Ints(rows.clone().map(|row| 3_000_000_000 + row as i64).collect())),
        Column::new("price", Values::Floats(rows.clone().map(price).collect())),
        Column::new("qty", Values::Floats(rows.clone().map(amount).collect())),
        Column::new(
            "quote",
            Values::Floats(rows.clone().map(|row| (price(row) * amount(row) * 1e4).round() / 1e4).collect()),
        ),
        Column::new(
            "time",
            Values::Times(
                rows.clone()
                    .map(|row| 1_704_067_200_000_000 + 8_000 * row as i64 + (draw(row, 3) % 8) as i64 * 1000)
                    .collect(),
            ),
        ),
        Column::new("maker", Values::Bools(rows.clone().map(|row| draw(row, 4) % 2 == 0).collect())),
        Column::new("best", Values::Bools(rows.map(|_| true).collect())),
    ];
    Records::of_columns(
        Columns::of(ROWS, list).unwrap().with("symbol", "\"BTCUSDT\"").with("_busta_run", "\"0190\""),
    )
}

/// The seconds that this thread has been running: the first number of its `schedstat`, in nanoseconds.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
