//! Collecting only what is new.

use busta_core::{Checkpoint, Cursor, CursorValue};
use serde_json::{Value, json};

use crate::common::{build, one_stream, read_both, sandbox};
use crate::scripted::{Answer, Script};

fn after(stream: &str, value: &CursorValue) -> Checkpoint {
    let start = (stream.to_owned(), Cursor::encode(value).unwrap());
    Checkpoint { starts: [start].into_iter().collect(), ..Checkpoint::default() }
}

#[tokio::test]
async fn the_next_run_starts_at_the_newest() {
    let sandbox = sandbox(100).await;
    for pagination in [
        json!({ "type": "page", "per_page": 10, "total_path": "$.total" }),
        json!({ "type": "page", "per_page": 10 }),
    ] {
        sandbox.reset();
        let stream = json!({
            "path": "/rest/page/orders",
            "records": "$.items",
            "primary_key": "id",
            "cursor": { "field": "updated_at", "param": "since" },
            "pagination": pagination,
        });
        let source = build(one_stream(&sandbox.url(), stream));
        assert_eq!(source.streams()[0].cursor_field.as_deref(), Some("updated_at"));
        let first = read_both(&*source, &Checkpoint::default()).await;
        assert_eq!(first.stream("orders").len(), 100);
        let newest = first.highs["orders"].clone();
        assert_eq!(Some(newest.to_param().as_str()), sandbox.record("orders", 99)["updated_at"].as_str());

        sandbox.advance("orders", 20, 5);
        let second = read_both(&*source, &after("orders", &newest)).await;
        let count = second.stream("orders").len();
        // `since` includes its own instant.
        assert!((25..=26).contains(&count), "{count}");
    }
}

#[tokio::test]
async fn children_start_where_they_were() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => json!([{ "id": 1, "t": 5 }]),
            _ => json!([{ "target": request.target, "m": { "t": 9 } }]),
        })
    })
    .await;
    let config = json!({
        "base_url": script.url,
        "streams": [
            { "name": "a", "path": "/a", "cursor": { "field": "t", "param": "since" } },
            {
                "name": "b",
                "path": "/b/{a.id}",
                "primary_key": "target",
                "cursor": { "field": "m.t", "param": "from", "start": 3, "lookback": "1s" },
            },
        ],
    });
    let source = build(config);
    assert_eq!(source.streams()[1].cursor_field, None);
    let first = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(first.stream("b")[0]["target"], "/b/1?from=3");
    assert_eq!(first.highs["b"], CursorValue::Integer(9));
    let second = read_both(&*source, &after("b", &CursorValue::Integer(9))).await;
    assert_eq!(second.stream("b")[0]["target"], "/b/1?from=8");
    assert!(script.asked().iter().any(|asked| asked.target == "/a"));
}

#[tokio::test]
async fn the_cursor_may_travel_in_the_body() {
    let script = Script::start(|request| Answer::json(json!([{ "body": request.body, "t": 1 }]))).await;
    let stream = json!({
        "path": "/search",
        "method": "POST",
        "body": { "filter": { "kind": "x" } },
        "cursor": { "field": "t", "param": "filter.after", "in": "body", "start": 7 },
    });
    let harvest = read_both(&*build(one_stream(&script.url, stream)), &Checkpoint::default()).await;
    let body: Value = serde_json::from_str(harvest.stream("orders")[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({ "filter": { "kind": "x", "after": 7 } }));
}
