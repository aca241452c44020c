//! Archives through the real binary: what is found, fetched, verified and read, whatever goes wrong meanwhile.
//!
//! `BUSTA_KILLS=20` makes the fault test as long as one likes: from 20 on with 20 files of 50 MB.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;
#[path = "archives/trust.rs"]
mod trust;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::origin::Origin;
use support::{COLLECT, Desk, source};

/// A source of klines of two symbols, from December to February, with more keys.
fn klines(base: &str, more: &str) -> String {
    format!(
        "  - name: klines
    type: archive
    preset: binance
    base_url: {base}
    market: spot
    data_type: klines
    symbols: [BTCUSDT, ETHUSDT]
    intervals: [1h]
    from: 2023-12-25
    to: 2024-02-05
{more}"
    )
}

fn desk(sources: &str) -> Desk {
    Desk::new(&format!("destination: {{ type: sqlite, path: out.db }}\nsources:\n{sources}"))
}

/// The repository in which those klines are, with more options.
fn world(origin: &Origin, more: &str) -> String {
    format!("{}/archive/symbols=3,intervals=1h+4h,from=2023-12-20,to=2024-02-10{more}", origin.url())
}

fn number(desk: &Desk, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn texts(desk: &Desk, sql: &str) -> Vec<String> {
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// All rows, as one text.
fn all_rows(desk: &Desk) -> String {
    let columns =
        "symbol, interval, open_time, open, high, low, close, volume, close_time, quote_volume, count";
    texts(desk, &format!("SELECT concat_ws('|', {columns}) FROM klines ORDER BY symbol, open_time"))
        .join("\n")
}

/// The 43 days from 2023-12-25 to 2024-02-05, twice.
const ROWS: i64 = 2 * 43 * 24;

/// Seven days of December, January as a month, five days of February, twice.
const FILES: i64 = 2 * (7 + 1 + 5);

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

/// How many files the origin was asked for.
fn files(origin: &Origin) -> u64 {
    asked(origin, "/archive/files")
}

fn asked(origin: &Origin, group: &str) -> u64 {
    let stats = serde_json::to_value(origin.stats()).unwrap();
    stats["groups"][group]["requests"].as_u64().unwrap_or_else(|| panic!("{stats:#}"))
}

#[test]
fn every_way_of_discovery_finds_the_same() {
    let origin = Origin::default();
    let truth = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    truth.collect_well(&[]);
    let truth = all_rows(&truth);
    for (options, more) in [
        ("", ""),
        (",index=apache", "    discover: { type: html }\n"),
        (",index=nginx", "    discover: { type: html }\n"),
        (",index=nginx_json", "    discover: { type: html }\n"),
        (",index=python", "    discover: { type: html }\n"),
    ] {
        let desk = desk(&klines(&world(&origin, options), more));
        desk.collect_well(&[]);
        assert!(all_rows(&desk) == truth, "{options} {more}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), FILES, "{options}");
        let fetched = files(&origin);
        let report = desk.collect_well(&[]);
        assert_eq!((report["records"].as_i64(), files(&origin)), (Some(0), fetched), "{options}");
    }
}

#[test]
fn symbols_may_be_globs_where_files_are_listed() {
    let origin = Origin::default();
    let yaml = klines(&world(&origin, ""), "").replace("[BTCUSDT, ETHUSDT]", "['*USDT']");
    let desk = desk(&yaml.replace("intervals: [1h]", "intervals: ['1*']"));
    desk.collect_well(&[]);
    assert_eq!(
        texts(&desk, "SELECT DISTINCT symbol FROM klines ORDER BY 1"),
        ["BNBUSDT", "BTCUSDT", "ETHUSDT"]
    );
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS / 2 * 3);
    assert_eq!(texts(&desk, "SELECT DISTINCT interval FROM klines"), ["1h"]);
}

#[test]
fn a_manifest_names_files_and_what_they_hash_to() {
    let origin = Origin::default();
    for name in ["manifest.sha256", "manifest.csv", "manifest.jsonl", "manifest.txt"] {
        let more = format!("    discover: {{ type: manifest, url: {name} }}\n    period: daily\n");
        let desk = desk(
            &klines(&world(&origin, ",periods=daily"), &more)
                .replace("    data_type", "    include: ['**/daily/klines/*/1h/*.zip']\n    data_type"),
        );
        desk.collect_well(&[]);
        assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS, "{name}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), 2 * 43, "{name}");
    }
}

#[test]
fn a_new_day_and_a_file_published_anew_are_fetched_and_nothing_else() {
    let origin = Origin::default();
    let yaml = klines(&world(&origin, ""), "").replace("    to: 2024-02-05\n", "    to: 2024-02-11\n");
    let desk = desk(&yaml);
    desk.collect_well(&[]);
    let (fetched, rows) = (files(&origin), number(&desk, "SELECT count(*) FROM klines"));
    let close =
        "SELECT group_concat(close) FROM klines WHERE symbol = 'BTCUSDT' AND open_time LIKE '2024-02-03%'";
    let before = texts(&desk, close);
    origin.sandbox().advance_archive(1);
    origin.sandbox().republish_archive("BTCUSDT-1h-2024-02-03");
    desk.collect_well(&[]);
    assert_eq!(files(&origin), fetched + 3);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), rows + 48);
    assert_ne!(texts(&desk, close), before, "the rows are those of the file that was published anew");
}

