//! Faults are what they claim to be, on the wire.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use busta_sandbox::{Sandbox, SandboxConfig};
use common::{client, ids, json, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PAGE: &str = "rest/page/orders?per_page=20";

async fn faulty(fault: &str) -> (Sandbox, String) {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/with/fail={fault}/{PAGE}", sandbox.url());
    (sandbox, url)
}

async fn statuses(url: &str, count: usize) -> Vec<u16> {
    let (client, mut seen) = (client(), Vec::new());
    for _ in 0..count {
        seen.push(client.get(url).send().await.unwrap().status().as_u16());
    }
    seen
}

/// Sends a request by hand, and reads until the connection ends.
async fn raw(sandbox: &Sandbox, target: &str) -> (Vec<u8>, std::io::Result<usize>) {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    (answer, end)
}

#[tokio::test]
async fn statuses_come_when_they_are_due() {
    let (sandbox, url) = faulty("503:every:3").await;
    assert_eq!(statuses(&url, 6).await, [200, 200, 503, 200, 200, 503]);
    assert_eq!(sandbox.stats().total.faults["503"], 2);
    let (_sandbox, url) = faulty("500:first:2").await;
    assert_eq!(statuses(&url, 3).await, [500, 500, 200]);
    assert_eq!(statuses(&format!("{url}&page=2"), 3).await, [500, 500, 200], "each URL has its own count");
    let (_sandbox, url) = faulty("502:after:1").await;
    assert_eq!(statuses(&url, 3).await, [200, 502, 502]);
}

#[tokio::test]
async fn urls_count_what_was_asked_for_and_what_was_served() {
    let (sandbox, url) = faulty("500:first:2").await;
    statuses(&url, 4).await;
    let urls = sandbox.stats().urls;
    let (key, fetches) = urls.first_key_value().unwrap();
    assert_eq!(key, &format!("GET /with/fail=500:first:2/{PAGE}"));
    assert_eq!((fetches.requests, fetches.served), (4, 2));
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let (sandbox, _) = faulty("reset").await;
    let (answer, end) = raw(&sandbox, "/with/fail=reset/rest/page/orders").await;
    assert!(answer.is_empty());
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let tally = sandbox.stats().total;
    assert_eq!((tally.faults["reset"], tally.statuses.len(), tally.in_flight), (1, 0, 0));
}

#[tokio::test]
async fn a_truncated_body_promises_more_than_comes() {
    let (sandbox, url) = faulty("truncate:first:1").await;
    let (answer, end) = raw(&sandbox, "/with/fail=truncate/rest/page/orders").await;
    end.unwrap();
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    assert!(body.starts_with("{\"items\":[") && body.len() <= promised / 2 + 1 && body.len() > promised / 3);
    let answer = client().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    assert_eq!(ids(&json(&url).await.1["items"]).len(), 20, "the second attempt is whole");
    let served: u64 = sandbox.stats().urls.values().map(|fetches| fetches.served).sum();
    assert_eq!(served, 1);
}

#[tokio::test]
async fn a_slow_body_is_whole_and_slow() {
    let (sandbox, url) = faulty("slow,drip=200ms").await;
    let begun = Instant::now();
    assert_eq!(ids(&json(&url).await.1["items"]).len(), 20);
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!(sandbox.stats().urls.values().next().unwrap().served, 1);
}

#[tokio::test]
async fn a_hanging_request_is_in_flight_until_its_client_leaves() {
    let (sandbox, url) = faulty("hang").await;
    let request = tokio::spawn(client().get(&url).send());
    while sandbox.stats().total.in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!request.is_finished());
    request.abort();
    while sandbox.stats().total.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sandbox.stats().total.max_in_flight, 1);
}

#[tokio::test]
async fn garbage_html_and_wrong_types_come_with_status_200() {
    let (_sandbox, url) = faulty("garbage").await;
    let answer = client().get(&url).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.bytes().await.unwrap()).is_err());
    let (_sandbox, url) = faulty("html").await;
    assert!(client().get(&url).send().await.unwrap().text().await.unwrap().starts_with("<!DOCTYPE html>"));
    let (_sandbox, url) = faulty("wrong_types").await;
    let (_, page) = json(&url).await;
    assert!(page["items"].is_string() && page["total"].is_string());
}

#[tokio::test]
async fn noise_is_not_http() {
    let (sandbox, url) = faulty("noise").await;
    assert!(client().get(&url).send().await.is_err());
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(b"GET /with/fail=noise/opml HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 8];
    stream.read_exact(&mut start).await.unwrap();
    assert!(!start.starts_with(b"HTTP"), "{start:?}");
}

#[tokio::test]
async fn a_redirect_loop_leads_to_itself() {
    let (sandbox, url) = faulty("redirect_loop").await;
    let answer = client().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(format!("{}{}", sandbox.url(), answer.headers()["location"].to_str().unwrap()), url);
}

#[tokio::test]
async fn a_flood_does_not_end_soon() {
    let (sandbox, url) = faulty("flood").await;
    let mut answer = client().get(&url).send().await.unwrap();
    assert!(!answer.headers().contains_key("content-length"));
    let mut bytes = 0;
    while bytes < 32 << 20 {
        bytes += answer.chunk().await.unwrap().unwrap().len();
    }
    drop(answer);
    while sandbox.stats().total.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert!(sandbox.stats().total.bytes >= 32 << 20);
}

#[tokio::test]
async fn profiles_of_routes_can_be_set_while_it_runs() {
    let routes = [("/rest/page/bad".to_owned(), "fail=500".parse().unwrap())].into();
    let sandbox = start(SandboxConfig { routes, ..Default::default() }).await;
    let (bad, good) =
        (format!("{}/rest/page/bad", sandbox.url()), format!("{}/rest/page/good", sandbox.url()));
    assert_eq!((statuses(&bad, 1).await, statuses(&good, 1).await), (vec![500], vec![200]));
    sandbox.set_profile("/rest/page/bad", Default::default());
    let control = format!("{}/_sandbox/profile?prefix=/rest/page/good&with=fail=503", sandbox.url());
    assert_eq!(client().post(control).send().await.unwrap().status(), 200);
    assert_eq!((statuses(&bad, 1).await, statuses(&good, 1).await), (vec![200], vec![503]));
}
