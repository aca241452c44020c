//! Streams that are read for the records of another stream.

use std::collections::BTreeSet;

use busta_core::Checkpoint;
use serde_json::{Value, json};

use crate::common::{build, read_both, sandbox};
use crate::scripted::{Answer, Script};

fn shop(url: &str) -> Value {
    json!({
        "base_url": url,
        "streams": [
            {
                "name": "order_lines",
                "path": "/rest/page/orders/{orders.id}/lines",
                "records": "$.items",
                "primary_key": ["order_id", "line"],
                "pagination": { "type": "page", "per_page": 2, "total_path": "$.total" },
            },
            {
                "name": "orders",
                "path": "/rest/page/orders",
                "records": "$.items",
                "primary_key": "id",
                "pagination": { "type": "page", "per_page": 10, "total_path": "$.total" },
            },
        ],
    })
}

#[tokio::test]
async fn every_order_leads_to_its_lines() {
    let sandbox = sandbox(25).await;
    let source = build(shop(&sandbox.url()));
    assert_eq!(source.streams()[0].parent.as_ref().unwrap().as_str(), "orders");
    assert_eq!(source.streams()[1].parent, None);
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(harvest.stream("orders").len(), 25);
    let lines = harvest.stream("order_lines");
    assert_eq!(lines.len() as u64, (1..=25).map(|id| sandbox.lines(id)).sum::<u64>());
    let keys: BTreeSet<_> = lines
        .iter()
        .map(|line| (line["order_id"].as_u64().unwrap(), line["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(keys.len(), lines.len());
    let ids: BTreeSet<_> = harvest.splits.iter().map(|split| split.id.as_str()).collect();
    for id in ["orders", "orders?page=2-2", "orders?page=3-", "order_lines/17", "order_lines/4?page=2-"] {
        assert!(ids.contains(id), "{id} is not in {ids:?}");
    }
}

#[tokio::test]
async fn grandchildren_get_what_they_need_from_above() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => json!([{ "id": "x/y" }, { "id": 2 }, { "id": null }]),
            "/a/x%2Fy/b" | "/a/2/b" => json!([{ "n": 1 }, { "n": 2 }]),
            _ => json!([{ "path": request.target }]),
        })
    })
    .await;
    let source = build(json!({
        "base_url": script.url,
        "streams": [
            { "name": "a", "path": "/a" },
            { "name": "b", "path": "/a/{a.id}/b", "primary_key": ["a_id", "n"] },
            {
                "name": "c",
                "path": "/a/{a.id}/b/{b.n}/c",
                "params": { "who": "{a.id}-{b.n}" },
                "include": { "a": "a.id", "b": "b.n" },
            },
        ],
    }));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(
        harvest.stream("b"),
        [
            json!({"a_id": "x/y", "n": 1}),
            json!({"a_id": "x/y", "n": 2}),
            json!({"a_id": 2, "n": 1}),
            json!({"a_id": 2, "n": 2})
        ]
    );
    assert_eq!(harvest.stream("c").len(), 4);
    assert_eq!(harvest.stream("c")[1], json!({"a": "x/y", "b": 2, "path": "/a/x%2Fy/b/2/c?who=x%2Fy-2"}));
    assert!(harvest.failures.is_empty());
    assert!(harvest.splits.iter().any(|split| split.id.as_str() == "c/x%2Fy/2"));
}

#[tokio::test]
async fn a_parent_without_the_field_is_a_failure_and_the_rest_goes_on() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => {
                json!([{ "id": 1 }, { "no": 1 }, { "id": [1] }, { "id": ".." }, { "id": 1 }, { "id": 5 }])
            }
            _ => json!([{ "x": 1 }]),
        })
    })
    .await;
    let source = build(json!({
        "base_url": script.url,
        "streams": [{ "name": "a", "path": "/a" }, { "name": "b", "path": "/b/{a.id}" }],
    }));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_eq!(harvest.stream("a").len(), 6);
    assert_eq!(harvest.stream("b").len(), 2);
    let positions: Vec<_> = harvest.failures.iter().map(|(_, f)| f.position.clone().unwrap()).collect();
    assert_eq!(positions, ["page 1, record 2", "page 1, record 3", "page 1, record 4"]);
}

#[tokio::test]
async fn bodies_and_forms_take_placeholders() {
    let script = Script::start(|request| {
        Answer::json(match request.path() {
            "/a" => json!([{ "id": 7 }]),
            _ => json!([{ "body": request.body, "type": request.header("content-type") }]),
        })
    })
    .await;
    let source = build(json!({
        "base_url": script.url,
        "streams": [
            { "name": "a", "path": "/a" },
            { "name": "b", "path": "/b", "method": "POST", "body": { "q": { "id": "{a.id}" }, "t": "n{a.id}" } },
            { "name": "c", "path": "/c", "method": "POST", "form": { "id": "{a.id}", "x": "a b" } },
        ],
    }));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    let b = &harvest.stream("b")[0];
    assert_eq!(b["body"], r#"{"q":{"id":7},"t":"n7"}"#);
    assert_eq!(b["type"], "application/json");
    let c = &harvest.stream("c")[0];
    assert_eq!(c["body"], "id=7&x=a+b");
    assert_eq!(c["type"], "application/x-www-form-urlencoded");
}
