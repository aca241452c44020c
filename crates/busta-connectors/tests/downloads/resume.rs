//! Going on after a crash gives the same bytes, and costs few.

use std::sync::Arc;

use busta_core::Cursor;
use busta_sandbox::Object;

use crate::bench::{Bench, bytes, expecting, sha256, split, task};
use crate::faults::offset;
use crate::scripted::{Answer, Script};

const SIZE: u64 = 5_000_000;

fn object() -> Object {
    Object::named("a.tif", SIZE)
}

/// Reads a slow object's first batches as one process, and goes on at `cursor` as another.
async fn stopped(bench: &Bench, checked: bool) -> (busta_connectors::download::Task, Vec<Cursor>) {
    let wanted = bench.task("/with/fail=slow:first:1,drip=3s", "a.tif", SIZE);
    let wanted = if checked { expecting(wanted, object()) } else { wanted };
    let folder = bench.folder();
    let mut reader =
        busta_connectors::download::DownloadReader::new(folder, bench.client(), &split(&wanted), None)
            .unwrap();
    let mut cursors = Vec::new();
    for _ in 0..3 {
        let batch = busta_core::Reader::next(&mut reader).await.unwrap().unwrap();
        assert!(!batch.done);
        cursors.push(batch.cursor);
    }
    (wanted, cursors)
}

#[tokio::test]
async fn every_committed_cursor_leads_to_the_same_file() {
    let cases = (0..3).flat_map(|which| [(which, true), (which, false)]);
    let mut tasks: tokio::task::JoinSet<()> = cases.map(|(which, checked)| goes_on(which, checked)).collect();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

async fn goes_on(which: usize, checked: bool) {
    let bench = Bench::new().await;
    let (wanted, cursors) = stopped(&bench, checked).await;
    assert_eq!(offset(&cursors[0]), 0);
    let before = offset(&cursors[2]);
    assert!(0 < before && before < SIZE, "{before}");
    *bench.count.0.lock().unwrap() = (0, 0);
    let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[which].clone())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == bytes(object()));
    let (requests, sent) = *bench.count.0.lock().unwrap();
    assert_eq!(requests, 1, "{which} {checked}");
    if checked {
        // What came while the last mark was brought to the disk counts too.
        assert!(sent <= SIZE - before, "{which}: {sent}");
    } else {
        // Without a checksum only what was committed is trusted.
        assert_eq!(sent, SIZE - offset(&cursors[which]), "{which}");
    }
    assert_eq!(bench.parts(), 0);
}

#[tokio::test]
async fn an_unreadable_hash_state_costs_one_reading_of_the_part() {
    let bench = Bench::new().await;
    let (wanted, cursors) = stopped(&bench, false).await;
    let mut place: serde_json::Value = cursors[2].decode().unwrap();
    place["hashes"] = "of-another-version".into();
    let end = bench.fetch_from(&bench.folder(), &wanted, Some(Cursor::encode(&place).unwrap())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
}

#[tokio::test]
async fn a_part_that_is_gone_is_fetched_anew() {
    for checked in [true, false] {
        let bench = Bench::new().await;
        let (wanted, cursors) = stopped(&bench, checked).await;
        std::fs::remove_dir_all(bench.file("_busta")).unwrap();
        let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[2].clone())).await;
        assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
        assert_eq!(bench.parts(), 0);
    }
}

#[tokio::test]
async fn a_tail_that_the_disk_has_spoilt_is_found_by_the_checksum() {
    let bench = Bench::new().await;
    let (wanted, cursors) = stopped(&bench, true).await;
    let part = std::fs::read_dir(bench.file("_busta/parts")).unwrap().next().unwrap().unwrap().path();
    let mut spoilt = std::fs::read(&part).unwrap();
    spoilt.extend_from_slice(&[0; 100_000]);
    std::fs::write(&part, spoilt).unwrap();
    let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[1].clone())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
    assert!(end.error.is_none());
}

