//! Every kind of credential.

use std::sync::Arc;

use busta_core::{Checkpoint, ErrorKind};
use busta_sandbox::{
    API_KEY, API_KEY_HEADER, API_KEY_PARAM, BEARER_TOKEN, CLIENT_ID, CLIENT_SECRET, FORBIDDEN_TOKEN,
    PASSWORD, REFRESH_TOKEN, USERNAME,
};
use serde_json::{Value, json};

use crate::common::{Memory, assert_orders, build, build_with, fails, read_both, sandbox};
use crate::scripted::{Answer, Script};

fn source(url: &str, scheme: &str, auth: Value) -> Value {
    json!({
        "base_url": format!("{url}/auth/{scheme}"),
        "auth": auth,
        "streams": [{
            "name": "orders",
            "path": "/rest/next_url/orders?per_page=10",
            "records": "$.items",
            "pagination": { "type": "next_url", "path": "$.next" },
        }],
    })
}

fn oauth(url: &str, query: &str, extra: Value) -> Value {
    let mut auth = json!({
        "type": "oauth2",
        "token_url": format!("{url}/oauth/token{query}"),
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    });
    auth.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    auth
}

#[tokio::test]
async fn every_kind_is_let_in() {
    let sandbox = sandbox(45).await;
    let url = sandbox.url();
    for (scheme, auth) in [
        ("bearer", json!({ "type": "bearer", "token": BEARER_TOKEN })),
        ("basic", json!({ "type": "basic", "username": USERNAME, "password": PASSWORD })),
        ("key-header", json!({ "type": "api_key", "name": API_KEY_HEADER, "key": API_KEY })),
        ("key-query", json!({ "type": "api_key", "name": API_KEY_PARAM, "key": API_KEY, "in": "query" })),
        ("oauth", oauth(&url, "", json!({}))),
        ("oauth", oauth(&url, "", json!({ "client_auth": "body", "scope": "read" }))),
        (
            "oauth",
            oauth(&url, "", json!({ "grant": "password", "username": USERNAME, "password": PASSWORD })),
        ),
        ("oauth", oauth(&url, "", json!({ "grant": "refresh_token", "refresh_token": REFRESH_TOKEN }))),
    ] {
        let harvest = read_both(&*build(source(&url, scheme, auth)), &Checkpoint::default()).await;
        assert_orders(&sandbox, &harvest, 45);
    }
}