#[test]
fn each_fault_has_its_outcome() {
    let origin = Origin::default();
    let base = world(
        &origin,
        ",periods=daily,wrong_checksum=BTCUSDT-1h-2023-12-26,late_checksum=BTCUSDT-1h-2023-12-27,\
         no_checksum=BTCUSDT-1h-2023-12-28,gone=BTCUSDT-1h-2023-12-29,bad_crc=BTCUSDT-1h-2023-12-30,missing=403",
    );
    let more = "    period: daily\n    discover: { type: template }\n";
    let yaml =
        klines(&base, more).replace("[BTCUSDT, ETHUSDT]", "BTCUSDT").replace("2024-02-05", "2023-12-31");
    let desk = desk(&yaml);
    let (ended, report) = desk.collect(&[]);
    assert_eq!(ended.code, 3, "{report:#}");
    // Five of seven days are as they should be; one is not there, and of one the bytes are wrong.
    let days = texts(&desk, "SELECT DISTINCT substr(open_time, 1, 10) FROM klines ORDER BY 1");
    assert_eq!(days, ["2023-12-25", "2023-12-27", "2023-12-28", "2023-12-31"]);
    let unverified = texts(&desk, "SELECT period || ' ' || unverified_because FROM files WHERE verified = 0");
    assert_eq!(unverified.len(), 1, "{unverified:?}");
    assert!(unverified[0].starts_with("2023-12-28 its checksum file"), "{unverified:?}");

    let failures: Vec<Value> =
        texts(&desk, "SELECT json_object('reason', reason, 'split', split) FROM _busta_failures")
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
    let reason = |day: &str| {
        let of_day = failures.iter().find(|failure| failure["split"].as_str().unwrap().contains(day));
        of_day.unwrap_or_else(|| panic!("{failures:#?}"))["reason"].as_str().unwrap().to_owned()
    };
    let wrong = reason("2023-12-26");
    assert!(wrong.matches("sha256:").count() >= 2 && wrong.contains("quarantine"), "{wrong}");
    assert!(
        reason("2023-12-30").contains("CRC") || reason("2023-12-30").contains("corrupt"),
        "{}",
        reason("2023-12-30")
    );
    assert_eq!(failures.len(), 2, "{failures:#?}");
    let quarantined = "archives/klines/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-12-26.zip";
    assert!(desk.file(&format!("{quarantined}.quarantine")).exists());
    assert!(!desk.file(quarantined).exists());

    // What nothing vouches for is refused if the operator says so.
    desk.write("busta.yaml", format!("destination: {{ type: sqlite, path: strict.db }}\nsources:\n{yaml}    require_checksum: true\n    folder: strict\n"));
    let (ended, _) = desk.collect(&[]);
    assert_eq!(ended.code, 3);
    assert!(!desk.file("strict/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-12-28.zip").exists());
}

#[test]
fn a_file_that_is_broken_inside_fails_once_for_each_content() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily,bad_crc=BTCUSDT-1h-2023-12-30");
    let desk = desk(&klines(&base, "    period: daily\n    discover: { type: template }\n"));
    let (ended, report) = desk.collect(&[]);
    assert_eq!((ended.code, &source(&report, "klines")["failures"]), (3, &Value::from(1)), "{report:#}");
    let told = texts(&desk, "SELECT split || ': ' || reason FROM _busta_failures");
    assert!(told[0].contains("BTCUSDT-1h-2023-12-30.zip"), "{told:?}");
    let rows = all_rows(&desk);

    // What vouches for it has not changed: there is nothing to try again.
    let report = desk.collect_well(&[]);
    assert_eq!((&report["records"], &report["failures"]), (&Value::from(0), &Value::from(0)));
    origin.sandbox().republish_archive("BTCUSDT-1h-2023-12-30");
    let (ended, report) = desk.collect(&[]);
    assert_eq!((ended.code, &report["failures"]), (3, &Value::from(1)), "it is another one, and as broken");
    assert_eq!(all_rows(&desk), rows);
}

