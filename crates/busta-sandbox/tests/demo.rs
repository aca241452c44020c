//! Every address in the demo's configuration answers, with the credentials that stand there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::{
    API_KEY, BEARER_TOKEN, CLIENT_ID, CLIENT_SECRET, DEMO_HOSTS, PASSWORD, SandboxConfig, USERNAME,
    demo_config,
};
use common::{client, start};
use serde_json::Value;

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": ")
}

#[tokio::test]
async fn every_address_of_the_demo_answers() {
    let sandbox = start(SandboxConfig { hosts: DEMO_HOSTS, ..Default::default() }).await;
    let text = demo_config(&sandbox.urls());
    for credential in [BEARER_TOKEN, API_KEY, PASSWORD, CLIENT_ID, CLIENT_SECRET] {
        assert!(text.contains(credential), "{credential}");
    }
    let (client, mut base, mut token, mut seen) = (client(), "", String::new(), 0);
    for line in text.lines() {
        if let Some(url) = value(line, "token_url") {
            let form = [("grant_type", "client_credentials")];
            let request = client.post(url).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form);
            let granted: Value = request.send().await.unwrap().json().await.unwrap();
            token = granted["access_token"].as_str().unwrap().to_owned();
            continue;
        }
        base = value(line, "base_url").unwrap_or(base);
        let feed = line.trim().strip_prefix("- http").map(|rest| format!("http{rest}"));
        let path = value(line, "path").map(|path| format!("{base}{path}").replace("{orders.id}", "1"));
        let Some(url) = path.or_else(|| value(line, "opml").map(str::to_owned)).or(feed) else { continue };
        let mut request = client.get(&url).header("x-api-key", API_KEY);
        request = match &url {
            url if url.contains("/auth/bearer") => request.bearer_auth(BEARER_TOKEN),
            url if url.contains("/auth/basic") => request.basic_auth(USERNAME, Some(PASSWORD)),
            url if url.contains("/auth/oauth") => request.bearer_auth(&token),
            url if url.contains("/auth/key-query") => request.query(&[("api_key", API_KEY)]),
            _ => request,
        };
        assert_eq!(request.send().await.unwrap().status(), 200, "{url}");
        seen += 1;
    }
    assert_eq!(seen, 15 + 68 + 1);
}
