//! Records and exports.

use busta_server::RingLimits;
use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn records_keep_their_text() {
    let server = Server::open().await;
    let answer = server.get("/api/v1/datasets/entries/records").await;
    assert_eq!(answer.text(), "{\"items\":[{\"big\": 12345678901234567890.10},{}],\"next\":\"\\\"more\"}");
}

/// A view answers below its table, and the usual one at the short paths too, which need a token as well.
#[tokio::test]
async fn views_answer_at_their_paths() {
    let server = Server::open().await;
    let recent =
        server.get("/api/v1/datasets/posts/recent?q=a&label=positive&since=2026-11-23T10:00:00Z").await;
    assert_eq!(recent.text(), "{\"items\":[{\"of\":\"posts\",\"q\":\"a\"}]}");
    for path in ["/api/v1/posts/recent", "/posts/recent"] {
        assert_eq!(server.get(path).await.json()["items"][0]["of"], "usual", "{path}");
    }
    for (below, of) in [("/api/v1/datasets/posts", "posts"), ("/api/v1", "usual"), ("", "usual")] {
        let stats = server.get(&format!("{below}/sentiment/stats?window=7d&bucket=1d&group=a")).await;
        assert!(stats.header("etag").is_some());
        assert_eq!(stats.json()["dataset"], of);
        assert_eq!(stats.json()["series"][0]["compound_mean"], 0.25);
        let trending = server.get(&format!("{below}/trending?limit=7")).await;
        assert!(
            trending.text().contains("{\"velocity\":12.5,\"record\":{\"big\": 1.10}}"),
            "as it was stored"
        );
        assert_eq!(trending.json()["terms"][0]["count"], 7);
    }
    for wrong in
        ["/trending?limit=101", "/sentiment/stats?bucket=soon", "/posts/recent?label=angry", "/trending?x=1"]
    {
        server.get(wrong).await.problem(400);
    }
    server.get("/api/v1/datasets/missing/trending").await.problem(404);
    let closed = Server::closed().await;
    for path in ["/posts/recent", "/sentiment/stats", "/trending", "/api/v1/trending"] {
        closed.get(path).await.problem(401);
    }
}

#[tokio::test]
async fn datasets_say_what_else_they_can_show() {
    let server = Server::open().await;
    let posts = server.get("/api/v1/datasets/posts").await.json();
    let view = json!({"time": "created_at", "group_by": "forum", "text": ["title"], "sentiment": "mood"});
    assert_eq!((&posts["view"], &posts["history"]), (&view, &json!(true)));
    let entries = server.get("/api/v1/datasets/entries").await.json();
    assert_eq!((entries.get("view"), &entries["history"]), (None, &json!(false)));
}

#[tokio::test]
async fn exports_are_files() {
    let server = Server::open().await;
    let export = async |query: &str| server.get(&format!("/api/v1/datasets/entries/export{query}")).await;
    let csv = export("?format=csv").await;
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"entries.csv\""));
    assert_eq!(csv.text().lines().count(), 2501);
    assert!(csv.text().starts_with("id,text\n0,\"a, \"\"b\"\"\"\n"), "{}", &csv.text()[..40]);
    let json = export("?format=json").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(json.json().as_array().map(Vec::len), Some(2500));
    let ndjson = export("").await;
    assert_eq!(ndjson.header("content-disposition"), Some("attachment; filename=\"entries.ndjson\""));
    let last: Value = serde_json::from_str(ndjson.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["id"], 2499);
}

#[tokio::test]
async fn a_part_is_never_taken_for_the_whole() {
    let server = Server::open().await;
    let mut export = server.stream("/api/v1/datasets/breaks/export", &[]).await;
    let text = export.end().await;
    assert!(!text.ends_with("0\r\n\r\n"), "the last chunk is missing, so clients see that it broke off");
}

#[tokio::test]
async fn exports_are_few_at_once() {
    let one = |settings: &mut busta_server::ServerSettings| {
        settings.limits.exports = 1;
        settings.limits.write_timeout = std::time::Duration::from_millis(200);
    };
    let server = Server::with(one, false, RingLimits::default());
    // It is not read any further than this, and so holds the seat until it is cut off.
    let mut stuck = server.stream("/api/v1/datasets/endless/export", &[]).await;
    stuck.until("\"id\": 1").await;
    let refused = server.get("/api/v1/datasets/entries/export").await;
    refused.problem(503);
    assert!(refused.header("retry-after").is_some());
    loop {
        let answer = server.get("/api/v1/datasets/entries/export").await;
        if answer.status == 200 {
            break;
        }
        answer.problem(503);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