#[test]
fn a_file_that_has_rotted_is_read_once_it_is_mended() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n    convert: false\n"));
    desk.collect_well(&[]);
    let zip = zips(&desk.file("archives")).remove(0);
    let (mut bytes, written) = (std::fs::read(&zip).unwrap(), zip.metadata().unwrap().modified().unwrap());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&zip, bytes).unwrap();
    std::fs::File::options().write(true).open(&zip).unwrap().set_modified(written).unwrap();
    let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
    desk.write("busta.yaml", yaml.replace("    convert: false\n", ""));
    assert_eq!(desk.collect(&[]).0.code, 3);
    assert_eq!(desk.busta(&["archive", "verify", "--repair"]).code, 0);
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS);
}

#[test]
fn what_is_not_there_is_told_and_recorded() {
    let origin = Origin::default();
    let options = ",periods=daily,gone=BTCUSDT-1h-2023-12-29+BTCUSDT-1h-2023-12-30";
    for (discover, more) in [
        ("{ type: template }", ""),
        ("{ type: s3 }", ""),
        ("{ type: html }", ""),
        ("{ type: manifest, url: manifest.txt }", "    include: ['**/daily/klines/*/1h/*.zip']\n"),
    ] {
        let more = format!("    period: daily\n    discover: {discover}\n{more}");
        let index = if discover.contains("html") { ",index=apache" } else { "" };
        let yaml = klines(&world(&origin, &format!("{options}{index}")), &more);
        let yaml = yaml.replace("to: 2024-02-05", "to: 2024-02-12");
        let desk = desk(&yaml);
        let report = desk.collect_well(&[]);
        let expected = serde_json::json!({
            "files": 6,
            "gaps": [
                { "of": "BTCUSDT 1h", "from": "2023-12-29", "to": "2023-12-30", "files": 2 },
                { "of": "BTCUSDT 1h", "from": "2024-02-11", "to": "2024-02-12", "files": 2 },
                { "of": "ETHUSDT 1h", "from": "2024-02-11", "to": "2024-02-12", "files": 2 },
            ],
        });
        let gaps = |report: &Value| source(report, "klines")["gaps"].clone();
        assert_eq!(gaps(&report), expected, "{discover}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 6, "{discover}");
        let info = desk.busta(&["sources", "info", "klines"]).stdout;
        let told = "asked for, and not there: 6 files\n  BTCUSDT 1h, 2023-12-29 to 2023-12-30\n";
        assert!(info.contains(told), "{discover}: {info}");

        // It is told by every run, and recorded once.
        let report = desk.collect_well(&[]);
        assert_eq!((&report["records"], gaps(&report)), (&Value::from(0), expected), "{discover}");
        let verified = desk.busta(&["archive", "verify", "klines"]);
        assert_eq!(verified.code, 0, "{discover}: {}{}", verified.stdout, verified.stderr);
    }
}

#[test]
fn what_comes_later_is_missed_no_more() {
    for discover in ["template", "s3"] {
        let origin = Origin::default();
        let base = world(&origin, ",gone=BTCUSDT-1h-2024-01-10");
        let yaml = klines(&base, &format!("    discover: {{ type: {discover} }}\n"));
        let yaml = yaml.replace("[BTCUSDT, ETHUSDT]", "BTCUSDT").replace("2023-12-25", "2024-01-05");
        let yaml = yaml.replace("2024-02-05", "2024-02-11");
        let desk = desk(&yaml);
        let report = desk.collect_well(&[]);
        assert_eq!(source(&report, "klines")["gaps"]["files"], 2, "{discover}: {report:#}");
        // The month is asked for as a whole now, and its file holds that day; and another day is published.
        let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
        desk.write("busta.yaml", yaml.replace("2024-01-05", "2024-01-01"));
        origin.sandbox().advance_archive(1);
        let report = desk.collect_well(&[]);
        assert_eq!(source(&report, "klines")["gaps"], serde_json::json!({ "files": 0 }), "{discover}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 0, "{discover}");
        let held = texts(&desk, "SELECT period || ' ' || instead FROM files WHERE instead IS NOT NULL");
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(held[0].starts_with("2024-01-10 data/spot/monthly/"), "{held:?}");
        let info = desk.busta(&["sources", "info", "klines"]).stdout;
        assert!(info.contains("nothing that was asked for is missing"), "{info}");
    }
}

#[test]
fn a_run_that_goes_on_tells_what_it_missed_before() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily,gone=2023-12-29");
    let desk = desk(&klines(&base, "    period: daily\n    discover: { type: template }\n"));
    for nth in [4, 6, 8] {
        let mut command = desk.command(&[&COLLECT[..], &["--resume"]].concat());
        let died = command.env("BUSTA_FAILPOINT", format!("engine.commit.after:{nth}")).output().unwrap();
        assert!(!died.status.success());
    }
    let report = desk.collect_well(&["--resume"]);
    let gaps = &source(&report, "klines")["gaps"];
    assert_eq!((&gaps["files"], gaps["gaps"].as_array().unwrap().len()), (&Value::from(2), 2), "{report:#}");
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 2);
}

