//! Real klines, written back in every form of the exchange, come out as they were. Real zips open right.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

use std::fmt::Write as _;
use std::io::Write as _;

use busta_core::json::field;
use busta_parquet::ParquetReader;
use busta_testkit::judges::real_data;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::sources::archive::preset::preset;

/// The forms in which the exchange has written klines.
struct Form {
    market: &'static str,
    per_milli: i64,
    header: bool,
    line_break: &'static str,
}

const FORMS: [Form; 6] = [
    Form { market: "spot", per_milli: 1, header: false, line_break: "\n" },
    Form { market: "spot", per_milli: 1000, header: false, line_break: "\n" },
    Form { market: "futures/um", per_milli: 1, header: false, line_break: "\n" },
    Form { market: "futures/um", per_milli: 1, header: true, line_break: "\n" },
    Form { market: "futures/um", per_milli: 1, header: true, line_break: "\r\n" },
    Form { market: "futures/cm", per_milli: 1, header: true, line_break: "\n" },
];

const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";

/// The fields of the truth in the order of a kline, with the name that each has in a record of COIN-M.
const FIELDS: [(&str, &str); 8] = [
    ("open", "open"),
    ("high", "high"),
    ("low", "low"),
    ("close", "close"),
    ("volume", "volume"),
    ("quote_asset_volume", "base_volume"),
    ("taker_buy_volume", "taker_buy_volume"),
    ("taker_buy_quote_volume", "taker_buy_base_volume"),
];

fn truth(path: &Path) -> Vec<Vec<u8>> {
    let pages = ParquetReader::open(std::fs::File::open(path).unwrap()).unwrap();
    pages.flat_map(|page| page.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

fn raw<'a>(row: &'a [u8], name: &str) -> &'a str {
    field(row, name).unwrap_or_else(|| panic!("no {name} in {}", String::from_utf8_lossy(row)))
}

/// A time in milliseconds.
fn millis(row: &[u8], name: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(raw(row, name).trim_matches('"')).unwrap().timestamp_millis()
}

/// A number to its last bit, which `serde_json` alone does not give.
fn number(row: &[u8], name: &str) -> f64 {
    raw(row, name).parse().unwrap()
}

fn csv(rows: &[Vec<u8>], form: &Form) -> String {
    let mut text = String::new();
    if form.header {
        write!(text, "{HEADER}{}", form.line_break).unwrap();
    }
    for row in rows {
        let open = millis(row, "open_time");
        // The exchange ends a kline at the last tick of its clock.
        let close = (open + 3_600_000) * form.per_milli - 1;
        // As many decimals as it takes for the double, eight at least.
        let text_of = |name: &str| decimals(number(row, name));
        let [o, h, l, c, v, q, b, t] = FIELDS.map(|(name, _)| text_of(name));
        let count = raw(row, "count");
        let open = open * form.per_milli;
        write!(text, "{open},{o},{h},{l},{c},{v},{close},{q},{count},{b},{t},0{}", form.line_break).unwrap();
    }
    text
}

fn decimals(number: f64) -> String {
    let short = format!("{number:.8}");
    if short.parse() == Ok(number) { short } else { number.to_string() }
}

fn zipped(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = ZipWriter::new(file.reopen().unwrap());
    writer.start_file("BTCUSDT-1h-2024-01.csv", SimpleFileOptions::default()).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
    file
}

fn check(name: &str, rows: &[Vec<u8>], form: &Form) {
    let types = preset("binance").unwrap().data_types;
    let is_it = |known: &crate::sources::archive::layout::DataType| {
        known.name == "klines" && known.markets.iter().any(|market| market == form.market)
    };
    let table = Arc::new(types.into_iter().find(is_it).unwrap().table.unwrap());
    let about = json!({"symbol": "BTCUSDT", "interval": "1h"}).as_object().unwrap().clone();
    let zip = zipped(&csv(rows, form));
    let mut file = RowsFile::open(zip.path(), &table, &about, "klines.zip", None).unwrap();
    let batch = file.read(1 << 20).unwrap();
    let RowsEnd::Done(quality) = batch.end else { panic!("it is small") };
    let what = format!("{name} as {} x{} {}", form.market, form.per_milli, form.header);
    assert_eq!(
        (quality.rows, quality.failed_rows, quality.gaps, quality.duplicates, quality.out_of_order),
        (168, 0, Some(0), 0, 0),
        "{what}"
    );
    assert_eq!(quality.first.as_deref(), Some("2024-01-01T00:00:00.000000Z"), "{what}");
    assert_eq!(quality.last.as_deref(), Some("2024-01-07T23:00:00.000000Z"), "{what}");
    for (record, row) in batch.records.iter().zip(rows) {
        assert_eq!(millis(record, "open_time"), millis(row, "open_time"), "{what}");
        assert_eq!(raw(record, "symbol"), "\"BTCUSDT\"");
        assert_eq!(raw(record, "count"), raw(row, "count"), "{what}");
        for (truth, of_contracts) in FIELDS {
            let own = match (form.market, truth) {
                ("futures/cm", _) => of_contracts,
                (_, "quote_asset_volume") => "quote_volume",
                _ => truth,
            };
            assert_eq!(number(record, own), number(row, truth), "{what}: {own}");
        }
    }
}

#[test]
fn real_klines_come_out_as_they_went_in() {
    for name in ["btcusdt_spot_1h_2024w01.parquet", "btcusdt_futures_usdt_1h_2024w01.parquet"] {
        let Some(path) = real_data(&format!("archives/{name}")) else { return };
        let rows = truth(&path);
        assert_eq!(rows.len(), 168, "{name}");
        FORMS.iter().for_each(|form| check(name, &rows, form));
    }
}

#[test]
fn a_real_zip_with_a_second_member_opens_right() {
    let Some(path) = real_data("archives/binance-2022-04-21_aggregate_trade_updates.zip") else { return };
    let table = Arc::new(
        serde_json::from_value(json!({
            "columns": [
                { "name": "path", "type": "text" },
                { "name": "old", "type": "text" },
                { "name": "new", "type": "text" },
            ],
            "header": "present",
            "primary_key": ["path"],
        }))
        .unwrap(),
    );
    let mut file = RowsFile::open(&path, &table, &Map::new(), "updates.zip", None).unwrap();
    let batch = file.read(1 << 20).unwrap();
    let RowsEnd::Done(quality) = batch.end else { panic!("it is small") };
    assert_eq!((quality.members, quality.failed_rows), (1, 0));
    assert_eq!(batch.records.position(0), "updates.zip:2022-04-21_aggregate_trade_updates.csv:2");
    let first: Value = serde_json::from_slice(batch.records.get(0)).unwrap();
    assert_eq!(first["path"], "data/spot/monthly/aggTrades/ETHBTC/ETHBTC-aggTrades-2018-01.zip");
    assert!(first["old"].as_str().unwrap().starts_with("f01124704ff54d1bdb8aebea565344919a0b3f5a"));
}
