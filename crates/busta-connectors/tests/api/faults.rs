//! What goes wrong, and what it is called.

use std::sync::Arc;
use std::time::{Duration, Instant};

use busta_core::connector::SourceContext;
use busta_core::{Checkpoint, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{
    Memory, assert_orders, build, build_with, context, fails, one_stream, read_both, sandbox,
};
use crate::scripted::{Answer, Script};

fn orders(base_url: &str) -> Value {
    let stream = json!({
        "path": "/rest/next_url/orders?per_page=10",
        "records": "$.items",
        "pagination": { "type": "next_url", "path": "$.next" },
    });
    one_stream(base_url, stream)
}

async fn struck_by(fault: &str) -> Error {
    let sandbox = sandbox(45).await;
    fails(&*build(orders(&format!("{}/with/fail={fault}", sandbox.url())))).await
}

#[tokio::test]
async fn faults_have_their_kinds() {
    for (fault, kind) in [
        ("500", ErrorKind::Unavailable),
        ("502", ErrorKind::Unavailable),
        ("503", ErrorKind::Unavailable),
        ("408", ErrorKind::Unavailable),
        ("425", ErrorKind::Unavailable),
        ("429", ErrorKind::RateLimited),
        ("401", ErrorKind::Auth),
        ("403", ErrorKind::Auth),
        ("404", ErrorKind::NotFound),
        ("410", ErrorKind::NotFound),
        ("400", ErrorKind::Data),
        ("422", ErrorKind::Data),
        ("reset", ErrorKind::Unavailable),
        ("truncate", ErrorKind::Unavailable),
        ("noise", ErrorKind::Unavailable),
        ("garbage", ErrorKind::Data),
        ("html", ErrorKind::Data),
        ("redirect_loop", ErrorKind::Data),
    ] {
        let error = struck_by(fault).await;
        assert_eq!(error.kind(), kind, "{fault}: {error}");
        assert!(error.to_string().contains("/rest/next_url/orders"), "{fault}: {error}");
    }
}

#[tokio::test]
async fn errors_say_what_to_do() {
    assert!(struck_by("html").await.to_string().contains("is a login needed?"));
    assert!(struck_by("redirect_loop").await.to_string().contains("in a loop"));
    assert!(struck_by("401").await.to_string().contains("`auth`"));
}

#[tokio::test]
async fn a_chain_goes_on_after_a_fault_where_it_stopped() {
    let sandbox = sandbox(45).await;
    let source = build(orders(&format!("{}/with/fail=500:first:1", sandbox.url())));
    let split = &source.plan(&Checkpoint::default()).await.unwrap()[0];
    let (mut at, mut records, mut errors) = (None, 0, 0);
    loop {
        match source.open(split, at.as_ref()).await.unwrap().next().await {
            Ok(Some(batch)) => {
                records += batch.records.len();
                if batch.done {
                    break;
                }
                at = Some(batch.cursor);
            }
            Ok(None) => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                errors += 1;
            }
        }
    }
    assert_eq!((records, errors), (45, 5));
}