/// A layout of one's own whose days lie in folders of years and months.
fn in_dated_folders(origin: &Origin, symbols: &str, more: &str) -> String {
    let index = if more.contains("html") { ",index=nginx" } else { "" };
    let options = format!("dated=on,symbols=2,periods=daily,from=2023-10-20,to=2024-02-10{index}");
    let gone = "gone=BTCUSDT-1h-2023-12-29+BTCUSDT-1h-2023-12-30+2024-01-01+ETHUSDT-1h-2024-02";
    format!(
        "  - name: own
    type: archive
    layout:
      base_url: {}/archive/{options},{gone}
      data_types:
        - name: bars
          daily: data/spot/daily/klines/{{symbol}}/1h/{{date:%Y}}/{{date:%m}}/{{symbol}}-1h-{{date}}.zip
    symbols: {symbols}
    to: 2024-02-05
{more}",
        origin.url()
    )
}

#[test]
fn listings_of_folders_of_years_and_months_tell_what_is_missing() {
    let origin = Origin::default();
    let gap = |of: &str, from: &str, to: &str, files: u64| serde_json::json!({ "of": of, "from": from, "to": to, "files": files });
    // A year that is not there, months that are not, days of others.
    let expected = serde_json::json!({
        "files": 293 + 2 + 1 + 293 + 1 + 5,
        "gaps": [
            gap("BTCUSDT", "2022-12-31", "2023-10-19", 293),
            gap("BTCUSDT", "2023-12-29", "2023-12-30", 2),
            gap("BTCUSDT", "2024-01-01", "2024-01-01", 1),
            gap("ETHUSDT", "2022-12-31", "2023-10-19", 293),
            gap("ETHUSDT", "2024-01-01", "2024-01-01", 1),
            gap("ETHUSDT", "2024-02-01", "2024-02-05", 5),
        ],
    });
    let from = "    from: 2022-12-31\n    period: daily\n    discover";
    for (symbols, discover) in [
        ("[BTCUSDT, ETHUSDT]", "{ type: template }"),
        ("[BTCUSDT, ETHUSDT]", "{ type: s3 }"),
        ("'*USDT'", "{ type: s3 }"),
        ("[BTCUSDT, ETHUSDT]", "{ type: html }"),
    ] {
        let desk = desk(&in_dated_folders(&origin, symbols, &format!("{from}: {discover}\n")));
        for _ in 0..2 {
            let report = desk.collect_well(&[]);
            assert_eq!(source(&report, "own")["gaps"], expected, "{symbols} {discover}");
            assert_eq!(
                number(&desk, "SELECT count(*) FROM files WHERE missing"),
                595,
                "{symbols} {discover}"
            );
        }
    }
    // Nobody knows when it should begin.
    let desk = desk(&in_dated_folders(&origin, "BTCUSDT", "    discover: { type: s3 }\n"));
    let report = desk.collect_well(&[]);
    assert_eq!(source(&report, "own").get("gaps"), None, "{report:#}");
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 0);
}

#[test]
fn what_was_fetched_is_not_missing_when_it_is_no_longer_listed() {
    let origin = Origin::default();
    let desk = desk("");
    let write = |gone: &str| {
        let more = "    from: 2024-01-02\n    period: daily\n    discover: { type: s3 }\n";
        let own = in_dated_folders(&origin, "BTCUSDT", more).replace("gone=", &format!("gone={gone}"));
        desk.write("busta.yaml", format!("destination: {{ type: sqlite, path: out.db }}\nsources:\n{own}"));
    };
    for gone in ["", "BTCUSDT-1h-2024-01-05+"] {
        write(gone);
        let report = desk.collect_well(&[]);
        assert_eq!(source(&report, "own")["gaps"]["files"], 0, "{report:#}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing OR sha256 IS NULL"), 0);
    }
}

#[test]
fn what_a_listing_does_not_name_is_a_failure_if_it_must_be_there() {
    let origin = Origin::default();
    for discover in ["template", "s3", "html"] {
        let more = format!(
            "    from: 2023-12-25\n    period: daily\n    missing: fail\n    discover: {{ type: {discover} }}\n"
        );
        let desk = desk(&in_dated_folders(&origin, "[BTCUSDT, ETHUSDT]", &more));
        for run in 1..=2 {
            let (ended, report) = desk.collect(&[]);
            let own = source(&report, "own");
            let told = (ended.code, &own["failures"], &own["gaps"]["files"]);
            assert_eq!(told, (3, &Value::from(9), &Value::from(9)), "{discover}, run {run}: {report:#}");
            let failed = "SELECT count(*) FROM _busta_failures WHERE kind = 'not_found'";
            assert_eq!(number(&desk, failed), 9 * run, "{discover}");
        }
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 0, "{discover}");
        let hint = "SELECT count(*) FROM _busta_failures WHERE reason LIKE '%`missing: ignore`%'";
        assert_eq!(number(&desk, hint), 18, "{discover}");
    }
}

