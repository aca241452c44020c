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
