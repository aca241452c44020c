//! Every way in which one page leads to the next.

use std::sync::Arc;

use busta_core::Checkpoint;
use serde_json::{Value, json};

use crate::common::{Memory, assert_orders, build, build_with, one_stream, read_both, sandbox};
use crate::scripted::{Answer, Script};

/// Reads `count` orders of a sandbox, and says how many splits there were.
async fn reads(stream: impl Fn() -> Value, count: u64) -> usize {
    let sandbox = sandbox(count).await;
    let source = build(one_stream(&sandbox.url(), stream()));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_orders(&sandbox, &harvest, count);
    assert!(harvest.failures.is_empty());
    // Read twice (see `read_both`), and no page more than once each time.
    assert_eq!(sandbox.stats().served_more_than(2).count(), 0);
    harvest.splits.len()
}

#[tokio::test]
async fn numbered_pages_with_a_total_are_split() {
    for (key, value) in [
        ("total_path", "$.total"),
        ("total_header", "X-Total-Count"),
        ("pages_path", "$.pages"),
        ("pages_header", "X-Total-Pages"),
    ] {
        let stream = || {
            json!({
                "path": "/rest/page/orders",
                "records": "$.items",
                "pagination": { "type": "page", "per_page": 10, key: value },
            })
        };
        assert_eq!(reads(stream, 95).await, 10, "{key}");
        assert_eq!(reads(stream, 10).await, 1, "{key}");
        assert_eq!(reads(stream, 0).await, 1, "{key}");
    }
}

#[tokio::test]
async fn many_pages_are_at_most_64_ranges() {
    let stream = || {
        json!({
            "path": "/rest/page/orders",
            "params": { "per_page": 5 },
            "records": "$.items[*]",
            "pagination": { "type": "page", "total_path": "$.total" },
        })
    };
    assert_eq!(reads(stream, 1000).await, 65);
}

#[tokio::test]
async fn numbered_pages_without_a_total_are_a_chain() {
    for count in [0, 7, 30, 95] {
        let stream = || {
            json!({
                "path": "/rest/page/orders?total=hide",
                "records": "$.items",
                "pagination": { "type": "page", "per_page": 10 },
            })
        };
        assert_eq!(reads(stream, count).await, 1);
    }
}

#[tokio::test]
async fn pages_may_start_at_zero() {
    let stream = || {
        json!({
            "path": "/rest/page/orders?first=0",
            "pagination": { "type": "page", "start_page": 0, "per_page": 10, "total_path": "$.total" },
        })
    };
    assert_eq!(reads(stream, 42).await, 5);
}

#[tokio::test]
async fn has_more_saves_the_last_request() {
    let sandbox = sandbox(30).await;
    let source = build(one_stream(
        &sandbox.url(),
        json!({
            "path": "/rest/page/orders?total=hide",
            "records": "$.items",
            "pagination": { "type": "page", "per_page": 10, "has_more_path": "$.has_more" },
        }),
    ));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_orders(&sandbox, &harvest, 30);
    assert_eq!(sandbox.stats().total.requests, 2 * 3);
}

#[tokio::test]
async fn offsets_with_and_without_a_total() {
    let told = || {
        json!({
            "path": "/rest/offset/orders",
            "records": "$.items",
            "pagination": { "type": "offset", "limit": 20, "total_path": "$.total" },
        })
    };
    assert_eq!(reads(told, 95).await, 5);
    let untold = || {
        json!({
            "path": "/rest/offset/orders?total=hide",
            "records": "$.items",
            "pagination": { "type": "offset", "limit": 20 },
        })
    };
    assert_eq!(reads(untold, 95).await, 1);
    assert_eq!(reads(untold, 60).await, 1);
}

#[tokio::test]
async fn a_server_that_caps_pages_loses_nothing() {
    // The sandbox gives at most 10,000 records at once; 20,000 are asked for.
    for told in [json!({ "total_path": "$.total" }), json!({})] {
        let sandbox = sandbox(25_000).await;
        let mut pagination = json!({ "type": "offset", "limit": 20_000 });
        pagination.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        let stream = json!({ "path": "/rest/offset/orders", "records": "$.items", "pagination": pagination });
        let source = build(one_stream(&sandbox.url(), stream));
        let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
        assert_eq!(harvest.stream("orders").len(), 25_000);
    }
}

#[tokio::test]
async fn cursors_in_body_and_header() {
    for told in [json!({ "path": "$.next_cursor" }), json!({ "header": "X-Next-Cursor" })] {
        let stream = || {
            let mut pagination = json!({ "type": "cursor" });
            pagination.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
            json!({ "path": "/rest/cursor/orders?limit=10", "records": "$.items", "pagination": pagination })
        };
        assert_eq!(reads(stream, 95).await, 1);
        assert_eq!(reads(stream, 0).await, 1);
    }
}

#[tokio::test]
async fn next_urls_absolute_and_relative() {
    for path in ["/rest/next_url/orders?per_page=10", "/rest/next_url/orders?per_page=10&form=relative"] {
        let stream = || json!({ "path": path, "records": "$.items", "pagination": { "type": "next_url", "path": "$.next" } });
        assert_eq!(reads(stream, 95).await, 1);
    }
}

#[tokio::test]
async fn link_headers_absolute_and_relative() {
    for path in ["/rest/link/orders?per_page=10", "/rest/link/orders?per_page=10&form=relative"] {
        let stream = || json!({ "path": path, "pagination": { "type": "link_header" } });
        assert_eq!(reads(stream, 95).await, 1);
    }
}

