//! Who may ask: tokens, the User-Agent, and how many requests there may be.

use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::world::RedditWorld;
use crate::app::Call;
use crate::auth::{self, PASSWORD, USERNAME};
use crate::oauth::{CLIENT_ID, CLIENT_SECRET};
use crate::params::Params;
use crate::reply::Reply;
use crate::scope::Quota;

/// The grant of applications that are installed on devices and have no secret.
const INSTALLED: &str = "https://oauth.reddit.com/grants/installed_client";
/// How libraries name themselves whose users have not given a name.
const GENERIC: [&str; 12] = [
    "python",
    "java",
    "curl",
    "wget",
    "okhttp",
    "go-http-client",
    "axios",
    "node",
    "reqwest",
    "hyper",
    "ruby",
    "php",
];

/// `{"message": ..., "error": ...}`, Reddit's own form.
pub(super) fn refuse(status: StatusCode) -> Reply {
    let message = status.canonical_reason().unwrap_or_default();
    Reply::json(&json!({ "message": message, "error": status.as_u16() })).status(status)
}

/// The same with a reason, as for subreddits that are not open.
pub(super) fn refuse_because(status: StatusCode, reason: &str) -> Reply {
    let message = status.canonical_reason().unwrap_or_default();
    Reply::json(&json!({ "reason": reason, "message": message, "error": status.as_u16() })).status(status)
}

/// "Clients must have a unique and descriptive User-Agent": others are limited so much that it is a 429.
pub(super) fn check_agent(world: &RedditWorld, headers: &HeaderMap) -> Result<(), Reply> {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let agent = agent.trim().to_ascii_lowercase();
    let known = |name: &str| {
        agent.strip_prefix(name).is_some_and(|rest| rest.is_empty() || !rest.starts_with(char::is_alphabetic))
    };
    let generic = agent.is_empty() || (GENERIC.iter().any(|name| known(name)) && !agent.contains("by /u/"));
    match world.agents && generic {
        true => Err(refuse(StatusCode::TOO_MANY_REQUESTS)),
        false => Ok(()),
    }
}

pub(super) fn check_token(world: &RedditWorld, call: &Call<'_>) -> Result<(), Reply> {
    if !world.auth || auth::bearer(call.headers).is_some_and(|token| call.app.tokens.spend(token)) {
        return Ok(());
    }
    Err(refuse(StatusCode::UNAUTHORIZED)
        .header("www-authenticate", r#"Bearer realm="reddit", error="invalid_token""#))
}

/// `X-Ratelimit-*` as Reddit sends them: how many were used, how many are left (with a fraction), and the
/// seconds until that begins anew.
pub(super) fn with_quota(reply: Reply, quota: Quota) -> Reply {
    let used = quota.limit.requests - quota.remaining;
    let reset = quota.reset.as_secs() + u64::from(quota.reset.subsec_nanos() > 0);
    reply
        .header("x-ratelimit-used", used.to_string())
        .header("x-ratelimit-remaining", format!("{}.0", quota.remaining))
        .header("x-ratelimit-reset", reset.to_string())
}

/// Answers `POST /api/v1/access_token`. What is wrong with a grant is told with status 200, as it is there.
pub(super) fn token(world: &RedditWorld, call: &Call<'_>) -> Result<Reply, Reply> {
    let installed = check_client(call.headers)?;
    let params = &call.params;
    let mut answer = json!({});
    match params.get("grant_type") {
        Some("client_credentials") if !installed => {}
        Some("password") if !installed => {
            if params.get("username") != Some(USERNAME) || params.get("password") != Some(PASSWORD) {
                return Ok(wrong("invalid_grant"));
            }
        }
        Some(INSTALLED) => match device(params) {
            Some(device) => answer["device_id"] = device.into(),
            None => return Ok(wrong("invalid_request")),
        },
        Some("client_credentials" | "password") => return Ok(wrong("unauthorized_client")),
        _ => return Ok(wrong("unsupported_grant_type")),
    }
    answer["access_token"] = call.app.tokens.access(world.expires).into();
    answer["token_type"] = "bearer".into();
    answer["expires_in"] = world.expires.into();
    answer["scope"] = params.get("scope").unwrap_or("*").into();
    Ok(Reply::json(&answer).header("cache-control", "private, max-age=3600"))
}

fn wrong(error: &str) -> Reply {
    Reply::json(&json!({ "error": error }))
}

/// A device's id has 20 to 30 characters.
fn device(params: &Params) -> Option<&str> {
    params.get("device_id").filter(|id| (20..=30).contains(&id.len()))
}

/// Whether the client is an installed one, which has no secret.
fn check_client(headers: &HeaderMap) -> Result<bool, Reply> {
    match auth::basic(headers) {
        Some((id, secret)) if id == CLIENT_ID && secret == CLIENT_SECRET => Ok(false),
        Some((id, secret)) if id == super::REDDIT_INSTALLED_CLIENT && secret.is_empty() => Ok(true),
        _ => Err(refuse(StatusCode::UNAUTHORIZED).header("www-authenticate", r#"Basic realm="reddit""#)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(agent: Option<&str>) -> bool {
        let headers = agent.map(|agent| (USER_AGENT, agent.parse().unwrap()));
        check_agent(&RedditWorld::default(), &headers.into_iter().collect()).is_ok()
    }

    #[test]
    fn agents_must_say_who_they_are() {
        for agent in ["linux:busta:0.1 (by /u/someone)", "busta/0.1 (+https://example.org)", "javelin/2"] {
            assert!(allowed(Some(agent)), "{agent}");
        }
        for agent in ["python-requests/2.31", "curl/8.5", "Java/17", "Go-http-client/2.0", "", "reqwest"] {
            assert!(!allowed(Some(agent)), "{agent}");
        }
        assert!(!allowed(None));
    }
}
