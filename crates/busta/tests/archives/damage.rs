//! Files that are broken, rotten or cut off, and servers that break them.

use super::*;

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