#[tokio::test]
async fn one_page_is_all_without_pagination() {
    assert_eq!(reads(|| json!({ "path": "/rest/none/orders" }), 250).await, 1);
    assert_eq!(reads(|| json!({ "path": "/rest/none/orders", "records": "$[*]" }), 250).await, 1);
}

#[tokio::test]
async fn general_paths_are_read_too() {
    let stream = || json!({ "path": "/rest/none/orders", "records": "$[?@.id > 0]" });
    assert_eq!(reads(stream, 50).await, 1);
}

#[tokio::test]
async fn parameters_may_travel_in_the_body() {
    let stream = || {
        json!({
            "path": "/rest/offset/orders",
            "method": "POST",
            "body": { "total": "show" },
            "records": "$.items",
            "pagination": { "type": "offset", "limit": 20, "in": "body", "total_path": "$.total" },
        })
    };
    assert_eq!(reads(stream, 95).await, 5);
}

#[tokio::test]
async fn split_ids_are_readable() {
    let sandbox = sandbox(650).await;
    let source = build(one_stream(
        &sandbox.url(),
        json!({
            "path": "/rest/page/orders",
            "pagination": { "type": "page", "per_page": 5, "total_path": "$.total" },
        }),
    ));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    let ids: Vec<_> = harvest.splits.iter().map(|split| split.id.as_str()).collect();
    assert_eq!(&ids[..3], ["orders", "orders?page=2-3", "orders?page=4-5"]);
    assert_eq!(ids[64], "orders?page=128-");
    assert!(
        harvest.splits.iter().all(|s| s.host.as_ref().unwrap().as_str() == sandbox.address().to_string())
    );
}

#[tokio::test]
async fn records_added_meanwhile_are_in_the_last_range() {
    let sandbox = sandbox(40).await;
    let source = build(one_stream(
        &sandbox.url(),
        json!({
            "path": "/rest/page/orders",
            "pagination": { "type": "page", "per_page": 10, "total_path": "$.total" },
        }),
    ));
    let first = &source.plan(&Checkpoint::default()).await.unwrap()[0];
    let batch = source.open(first, None).await.unwrap().next().await.unwrap().unwrap();
    assert!(batch.done);
    sandbox.advance("orders", 25, 0);
    let mut count = batch.records.len();
    for split in &batch.found {
        let mut reader = source.open(split, None).await.unwrap();
        while let Some(batch) = reader.next().await.unwrap() {
            count += batch.records.len();
        }
    }
    assert_eq!(count, 65);
}

#[tokio::test]
async fn requests_are_metered() {
    let sandbox = sandbox(30).await;
    let meter = Arc::new(Memory::default());
    let stream = json!({ "path": "/rest/link/orders?per_page=10", "pagination": { "type": "link_header" } });
    let source = build_with(one_stream(&sandbox.url(), stream), meter.clone());
    busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    let seen = meter.seen();
    assert_eq!(meter.statuses(), [Some(200); 3]);
    assert_eq!(seen.iter().map(|seen| seen.bytes).sum::<u64>(), sandbox.stats().total.bytes);
    assert!(seen.iter().all(|seen| seen.host == sandbox.address().to_string()));
}

#[tokio::test]
async fn a_test_says_what_came_back() {
    let sandbox = sandbox(250).await;
    let stream = |extra: Value| {
        let mut stream = json!({
            "path": "/rest/page/orders",
            "primary_key": "id",
            "pagination": { "type": "page", "total_path": "$.total" },
        });
        stream.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        one_stream(&sandbox.url(), stream)
    };
    let probe = build(stream(json!({}))).test().await.unwrap();
    for said in ["answered 200", "100 records of 250", "fields id, "] {
        assert!(probe.summary.contains(said), "{}", probe.summary);
    }
    assert_eq!(probe.sample.len(), 5);
    assert_eq!(sandbox.stats().total.requests, 1);

    let probe = build(stream(json!({ "primary_key": "uuid" }))).test().await.unwrap();
    assert!(probe.summary.contains("check `primary_key`: no uuid"), "{}", probe.summary);
    let error = build(stream(json!({ "records": "$.rows" }))).test().await.unwrap_err();
    assert!(error.to_string().contains("its fields are items"), "{error}");
}

/// Of the answers that records are made of; not of the token's.
#[tokio::test]
async fn the_meter_learns_for_how_long_pages_hold() {
    let script = Script::start(|request| {
        if request.path() == "/token" {
            return Answer::json(json!({ "access_token": "t", "token_type": "Bearer" }));
        }
        let (next, control) = match request.path() {
            "/items" => (Some("/more"), "max-age=600"),
            _ => (None, "no-cache"),
        };
        let body = json!({ "items": [{ "id": 1 }], "next": next });
        Answer::new(200, &[("cache-control", control)], body.to_string())
    })
    .await;
    let mut config = one_stream(
        &script.url,
        json!({ "path": "/items", "records": "$.items", "pagination": { "type": "next_url", "path": "$.next" } }),
    );
    config["auth"] = json!({
        "type": "oauth2", "grant": "client_credentials", "client_id": "i", "client_secret": "fresh-secret",
        "token_url": format!("{}/token", script.url),
    });
    let meter = Arc::new(Memory::default());
    let source = build_with(config, meter.clone());
    busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(meter.fresh(), [600, 0]);
    assert_eq!(meter.seen().len(), 3);
}
