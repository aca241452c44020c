//! Feeds: every format holds the entries that the Rust API computes; conditions; broken variants.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::{FeedEntry, Sandbox, SandboxConfig};
use common::{client, start};
use reqwest::{Response, StatusCode};

async fn get(sandbox: &Sandbox, path: &str) -> Response {
    client().get(format!("{}{path}", sandbox.url())).send().await.unwrap()
}

async fn parsed(sandbox: &Sandbox, path: &str) -> feed_rs::model::Feed {
    let bytes = get(sandbox, path).await.bytes().await.unwrap();
    feed_rs::parser::parse(&bytes[..]).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn check(format: &str, expected: &FeedEntry, entry: &feed_rs::model::Entry) {
    assert_eq!(entry.title.as_ref().unwrap().content, expected.title, "{format}");
    assert_eq!(entry.links[0].href, expected.link, "{format}");
    if !format.starts_with("rss09") {
        assert_eq!(entry.published.or(entry.updated), Some(expected.published), "{format}");
        assert!(
            entry.authors.iter().any(|author| author.name.as_deref() == Some(expected.author.as_str())),
            "{format}: {:?}",
            entry.authors
        );
    }
    if !matches!(format, "rss091" | "rss092" | "rdf") {
        assert_eq!(entry.id, expected.guid, "{format}");
    }
}

#[tokio::test]
async fn all_formats_hold_the_same_entries() {
    let sandbox = start(SandboxConfig::default()).await;
    let expected = sandbox.entries("news", 20);
    for format in ["rss091", "rss092", "rss2", "rdf", "atom", "json"] {
        let feed = parsed(&sandbox, &format!("/feeds/{format}/news")).await;
        assert_eq!(feed.entries.len(), 20, "{format}");
        for (expected, entry) in expected.iter().zip(&feed.entries) {
            check(format, expected, entry);
        }
    }
    assert_eq!(get(&sandbox, "/feeds/gopher/news").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get(&sandbox, "/feeds/rss2/news?broken=badly").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unchanged_feeds_answer_304_until_they_are_advanced() {
    let sandbox = start(SandboxConfig::default()).await;
    let url = format!("{}/feeds/rss2/news?entries=3", sandbox.url());
    let first = client().get(&url).send().await.unwrap();
    let (etag, modified) = (first.headers()["etag"].clone(), first.headers()["last-modified"].clone());
    let by_etag = async || {
        let request =
            client().get(&url).header("if-none-match", &etag).header("if-modified-since", &modified);
        request.send().await.unwrap()
    };
    let by_date = async || client().get(&url).header("if-modified-since", &modified).send().await.unwrap();
    for answer in [by_etag().await, by_date().await] {
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer.headers()["etag"], etag);
        assert_eq!(answer.bytes().await.unwrap().len(), 0);
    }
    assert_eq!(sandbox.stats().group("/feeds").not_modified, 2);
    let before = sandbox.entries("news", 3);
    sandbox.advance_feed("news", 1);
    assert_eq!(by_etag().await.status(), StatusCode::OK);
    assert_eq!(by_date().await.status(), StatusCode::OK);
    let after = sandbox.entries("news", 3);
    assert_eq!(after[1..], before[..2]);
    assert_eq!(after[0].number, 4);
}

#[tokio::test]
async fn broken_feeds_are_broken_as_they_say() {
    let sandbox = start(SandboxConfig::default()).await;
    let body = async |broken: &str| {
        let answer = get(&sandbox, &format!("/feeds/rss2/news?broken={broken}")).await;
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (media_type, answer.bytes().await.unwrap())
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
    let (_, whole) = body("no_guid").await;
    assert!(!text(&whole).unwrap().contains("<guid"));
    assert!(text(&body("ampersand").await.1).unwrap().contains(" & beyond"));
    assert!(text(&body("html_title").await.1).unwrap().contains("<title><b>New:</b><br> "));
    let cut = text(&body("cut").await.1).unwrap();
    assert!(!cut.contains("</channel>") && cut.contains("</item>"));
    let (media_type, latin1) = body("latin1").await;
    assert_eq!(media_type, "application/rss+xml");
    assert!(text(&latin1).is_err() && latin1.starts_with(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"));
    let (_, undeclared) = body("latin1_undeclared").await;
    assert!(text(&undeclared).is_err() && undeclared.starts_with(b"<?xml version=\"1.0\"?>"));
    let (media_type, utf8) = body("wrong_charset").await;
    assert_eq!(media_type, "application/rss+xml; charset=iso-8859-1");
    assert!(text(&utf8).unwrap().contains("encoding=\"UTF-8\""));
}

#[tokio::test]
async fn opml_lists_feeds_that_exist() {
    let sandbox = start(SandboxConfig::default()).await;
    let opml = get(&sandbox, "/as/many/opml?feeds=7&entries=2").await.text().await.unwrap();
    let urls: Vec<String> = opml
        .split("xmlUrl=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
        .collect();
    assert_eq!(urls.len(), 7);
    for url in urls {
        let bytes = client().get(&url).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(feed_rs::parser::parse(&bytes[..]).unwrap().entries.len(), 2, "{url}");
    }
    assert_eq!(sandbox.stats().group("many").requests, 8);
}