#[tokio::test]
async fn wrong_credentials_are_auth_errors_without_the_secret() {
    let sandbox = sandbox(45).await;
    let url = sandbox.url();
    for (scheme, auth) in [
        ("bearer", json!({ "type": "none" })),
        ("bearer", json!({ "type": "bearer", "token": "wrong-secret" })),
        ("bearer", json!({ "type": "bearer", "token": FORBIDDEN_TOKEN })),
        ("basic", json!({ "type": "basic", "username": USERNAME, "password": "wrong-secret" })),
        (
            "key-query",
            json!({ "type": "api_key", "name": API_KEY_PARAM, "key": "wrong-secret", "in": "query" }),
        ),
        ("oauth", oauth(&url, "", json!({ "client_secret": "wrong-secret" }))),
        ("oauth", oauth(&url, "", json!({ "grant": "refresh_token", "refresh_token": "wrong-secret" }))),
    ] {
        let error = fails(&*build(source(&url, scheme, auth))).await;
        assert_eq!(error.kind(), ErrorKind::Auth, "{scheme}: {error}");
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("wrong-secret") && !shown.contains(FORBIDDEN_TOKEN), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_readers() {
    let sandbox = sandbox(45).await;
    let meter = Arc::new(Memory::default());
    // Each token is good for two requests: five pages take three tokens.
    let config = source(&sandbox.url(), "oauth", oauth(&sandbox.url(), "?uses=2", json!({})));
    let source = build_with(config, meter.clone());
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_orders(&sandbox, &harvest, 45);
    assert_eq!(sandbox.stats().route("/oauth/token").requests, 3);
    assert_eq!(meter.statuses().iter().filter(|status| **status == Some(401)).count(), 2);
    // Every request is metered, those for tokens too.
    assert_eq!(meter.seen().len() as u64, sandbox.stats().total.requests);
}

#[tokio::test]
async fn readers_at_once_share_one_token() {
    let sandbox = sandbox(45).await;
    let source = build(source(&sandbox.url(), "oauth", oauth(&sandbox.url(), "", json!({}))));
    let split = &source.plan(&Checkpoint::default()).await.unwrap()[0];
    let read =
        || async { source.open(split, None).await.unwrap().next().await.unwrap().unwrap().records.len() };
    let (a, b, c, d) = tokio::join!(read(), read(), read(), read());
    assert_eq!([a, b, c, d], [10; 4]);
    assert_eq!(sandbox.stats().route("/oauth/token").requests, 1);
}

#[tokio::test]
async fn rotated_refresh_tokens_are_kept() {
    let sandbox = sandbox(45).await;
    let auth = oauth(
        &sandbox.url(),
        "?uses=1&rotate=1",
        json!({ "grant": "refresh_token", "refresh_token": REFRESH_TOKEN }),
    );
    let source = build(source(&sandbox.url(), "oauth", auth));
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_orders(&sandbox, &harvest, 45);
    assert_eq!(sandbox.stats().route("/oauth/token").requests, 5);
}

#[tokio::test]
async fn a_credential_that_is_always_refused_is_tried_twice() {
    let sandbox = sandbox(45).await;
    let config = source(&sandbox.url(), "bearer", oauth(&sandbox.url(), "", json!({})));
    let error = fails(&*build(config)).await;
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(sandbox.stats().route("/oauth/token").requests, 2);
    assert_eq!(sandbox.stats().total.requests, 4);
}

#[tokio::test]
async fn accounts_have_limits_of_their_own() {
    let host = |auth: Value| {
        let config = source("http://a.example", "bearer", auth);
        async { build(config).plan(&Checkpoint::default()).await.unwrap()[0].host.clone().unwrap() }
    };
    let one = host(json!({ "type": "bearer", "token": "account-one" })).await;
    let two = host(json!({ "type": "bearer", "token": "account-two" })).await;
    assert_ne!(one, two);
    assert!(one.as_str().starts_with("a.example#") && !one.as_str().contains("account"));
    assert_eq!(host(json!({ "type": "none" })).await.as_str(), "a.example");
}

/// Token answers and limits as Reddit gives them (github.com/reddit-archive/reddit/wiki/OAuth2): an installed app has
/// no secret and sends its id as for Basic all the same; refusals may come with 200; limits are fractions.
#[tokio::test]
async fn an_installed_app_gets_its_token_by_an_extension_grant() {
    let script = Script::start(|request| match request.path() {
        "/api/v1/access_token" if request.body.contains("device_id=DO_NOT_TRACK_THIS_DEVICE") => Answer::json(json!({
            "access_token": "device-token", "token_type": "bearer", "device_id": "DO_NOT_TRACK_THIS_DEVICE",
            "expires_in": 86400, "scope": "*",
        })),
        "/api/v1/access_token" => Answer::json(json!({ "error": "invalid_grant" })),
        _ => Answer::new(
            200,
            &[
                ("x-ratelimit-used", "2"),
                ("x-ratelimit-remaining", "597.0"),
                ("x-ratelimit-reset", "113.5"),
            ],
            json!([{ "id": 1 }]).to_string(),
        ),
    })
    .await;
    let config = |params: Value| {
        json!({
            "base_url": script.url,
            "headers": { "User-Agent": "linux:example.busta:v1 (by /u/example)" },
            "auth": {
                "type": "oauth2",
                "token_url": format!("{}/api/v1/access_token", script.url),
                "grant": "https://oauth.reddit.com/grants/installed_client",
                "client_id": "app",
                "client_secret": "",
                "params": params,
            },
            "streams": [{ "name": "orders", "path": "/r" }],
        })
    };
    let meter = Arc::new(Memory::default());
    let source = build_with(config(json!({ "device_id": "DO_NOT_TRACK_THIS_DEVICE" })), meter.clone());
    let harvest = busta_testkit::drive::read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(harvest.stream("orders").len(), 1);
    let asked = script.asked();
    assert_eq!(asked[0].header("authorization"), Some("Basic YXBwOg=="));
    assert!(asked[0].body.contains("grant_type=https%3A%2F%2Foauth.reddit.com%2Fgrants%2Finstalled_client"));
    assert!(!asked[0].body.contains("client_id"));
    assert_eq!(asked[1].header("authorization"), Some("Bearer device-token"));
    assert!(asked.iter().all(|asked| asked.header("user-agent").unwrap().starts_with("linux:example")));
    let limits = meter.seen()[1].limits;
    assert_eq!(
        (limits.remaining, limits.reset),
        (Some(597), Some(std::time::Duration::from_millis(113_500)))
    );

    let error = fails(&*build(config(json!({})))).await;
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("refused: invalid_grant"), "{error}");
}
