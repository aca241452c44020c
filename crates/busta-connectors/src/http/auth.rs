//! Who we are: how a source's credentials get into its requests.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use busta_core::secret::{self, Secret};
use busta_core::{Error, Result};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::grant::Grant;
use super::host::same_origin;
use super::oauth::Tokens;
use super::query::without_param;

/// How to authenticate.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthSettings {
    /// No credentials.
    #[default]
    None,
    /// `Authorization: Bearer TOKEN`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user name.
        username: String,
        /// The password; may be empty.
        #[serde(default = "empty")]
        password: Secret,
    },
    /// A key in a header or in the query.
    ApiKey {
        /// The name of the header or parameter, such as `X-Api-Key`.
        name: String,
        /// The key.
        key: Secret,
        /// Where it goes.
        #[serde(default, rename = "in")]
        place: KeyPlace,
    },
    /// A token from an OAuth 2 token endpoint (RFC 6749), fetched when needed and renewed in time.
    Oauth2(Box<Oauth2>),
}

/// An OAuth 2 client.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    /// The token endpoint.
    #[schemars(with = "String", url)]
    pub token_url: Url,
    /// How the token is asked for: `client_credentials` (with the client's own id and secret), `password` (with a
    /// user's name and password), `refresh_token`, or the URI of an extension grant, whose parameters stand in
    /// `params`.
    #[serde(default)]
    pub grant: Grant,
    /// The client's id.
    pub client_id: String,
    /// The client's secret; public clients have none. With an empty one, the id is sent as for `basic`
    /// all the same, which some servers expect of public clients.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The user's name, for `grant: password`.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password, for `grant: password`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The refresh token, for `grant: refresh_token`.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// The scopes to ask for, separated by blanks.
    #[serde(default)]
    pub scope: Option<String>,
    /// The audience to ask for.
    #[serde(default)]
    pub audience: Option<String>,
    /// More parameters of the token request.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// How the client shows who it is.
    #[serde(default)]
    pub client_auth: ClientAuth,
}

fn empty() -> Secret {
    Secret::new("")
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// Into a header.
    #[default]
    Header,
    /// Into the query of the URL.
    Query,
}

/// How an OAuth 2 client shows who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// With `Authorization: Basic …`.
    #[default]
    Basic,
    /// With `client_id` and `client_secret` in the body.
    Body,
}

/// Credentials, and the only place they may go to.
#[derive(Debug)]
pub struct Auth {
    kind: Kind,
    /// Credentials are sent to this origin only.
    home: Option<Url>,
    /// What tells accounts of one host apart; never shown.
    identity: Option<String>,
    /// How the source names itself, if not as all do.
    agent: Option<HeaderValue>,
    /// More headers of requests that go home. They may hold secrets.
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
enum Kind {
    None,
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
    OAuth(Box<Tokens>),
}

impl Auth {
    /// No credentials.
    pub fn none() -> Self {
        Self { kind: Kind::None, home: None, identity: None, agent: None, headers: Vec::new() }
    }

    /// Credentials that are only ever sent to the origin of `home`. The error is a clause for the
    /// operator about the key that is wrong.
    pub fn new(settings: &AuthSettings, home: &Url) -> Result<Self, String> {
        let (kind, identity) = match settings {
            AuthSettings::None => return Ok(Self::none()),
            AuthSettings::Bearer { token } => {
                (bearer(token.expose()).map(|value| Kind::Header(AUTHORIZATION, value))?, token.expose())
            }
            AuthSettings::Basic { username, password } => {
                let value = basic(username, password.expose())?;
                (Kind::Header(AUTHORIZATION, value), username.as_str())
            }
            AuthSettings::ApiKey { name, key, place: KeyPlace::Query } => {
                (Kind::Query(name.clone(), key.clone()), key.expose())
            }
            AuthSettings::ApiKey { name, key, place: KeyPlace::Header } => {
                let header = HeaderName::try_from(name.as_str())
                    .map_err(|_| format!("`{name}` cannot be the name of a header"))?;
                (Kind::Header(header, private(key.expose())?), key.expose())
            }
            AuthSettings::Oauth2(oauth2) => {
                (Kind::OAuth(Box::new(Tokens::new(oauth2)?)), oauth2.client_id.as_str())
            }
        };
        Ok(Self { kind, home: Some(home.clone()), identity: Some(identity.to_owned()), ..Self::none() })
    }

    /// The same, for a source whose headers say how it names itself: it does so when it asks for tokens too.
    #[must_use]
    pub fn introduced_as(self, agent: Option<HeaderValue>) -> Self {
        Self { agent, ..self }
    }

    /// The same, with headers that every request to the origin of `home` has, and no other. They are never logged.
    #[must_use]
    pub fn with_headers(self, home: &Url, mut headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        headers.iter_mut().for_each(|(_, value)| value.set_sensitive(true));
        Self { home: Some(home.clone()), headers, ..self }
    }

    pub(super) fn agent(&self) -> Option<&HeaderValue> {
        self.agent.as_ref()
    }

    /// What tells accounts apart, for requests to `url`.
    pub(super) fn identity(&self, url: &Url) -> Option<&str> {
        self.identity.as_deref().filter(|_| self.is_home(url))
    }

    pub(super) fn is_home(&self, url: &Url) -> bool {
        self.home.as_ref().is_some_and(|home| same_origin(home, url))
    }

    /// The token store, if the credential can be renewed.
    pub(super) fn tokens(&self) -> Option<&Tokens> {
        match &self.kind {
            Kind::OAuth(tokens) => Some(tokens),
            _ => None,
        }
    }

    /// Adds the credentials to a request, if it goes home. `token` is the current OAuth token.
    pub(super) fn apply(&self, url: &mut Url, headers: &mut HeaderMap, token: Option<&str>) -> Result<()> {
        if !self.is_home(url) {
            return Ok(());
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        match &self.kind {
            Kind::None => {}
            Kind::Header(name, value) => {
                headers.insert(name, value.clone());
            }
            Kind::Query(name, key) => {
                *url = without_param(url, name);
                url.query_pairs_mut().append_pair(name, key.expose());
            }
            Kind::OAuth(_) => {
                let token = token.ok_or_else(|| Error::bug("an OAuth request without a token"))?;
                headers.insert(AUTHORIZATION, bearer(token).map_err(Error::auth)?);
            }
        }
        Ok(())
    }
}

/// A header value that is never logged.
fn private(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        "the secret holds characters that no header can carry, such as a line break".to_owned()
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    private(&format!("Bearer {token}"))
}

/// RFC 7617. The encoded form is a secret too: a server may echo it.
pub(super) fn basic(username: &str, password: &str) -> Result<HeaderValue, String> {
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    secret::register(&encoded);
    private(&format!("Basic {encoded}"))
}
