//! Credentials: the fixed ones that `/auth/{scheme}` asks for, and how it refuses others.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use crate::oauth::Tokens;
use crate::params::Params;
use crate::reply::Reply;

/// The token that `/auth/bearer` takes.
pub const BEARER_TOKEN: &str = "sandbox-token";
/// A token that `/auth/bearer` knows and that may not do anything: 403.
pub const FORBIDDEN_TOKEN: &str = "sandbox-forbidden";
/// The user name of `/auth/basic` and of the password grant.
pub const USERNAME: &str = "sandbox";
/// The password of [`USERNAME`].
pub const PASSWORD: &str = "sandbox-secret";
/// The key that `/auth/key-header` wants in [`API_KEY_HEADER`], `/auth/key-query` in [`API_KEY_PARAM`].
pub const API_KEY: &str = "sandbox-key";
/// The header of `/auth/key-header`.
pub const API_KEY_HEADER: &str = "x-api-key";
/// The query parameter of `/auth/key-query`.
pub const API_KEY_PARAM: &str = "api_key";

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Basic,
    KeyHeader,
    KeyQuery,
    OAuth,
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "bearer" => Self::Bearer,
            "basic" => Self::Basic,
            "key-header" => Self::KeyHeader,
            "key-query" => Self::KeyQuery,
            "oauth" => Self::OAuth,
            _ => {
                return Err(format!("`{text}` is none of bearer, basic, key-header, key-query and oauth"));
            }
        })
    }
}

impl Scheme {
    /// Lets a request pass, or refuses it as real servers do.
    pub(crate) fn check(self, headers: &HeaderMap, params: &Params, tokens: &Tokens) -> Result<(), Reply> {
        match self {
            Self::Bearer => check_bearer(bearer(headers)),
            Self::Basic => check_basic(basic(headers)),
            Self::KeyHeader => check_key(
                headers.get(API_KEY_HEADER).and_then(|value| value.to_str().ok()),
                "header X-Api-Key",
            ),
            Self::KeyQuery => check_key(params.get(API_KEY_PARAM), "parameter api_key"),
            Self::OAuth => match bearer(headers) {
                Some(token) if tokens.spend(token) => Ok(()),
                token => {
                    Err(refuse_bearer(token.is_some(), "the access token is missing, unknown or expired"))
                }
            },
        }
    }
}

fn check_bearer(token: Option<&str>) -> Result<(), Reply> {
    match token {
        Some(BEARER_TOKEN) => Ok(()),
        Some(FORBIDDEN_TOKEN) => Err(Reply::error(StatusCode::FORBIDDEN, "the token lacks the scope `read`")
            .header("www-authenticate", r#"Bearer realm="sandbox", error="insufficient_scope""#)),
        token => Err(refuse_bearer(token.is_some(), "the token is missing or wrong")),
    }
}

/// RFC 6750, section 3.1: the error is named only to those who sent a token.
fn refuse_bearer(sent: bool, message: &str) -> Reply {
    let challenge = match sent {
        true => r#"Bearer realm="sandbox", error="invalid_token""#,
        false => r#"Bearer realm="sandbox""#,
    };
    Reply::error(StatusCode::UNAUTHORIZED, message).header("www-authenticate", challenge)
}

fn check_basic(pair: Option<(String, String)>) -> Result<(), Reply> {
    match pair {
        Some((user, password)) if user == USERNAME && password == PASSWORD => Ok(()),
        _ => Err(Reply::error(StatusCode::UNAUTHORIZED, "the user name or the password is wrong")
            .header("www-authenticate", r#"Basic realm="sandbox", charset="UTF-8""#)),
    }
}

fn check_key(key: Option<&str>, place: &str) -> Result<(), Reply> {
    match key {
        Some(API_KEY) => Ok(()),
        Some(_) => Err(Reply::error(StatusCode::FORBIDDEN, &format!("the key in the {place} is wrong"))),
        None => Err(Reply::error(StatusCode::UNAUTHORIZED, &format!("the {place} is missing"))),
    }
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// User name and password of `Authorization: Basic`.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, pair) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}
