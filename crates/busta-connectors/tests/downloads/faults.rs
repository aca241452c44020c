//! Every fault has the right outcome.

use std::time::Duration;

use busta_connectors::download::{Algorithm, Checksum, Rules};
use busta_core::ErrorKind;
use busta_sandbox::Object;
use serde_json::json;

use crate::bench::{Bench, bytes, expecting, sha256, task};
use crate::scripted::{Answer, Script};

const SIZE: u64 = 3_000_000;

fn object() -> Object {
    Object::named("a.tif", SIZE)
}

/// Whatever went wrong on the way, the file is the object, and nothing else is left.
async fn arrives(profile: &str) -> (Bench, crate::bench::End) {
    let bench = Bench::new().await;
    let end = bench.fetch(&expecting(bench.task(profile, "a.tif", SIZE), object())).await;
    let record = end.record();
    assert_eq!((&record["verified"], &record["bytes"]), (&json!(true), &json!(SIZE)));
    assert_eq!(record["sha256"], sha256(&bytes(object())));
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == bytes(object()));
    assert_eq!((bench.files(), bench.parts()), (vec!["a.tif".to_owned()], 0));
    (bench, end)
}

#[tokio::test]
async fn a_sound_object_arrives() {
    let (bench, end) = arrives("").await;
    let record = end.record();
    assert_eq!(record["etag"], object().etag());
    assert_eq!(record["last_modified"], "Mon, 01 Jan 2024 00:00:00 GMT");
    assert_eq!(record["content_type"], "application/octet-stream");
    assert_eq!(record["checksum"], format!("sha256:{}", sha256(&bytes(object()))));
    assert_eq!((record["path"].as_str(), &record["unverified_because"]), (Some("a.tif"), &json!(null)));
    assert_eq!(*bench.count.0.lock().unwrap(), (1, SIZE));
    assert!(end.retries.is_empty());
}

#[tokio::test]
async fn server_errors_and_resets_are_tried_again() {
    assert_eq!(arrives("/with/fail=500:first:2").await.1.retries.len(), 2);
    assert_eq!(arrives("/with/fail=reset:first:1").await.1.retries.len(), 1);
    assert_eq!(arrives("/with/fail=noise:first:1").await.1.retries.len(), 1);
}

#[tokio::test]
async fn a_truncated_body_costs_no_byte_twice() {
    let (bench, end) = arrives("/with/fail=truncate:first:3").await;
    assert_eq!(end.retries.len(), 3, "{end:?}");
    assert!(end.retries[0].contains("cut off"), "{end:?}");
    // Each answer but the last breaks off half way, and the next one goes on there.
    assert_eq!(*bench.count.0.lock().unwrap(), (4, SIZE));
}

#[tokio::test]
async fn a_slow_body_is_patience_and_progress() {
    let (_, end) = arrives("/with/fail=slow,drip=2500ms").await;
    assert!(end.retries.is_empty());
    let offsets: Vec<_> = end.cursors.iter().map(offset).collect();
    assert!(offsets.len() >= 2 && offsets.is_sorted(), "a batch a second: {offsets:?}");
}

pub fn offset(cursor: &busta_core::Cursor) -> u64 {
    cursor.decode::<serde_json::Value>().unwrap()["offset"].as_u64().unwrap()
}

#[tokio::test]
async fn a_stalled_body_is_left_and_gone_on_with() {
    let mut bench = Bench::new().await;
    bench.timeout = Duration::from_millis(200);
    let body = bytes(object());
    // Promises all, sends half, and keeps the connection.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.tif", listener.local_addr().unwrap());
    let sent = body.clone();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut held = Vec::new();
        for attempt in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            let half = sent.len() / 2;
            if attempt == 0 {
                let answer =
                    format!("HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: {}\r\n\r\n", sent.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.write_all(&sent[..half]).await.unwrap();
            } else {
                assert!(head.contains(&format!("range: bytes={half}-")) && head.contains("if-range: \"a\""));
                let answer = format!(
                    "HTTP/1.1 206 Partial\r\netag: \"a\"\r\ncontent-range: bytes {half}-{}/{}\r\ncontent-length: {}\r\n\r\n",
                    sent.len() - 1,
                    sent.len(),
                    sent.len() - half
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.write_all(&sent[half..]).await.unwrap();
            }
            held.push(stream);
        }
    });
    let end = bench.fetch(&task(&url, "a.tif")).await;
    server.abort();
    assert!(end.retries[0].contains("not a byte came for 200ms"), "{end:?}");
    assert_eq!(end.record()["sha256"], sha256(&body));
    assert_eq!(end.record()["unverified_because"], "no checksum is given");
}

#[tokio::test]
async fn a_corrupt_byte_is_fetched_again_and_then_kept_apart() {
    let (_, end) = arrives("/with/fail=corrupt:first:1").await;
    assert!(end.retries.is_empty() && end.error.is_none());

    let bench = Bench::new().await;
    let end = bench.fetch(&expecting(bench.task("/with/fail=corrupt", "a.tif", SIZE), object())).await;
    let error = end.failed(ErrorKind::Corrupt);
    let damaged = sha256(&std::fs::read(bench.file("a.tif.quarantine")).unwrap());
    assert!(error.contains(&format!("is sha256:{damaged}")), "{error}");
    assert!(error.contains(&format!("should be sha256:{}", sha256(&bytes(object())))), "{error}");
    assert!(error.contains(&format!("before, it was sha256:{damaged}")), "{error}");
    assert!(error.contains("wrong at the origin"), "{error}");
    assert_eq!((bench.files(), bench.parts()), (vec!["a.tif.quarantine".to_owned()], 0));
    assert_eq!(bench.count.0.lock().unwrap().0, 2);
}

