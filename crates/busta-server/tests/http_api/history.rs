//! What became of records, and edits.

use serde_json::json;

use crate::support::{Answer, Server};

async fn send(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    server.send(method, path, &[("Content-Type", "application/json")], body).await
}

#[tokio::test]
async fn the_past_can_be_read() {
    let server = Server::open().await;
    let at = |path: &str| format!("/api/v1/datasets/entries/{path}");
    let episodes = server.get(&at("history?limit=5")).await.json();
    assert_eq!(episodes["items"][0]["keys"], json!([{ "id": 1 }]));
    assert_eq!(episodes["items"][0]["action"], "remove");
    let changes = server.get(&at("changes?since_seq=40&run=R1&key=a%2Fb")).await;
    assert_eq!(changes.json()["items"][0]["seq"], 41);
    assert!(changes.text().contains("\"big\":12345678901234567890.10"), "records keep their text");
    assert_eq!(server.get(&at("snapshots")).await.json()["items"][0]["count"], 3);
    let records = server.get(&at("snapshots/seq:7/records?limit=1")).await.json();
    assert_eq!(records["items"], json!([{ "place": "seq:7" }]));
    let difference = server.get(&at("diff?from=R1")).await.json();
    assert_eq!((&difference["added"][0]["from"], &difference["from"]["seq"]), (&json!("R1"), &json!(1)));
    for wrong in ["diff", "diff?from=R1&limit=0", "changes?since_seq=x", "history?unknown=1"] {
        server.get(&at(wrong)).await.problem(400);
    }
    server.get("/api/v1/datasets/missing/history").await.problem(404);
}

#[tokio::test]
async fn records_are_edited() {
    let server = Server::open().await;
    let at = |path: &str| format!("/api/v1/datasets/entries/{path}");
    let added = send(&server, "POST", &at("records?source=news"), r#"{"records":[{"id":9}]}"#).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let expected =
        json!({"change": 8, "count": 3, "records": [{"id": 9}, {"source": "news", "token": false}]});
    assert_eq!(added.json(), expected);
    let work = |answer: Answer| answer.json()["records"][0]["work"].as_str().unwrap().to_owned();
    let changed = send(&server, "PATCH", &at("records/https%3A%2F%2Fa%2Fb"), r#"{"price":2}"#).await;
    let text = work(changed);
    assert!(text.contains("https://a/b") && text.contains("price"), "{text}");
    let text = work(send(&server, "DELETE", &at("records/7"), "").await);
    assert!(text.contains("Remove([Text(\"7\")])"), "{text}");
    let text = work(send(&server, "POST", &at("remove"), r#"{"keys":[1,"b",["c",2]]}"#).await);
    assert!(text.contains("Number(1)") && text.contains("String(\"b\")"), "{text}");
    assert_eq!(work(send(&server, "POST", &at("changes/7/undo"), "").await), "Undo(7)");
}

#[tokio::test]
async fn wrong_edits_are_refused() {
    let server = Server::open().await;
    let at = |path: &str| format!("/api/v1/datasets/entries/{path}");
    for (method, path, body) in [
        ("POST", "records", r#"{"records":[]}"#),
        ("POST", "records", r#"{"records":[1]}"#),
        ("POST", "records", r#"{"rows":[{}]}"#),
        ("POST", "records?from=x", r#"{"records":[{"id":1}]}"#),
        ("PATCH", "records/1", ""),
        ("PATCH", "records/1", "[1]"),
        ("POST", "remove", "{}"),
    ] {
        send(&server, method, &at(path), body).await.problem(400);
    }
    send(&server, "POST", &at("changes/first/undo"), "").await.problem(404);
    send(&server, "POST", "/api/v1/datasets/busy/changes/1/undo", "").await.problem(409);
    let foreign = [("Content-Type", "application/json"), ("Origin", "https://elsewhere.example")];
    server.send("DELETE", &at("records/1"), &foreign, "").await.problem(403);
}

#[tokio::test]
async fn edits_need_the_role() {
    let server = Server::closed().await;
    let path = "/api/v1/datasets/entries/records/1";
    let bearer = |token: &busta_server::Token| format!("Bearer {}", token.text.expose());
    let (read, operate) = (bearer(&server.read), bearer(&server.operate));
    server.send("DELETE", path, &[], "").await.problem(401);
    server.send("DELETE", path, &[("Authorization", &read)], "").await.problem(403);
    let done = server.send("DELETE", path, &[("Authorization", &operate)], "").await;
    assert_eq!(done.json()["records"][1]["token"], true, "the service learns whose token it was");
    let looked =
        server.send("GET", "/api/v1/datasets/entries/history", &[("Authorization", &read)], "").await;
    assert_eq!(looked.status, 200);
}