#[tokio::test]
async fn what_never_answers_times_out() {
    let sandbox = sandbox(45).await;
    for fault in ["hang", "slow"] {
        let config = orders(&format!("{}/with/fail={fault}", sandbox.url()));
        let context = SourceContext {
            request_timeout: Duration::from_millis(200),
            ..context(Arc::new(Memory::default()))
        };
        let source = (busta_connectors::sources::api::CONNECTOR.build)(config, context)
            .unwrap_or_else(|p| panic!("{p:?}"));
        let started = Instant::now();
        let error = fails(&*source).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("no complete answer within 200ms"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let sandbox = sandbox(45).await;
    let mut config = orders(&format!("{}/with/fail=flood", sandbox.url()));
    config["max_response_size"] = json!("1MiB");
    let meter = Arc::new(Memory::default());
    let error = fails(&*build_with(config, meter.clone())).await;
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.to_string().contains("longer than 1MiB"), "{error}");
    assert!(meter.seen()[0].bytes < 4 << 20);
}

#[tokio::test]
async fn a_body_of_a_declared_length_over_the_cap_is_not_read() {
    let script = Script::start(|_| Answer::new(200, &[], "[1,2,3,4,5,6,7,8,9,10]")).await;
    let mut config = one_stream(&script.url, json!({ "path": "/" }));
    config["max_response_size"] = json!(10);
    let error = fails(&*build(config)).await;
    assert!(error.to_string().contains("longer than 10B"), "{error}");
}

#[tokio::test]
async fn rate_limits_carry_the_wait() {
    for form in ["seconds", "date"] {
        let sandbox = sandbox(45).await;
        let meter = Arc::new(Memory::default());
        let url = format!("{}/with/rate=2:30s,retry_after={form}", sandbox.url());
        let error = fails(&*build_with(orders(&url), meter.clone())).await;
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        let wait = error.wait().unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(31), "{wait:?}");
        let last = meter.seen().pop().unwrap();
        assert_eq!(last.status, Some(429));
        assert_eq!(last.limits.retry_after, Some(wait));
    }
}

#[tokio::test]
async fn forbidden_for_now_is_a_rate_limit() {
    let script = Script::start(|_| {
        Answer::new(403, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "17.5")], "slow down")
    })
    .await;
    let error = fails(&*build(one_stream(&script.url, json!({ "path": "/" })))).await;
    assert_eq!((error.kind(), error.wait()), (ErrorKind::RateLimited, Some(Duration::from_secs_f64(17.5))));
}

#[tokio::test]
async fn nobody_at_home_is_unavailable() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = fails(&*build(one_stream(&format!("http://127.0.0.1:{port}"), json!({ "path": "/" })))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("cannot connect"), "{error}");
}

#[tokio::test]
async fn bad_items_are_failures_and_the_rest_goes_on() {
    let script =
        Script::start(|_| Answer::json(json!({ "items": [{ "id": 1 }, 7, "x", [1], null, { "id": 2 }] })))
            .await;
    for records in ["$.items", "$.items[*]", "$['items'][?true == true || @ == null]"] {
        let stream = json!({ "path": "/", "records": records });
        let harvest = read_both(&*build(one_stream(&script.url, stream)), &Checkpoint::default()).await;
        assert_eq!(harvest.stream("orders"), [json!({ "id": 1 }), json!({ "id": 2 })], "{records}");
        let failures: Vec<_> = harvest
            .failures
            .iter()
            .map(|(_, f)| (f.position.as_deref().unwrap(), f.payload.as_deref().unwrap()))
            .collect();
        assert_eq!(
            failures,
            [
                ("page 1, item 2", "7"),
                ("page 1, item 3", "\"x\""),
                ("page 1, item 4", "[1]"),
                ("page 1, item 5", "null")
            ]
        );
    }
}

#[tokio::test]
async fn wrong_types_are_failures() {
    let sandbox = sandbox(20).await;
    let url = format!("{}/with/fail=wrong_types", sandbox.url());
    let source = build(orders(&url));
    // The sandbox answers JSON whose fields have the wrong types: either an error that names the
    // page, or failures; never a record that is not one.
    match busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await {
        Ok(harvest) => assert!(!harvest.failures.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Data),
    }
}

#[tokio::test]
async fn an_answer_without_records_is_told_from_a_mistake() {
    let answers = |body: Value| async move {
        let script = Script::start(move |_| Answer::json(body.clone())).await;
        let source = build(one_stream(&script.url, json!({ "path": "/", "records": "$.items" })));
        busta_testkit::drive::read_all(&*source, &Checkpoint::default())
            .await
            .map(|h| h.stream("orders").len())
    };
    for empty in [json!({}), json!({ "items": null }), json!({ "items": [] }), json!({ "total": 0 })] {
        assert_eq!(answers(empty).await.unwrap(), 0);
    }
    for wrong in [json!({ "rows": [] }), json!([]), json!({ "error": "no such table" })] {
        assert_eq!(answers(wrong).await.unwrap_err().kind(), ErrorKind::Data);
    }
}