#[test]
fn headers_go_to_the_origin_and_are_never_told() {
    use busta_sandbox::{API_KEY, API_KEY_HEADER};
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily").replace("/archive/", "/auth/key-header/archive/");
    let more = format!("    period: daily\n    headers: {{ {API_KEY_HEADER}: '${{ARCHIVE_KEY}}' }}\n");
    for discover in ["template", "s3"] {
        let desk = desk(&klines(&base, &format!("{more}    discover: {{ type: {discover} }}\n")));
        let collect = |key: &str| desk.command(&COLLECT).env("ARCHIVE_KEY", key).output().unwrap();
        // A refusal is none of a file that is not there.
        let refused = collect("a-wrong-key-of-mine");
        assert_eq!(refused.status.code(), Some(3), "{discover}");
        let told = format!(
            "{:?}{:?}",
            String::from_utf8_lossy(&refused.stdout),
            String::from_utf8_lossy(&refused.stderr)
        );
        assert!(told.contains("403") && !told.contains("a-wrong-key-of-mine"), "{discover}: {told}");
        let well = collect(API_KEY);
        assert_eq!(well.status.code(), Some(0), "{discover}: {}", String::from_utf8_lossy(&well.stderr));
        assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS, "{discover}");
    }
}

#[test]
fn servers_that_truncate_reset_and_change_lead_to_right_files() {
    for profile in
        ["fail=truncate:every:3", "fail=reset:every:4", "fail=503:every:3", "changes=1", "ranges=off"]
    {
        let origin = Origin::default();
        let base =
            world(&origin, ",periods=daily").replace("/archive/", &format!("/with/{profile}/archive/"));
        let desk = desk(&format!(
            "{}retry: {{ initial_backoff: 20ms, max_backoff: 50ms, max_retries: 30 }}\n",
            klines(&base, "    period: daily\n    discover: { type: template }\n")
        ));
        let report = desk.collect_well(&[]);
        assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS, "{profile}: {report:#}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), 2 * 43, "{profile}");
    }
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
fn a_checksum_file_of_a_folder_is_fetched_once() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily,checksums=sums");
    let yaml = format!(
        "  - name: own
    type: archive
    layout:
      base_url: {base}
      checksum: \"{{folder}}/SHA256SUMS\"
      data_types:
        - name: bars
          daily: data/spot/daily/klines/{{symbol}}/1h/{{symbol}}-1h-{{date}}.zip
    symbols: [BTCUSDT, ETHUSDT]
    from: 2024-01-01
    to: 2024-01-20
    require_checksum: true
"
    );
    let desk = desk(&yaml);
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE sha256 IS NOT NULL"), 40);
    assert_eq!(asked(&origin, "/archive/checksums"), 2, "one per folder");
}

#[test]
fn what_is_cut_off_and_then_refused_is_not_missing() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily").replace("/archive/", "/with/fail=403:every:5/archive/");
    let yaml = klines(&base, "    period: daily\n    discover: { type: template }\n");
    let desk = desk(&yaml);
    let (ended, report) = desk.collect(&[]);
    assert_eq!(ended.code, 3, "{report:#}");
    assert!(source(&report, "klines")["failures"].as_u64().unwrap() > 0);
}

#[test]
fn days_stand_in_for_a_month_that_is_excluded() {
    let origin = Origin::default();
    for discover in ["    discover: { type: template }\n", ""] {
        let desk = desk(&klines(&world(&origin, ""), &format!("{discover}    exclude: ['*-2024-01.zip']\n")));
        desk.collect_well(&[]);
        assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS, "{discover}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files"), 2 * 43, "{discover}");
    }
}

#[test]
fn months_asked_for_in_part_are_fetched_if_there_are_no_days() {
    let origin = Origin::default();
    let months =
        desk(&klines(&world(&origin, ""), "    discover: { type: template }\n    period: monthly\n"));
    months.collect_well(&[]);
    // Only January is there as a month.
    assert_eq!(number(&months, "SELECT count(*) FROM files WHERE NOT missing"), 2);
    let told = "SELECT symbol || ' ' || period FROM files WHERE missing ORDER BY 1";
    let missing = ["BTCUSDT 2023-12", "BTCUSDT 2024-02", "ETHUSDT 2023-12", "ETHUSDT 2024-02"];
    assert_eq!(texts(&months, told), missing);
    let listed = desk(&klines(&world(&origin, ""), "    period: monthly\n"));
    listed.collect_well(&[]);
    assert_eq!(texts(&listed, told), missing);
    let part = klines(&world(&origin, ""), "    discover: { type: template }\n    period: monthly\n");
    let part = desk(&part.replace("2023-12-25", "2024-01-15"));
    part.collect_well(&[]);
    assert_eq!(number(&part, "SELECT count(*) FROM klines"), 2 * 31 * 24);
}