#[tokio::test]
async fn a_wrong_checksum_is_never_accepted() {
    let bench = Bench::new().await;
    let mut wanted = bench.task("", "a.tif", SIZE);
    wanted.expected.checksum = Checksum::from_hex(Algorithm::Md5, &"0".repeat(32));
    let error = bench.fetch(&wanted).await.failed(ErrorKind::Corrupt);
    assert!(error.contains("should be md5:00000000000000000000000000000000"), "{error}");
    assert!(!bench.file("a.tif").exists());
}

#[tokio::test]
async fn a_wrong_size_fails_before_its_bytes_come() {
    let bench = Bench::new().await;
    let mut wanted = bench.task("", "a.tif", SIZE);
    wanted.expected.size = Some(SIZE + 1);
    let error = bench.fetch(&wanted).await.failed(ErrorKind::Corrupt);
    assert!(error.contains("3000000 bytes and should have 3000001"), "{error}");
    assert_eq!((bench.files(), bench.parts()), (vec![], 0));
}

#[tokio::test]
async fn without_ranges_it_begins_anew_but_not_for_ever() {
    let (bench, _) = arrives("/with/ranges=off,fail=truncate:first:2").await;
    assert_eq!(bench.count.0.lock().unwrap().0, 3);

    let bench = Bench::new().await;
    let end = bench.fetch(&bench.task("/with/ranges=off,fail=truncate", "a.tif", SIZE)).await;
    let error = end.failed(ErrorKind::Data);
    assert!(error.contains("again and again"), "{error}");
    assert!(bench.count.0.lock().unwrap().0 <= 7);
}

#[tokio::test]
async fn an_object_that_changes_on_the_way_is_the_new_one_or_none() {
    let bench = Bench::new().await;
    let new = Object { version: 1, ..object() };
    let wanted = bench.task("/with/changes=1,fail=truncate:first:1", "a.tif", SIZE);
    let end = bench.fetch(&wanted).await;
    assert_eq!(end.record()["sha256"], sha256(&bytes(new)), "{end:?}");
    assert_eq!(end.record()["etag"], new.etag());
    assert_eq!(bench.parts(), 0);
}

#[tokio::test]
async fn an_object_without_a_validator_is_not_pieced_together() {
    for tag in ["weak", "off"] {
        let bench = Bench::new().await;
        let mut wanted = bench.task("/with/fail=truncate:first:1", "a.tif", SIZE);
        wanted.url.query_pairs_mut().append_pair("etag", tag);
        let end = bench.fetch(&wanted).await;
        assert_eq!(end.record()["sha256"], sha256(&bytes(object())));
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_fails_at_once() {
    for (status, kind) in [(404, ErrorKind::NotFound), (403, ErrorKind::Auth), (400, ErrorKind::Data)] {
        let bench = Bench::new().await;
        let url = format!("{}/status/{status}", bench.sandbox.url());
        bench.fetch(&task(&url, "a.tif")).await.failed(kind);
        assert_eq!((bench.files(), bench.count.0.lock().unwrap().0), (vec![], 1));
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_no_object() {
    let script = Script::start(|_| Answer::new(204, &[], "")).await;
    let bench = Bench::new().await;
    let error = bench.fetch(&task(&script.url, "a.tif")).await.failed(ErrorKind::Data);
    assert!(error.contains("answered 204"), "{error}");
}

#[tokio::test]
async fn rules_are_kept() {
    let mut bench = Bench::new().await;
    bench.rules = Rules { require_checksum: true, ..Rules::default() };
    let error = bench.fetch(&bench.task("", "a.tif", SIZE)).await.failed(ErrorKind::Data);
    assert!(error.contains("no checksum is given") && error.contains("require_checksum"), "{error}");
    assert_eq!(bench.count.0.lock().unwrap().0, 0);
    bench.rules = Rules { max_size: Some(SIZE - 1), ..Rules::default() };
    let error = bench.fetch(&bench.task("", "a.tif", SIZE)).await.failed(ErrorKind::Data);
    assert!(error.contains("larger than"), "{error}");
    // A body that does not say how long it is is measured as it comes.
    let script = Script::start(|_| {
        let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 1 << 20, "x".repeat(1 << 20));
        Answer([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk.as_bytes()].concat())
    })
    .await;
    bench.rules.max_size = Some(1000);
    bench.fetch(&task(&script.url, "b.tif")).await.failed(ErrorKind::Data);
    assert_eq!(bench.files(), [""; 0]);
}

#[tokio::test]
async fn compressed_objects_are_stored_as_they_are() {
    // As some object stores serve what was uploaded compressed, whatever the client accepts.
    let script = Script::start(|asked| {
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
        Answer::new(200, &[("content-encoding", "gzip")], b"\x1f\x8bnot really")
    })
    .await;
    let bench = Bench::new().await;
    let end = bench.fetch(&task(&script.url, "a.gz")).await;
    assert_eq!(end.record()["sha256"], sha256(b"\x1f\x8bnot really"));
}

#[tokio::test]
async fn a_disk_that_is_too_small_says_so_before_the_first_byte() {
    let script = Script::start(|_| {
        Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nx", 1u64 << 60).into_bytes())
    })
    .await;
    let bench = Bench::new().await;
    let error = bench.fetch(&task(&script.url, "a.tif")).await.failed(ErrorKind::Config);
    assert!(error.contains("are needed") && error.contains("make room"), "{error}");
}
