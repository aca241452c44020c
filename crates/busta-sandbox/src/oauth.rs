//! The token endpoint (RFC 6749): client credentials, password and refresh token, with tokens that
//! die after a time or a number of uses.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::auth::{self, PASSWORD, USERNAME};
use crate::data;
use crate::dataset::lock;
use crate::params::Params;
use crate::reply::Reply;

/// The client's id at `/oauth/token`.
pub const CLIENT_ID: &str = "sandbox-client";
/// The client's secret at `/oauth/token`.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";
/// A refresh token that is valid from the start, for configurations that hold one.
pub const REFRESH_TOKEN: &str = "sandbox-refresh";

const DEFAULT_EXPIRY: u64 = 3600;
/// When so many tokens are known, the dead ones are forgotten.
const SWEEP_AT: usize = 10_000;

/// The tokens that were given out.
pub(crate) struct Tokens {
    seed: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    issued: u64,
    access: HashMap<String, Grant>,
    refresh: HashMap<String, ()>,
}

struct Grant {
    until: Instant,
    uses: u64,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        let tokens = Self { seed, inner: Mutex::default() };
        tokens.clear();
        tokens
    }

    /// Forgets all tokens.
    pub(crate) fn clear(&self) {
        let refresh = HashMap::from([(REFRESH_TOKEN.to_owned(), ())]);
        *lock(&self.inner) = Inner { refresh, ..Inner::default() };
    }

    /// Uses an access token once; false if it is unknown, expired or used up.
    pub(crate) fn spend(&self, token: &str) -> bool {
        let mut inner = lock(&self.inner);
        match inner.access.get_mut(token) {
            Some(grant) if grant.uses > 0 && Instant::now() < grant.until => {
                grant.uses -= 1;
                true
            }
            _ => false,
        }
    }

    /// Answers a request to `/oauth/token`.
    pub(crate) fn answer(&self, headers: &HeaderMap, params: &Params) -> Reply {
        self.grant(headers, params).unwrap_or_else(|refusal| refusal).header("cache-control", "no-store")
    }

    fn grant(&self, headers: &HeaderMap, params: &Params) -> Result<Reply, Reply> {
        check_client(headers, params)?;
        let with_refresh = match params.get("grant_type") {
            Some("client_credentials") => false,
            Some("password") => {
                let known =
                    params.get("username") == Some(USERNAME) && params.get("password") == Some(PASSWORD);
                known.then_some(true).ok_or_else(|| refuse("invalid_grant", "wrong user name or password"))?
            }
            Some("refresh_token") => {
                self.take_refresh(params)?;
                true
            }
            Some(_) => return Err(refuse("unsupported_grant_type", "this grant type is not supported")),
            None => return Err(refuse("invalid_request", "the parameter grant_type is missing")),
        };
        self.issue(params, with_refresh)
    }

    fn take_refresh(&self, params: &Params) -> Result<(), Reply> {
        let token = params.get("refresh_token").unwrap_or_default();
        let mut inner = lock(&self.inner);
        let known = match params.is_set("rotate") {
            true => inner.refresh.remove(token).is_some(),
            false => inner.refresh.contains_key(token),
        };
        known.then_some(()).ok_or_else(|| refuse("invalid_grant", "the refresh token is unknown or was used"))
    }

    /// A new access token that lives for so many seconds, for endpoints with a form of their own.
    pub(crate) fn access(&self, expires_in: u64) -> String {
        self.grant_access(&mut lock(&self.inner), expires_in, u64::MAX)
    }

    fn grant_access(&self, inner: &mut Inner, expires_in: u64, uses: u64) -> String {
        let now = Instant::now();
        inner.issued += 1;
        let number = inner.issued;
        if inner.access.len() >= SWEEP_AT {
            inner.access.retain(|_, grant| grant.uses > 0 && now < grant.until);
        }
        let access = format!("at-{number}-{:016x}", data::mix(self.seed ^ number));
        let until = now + Duration::from_secs(expires_in.min(10 * 365 * 86_400));
        inner.access.insert(access.clone(), Grant { until, uses });
        access
    }

    fn issue(&self, params: &Params, with_refresh: bool) -> Result<Reply, Reply> {
        let expires_in = params.number("expires_in")?.unwrap_or(DEFAULT_EXPIRY);
        let uses = params.number("uses")?.unwrap_or(u64::MAX);
        let mut inner = lock(&self.inner);
        let access = self.grant_access(&mut inner, expires_in, uses);
        let number = inner.issued;
        let mut body = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": expires_in, "scope": "read",
        });
        if with_refresh {
            let refresh = format!("rt-{number}-{:016x}", data::mix(!self.seed ^ number));
            inner.refresh.insert(refresh.clone(), ());
            body["refresh_token"] = refresh.into();
        }
        Ok(Reply::json(&body))
    }
}

/// The client says who it is with Basic authentication or in the body (RFC 6749, section 2.3.1).
fn check_client(headers: &HeaderMap, params: &Params) -> Result<(), Reply> {
    let text = |name| params.get(name).map(str::to_owned);
    let client = auth::basic(headers).or_else(|| Some((text("client_id")?, text("client_secret")?)));
    match client {
        Some((id, secret)) if id == CLIENT_ID && secret == CLIENT_SECRET => Ok(()),
        _ => Err(refuse("invalid_client", "the client is unknown or its secret is wrong")
            .status(StatusCode::UNAUTHORIZED)
            .header("www-authenticate", r#"Basic realm="sandbox""#)),
    }
}

/// RFC 6749, section 5.2.
fn refuse(error: &str, description: &str) -> Reply {
    Reply::json(&json!({ "error": error, "error_description": description })).status(StatusCode::BAD_REQUEST)
}