#[test]
fn what_was_not_told_about_rows_is_told_by_the_next_run() {
    let origin = Origin::default();
    // Dies at some commits, and a new run takes over each time. How many there are is a matter of speed.
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    let dies = |nth: u32| {
        let mut command = desk.command(&COLLECT);
        let ran = command.env("BUSTA_FAILPOINT", format!("engine.commit.after:{nth}")).output().unwrap();
        !ran.status.success()
    };
    assert!(dies(3), "the first run has more commits than three");
    for nth in [5, 7] {
        dies(nth);
    }
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS);
    assert_eq!(number(&desk, "SELECT count(*) FROM quality"), FILES);
}

#[test]
fn two_archives_in_one_folder_are_refused() {
    let origin = Origin::default();
    let one = klines(&world(&origin, ""), "    folder: same\n");
    let desk = desk(&format!("{one}{}", one.replace("name: klines", "name: others")));
    let checked = desk.busta(&["check"]);
    assert_eq!(checked.code, 2);
    assert!(checked.stderr.contains("give one another `folder`"), "{}", checked.stderr);
}

#[test]
fn a_listing_without_what_is_wanted_is_an_error() {
    let origin = Origin::default();
    let yaml = klines(&world(&origin, ""), "").replace("BTCUSDT", "BTCUSD").replace("ETHUSDT", "ETHUSD");
    let (ended, report) = desk(&yaml).collect(&[]);
    assert_eq!(ended.code, 3);
    let error = source(&report, "klines")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("not one file is listed that is wanted"), "{error}");
}

#[test]
fn nothing_at_all_is_an_error() {
    let origin = Origin::default();
    let yaml = klines(&world(&origin, ""), "    discover: { type: template }\n").replace("BTCUSDT", "BTCUSD");
    let desk = desk(&yaml.replace("ETHUSDT", "ETHUSD"));
    let (ended, report) = desk.collect(&[]);
    assert_eq!(ended.code, 3);
    let error = source(&report, "klines")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("none of") && error.contains("is there"), "{error}");
}

#[test]
fn rows_of_a_file_that_a_dead_run_has_fetched_are_read_by_the_next() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    // Dies as soon as a few files are recorded; their rows were found and not yet read.
    let mut command = desk.command(&COLLECT);
    let died = command.env("BUSTA_FAILPOINT", "engine.commit.after:5").output().unwrap();
    assert!(!died.status.success());
    assert!(number(&desk, "SELECT count(*) FROM klines") < ROWS);
    // Not resumed: a new run.
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS);
    assert_eq!(number(&desk, "SELECT count(*) FROM files"), FILES);
    assert_eq!(number(&desk, "SELECT count(*) FROM quality"), FILES);
}

#[test]
fn verify_finds_what_has_rotted_and_repairs_it() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), ""));
    desk.collect_well(&[]);
    let before = all_rows(&desk);
    assert_eq!(desk.busta(&["archive", "verify"]).code, 0);
    let zips = zips(&desk.file("archives"));
    assert_eq!(zips.len(), FILES as usize);
    let mut bytes = std::fs::read(&zips[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&zips[0], bytes).unwrap();
    std::fs::remove_file(&zips[1]).unwrap();
    let told = desk.busta(&["archive", "verify"]);
    assert_eq!(told.code, 3, "{}", told.stdout);
    assert!(told.stdout.contains("is sha256:") && told.stdout.contains("is missing"), "{}", told.stdout);
    let fetched = files(&origin);
    let repaired = desk.busta(&["archive", "verify", "--repair"]);
    assert_eq!(repaired.code, 0, "{}", repaired.stderr);
    assert_eq!(files(&origin), fetched + 2);
    assert_eq!(desk.busta(&["archive", "verify"]).code, 0);
    assert_eq!(all_rows(&desk), before);
}

fn zips(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(zips(&path));
        } else if path.extension().is_some_and(|ending| ending == "zip") {
            all.push(path);
        }
    }
    all.sort();
    all
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

/// A source of trades without a key, of two days with so many rows each.
fn keyless(origin: &Origin, rows: u64, more: &str) -> String {
    format!(
        "  - name: bybit
    type: archive
    preset: bybit
    base_url: {}/archive/bybit,symbols=BTCUSDT,from=2024-01-01,to=2024-01-03,index=nginx,rows={rows}
    market: derivatives
    data_type: trades
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-03
{more}",
        origin.url()
    )
}

