//! Where redirects and links lead, and what does not go there.

use std::sync::Arc;

use busta_core::Checkpoint;
use serde_json::{Value, json};

use crate::common::{Memory, build_with, one_stream};
use crate::scripted::{Answer, Asked, Script};

const SECRETS: [&str; 2] = ["my-own-token", "my-own-header"];

fn with_secrets(mut config: Value) -> Value {
    config["auth"] = json!({ "type": "bearer", "token": SECRETS[0] });
    config["headers"] = json!({ "X-Tenant": SECRETS[1] });
    config
}

fn shows_secrets(asked: &Asked) -> Vec<bool> {
    SECRETS.iter().map(|secret| asked.head.contains(secret)).collect()
}

#[tokio::test]
async fn redirects_are_followed_and_metered() {
    let script = Script::start(|request| match request.path() {
        "/old" => Answer::new(301, &[("Location", "/new?x=1")], ""),
        _ => Answer::json(json!([{ "a": 1 }])),
    })
    .await;
    let meter = Arc::new(Memory::default());
    let source = build_with(with_secrets(one_stream(&script.url, json!({ "path": "/old" }))), meter.clone());
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("orders").len(), 1);
    assert_eq!(meter.statuses(), [Some(301), Some(200)]);
    let asked = script.asked();
    assert_eq!(asked[1].target, "/new?x=1");
    // The same host: credentials go along.
    assert!(asked.iter().all(|asked| shows_secrets(asked) == [true, true]));
}

#[tokio::test]
async fn a_redirect_to_another_host_takes_no_secret() {
    let other = Script::start(|_| Answer::json(json!([{ "a": 1 }]))).await;
    let target = format!("{}/there", other.url);
    let home = Script::start(move |_| Answer::new(302, &[("Location", target.as_str())], "")).await;
    let meter = Arc::new(Memory::default());
    let source = build_with(with_secrets(one_stream(&home.url, json!({ "path": "/" }))), meter.clone());
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("orders").len(), 1);
    assert_eq!(shows_secrets(&home.asked()[0]), [true, true]);
    assert_eq!(shows_secrets(&other.asked()[0]), [false, false]);
    // Each counts against its own limits.
    let hosts: Vec<_> = meter.seen().iter().map(|seen| seen.host.clone()).collect();
    assert!(hosts[0].contains('#') && !hosts[1].contains('#'), "{hosts:?}");
}

#[tokio::test]
async fn a_next_page_on_another_host_gets_no_secret() {
    let other = Script::start(|_| Answer::json(json!({ "items": [{ "a": 2 }] }))).await;
    let next = format!("{}/page2", other.url);
    let home = Script::start(move |_| Answer::json(json!({ "items": [{ "a": 1 }], "next": next }))).await;
    let stream =
        json!({ "path": "/", "records": "$.items", "pagination": { "type": "next_url", "path": "$.next" } });
    let source = build_with(with_secrets(one_stream(&home.url, stream)), Arc::new(Memory::default()));
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("orders").len(), 2);
    assert_eq!(shows_secrets(&home.asked()[0]), [true, true]);
    assert_eq!(shows_secrets(&other.asked()[0]), [false, false]);
}

#[tokio::test]
async fn an_api_key_is_not_stored_in_cursors() {
    let script = Script::start(|request| {
        Answer::json(match request.target.contains("page=2") {
            true => json!({ "items": [{ "a": 2 }] }),
            false => json!({ "items": [{ "a": 1 }], "next": format!("{}&page=2", request.target) }),
        })
    })
    .await;
    let stream =
        json!({ "path": "/", "records": "$.items", "pagination": { "type": "next_url", "path": "$.next" } });
    let mut config = one_stream(&script.url, stream);
    config["auth"] = json!({ "type": "api_key", "name": "k", "key": "query-key-secret", "in": "query" });
    let source = build_with(config, Arc::new(Memory::default()));
    let split = &source.plan(&Checkpoint::default()).await.unwrap()[0];
    let first = source.open(split, None).await.unwrap().next().await.unwrap().unwrap();
    assert!(!first.cursor.as_str().contains("query-key-secret"), "{:?}", first.cursor);
    source.open(split, Some(&first.cursor)).await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(script.asked()[1].target, "/?page=2&k=query-key-secret");
}
