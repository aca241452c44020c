//! Measures the way from the CSV of an exchange to Parquet: rows into records, and records into files.
//!
//! `cargo run --release --example archive_rows -p busta-connectors [FOLDER] [MEGABYTES]`
//!
//! Figures are MB of CSV for each second that the process was on a processor, all of its threads together, so
//! that a busy machine changes little.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a measurement for people")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use busta_connectors::registry;
use busta_connectors::sources::archive::layout::Table;
use busta_connectors::sources::archive::preset::preset;
use busta_connectors::sources::archive::rows::{RowsEnd, RowsFile};
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_core::{
    Chunk, Cursor, Destination, Finish, Position, Records, Step, StreamFinish, StreamSpec, WriteMode,
};
use serde_json::{Map, Value, json};
use support::processor_seconds;

/// What a pull asks for.
const BATCH: usize = 1 << 20;
/// So many batches are committed at once.
const PER_COMMIT: usize = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "target/archive_rows".to_owned()));
    let megabytes: usize = args.next().map_or(100, |n| n.parse().expect("a number of megabytes"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, market, text) in [
        ("klines", "spot", klines(megabytes << 20)),
        ("klines", "futures/um", format!("{HEADER}{}", klines(megabytes << 20))),
        ("trades", "spot", trades(megabytes << 20)),
    ] {
        let table = table(name, market);
        let path = folder.join(format!("{name}.csv"));
        fs::write(&path, &text).unwrap();
        let mb = text.len() as f64 / 1e6;
        for _ in 0..2 {
            let (seconds, records) = timed(|| rows(&path, &table, |_| {}));
            println!("{name:7} {market:11} rows              {:6.0} MB/s  ({records} records)", mb / seconds);
        }
        let (seconds, ()) = timed(|| parquet(&path, &table, &folder));
        println!("{name:7} {market:11} rows + file       {:6.0} MB/s", mb / seconds);
        for destination in ["ndjson", "parquet"] {
            let lake = folder.join("lake");
            let started = processor_seconds();
            let shares = collect(&path, &table, &lake, destination).await;
            let seconds = processor_seconds() - started;
            println!("{name:7} {market:11} rows + {destination:7}    {:6.0} MB/s  {shares}", mb / seconds);
            fs::remove_dir_all(&lake).unwrap();
        }
        fs::remove_file(&path).unwrap();
    }
    let _ = fs::remove_dir_all(&folder);
}

fn table(name: &str, market: &str) -> Arc<Table> {
    let types = preset("binance").unwrap().data_types;
    let found =
        types.into_iter().find(|known| known.name == name && known.markets.iter().any(|m| m == market));
    Arc::new(found.unwrap().table.unwrap())
}

fn about() -> Map<String, Value> {
    json!({"symbol": "BTCUSDT", "interval": "1s"}).as_object().unwrap().clone()
}

fn rows(path: &Path, table: &Arc<Table>, mut each: impl FnMut(Records)) -> u64 {
    let mut file = RowsFile::open(path, table, &about(), "klines.csv", None).unwrap();
    loop {
        let batch = file.read(BATCH).unwrap();
        each(batch.records);
        if let RowsEnd::Done(quality) = batch.end {
            assert_eq!(quality.failed_rows, 0);
            return quality.rows;
        }
    }
}

/// Straight into one file, without staging.
fn parquet(path: &Path, table: &Arc<Table>, folder: &Path) {
    use busta_parquet::{ParquetWriter, Shape, WriteOptions};
    let file = folder.join("straight.parquet");
    let mut writer = None;
    rows(path, table, |records| {
        let writer = writer.get_or_insert_with(|| {
            let sink = fs::File::create(&file).unwrap();
            ParquetWriter::create(sink, &Shape::of(&records), &WriteOptions::default()).unwrap()
        });
        assert!(writer.take(&records).unwrap());
    });
    writer.unwrap().close().unwrap();
}

