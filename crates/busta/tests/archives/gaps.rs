//! What was asked for and is not there: told by every run, recorded once.

use super::*;

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

#[cfg(feature = "failpoints")]
#[test]
fn a_run_that_goes_on_tells_what_it_missed_before() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily,gone=2023-12-29");
    let desk = desk(&klines(&base, "    period: daily\n    discover: { type: template }\n"));
    // How many commits there are is a matter of speed; of one there is always something.
    assert!(desk.dies_at("engine.commit.after:1", &[]));
    for nth in [4, 6, 8] {
        desk.dies_at(&format!("engine.commit.after:{nth}"), &["--resume"]);
    }
    let report = desk.collect_well(&["--resume"]);
    let gaps = &source(&report, "klines")["gaps"];
    assert_eq!((&gaps["files"], gaps["gaps"].as_array().unwrap().len()), (&Value::from(2), 2), "{report:#}");
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing"), 2);
}

#[test]
fn what_was_missing_long_ago_is_asked_for_again_as_recheck_says() {
    let origin = Origin::default();
    let base = world(&origin, ",periods=daily,gone=BTCUSDT-1h-2023-12-2");
    let desk = desk(&week(&base, "    period: daily\n    discover: { type: template }\n"));
    let requests = || {
        let before = origin.stats().total.requests;
        let report = desk.collect_well(&[]);
        assert_eq!(source(&report, "klines")["gaps"]["files"], 5, "{report:#}");
        origin.stats().total.requests - before
    };
    // The checksum and the file of two days, and both of five that are not there.
    assert_eq!(requests(), 2 * 2 + 2 * 5);
    // One request tells that a file is still not there.
    assert_eq!(requests(), 2 + 5);
    edit(&desk, "    period: daily\n", "    period: daily\n    recheck: 30d\n");
    assert_eq!(requests(), 0);
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
