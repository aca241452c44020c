//! Objects are downloaded whole and by range, as RFC 9110 says, and damaged as profiles say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::{Object, Sandbox, SandboxConfig};
use common::{client, start};
use reqwest::{Method, Response, StatusCode};

const SIZE: u64 = 300_000;

async fn send(method: Method, url: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(url: &str, headers: &[(&'static str, &str)]) -> Response {
    send(Method::GET, url, headers).await
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn object(profile: &str) -> (Sandbox, String, Object) {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}{profile}/objects/scenes/a.tif?size={SIZE}", sandbox.url());
    (sandbox, url, Object::named("scenes/a.tif", SIZE))
}

#[tokio::test]
async fn an_object_is_what_the_library_says() {
    let (sandbox, url, object) = object("").await;
    let answer = get(&url, &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-length"), SIZE.to_string());
    assert_eq!(header(&answer, "accept-ranges"), "bytes");
    assert_eq!(header(&answer, "etag"), object.etag());
    assert_eq!(header(&answer, "last-modified"), "Mon, 01 Jan 2024 00:00:00 GMT");
    assert_eq!(answer.bytes().await.unwrap(), object.bytes(0..SIZE));
    let seeded = Object { version: 3, ..Object::seeded(9, 1000) };
    let answer = get(&format!("{}/objects/x?size=1000&seed=9&version=3", sandbox.url()), &[]).await;
    assert_eq!(header(&answer, "last-modified"), "Thu, 04 Jan 2024 00:00:00 GMT");
    assert_eq!(answer.bytes().await.unwrap(), seeded.bytes(0..1000));
    let head = send(Method::HEAD, &url, &[]).await;
    assert_eq!((header(&head, "content-length"), header(&head, "etag")), (SIZE.to_string(), object.etag()));
    assert_eq!(send(Method::POST, &url, &[]).await.status(), 405);
    let tally = sandbox.stats().route("/objects/{id}/a.tif");
    assert_eq!((tally.requests, tally.bytes - SIZE < 1000, tally.completed, tally.cut), (3, true, 3, 0));
}

#[tokio::test]
async fn one_range_is_a_part() {
    let (_sandbox, url, object) = object("").await;
    for (range, start, end) in
        [("bytes=0-99", 0, 100), ("bytes=299990-", 299_990, SIZE), ("bytes=-7", SIZE - 7, SIZE)]
    {
        let answer = get(&url, &[("range", range)]).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&answer, "content-range"), format!("bytes {start}-{}/{SIZE}", end - 1));
        assert_eq!(header(&answer, "content-length"), (end - start).to_string());
        assert_eq!(answer.bytes().await.unwrap(), object.bytes(start..end));
    }
    let answer = get(&url, &[("range", "bytes=300000-")]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-range")), (416, "bytes */300000".into()));
    assert_eq!(get(&url, &[("range", "bytes=0-1,5-6")]).await.status(), 200);
}

#[tokio::test]
async fn conditions_hold() {
    let (_sandbox, url, object) = object("").await;
    let (etag, date) = (object.etag(), "Mon, 01 Jan 2024 00:00:00 GMT");
    let weak = format!("W/{etag}");
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", date, 304),
        ("if-match", &etag, 200),
        ("if-match", "\"other\"", 412),
    ] {
        assert_eq!(get(&url, &[(name, value)]).await.status(), status, "{name}: {value}");
    }
    for (value, status) in [(etag.as_str(), 206), (date, 206), ("\"other\"", 200), (&weak, 200)] {
        let answer = get(&url, &[("range", "bytes=5-9"), ("if-range", value)]).await;
        assert_eq!(answer.status(), status, "if-range: {value}");
    }
    let answer = get(&format!("{url}&etag=weak"), &[("range", "bytes=5-9"), ("if-range", &weak)]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "etag")), (200, weak.clone()));
    assert!(!get(&format!("{url}&etag=off"), &[]).await.headers().contains_key("etag"));
}

#[tokio::test]
async fn a_server_without_ranges_sends_everything() {
    let (_sandbox, url, object) = object("/with/ranges=off").await;
    let answer = get(&url, &[("range", "bytes=5-9")]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "accept-ranges")), (200, String::new()));
    assert_eq!(answer.bytes().await.unwrap(), object.bytes(0..SIZE));
}

#[tokio::test]
async fn an_object_may_change_between_two_requests() {
    let (sandbox, url, old) = object("/with/fail=truncate:first:1,changes=1").await;
    let new = Object { version: 1, ..old };
    let first = get(&url, &[]).await;
    assert_eq!(header(&first, "etag"), old.etag());
    assert!(first.bytes().await.is_err());
    let rest = get(&url, &[("range", "bytes=150000-"), ("if-range", &old.etag())]).await;
    assert_eq!((rest.status().as_u16(), header(&rest, "etag")), (200, new.etag()));
    assert_eq!(rest.bytes().await.unwrap(), new.bytes(0..SIZE));
    let tally = sandbox.stats().total;
    assert_eq!((tally.completed, tally.cut, tally.abandoned), (1, 1, 0));
    assert!(tally.bytes > SIZE && tally.bytes <= SIZE + SIZE / 2);
}

#[tokio::test]
async fn a_truncated_range_and_a_wrong_byte() {
    let (_sandbox, url, object) = object("/with/fail=corrupt").await;
    let answer = get(&url, &[("range", "bytes=100-200")]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "etag")), (206, object.etag()));
    let (wrong, right) = (answer.bytes().await.unwrap(), object.bytes(100..201));
    assert_eq!(wrong.iter().zip(&right).filter(|(a, b)| a != b).count(), 1);
    let mut answer = get(&url.replace("corrupt", "truncate"), &[("range", "bytes=100000-")]).await;
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!(bytes, object.bytes(100_000..200_000));
}
