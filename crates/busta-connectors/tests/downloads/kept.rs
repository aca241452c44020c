//! What is there already is not asked for.

use busta_sandbox::Object;

use crate::bench::{Bench, bytes, expecting, sha256};

const SIZE: u64 = 100_000;

fn object() -> Object {
    Object::named("a.tif", SIZE)
}

#[tokio::test]
async fn a_recorded_file_needs_no_request_and_no_record() {
    let mut bench = Bench::new().await;
    let wanted = expecting(bench.task("", "a.tif", SIZE), object());
    let end = bench.fetch(&wanted).await;
    bench.starts.starts = end.starts.into_iter().collect();
    let again = bench.fetch(&wanted).await;
    assert!(again.record.is_none() && again.starts.is_empty());
    assert_eq!(bench.count.0.lock().unwrap().0, 1);
}

#[tokio::test]
async fn a_file_that_nobody_has_recorded_is_checked_where_it_lies() {
    let bench = Bench::new().await;
    let wanted = expecting(bench.task("", "a.tif", SIZE), object());
    std::fs::write(bench.file("a.tif"), bytes(object())).unwrap();
    let end = bench.fetch(&wanted).await;
    assert_eq!((&end.record()["verified"], end.starts.len()), (&true.into(), 1));
    assert_eq!(bench.count.0.lock().unwrap().0, 0);
}

#[tokio::test]
async fn a_file_that_was_damaged_since_is_fetched_again() {
    let mut bench = Bench::new().await;
    let wanted = expecting(bench.task("", "a.tif", SIZE), object());
    bench.starts.starts = bench.fetch(&wanted).await.starts.into_iter().collect();
    std::fs::write(bench.file("a.tif"), b"damaged").unwrap();
    assert_eq!(bench.fetch(&wanted).await.record()["bytes"], SIZE);
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == bytes(object()));
}

#[tokio::test]
async fn without_a_checksum_the_server_is_asked_whether_it_has_changed() {
    let mut bench = Bench::new().await;
    let wanted = bench.task("/with/changes=2", "a.tif", SIZE);
    bench.starts.starts = bench.fetch(&wanted).await.starts.into_iter().collect();
    assert!(bench.fetch(&wanted).await.record.is_none());
    assert_eq!(*bench.count.0.lock().unwrap(), (2, SIZE), "304");
    let new = bytes(Object { version: 1, ..object() });
    assert_eq!(bench.fetch(&wanted).await.record()["sha256"], sha256(&new));
    assert!(std::fs::read(bench.file("a.tif")).unwrap() == new);
}

#[tokio::test]
async fn a_listing_that_names_the_known_tag_spares_the_request() {
    let mut bench = Bench::new().await;
    let mut wanted = bench.task("", "a.tif", SIZE);
    wanted.expected.etag = Some(object().etag());
    bench.starts.starts = bench.fetch(&wanted).await.starts.into_iter().collect();
    assert!(bench.fetch(&wanted).await.record.is_none());
    assert_eq!(bench.count.0.lock().unwrap().0, 1);
}
