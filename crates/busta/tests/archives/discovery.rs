//! What is found: by every way of discovery, as globs, periods and orders say, and what is told if it is nothing.

use super::*;

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
fn the_newest_files_of_all_symbols_come_first() {
    let origin = Origin::default();
    for discover in ["template", "s3"] {
        let more = format!(
            "    period: daily\n    order: newest\n    convert: false\n    discover: {{ type: {discover} }}\n"
        );
        let desk = desk(&klines(&world(&origin, ",periods=daily"), &more));
        let ended = desk.busta(&["sources", "collect"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let days = texts(&desk, "SELECT period FROM files ORDER BY rowid");
        assert_eq!(days.len(), 2 * 43);
        assert!(days.windows(2).all(|two| two[0] >= two[1]), "{discover}: {days:?}");
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
fn a_listing_that_is_refused_or_has_other_names_says_what_helps() {
    let origin = Origin::default();
    let (ended, report) = desk(&klines(&world(&origin, ",listing=off"), "")).collect(&[]);
    let told = format!("{}{report}", ended.stderr);
    assert!(ended.code == 3 && told.contains("discover: { type: template }"), "{told}");
    let yaml = klines(&world(&origin, ""), "").replace("BTCUSDT", "BTCUSD").replace("ETHUSDT", "ETHUSD");
    let yaml = yaml.replace("    intervals: [1h]\n", "    intervals: [1h]\n    include: ['nothing']\n");
    let (_, report) = desk(&yaml.replace("[BTCUSD, ETHUSD]", "'*USDT'")).collect(&[]);
    let error = source(&report, "klines")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("begins with data/spot/"), "{error}");
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
