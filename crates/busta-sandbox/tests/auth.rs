//! Credentials are asked for, and OAuth2 tokens live as long as they say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use busta_sandbox::*;
use common::{client, start};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_scheme_refuses_and_accepts() {
    let sandbox = start(SandboxConfig::default()).await;
    let get = |scheme: &str, query: &str| {
        client().get(format!("{}/auth/{scheme}/rest/page/orders{query}", sandbox.url()))
    };
    assert_eq!(status(get("bearer", "")).await, 401);
    assert_eq!(status(get("bearer", "").bearer_auth("wrong")).await, 401);
    assert_eq!(status(get("bearer", "").bearer_auth(FORBIDDEN_TOKEN)).await, 403);
    assert_eq!(status(get("bearer", "").bearer_auth(BEARER_TOKEN)).await, 200);
    assert_eq!(status(get("basic", "").basic_auth(USERNAME, Some("wrong"))).await, 401);
    assert_eq!(status(get("basic", "").basic_auth(USERNAME, Some(PASSWORD))).await, 200);
    assert_eq!(status(get("key-header", "")).await, 401);
    assert_eq!(status(get("key-header", "").header(API_KEY_HEADER, "wrong")).await, 403);
    assert_eq!(status(get("key-header", "").header(API_KEY_HEADER, API_KEY)).await, 200);
    assert_eq!(status(get("key-query", "?api_key=wrong")).await, 403);
    assert_eq!(status(get("key-query", &format!("?{API_KEY_PARAM}={API_KEY}"))).await, 200);
    let refused = get("bearer", "").bearer_auth("wrong").send().await.unwrap();
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    assert_eq!(status(client().get(format!("{}/auth/magic/rest/page/a", sandbox.url()))).await, 400);
}

struct OAuth {
    sandbox: Sandbox,
}

impl OAuth {
    async fn token(&self, query: &str, form: &[(&str, &str)]) -> Response {
        let client_pair = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let form: Vec<_> = form.iter().chain(&client_pair).collect();
        client().post(format!("{}/oauth/token{query}", self.sandbox.url())).form(&form).send().await.unwrap()
    }

    async fn granted(&self, query: &str, form: &[(&str, &str)]) -> Value {
        let answer = self.token(query, form).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    async fn read(&self, granted: &Value) -> u16 {
        let token = granted["access_token"].as_str().unwrap();
        status(client().get(format!("{}/auth/oauth/rest/page/orders", self.sandbox.url())).bearer_auth(token))
            .await
    }
}

#[tokio::test]
async fn grants_give_tokens_and_refuse_as_the_rfc_says() {
    let oauth = OAuth { sandbox: start(SandboxConfig::default()).await };
    let token = oauth.granted("", &[("grant_type", "client_credentials")]).await;
    assert_eq!((oauth.read(&token).await, token.get("refresh_token")), (200, None));
    let password = [("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD)];
    let token = oauth.granted("", &password).await;
    assert_eq!(oauth.read(&token).await, 200);
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", token["refresh_token"].as_str().unwrap())];
    assert_eq!(oauth.read(&oauth.granted("?rotate=1", &refresh).await).await, 200);
    let error = async |answer: Response| {
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["error"].clone())
    };
    assert_eq!(error(oauth.token("?rotate=1", &refresh).await).await, (400, "invalid_grant".into()));
    let known = [("grant_type", "refresh_token"), ("refresh_token", REFRESH_TOKEN)];
    assert_eq!(oauth.token("", &known).await.status(), 200);
    assert_eq!(
        error(oauth.token("", &[("grant_type", "magic")]).await).await,
        (400, "unsupported_grant_type".into())
    );
    assert_eq!(error(oauth.token("", &[]).await).await, (400, "invalid_request".into()));
    let endpoint = || client().post(format!("{}/oauth/token", oauth.sandbox.url()));
    let form = [("grant_type", "client_credentials")];
    assert_eq!(status(endpoint().basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form)).await, 200);
    assert_eq!(status(endpoint().basic_auth(CLIENT_ID, Some("wrong")).form(&form)).await, 401);
    assert_eq!(status(client().get(format!("{}/oauth/token", oauth.sandbox.url()))).await, 405);
}

#[tokio::test]
async fn tokens_die_after_their_uses_or_their_time() {
    let oauth = OAuth { sandbox: start(SandboxConfig::default()).await };
    let twice = oauth.granted("?uses=2", &[("grant_type", "client_credentials")]).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(oauth.read(&twice).await);
    }
    assert_eq!(seen, [200, 200, 401]);
    let dead = oauth.granted("?expires_in=0", &[("grant_type", "client_credentials")]).await;
    assert_eq!((&dead["expires_in"], oauth.read(&dead).await), (&0.into(), 401));
}
