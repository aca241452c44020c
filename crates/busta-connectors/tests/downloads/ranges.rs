//! Several ranges of one object at once, with all that may go wrong between them.

use std::sync::atomic::Ordering;

use busta_connectors::download::{Algorithm, Checksum, DownloadReader, RangesConfig, Rules, Task};
use busta_core::units::ByteSize;
use busta_core::{Cursor, Reader};
use busta_sandbox::Object;
use md5::Digest;
use serde_json::{Value, json};

use crate::bench::{Bench, End, bytes, expecting, sha256, split, task};
use crate::scripted::{Answer, Script};

const SIZE: u64 = 3_000_000;
const RANGE: u64 = 128 << 10;

fn object() -> Object {
    Object::named("a.tif", SIZE)
}

/// A bench with room for `spares` more requests, on which objects above 512 KiB come in 128 KiB.
async fn bench(spares: usize) -> Bench {
    let mut bench = Bench::new().await;
    let ranges = RangesConfig { min_size: ByteSize(4 * RANGE), size: ByteSize(RANGE), max_concurrency: 4 };
    bench.rules = Rules { ranges, ..Rules::default() };
    bench.count.1.store(spares, Ordering::Relaxed);
    bench
}

/// Whatever went wrong on the way, the file is the object, nothing else is left, and no room is kept.
async fn arrives(profile: &str, spares: usize) -> (Bench, End) {
    let bench = bench(spares).await;
    let end = bench.fetch(&expecting(bench.task(profile, "a.tif", SIZE), object())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())), "{profile}: {end:?}");
    assert_eq!(end.record()["verified"], json!(true));
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == bytes(object()));
    assert_eq!((bench.files(), bench.parts()), (vec!["a.tif".to_owned()], 0));
    assert_eq!(bench.count.1.load(Ordering::Relaxed), spares, "every place is given back");
    (bench, end)
}

fn asked(bench: &Bench) -> (u64, u64) {
    *bench.count.0.lock().unwrap()
}

#[tokio::test]
async fn a_large_object_comes_by_several_requests_at_once() {
    let (bench, end) = arrives("/with/latency=20ms", 3).await;
    let (requests, came) = asked(&bench);
    // The first asks for the smallest large object, so that one that is not is there with it.
    assert_eq!((requests, came), (1 + (SIZE - 4 * RANGE).div_ceil(RANGE), SIZE));
    assert_eq!(bench.sandbox.stats().total.max_in_flight, 4);
    assert!(end.retries.is_empty());
    assert_eq!(end.record()["etag"], object().etag());
}

#[tokio::test]
async fn no_more_at_once_than_there_is_room_for() {
    for spares in [0, 1, 2, 9] {
        let (bench, _) = arrives("/with/latency=5ms", spares).await;
        assert_eq!(bench.sandbox.stats().total.max_in_flight, 1 + spares.min(3) as u64);
        assert_eq!(asked(&bench).1, SIZE);
        if spares == 0 {
            assert_eq!(asked(&bench).0, SIZE.div_ceil(4 * RANGE), "who is alone asks for more at once");
        }
    }
}

#[tokio::test]
async fn a_small_object_costs_one_request() {
    let bench = bench(3).await;
    for (name, size) in [("small.tif", 4 * RANGE), ("empty.tif", 0), ("tiny.tif", 1)] {
        let end = bench.fetch(&bench.task("", name, size)).await;
        assert_eq!(end.record()["bytes"], json!(size), "{name}");
    }
    // An empty object has no range, so it is asked for twice.
    assert_eq!(asked(&bench).0, 4);
}

#[tokio::test]
async fn a_size_that_is_known_is_heeded() {
    let bench = bench(3).await;
    let mut wanted = bench.task("", "a.tif", SIZE);
    wanted.expected.size = Some(SIZE);
    bench.fetch(&wanted).await.record();
    assert_eq!(asked(&bench), (SIZE.div_ceil(RANGE), SIZE));
    let mut small = bench.task("", "b.tif", 1000);
    small.expected.size = Some(1000);
    bench.fetch(&small).await.record();
    // What is told is not believed.
    let mut wrong = expecting(bench.task("", "c.tif", 1000), Object::named("c.tif", 1000));
    wrong.expected.size = Some(SIZE);
    assert_eq!(bench.fetch(&wrong).await.record()["bytes"], json!(1000));
}