/// The whole way that a run takes: staging, commits, finish.
async fn collect(path: &Path, table: &Arc<Table>, lake: &Path, kind: &str) -> String {
    let destination = open(lake, kind);
    let (run, source, stream) = ("R1".into(), "binance".into(), "rows".into());
    let spec = StreamSpec { write_mode: WriteMode::Append, ..StreamSpec::new("rows", vec![]) };
    destination.prepare(&run, &source, std::slice::from_ref(&spec)).await.unwrap();
    let mut file = RowsFile::open(path, table, &about(), "klines.csv", None).unwrap();
    let (mut n, mut done) = (0, false);
    let mut shares = [0.0; 4];
    while !done {
        let mut chunks = Vec::new();
        while !done && chunks.len() < PER_COMMIT {
            let started = processor_seconds();
            let batch = file.read(BATCH).unwrap();
            shares[0] += processor_seconds() - started;
            done = matches!(batch.end, RowsEnd::Done(_));
            let started = processor_seconds();
            chunks.push(Chunk {
                staged: Some(destination.stage(&run, &source, &stream, &batch.records)),
                step: Some(Step { split: "s".into(), from: position(n), to: position(n + 1) }),
                run: Clone::clone(&run),
                source: Clone::clone(&source),
                stream: Clone::clone(&stream),
                failures: vec![],
                high: None,
                found: vec![],
                starts: vec![],
            });
            shares[1] += processor_seconds() - started;
            n += 1;
        }
        let started = processor_seconds();
        for outcome in destination.commit(&chunks).await.unwrap() {
            outcome.unwrap();
        }
        shares[2] += processor_seconds() - started;
    }
    let started = processor_seconds();
    let streams = vec![StreamFinish { stream, starts: vec![] }];
    destination.finish(&Finish::completed(run, source, streams)).await.unwrap();
    shares[3] += processor_seconds() - started;
    let [rows, stage, commit, finish] = shares;
    format!("(rows {rows:.2} s, stage {stage:.2} s, commit {commit:.2} s, finish {finish:.2} s)")
}

fn open(folder: &Path, kind: &str) -> Arc<dyn Destination> {
    let context =
        DestinationContext { base_dir: std::env::current_dir().unwrap(), clock: Arc::new(SystemClock) };
    (registry::destination(kind).unwrap().build)(json!({ "path": folder }), context).unwrap()
}

fn position(n: usize) -> Position {
    if n == 0 { Position::Start } else { Position::At(Cursor::encode(&n).unwrap()) }
}

const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";

/// Klines of a second, as spot has them since 2025.
fn klines(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 200);
    let (mut time, mut price, mut chance) = (1_735_689_600_000_000u64, 9_357_600i64, Chance(1));
    while text.len() < bytes {
        price += chance.below(2001) - 1000;
        let (high, low) = (price + chance.below(900), price - chance.below(900));
        let close = price + chance.below(1000) - 500;
        let (volume, share) = (chance.below(900_000_000), chance.below(100));
        let quote = i128::from(volume) * i128::from(price) / 100;
        writeln!(
            text,
            "{time},{}00000,{}00000,{}00000,{}00000,{},{},{},{},{},{},0",
            cents(price),
            cents(high),
            cents(low),
            cents(close),
            eighths(volume.into()),
            time + 999_999,
            eighths(quote),
            chance.below(4000),
            eighths((volume * share / 100).into()),
            eighths(quote * i128::from(share) / 100),
        )
        .unwrap();
        time += 1_000_000;
    }
    text
}

/// Trades of spot.
fn trades(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 200);
    let (mut time, mut price, mut chance) = (1_704_067_200_000u64, 4_228_358i64, Chance(2));
    for id in 3_343_000_000u64.. {
        if text.len() >= bytes {
            break;
        }
        time += chance.below(50) as u64;
        price += chance.below(21) - 10;
        let quantity = chance.below(40_000) * 1000;
        let quote = i128::from(quantity) * i128::from(price) / 100;
        let is_maker = if chance.below(2) == 0 { "True" } else { "False" };
        writeln!(
            text,
            "{id},{}000000,{},{},{time},{is_maker},True",
            cents(price),
            eighths(quantity.into()),
            eighths(quote)
        )
        .unwrap();
    }
    text
}

fn cents(price: i64) -> String {
    format!("{}.{:02}", price / 100, price % 100)
}

fn eighths(number: i128) -> String {
    format!("{}.{:08}", number / 100_000_000, number % 100_000_000)
}

/// Numbers without rhyme or reason, the same ones each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 1) as i64 % limit
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = processor_seconds();
    let result = work();
    (processor_seconds() - started, result)
}
