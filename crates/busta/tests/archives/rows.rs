//! What stands in the files comes as rows, once.

use super::*;

#[test]
fn files_become_rows_and_are_not_fetched_again() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    let report = desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), FILES);
    assert_eq!(number(&desk, "SELECT sum(rows) FROM quality"), ROWS);
    assert_eq!(number(&desk, "SELECT sum(gaps + duplicates + out_of_order) FROM quality"), 0);
    assert_eq!(report["records"], ROWS + 2 * FILES);
    let first = "SELECT min(open_time) FROM klines WHERE symbol = 'ETHUSDT'";
    assert_eq!(texts(&desk, first), ["2023-12-25T00:00:00.000000Z"]);
    let fetched = files(&origin);
    assert_eq!(fetched, FILES as u64);

    // Nothing is new: the checksums are asked for, and nothing else.
    let before = all_rows(&desk);
    assert_eq!(desk.collect_well(&[])["records"], 0);
    assert_eq!(files(&origin), fetched);
    assert_eq!(all_rows(&desk), before);
    let requests = origin.stats().total.requests;
    // What is settled is not asked about at all.
    let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
    desk.write("busta.yaml", format!("{yaml}    recheck: 30d\n"));
    assert_eq!(desk.collect_well(&[])["records"], 0);
    assert_eq!(origin.stats().total.requests, requests);
}

#[test]
fn the_same_bytes_are_not_read_twice_whatever_vouches_for_them() {
    let origin = Origin::default();
    // No key, no checksum, no tag: each run fetches the files again.
    let desk = desk(&format!(
        "  - name: own
    type: archive
    layout:
      base_url: {}/archive/symbols=1,intervals=1h,from=2024-01-01,to=2024-01-03,periods=daily,checksums=off,etag=off
      data_types:
        - name: bars
          daily: data/spot/daily/klines/{{symbol}}/1h/{{symbol}}-1h-{{date}}.zip
          table:
            columns:
              - {{ name: open_time, type: time }}
              - {{ name: open, type: number }}
              - {{ name: high, type: number }}
              - {{ name: low, type: number }}
              - {{ name: close, type: number }}
              - {{ name: volume, type: number }}
              - {{ name: close_time, type: time }}
              - {{ name: quote, type: number }}
              - {{ name: trades, type: integer }}
              - {{ name: a, type: text }}
              - {{ name: b, type: text }}
              - {{ name: c, type: text }}
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-03
",
        origin.url()
    ));
    for _ in 0..3 {
        desk.collect_well(&[]);
        assert_eq!(number(&desk, "SELECT count(*) FROM bars"), 72);
    }
}

#[test]
fn gzip_without_checksums_is_read_by_a_preset_of_another_exchange() {
    let origin = Origin::default();
    let desk = desk(&format!(
        "  - name: bybit
    type: archive
    preset: bybit
    base_url: {}/archive/bybit,symbols=2,from=2024-01-01,to=2024-01-05
    market: derivatives
    data_type: trades
    discover: {{ type: template }}
    symbols: [BTCUSDT, ETHUSDT]
    from: 2024-01-01
    to: 2024-01-05
",
        origin.url()
    ));
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM trades"), 2 * 5 * 100);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 0"), 10);
}

#[test]
fn a_file_that_comes_again_with_fewer_rows_is_doubted() {
    let origin = Origin::default();
    let yaml = |days: &str| {
        let world = world(&origin, ",periods=daily,types=trades");
        let source = klines(&world, "    period: daily\n    discover: { type: template }\n")
            .replace("data_type: klines", "data_type: trades")
            .replace("    intervals: [1h]\n", "")
            .replace("[BTCUSDT, ETHUSDT]", "BTCUSDT")
            .replace("to: 2024-02-05", "to: 2023-12-26")
            .replace(",intervals=1h+4h", days);
        format!("destination: {{ type: sqlite, path: out.db }}\nsources:\n{source}")
    };
    let desk = desk("");
    desk.write("busta.yaml", yaml(",rows=24"));
    let report = desk.collect_well(&[]);
    assert_eq!(report["sources"][0]["warnings"], 0);
    desk.write("busta.yaml", yaml(",rows=12"));
    let report = desk.collect_well(&[]);
    assert_eq!(report["sources"][0]["warnings"], 2, "{report:#}");
    let told = texts(&desk, "SELECT rows || ' of ' || rows_before FROM quality");
    assert_eq!(told, ["12 of 24", "12 of 24"]);
}

#[cfg(feature = "parquet")]
#[test]
fn the_recipe_collects_a_month_into_a_lake() {
    let origin = Origin::default();
    let desk = Desk::new(include_str!("../../../../recipes/archives.yaml"));
    let world = "symbols=2,intervals=1h,from=2024-01-01,to=2024-01-31";
    let mut command = desk.command(&COLLECT);
    let ended = command.env("ARCHIVE_URL", format!("{}/archive/{world}", origin.url())).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    // One file of a month for each of two symbols, and a record about its rows.
    assert_eq!(report["records"], 2 * (31 * 24 + 2), "{report:#}");
    assert!(desk.file("lake/klines").is_dir() && desk.file("archives/klines").is_dir());
}

#[cfg(feature = "parquet")]
#[test]
#[allow(clippy::print_stdout, reason = "what a judge says")]
fn others_read_from_the_lake_what_stands_in_the_zips() {
    let Some(python) = busta_testkit::judges::python() else { return };
    let origin = Origin::default();
    // Milliseconds, and microseconds from 2025 on; several members, and what macOS adds.
    let base = format!(
        "{}/archive/symbols=3,intervals=1m,from=2024-12-28,to=2025-02-03,members=2,macosx=on",
        origin.url()
    );
    let yaml = klines(&base, "")
        .replace("intervals: [1h]", "intervals: 1m")
        .replace("2023-12-25", "2024-12-30")
        .replace("2024-02-05", "2025-02-02");
    let partitions = "partition_by: [symbol, { field: open_time, by: day }]";
    let desk =
        Desk::new(&format!("destination: {{ type: parquet, path: lake, {partitions} }}\nsources:\n{yaml}"));
    desk.collect_well(&[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/archive.py");
    let judged = std::process::Command::new(python)
        .arg(script)
        .args([desk.file("archives"), desk.file("lake/klines")])
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&judged.stdout), String::from_utf8_lossy(&judged.stderr));
    assert!(judged.status.success(), "a judge has found something; see above");
}
