//! What vouches for a file, what is refused or doubted, and what is only newer than its record.

use std::io::{Read as _, Write as _};

use super::*;

/// All files that were set aside.
fn quarantined(desk: &Desk) -> Vec<PathBuf> {
    fn below(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, all);
            } else if path.extension().is_some_and(|ending| ending == "quarantine") {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    below(&desk.file("archives"), &mut all);
    all
}

/// How many bytes of files the origin has sent.
fn sent(origin: &Origin) -> u64 {
    of_files(origin, "bytes")
}

/// Asks for something and does not look at it.
fn get(url: &str) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = std::net::TcpStream::connect(host).unwrap();
    write!(socket, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer[..answer.len().min(200)])
    );
}

#[test]
fn nothing_is_set_aside_while_a_run_collects_it() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    desk.collect_well(&[]);
    let one = zips(&desk.file("archives")).remove(0);
    let rotten = b"rotten".to_vec();
    std::fs::write(&one, &rotten).unwrap();
    edit(&desk, "/archive/", "/with/latency=20s/archive/");
    let before = origin.stats().total.requests;
    let mut run = desk.spawn(&COLLECT);
    origin.until_under_way(before + 1);
    let refused = desk.busta(&["archive", "verify", "--repair"]);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    let told = &refused.stderr;
    assert!(told.contains("is collecting klines right now; nothing was touched"), "{told}");
    assert_eq!(quarantined(&desk), Vec::<PathBuf>::new());
    assert_eq!(std::fs::read(&one).unwrap(), rotten);
    run.kill().unwrap();
    run.wait().unwrap();
    edit(&desk, "/with/latency=20s/archive/", "/archive/");
    assert_eq!(desk.busta(&["archive", "verify", "--repair"]).code, 0);
    assert_eq!(quarantined(&desk), Vec::<PathBuf>::new(), "the file is mended");
}

#[cfg(feature = "failpoints")]
#[test]
fn what_a_dead_run_has_replaced_is_newer_than_its_record_and_no_damage() {
    let origin = Origin::default();
    let desk = desk(&klines(&world(&origin, ""), "    discover: { type: template }\n"));
    desk.collect_well(&[]);
    origin.sandbox().republish_archive("ETHUSDT");
    // Dies where files have their names, and no record yet.
    let told = (1..20).find_map(|nth| {
        assert!(desk.dies_at(&format!("engine.commit.before:{nth}"), &[]));
        Some(desk.busta(&["archive", "verify"])).filter(|told| told.code != 0)
    });
    let told = told.expect("a file without its record");
    assert_eq!(told.code, 3, "{}", told.stdout);
    assert!(told.stdout.contains("is newer than its record: run "), "{}", told.stdout);
    assert!(!told.stdout.contains("is sha256:"), "{}", told.stdout);
    let repaired = desk.busta(&["archive", "verify", "--repair"]);
    assert_eq!(repaired.code, 3, "there is nothing to set aside: {}{}", repaired.stdout, repaired.stderr);
    assert_eq!(quarantined(&desk), Vec::<PathBuf>::new());
    desk.collect_well(&["--resume"]);
    let whole = desk.busta(&["archive", "verify"]);
    assert_eq!(whole.code, 0, "{}", whole.stdout);
}

#[test]
fn what_is_refused_is_told_as_missing_and_not_fetched_again_before_it_changes() {
    for discover in ["template", "s3"] {
        let origin = Origin::default();
        let base = world(&origin, ",periods=daily,wrong_checksum=BTCUSDT-1h-2023-12-26");
        let desk = desk(&week(&base, &format!("    period: daily\n    discover: {{ type: {discover} }}\n")));
        let (ended, report) = desk.collect(&[]);
        assert_eq!(ended.code, 3, "{discover}: {report:#}");
        let gap = serde_json::json!({ "of": "BTCUSDT 1h", "from": "2023-12-26", "to": "2023-12-26", "files": 1, "refused": true });
        let gaps = serde_json::json!({ "files": 1, "gaps": [gap] });
        assert_eq!(source(&report, "klines")["gaps"], gaps, "{discover}");
        let told = texts(&desk, "SELECT refused_because FROM files WHERE missing");
        assert_eq!((told.len(), told[0].matches("sha256:").count()), (1, 2), "{discover}: {told:?}");
        let info = desk.busta(&["sources", "info", "klines"]).stdout;
        assert!(info.contains("BTCUSDT 1h, 2023-12-26, refused"), "{discover}: {info}");
        let verified = desk.busta(&["archive", "verify"]);
        assert!(verified.stdout.contains("6 of 7 files"), "{discover}: {}", verified.stdout);
        assert_eq!(verified.code, 3, "{discover}");

        // Neither silent nor endless.
        let bytes = sent(&origin);
        for _ in 0..2 {
            let (ended, report) = desk.collect(&[]);
            let klines = source(&report, "klines");
            assert_eq!((ended.code, &klines["failures"], &klines["gaps"]), (3, &Value::from(1), &gaps));
            assert_eq!(sent(&origin), bytes, "{discover}: it has not changed");
        }
        let repaired = desk.busta(&["archive", "verify", "--repair"]);
        assert_eq!(repaired.code, 3, "{discover}: {}", repaired.stdout);
        let bytes_of_one = (sent(&origin) - bytes) / 2;
        assert!(bytes_of_one > 0, "{discover}: it was not fetched again");

        // Its checksum is mended.
        edit(&desk, ",wrong_checksum=BTCUSDT-1h-2023-12-26", "");
        let report = desk.collect_well(&[]);
        assert_eq!(source(&report, "klines")["gaps"]["files"], 0, "{discover}: {report:#}");
        assert_eq!(quarantined(&desk), Vec::<PathBuf>::new(), "{discover}");
        assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE missing OR refused_because <> ''"), 0);
        assert_eq!(number(&desk, "SELECT count(*) FROM klines"), 7 * 24, "{discover}");
        assert_eq!(desk.busta(&["archive", "verify"]).code, 0, "{discover}");
    }
}

