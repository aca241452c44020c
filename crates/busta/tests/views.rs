//! Views from outside: posts with a sentiment, asked of `busta serve`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod support;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use support::Desk;
use support::server::Server;

const CONFIG: &str = "sources:
  - name: forum
    type: files
    paths: [posts/*.ndjson]
    stream: posts
    primary_key: id
    transforms: [{ sentiment: { fields: [title] } }]
datasets:
  posts:
    keep: newest
    view: { time: at, group_by: forum, text: [title], score: score, sentiment: sentiment }
";

/// Posts of each hour of three days: the last day talks of something new.
fn posts() -> Vec<Value> {
    let now = Utc::now();
    let post = |n: i64| {
        let title = if n < 24 { "I love the new release" } else { "What a terrible winter" };
        json!({ "id": n, "at": (now - TimeDelta::hours(n)).to_rfc3339(), "forum": (["a", "b"][(n % 2) as usize]),
                "title": title, "score": 100 - n })
    };
    (0..72).map(post).collect()
}

#[test]
fn a_view_is_served() {
    let desk = Desk::new(CONFIG);
    let lines: String = posts().iter().map(|post| format!("{post}\n")).collect();
    desk.write("posts/a.ndjson", lines);
    let server = Server::start(&desk);
    let run = server.collect();
    server.until_run(&run, "completed");

    let recent = server.get("/api/v1/datasets/posts/recent?limit=3&group=b&label=positive");
    let ids: Vec<&Value> = recent["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [1, 3, 5]);
    let next = recent["next"].as_str().unwrap();
    let rest = server.get(&format!("/posts/recent?limit=50&group=b&label=positive&cursor={next}"));
    assert!(rest["items"].as_array().unwrap().len() == 9 && rest.get("next").is_none(), "{rest}");

    let stats = server.get("/sentiment/stats?window=10d&bucket=1d");
    assert_eq!((&stats["dataset"], &stats["total"]["records"]), (&json!("posts"), &json!(72)));
    assert_eq!((&stats["total"]["positive"], &stats["total"]["negative"]), (&json!(24), &json!(48)));
    assert_eq!(stats["groups"].as_array().unwrap().len(), 2);
    assert_eq!(stats["series"].as_array().unwrap().len(), 10);

    let trending = server.get("/trending?window=23h&limit=5");
    assert_eq!(trending["records"][0]["record"]["id"], 0, "{trending}");
    let terms: Vec<&Value> = trending["terms"].as_array().unwrap().iter().map(|term| &term["term"]).collect();
    assert_eq!(terms, ["love", "release"], "{trending}");
}

#[test]
fn what_cannot_have_a_view_is_told() {
    let desk = Desk::new(&CONFIG.replace("sources:", "destination: { type: ndjson, path: out }\nsources:"));
    let ended = desk.busta(&["check"]);
    assert!(ended.code != 0 && ended.stderr.contains("only holds rows"), "{}", ended.stderr);
}