#[test]
fn rows_without_a_key_are_never_there_twice() {
    let origin = Origin::default();
    let desk = desk(&keyless(&origin, 100, ""));
    let write = |more: &str| {
        let yaml = format!(
            "destination: {{ type: sqlite, path: out.db }}\nsources:\n{}",
            keyless(&origin, 100, more)
        );
        desk.write("busta.yaml", yaml);
    };
    let rows = || number(&desk, "SELECT count(*) FROM trades");
    desk.collect_well(&[]);
    assert_eq!(rows(), 300);

    // A file that is published anew is refused, once, and the others go on.
    origin.sandbox().republish_archive("BTCUSDT2024-01-02");
    let (ended, report) = desk.collect(&[]);
    assert_eq!((ended.code, rows(), &report["failures"]), (3, 300, &Value::from(1)), "{report:#}");
    let why = texts(&desk, "SELECT reason FROM _busta_failures").concat();
    assert!(why.contains("BTCUSDT2024-01-02") && why.contains("no primary key"), "{why}");
    desk.busta(&["sources", "collect", "--resume"]);
    assert_eq!(rows(), 300, "nor does it come when the run goes on");
    desk.collect_well(&[]);
    assert_eq!(rows(), 300);

    // The operator may want both, or all anew.
    write("    write_mode: append\n");
    desk.collect_well(&[]);
    assert_eq!(rows(), 400);
    write("");
    desk.collect_well(&["--full-refresh"]);
    assert_eq!(rows(), 300);
}

#[test]
fn rows_without_a_key_of_a_run_that_died_are_not_read_anew() {
    const ROWS_OF_A_FILE: i64 = 30_000;
    let origin = Origin::default();
    let mut refused = 0;
    for nth in [3, 5, 7] {
        let desk = desk(&keyless(&origin, ROWS_OF_A_FILE as u64, ""));
        let mut command = desk.command(&COLLECT);
        let died = command.env("BUSTA_FAILPOINT", format!("engine.commit.after:{nth}")).output().unwrap();
        assert!(!died.status.success());
        // A new run, and not the one that died.
        let (ended, _) = desk.collect(&[]);
        let twice = "SELECT count(*) - count(DISTINCT trdMatchID) FROM trades";
        assert_eq!(number(&desk, twice), 0, "after commit {nth}");
        let why = "SELECT count(*) FROM _busta_failures WHERE reason LIKE '%did not come to its end%'";
        let cut_short = number(&desk, why);
        assert_eq!(ended.code, if cut_short > 0 { 3 } else { 0 });
        refused += cut_short;
        desk.collect_well(&["--full-refresh"]);
        assert_eq!(
            (number(&desk, "SELECT count(*) FROM trades"), number(&desk, twice)),
            (3 * ROWS_OF_A_FILE, 0)
        );
    }
    assert!(refused > 0, "no run died in the middle of a file");
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

#[cfg(feature = "parquet")]
#[test]
#[allow(clippy::print_stdout, reason = "what a judge says")]
fn others_find_the_lake_sorted_though_files_are_not() {
    let origin = Origin::default();
    // A month of minutes makes several batches.
    let base = format!(
        "{}/archive/symbols=1,intervals=1m,from=2023-12-20,to=2024-02-10,shuffled=2024-01",
        origin.url()
    );
    let yaml = klines(&base, "").replace("intervals: [1h]", "intervals: 1m").replace(", ETHUSDT]", "]");
    let partitions = "partition_by: [symbol, { field: open_time, by: day }]";
    let desk =
        Desk::new(&format!("destination: {{ type: parquet, path: lake, {partitions} }}\nsources:\n{yaml}"));
    let report = desk.collect_well(&[]);
    assert_eq!(report["records"], 43 * 24 * 60 + FILES);
    let Some(python) = busta_testkit::judges::python() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/sorted.py");
    let judged = std::process::Command::new(python)
        .arg(script)
        .args([desk.file("lake/klines").as_os_str(), "open_time".as_ref()])
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&judged.stdout), String::from_utf8_lossy(&judged.stderr));
    assert!(judged.status.success(), "a judge has found something; see above");
}

/// A month of minutes and a day, both in no order.
#[cfg(feature = "failpoints")]
fn minutes_in_no_order(origin: &Origin) -> Desk {
    let base = format!(
        "{}/archive/symbols=1,intervals=1m,from=2023-12-20,to=2024-02-10,shuffled=2024-01+2023-12-26",
        origin.url()
    );
    let yaml = klines(&base, "    write_mode: append\n    period: monthly\n");
    let yaml = yaml.replace("intervals: [1h]", "intervals: 1m").replace(", ETHUSDT]", "]");
    let yaml = yaml.replace("from: 2023-12-25", "from: 2024-01-01").replace("2024-02-05", "2024-01-31");
    Desk::new(&format!("destination: {{ type: ndjson, path: out }}\nsources:\n{yaml}"))
}