#[test]
fn the_days_of_a_month_that_is_refused_are_fetched() {
    for discover in ["template", "s3"] {
        let origin = Origin::default();
        let base = world(&origin, ",wrong_checksum=BTCUSDT-1h-2024-01.zip");
        let desk = desk(&klines(&base, &format!("    discover: {{ type: {discover} }}\n")));
        for _ in 0..2 {
            let (ended, report) = desk.collect(&[]);
            let failures = &source(&report, "klines")["failures"];
            assert_eq!((ended.code, failures), (3, &Value::from(1)), "{discover}: {report:#}");
            assert_eq!(number(&desk, "SELECT count(*) FROM klines"), ROWS, "{discover}");
            assert_eq!(source(&report, "klines")["gaps"]["files"], 0, "{discover}");
        }
    }
}

#[test]
fn what_changes_after_it_was_listed_is_what_its_own_tag_says() {
    let origin = Origin::default();
    let base =
        world(&origin, ",periods=daily,checksums=off").replace("/archive/", "/with/changes=1/archive/");
    let yaml = week(&base, "    period: daily\n    discover: { type: s3 }\n");
    let desk = desk(&yaml.replace("2023-12-25", "2023-12-31"));
    // It becomes another one with the next request, which comes after the listing.
    get(&format!("{base}/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-12-31.zip"));
    desk.collect_well(&[]);
    assert_eq!(number(&desk, "SELECT count(*) FROM files WHERE 'md5:' || trim(etag, '\"') = checksum"), 1);
    assert_eq!(desk.collect_well(&[])["records"], 0);
}

#[test]
fn a_checksum_file_of_no_use_is_told_though_the_etag_is_an_md5() {
    let origin = Origin::default();
    let other = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-12-20.zip.CHECKSUM";
    for (options, checksum, told) in [
        (",periods=daily", other, "is about `BTCUSDT-1h-2023-12-20.zip`"),
        (",periods=daily,no_checksum=all", "{path}.CHECKSUM", "is not there"),
    ] {
        let yaml = format!(
            "  - name: own
    type: archive
    layout:
      base_url: {}
      discover: {{ type: s3 }}
      checksum: \"{checksum}\"
      data_types:
        - name: bars
          daily: data/spot/daily/klines/{{symbol}}/1h/{{symbol}}-1h-{{date}}.zip
    symbols: BTCUSDT
    from: 2023-12-30
    to: 2023-12-31
",
            world(&origin, options)
        );
        let desk = desk(&yaml);
        desk.collect_well(&[]);
        let why =
            texts(&desk, "SELECT unverified_because FROM files WHERE NOT verified AND checksum LIKE 'md5:%'");
        assert_eq!(why.len(), 2, "{told}");
        assert!(why.iter().all(|why| why.contains(told)), "{why:?}");
        let bytes = sent(&origin);
        assert_eq!((desk.collect_well(&[])["records"].as_i64(), sent(&origin)), (Some(0), bytes), "{told}");
        edit(&desk, "    symbols:", "    require_checksum: true\n    folder: strict\n    symbols:");
        let (ended, report) = desk.collect(&["--full-refresh"]);
        assert_eq!((ended.code, &report["failures"]), (3, &Value::from(2)), "{told}: {report:#}");
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