#[tokio::test]
async fn records_are_found_without_being_told_where() {
    for (body, found) in [
        (json!([{ "a": 1 }]), Some(1)),
        (json!({ "n": 1, "anything": [{ "a": 1 }] }), Some(1)),
        (json!({ "errors": [], "data": [{ "a": 1 }, { "a": 2 }] }), Some(2)),
        (json!({ "x": [], "y": [] }), None),
        (json!({ "a": 1 }), None),
    ] {
        let answer = body.clone();
        let script = Script::start(move |_| Answer::json(answer.clone())).await;
        let source = build(one_stream(&script.url, json!({ "path": "/" })));
        let read = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await;
        assert_eq!(read.ok().map(|harvest| harvest.stream("orders").len()), found, "{body}");
    }
}

#[tokio::test]
async fn circles_are_found() {
    let same = Script::start(|_| Answer::json(json!({ "items": [{ "a": 1 }], "next": "/x" }))).await;
    let stream =
        json!({ "path": "/", "records": "$.items", "pagination": { "type": "next_url", "path": "$.next" } });
    let error = fails(&*build(one_stream(&same.url, stream))).await;
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.to_string().contains("circle"), "{error}");

    let two = Script::start(|request| {
        let next = if request.target.contains("cursor=a") { "b" } else { "a" };
        Answer::json(json!({ "items": [{ "a": 1 }], "next": next }))
    })
    .await;
    let stream =
        json!({ "path": "/", "records": "$.items", "pagination": { "type": "cursor", "path": "$.next" } });
    let error = fails(&*build(one_stream(&two.url, stream))).await;
    assert!(error.to_string().contains("circle"), "{error}");

    let deaf = Script::start(|_| Answer::json(json!([{ "a": 1 }]))).await;
    let stream = json!({ "path": "/", "pagination": { "type": "page" } });
    let error = fails(&*build(one_stream(&deaf.url, stream))).await;
    assert!(error.to_string().contains("same records"), "{error}");
}

#[tokio::test]
async fn not_found_after_the_last_page_is_the_end() {
    let script = Script::start(|request| match request.target.as_str() {
        "/?page=1" => Answer::json(json!([{ "a": 1 }])),
        "/?page=2" => Answer::json(json!([{ "a": 2 }])),
        _ => Answer::new(404, &[], "Invalid page."),
    })
    .await;
    let stream = json!({ "path": "/", "pagination": { "type": "page" } });
    let harvest = read_both(&*build(one_stream(&script.url, stream)), &Checkpoint::default()).await;
    assert_eq!(harvest.stream("orders").len(), 2);
}

#[tokio::test]
async fn compressed_answers_are_read_and_large_ones_too() {
    let sandbox = sandbox(2000).await;
    let stream = json!({ "path": "/rest/none/orders" });
    let source = build(one_stream(&format!("{}/with/gzip", sandbox.url()), stream));
    let harvest = read_both(&*source, &Checkpoint::default()).await;
    assert_orders(&sandbox, &harvest, 2000);
}

#[tokio::test]
async fn secrets_that_a_server_echoes_are_masked() {
    let script =
        Script::start(|request| Answer::new(400, &[], format!("bad request: {}", request.head))).await;
    let mut config = one_stream(&script.url, json!({ "path": "/" }));
    config["auth"] = json!({ "type": "basic", "username": "me", "password": "echoed-password" });
    let error = fails(&*build(config)).await;
    // base64 of me:echoed-password
    for secret in ["echoed-password", "bWU6ZWNob2VkLXBhc3N3b3Jk"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert!(error.to_string().contains("bad request"), "{error}");
}