/// The times of all rows, in their order, by month.
#[cfg(feature = "failpoints")]
fn times_by_month(desk: &Desk) -> Vec<(String, Vec<String>)> {
    let mut months: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(desk.file("out/klines")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ndjson"));
    files.sort();
    for line in files.iter().flat_map(|path| {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let row: Value = serde_json::from_str(&line).unwrap();
        let time = row["open_time"].as_str().unwrap().to_owned();
        months.entry(time[..7].to_owned()).or_default().push(time);
    }
    months.into_iter().collect()
}

/// Dies in each phase of sorting, and behind the first batches of what is sorted.
#[cfg(feature = "failpoints")]
#[test]
fn killed_while_rows_are_sorted_they_come_once_and_in_order() {
    let origin = Origin::default();
    let expected = 31 * 24 * 60;
    for points in [
        &["archive.sort.run:1", "archive.sort.run:2", "archive.sort.run:3"][..],
        &["archive.sort.merge:1", "engine.commit.after:1", "engine.commit.after:2", "engine.commit.after:1"],
    ] {
        let desk = minutes_in_no_order(&origin);
        let mut deaths = 0;
        for point in points {
            let mut command = desk.command(&[&COLLECT[..], &["--resume"]].concat());
            let ended = command.env("BUSTA_FAILPOINT", point).output().unwrap();
            deaths += u32::from(!ended.status.success());
        }
        assert!(deaths >= 2, "{deaths} deaths at {points:?}");
        desk.collect_well(&["--resume"]);
        let months = times_by_month(&desk);
        assert_eq!(months.iter().map(|(_, times)| times.len()).sum::<usize>(), expected, "{points:?}");
        for (month, times) in months {
            let mut sorted = times.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), times.len(), "{points:?}: rows of {month} came twice");
            // The month is one file: what was in order before the first late row, and the rest.
            let falls = times.windows(2).filter(|two| two[1] < two[0]).count();
            assert!(month != "2024-01" || falls <= 1, "{points:?}: {falls} falls in {month}");
        }
        let parts = desk.file("archives/klines/_busta/parts");
        let left = std::fs::read_dir(&parts).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{points:?}: something is left in {}", parts.display());
    }
}

/// A figure of the requests for files.
fn of_files(origin: &Origin, figure: &str) -> u64 {
    let stats = serde_json::to_value(origin.stats()).unwrap();
    stats["groups"]["/archive/files"][figure].as_u64().unwrap_or(0)
}

/// Kills the run again and again; every file must be right then, and have come once.
#[test]
#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn killed_again_and_again_each_byte_comes_once() {
    let kills: u32 = std::env::var("BUSTA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let (count, size) = if kills >= 20 { (20, 50) } else { (4, 8) };
    let origin = Origin::default();
    let desk = desk(&format!(
        "  - name: trades
    type: archive
    preset: binance
    base_url: {}/with/fail=slow,drip=1500ms/archive/symbols=1,types=trades,periods=daily,from=2024-01-01,to=2024-01-{count:02},size={size}MB
    market: spot
    data_type: trades
    symbols: BTCUSDT
    from: 2024-01-01
    to: 2024-01-{count:02}
    period: daily
    convert: false
    ranges: {{ min_size: 64MiB }}
",
        origin.url()
    ));
    let mut chance = fastrand::Rng::with_seed(7);
    for kill in 1..=kills {
        let until = Instant::now() + Duration::from_secs(60);
        let wait = || {
            assert!(Instant::now() < until, "nothing happens");
            std::thread::sleep(Duration::from_millis(5));
        };
        while of_files(&origin, "in_flight") > 0 {
            wait();
        }
        let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
        // Each kill meets downloads: of what they ask for, some has been sent, and the rest not.
        while of_files(&origin, "in_flight") == 0 {
            assert!(child.try_wait().unwrap().is_none(), "all was fetched before kill {kill} of {kills}");
            wait();
        }
        std::thread::sleep(Duration::from_millis(chance.u64(100..400)));
        assert!(child.try_wait().unwrap().is_none(), "the run was over at kill {kill} of {kills}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let cut = of_files(&origin, "cut") + of_files(&origin, "abandoned");
    assert!(cut >= u64::from(kills), "{cut} downloads were cut by {kills} kills");
    desk.collect_well(&["--resume"]);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE verified = 1"), count);
    assert_eq!(desk.busta(&["archive", "verify"]).code, 0);
    let whole: u64 = zips(&desk.file("archives")).iter().map(|path| path.metadata().unwrap().len()).sum();
    let sent = of_files(&origin, "bytes");
    // A slow body comes in twenty pieces. The one that is on its way to a process that dies is lost, and no other.
    let lost = cut * (size as u64 * 1_000_000).div_ceil(20);
    assert!(sent <= whole / 100 * 102 + lost, "{sent} bytes of {whole} were sent, and {cut} downloads cut");
}