#[tokio::test]
async fn every_function_gives_its_own_digest() {
    let bench = bench(3).await;
    let mut wanted = bench.task("", "a.tif", SIZE);
    let digest: String = md5::Md5::digest(bytes(object())).iter().map(|b| format!("{b:02x}")).collect();
    wanted.expected.checksum = Checksum::from_hex(Algorithm::Md5, &digest);
    let end = bench.fetch(&wanted).await;
    assert_eq!(end.record()["checksum"], format!("md5:{digest}"));
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
}

#[tokio::test]
async fn faults_between_the_ranges_cost_no_byte_twice() {
    for profile in [
        "/with/fail=truncate:every:3",
        "/with/fail=500:every:5",
        "/with/fail=reset:every:6",
        "/with/fail=noise:every:7",
    ] {
        let (bench, end) = arrives(profile, 3).await;
        assert!(!end.retries.is_empty(), "{profile}");
        // Beside it only what the refusals say.
        assert!((SIZE..SIZE + 2000).contains(&asked(&bench).1), "{profile}: {:?}", asked(&bench));
    }
}

#[tokio::test]
async fn a_corrupt_range_is_found_and_the_whole_fetched_again() {
    let (bench, end) = arrives("/with/fail=corrupt:first:2", 3).await;
    assert!(end.retries.is_empty());
    assert_eq!(asked(&bench).1, 2 * SIZE);
}

#[tokio::test]
async fn an_object_that_changes_between_its_ranges_is_the_new_one() {
    for after in [1, 2, 5] {
        let bench = bench(3).await;
        let end = bench.fetch(&bench.task(&format!("/with/changes={after}"), "a.tif", SIZE)).await;
        let new = Object { version: 1, ..object() };
        assert_eq!(end.record()["sha256"], sha256(&bytes(new)), "{after}: {end:?}");
        assert_eq!((end.record()["etag"].as_str(), bench.parts()), (Some(new.etag().as_str()), 0));
    }
}

#[tokio::test]
async fn without_ranges_there_is_one_request() {
    let (bench, _) = arrives("/with/ranges=off", 3).await;
    assert_eq!(asked(&bench), (1, SIZE));
}

/// A server that answers requests for ranges with `head`, and those for the whole with all of it.
async fn odd_server(head: &'static [(&'static str, &'static str)]) -> (Script, Vec<u8>) {
    let body = vec![7; 1_000_000];
    let sent = body.clone();
    let script = Script::start(move |asked| match asked.header("range") {
        Some(range) => {
            let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
            let first: usize = first.parse().unwrap();
            let last = last.parse().unwrap_or(usize::MAX).min(sent.len() - 1);
            let range = format!("bytes {first}-{last}/{}", sent.len());
            let head: Vec<_> = head.iter().copied().chain([("content-range", range.as_str())]).collect();
            Answer::new(206, &head, &sent[first..=last])
        }
        None => Answer::new(200, &[], &sent),
    })
    .await;
    (script, body)
}

#[tokio::test]
async fn what_nobody_could_tell_apart_is_not_put_together() {
    let (script, body) = odd_server(&[]).await;
    let bench = bench(3).await;
    let end = bench.fetch(&task(&script.url, "a.tif")).await;
    assert_eq!(end.record()["sha256"], sha256(&body));
    let ranges: Vec<_> =
        script.asked().iter().map(|asked| asked.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [Some("bytes=0-524287".to_owned()), None]);
    // A checksum would tell.
    let mut wanted = task(&script.url, "b.tif");
    wanted.expected.checksum = Checksum::from_hex(Algorithm::Sha256, &sha256(&body));
    assert_eq!(bench.fetch(&wanted).await.record()["verified"], json!(true));
    assert_eq!(script.asked().len(), 2 + 1 + (1_000_000 - 4 * RANGE as usize).div_ceil(RANGE as usize));
}

#[tokio::test]
async fn ranges_name_the_object_they_are_of() {
    let (script, _) = odd_server(&[("etag", "\"a\"")]).await;
    let bench = bench(3).await;
    bench.fetch(&task(&script.url, "a.tif")).await.record();
    let asked = script.asked();
    assert_eq!(asked[0].header("if-range"), None);
    assert!(asked.len() > 2 && asked[1..].iter().all(|asked| asked.header("if-range") == Some("\"a\"")));
}