#[tokio::test]
async fn a_crash_between_the_name_and_the_commit_costs_no_second_download() {
    for checked in [true, false] {
        let bench = Bench::new().await;
        let plain = bench.task("", "a.tif", SIZE);
        let wanted = if checked { expecting(plain, object()) } else { plain };
        let end = bench.fetch(&wanted).await;
        let first = end.cursors[0].clone();
        *bench.count.0.lock().unwrap() = (0, 0);
        let again = bench.fetch_from(&bench.folder(), &wanted, Some(first)).await;
        assert_eq!(again.record()["sha256"], end.record()["sha256"]);
        assert_eq!(again.record()["verified"], checked);
        assert_eq!(bench.count.0.lock().unwrap().1, 0);
    }
}

#[tokio::test]
async fn all_bytes_there_and_nothing_more_to_ask() {
    // The process dies after the last byte is synced: the part file is complete.
    let body = vec![7; 10];
    let script = Script::start(move |asked| match asked.header("range") {
        Some("bytes=10-") => Answer::new(416, &[("content-range", "bytes */10")], ""),
        range => panic!("{range:?}"),
    })
    .await;
    let bench = Bench::new().await;
    let wanted = task(&script.url, "a.tif");
    let folder = bench.folder();
    std::fs::create_dir_all(bench.file("_busta/parts")).unwrap();
    std::fs::write(folder.part("a.tif", 0), &body).unwrap();
    for place in [
        serde_json::json!({"offset": 10, "total": 10, "etag": "\"a\""}),
        serde_json::json!({"offset": 10, "etag": "\"a\""}),
    ] {
        std::fs::write(folder.part("a.tif", 0), &body).unwrap();
        let _ = std::fs::remove_file(bench.file("a.tif"));
        let end = bench.fetch_from(&folder, &wanted, Some(Cursor::encode(&place).unwrap())).await;
        assert_eq!(end.record()["sha256"], sha256(&body), "{place}");
    }
    assert_eq!(script.asked().len(), 1, "a known length spares the request");
}

#[tokio::test]
async fn a_server_that_sends_another_range_is_not_believed() {
    let script = Script::start(|asked| match asked.header("range") {
        Some(_) => Answer::new(206, &[("content-range", "bytes 0-5/6"), ("etag", "\"a\"")], "abcdef"),
        None => Answer::new(200, &[("etag", "\"a\"")], "abcdef"),
    })
    .await;
    let bench = Bench::new().await;
    let folder = bench.folder();
    std::fs::create_dir_all(bench.file("_busta/parts")).unwrap();
    std::fs::write(folder.part("a.tif", 0), b"abc").unwrap();
    let place = serde_json::json!({"offset": 3, "total": 6, "etag": "\"a\""});
    let end =
        bench.fetch_from(&folder, &task(&script.url, "a.tif"), Some(Cursor::encode(&place).unwrap())).await;
    assert_eq!(end.record()["sha256"], sha256(b"abcdef"));
}

#[tokio::test]
async fn two_writers_of_one_part_do_not_meet() {
    let bench = Bench::new().await;
    let wanted = bench.task("/with/fail=slow:first:1,drip=3s", "a.tif", SIZE);
    let read = |folder| {
        busta_connectors::download::DownloadReader::new(folder, bench.client(), &split(&wanted), None)
            .unwrap()
    };
    let mut first = read(bench.folder());
    busta_core::Reader::next(&mut first).await.unwrap();
    let mut second = read(bench.folder());
    let error = busta_core::Reader::next(&mut second).await.unwrap_err();
    assert_eq!(error.kind(), busta_core::ErrorKind::Unavailable);
    assert!(error.to_string().contains("by somebody else"), "{error}");
    drop(first);
    assert_eq!(bench.fetch(&wanted).await.record()["sha256"], sha256(&bytes(object())));
}

#[tokio::test]
async fn two_objects_of_one_file_are_a_failure() {
    let bench = Bench::new().await;
    let folder: Arc<_> = bench.folder();
    let (a, b) = (bench.task("", "a.tif", 10), bench.task("/as/other", "a.tif", 10));
    assert!(bench.fetch_from(&folder, &a, None).await.record.is_some());
    let error = bench.fetch_from(&folder, &b, None).await.failed(busta_core::ErrorKind::Config);
    assert!(error.contains("another object goes to the file `a.tif`"), "{error}");
}