/// Reads a slow object's first batches as one process, which leaves its part file behind.
async fn stopped(bench: &Bench, checked: bool, batches: usize) -> (Task, Vec<Cursor>) {
    let wanted = bench.task("/with/fail=slow:first:4,drip=3s", "a.tif", SIZE);
    let wanted = if checked { expecting(wanted, object()) } else { wanted };
    let mut reader = DownloadReader::new(bench.folder(), bench.client(), &split(&wanted), None).unwrap();
    let mut cursors = Vec::new();
    for _ in 0..batches {
        let batch = reader.next().await.unwrap().unwrap();
        assert!(!batch.done);
        cursors.push(batch.cursor);
    }
    (wanted, cursors)
}

/// How many bytes a cursor says are there.
fn come(cursor: &Cursor) -> u64 {
    let place: Value = cursor.decode().unwrap();
    let done = place["ranges"]["done"].as_array().unwrap();
    let done: u64 = done.iter().map(|d| d[1].as_u64().unwrap() - d[0].as_u64().unwrap()).sum();
    place["offset"].as_u64().unwrap() + done
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
    let bench = bench(3).await;
    let (wanted, cursors) = stopped(&bench, checked, 3).await;
    let before = come(&cursors[2]);
    assert!(come(&cursors[0]) == 0 && 0 < before && before < SIZE, "{cursors:?}");
    let place: Value = cursors[2].decode().unwrap();
    assert!(!place["ranges"]["done"].as_array().unwrap().is_empty(), "several are under way: {place}");
    *bench.count.0.lock().unwrap() = (0, 0);
    let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[which].clone())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == bytes(object()));
    // Without a checksum only what was committed is trusted.
    let kept = if checked { before } else { come(&cursors[which]) };
    assert_eq!(asked(&bench).1, SIZE - kept, "{which} {checked}");
    assert_eq!(bench.parts(), 0);
}

#[tokio::test]
async fn a_part_file_that_is_gone_or_spoilt_is_made_anew() {
    for spoil in [
        |path: &std::path::Path| std::fs::remove_file(path).unwrap(),
        |path: &std::path::Path| std::fs::write(path, b"short").unwrap(),
    ] {
        let bench = bench(3).await;
        let (wanted, cursors) = stopped(&bench, true, 2).await;
        let part = std::fs::read_dir(bench.file("_busta/parts")).unwrap().next().unwrap().unwrap().path();
        spoil(&part);
        let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[1].clone())).await;
        assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
        assert_eq!(bench.parts(), 0);
    }
}

#[tokio::test]
async fn a_table_that_lies_is_found_by_the_checksum() {
    let bench = bench(3).await;
    let (wanted, cursors) = stopped(&bench, true, 2).await;
    let part = std::fs::read_dir(bench.file("_busta/parts")).unwrap().next().unwrap().unwrap().path();
    let mut spoilt = std::fs::read(&part).unwrap();
    spoilt[SIZE as usize..].fill(0xff);
    std::fs::write(&part, spoilt).unwrap();
    let end = bench.fetch_from(&bench.folder(), &wanted, Some(cursors[1].clone())).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
    assert!(end.error.is_none());
}

#[tokio::test]
async fn an_unreadable_hash_state_or_an_impossible_cursor_costs_time_only() {
    for (key, value) in [("hashes", json!("of-another-version")), ("offset", json!(SIZE * 2))] {
        let bench = bench(3).await;
        let (wanted, cursors) = stopped(&bench, false, 3).await;
        let mut place: Value = cursors[2].decode().unwrap();
        place[key] = value;
        let end = bench.fetch_from(&bench.folder(), &wanted, Some(Cursor::encode(&place).unwrap())).await;
        assert_eq!(end.record()["sha256"], sha256(&bytes(object())), "{key}");
    }
}

#[tokio::test]
async fn rules_hold_before_the_bytes_come() {
    let mut bench = bench(3).await;
    bench.rules.max_size = Some(SIZE - 1);
    let error = bench.fetch(&bench.task("", "a.tif", SIZE)).await.failed(busta_core::ErrorKind::Data);
    assert!(error.contains("larger than"), "{error}");
    bench.rules.max_size = None;
    let mut wrong = bench.task("", "a.tif", SIZE);
    wrong.expected.size = Some(SIZE + 1);
    bench.fetch(&wrong).await.failed(busta_core::ErrorKind::Corrupt);
    assert_eq!((bench.files(), bench.parts()), (vec![], 0));
}
