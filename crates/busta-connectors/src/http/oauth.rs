//! OAuth 2 tokens (RFC 6749): fetched once for all readers, renewed before they expire, and replaced
//! when the server refuses them.

use std::fmt;
use std::time::Duration;

use busta_core::secret::Secret;
use busta_core::{Error, ErrorKind, Result};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::auth::{ClientAuth, Oauth2, basic};
use super::client::{Exchange, HttpClient, Signed};
use super::grant::Grant;
use super::outcome::{self, excerpt};
use super::request::Request;
use super::shown::shown_url;

/// A token is not used in its last minute, nor in the last tenth of a shorter life, so that it does
/// not expire on its way.
const MARGIN: Duration = Duration::from_secs(60);

/// Endpoints that do not say how long a token lives are trusted until they refuse it.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The tokens of one source.
pub(super) struct Tokens {
    endpoint: Url,
    /// The fields of the configured grant.
    grant: Vec<(String, String)>,
    /// The fields that every grant needs.
    common: Vec<(String, String)>,
    /// `Authorization` of the token request, unless the client shows who it is in the body.
    client: Option<HeaderValue>,
    /// Held while a token is fetched: whoever needs one meanwhile waits for the same.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    access: Option<(String, Instant)>,
    /// The newest refresh token; servers may give a new one with each answer and drop the old.
    refresh: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("endpoint", &shown_url(&self.endpoint)).finish_non_exhaustive()
    }
}

/// RFC 6749, 5.1.
#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    /// A number of seconds, which some servers send as a text.
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    #[serde(default)]
    refresh_token: Option<Secret>,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

impl Tokens {
    /// The store for OAuth 2 settings, or a clause about the key that is missing.
    pub(super) fn new(settings: &Oauth2) -> Result<Self, String> {
        let secret = settings.client_secret.as_ref().map(Secret::expose);
        let mut common = Fields::default();
        let client = match (settings.client_auth, secret) {
            (ClientAuth::Basic, Some(secret)) => {
                // RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
                Some(basic(&form_encoded(&settings.client_id), &form_encoded(secret))?)
            }
            // A public client says who it is in the body: it has nothing to prove it with.
            (ClientAuth::Basic | ClientAuth::Body, _) => {
                common.add("client_id", Some(&settings.client_id));
                common.add("client_secret", secret);
                None
            }
        };
        common.add("scope", settings.scope.as_deref());
        common.add("audience", settings.audience.as_deref());
        settings.params.iter().for_each(|(name, value)| common.add(name, Some(value)));
        Ok(Self {
            endpoint: settings.token_url.clone(),
            grant: grant(settings)?,
            common: common.0,
            client,
            state: Mutex::default(),
        })
    }

    /// A token that is good now, fetched if there is none.
    pub(super) async fn current(&self, client: &HttpClient) -> Result<String> {
        let mut state = self.state.lock().await;
        match &state.access {
            Some((token, until)) if Instant::now() < *until => Ok(token.clone()),
            _ => self.fetch(&mut state, client).await,
        }
    }

    /// A token other than `stale`, which the server has just refused.
    pub(super) async fn renew(&self, stale: &str, client: &HttpClient) -> Result<String> {
        let mut state = self.state.lock().await;
        match &state.access {
            Some((token, _)) if token != stale => Ok(token.clone()),
            _ => self.fetch(&mut state, client).await,
        }
    }

    async fn fetch(&self, state: &mut State, client: &HttpClient) -> Result<String> {
        state.access = None;
        let mut answer = None;
        if let Some(refresh) = state.refresh.take() {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            match self.ask(client, fields.into_iter()).await {
                Ok(granted) => {
                    state.refresh = Some(refresh);
                    answer = Some(granted);
                }
                // The refresh token has ended; the configured grant may still hold.
                Err(error) if error.kind() == ErrorKind::Auth => {}
                Err(error) => {
                    state.refresh = Some(refresh);
                    return Err(error);
                }
            }
        }
        let answer = match answer {
            Some(answer) => answer,
            None => self.ask(client, pairs(&self.grant)).await?,
        };
        let token = answer.access_token.expose().to_owned();
        state.access = Some((token.clone(), Instant::now() + useful_life(answer.expires_in.as_ref())));
        if let Some(refresh) = answer.refresh_token {
            state.refresh = Some(refresh.expose().to_owned());
        }
        Ok(token)
    }

    async fn ask<'a>(
        &'a self,
        client: &HttpClient,
        grant: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Answer> {
        let mut request = Request::new(Method::POST, self.endpoint.clone())
            .accept("application/json")
            .form(grant.chain(pairs(&self.common)));
        if let Some(value) = &self.client {
            request = request.private_header(AUTHORIZATION, value.clone());
        }
        if let Some(agent) = client.auth.agent() {
            request = request.private_header(USER_AGENT, agent.clone());
        }
        // A redirect is not followed: it would carry the secrets to a place nobody configured.
        let answer =
            client.exchange(&request, Signed::Itself).await.map_err(|e| e.at("asking for a token"))?;
        read_answer(answer)
    }
}

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
}

fn pairs(fields: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn grant(settings: &Oauth2) -> Result<Vec<(String, String)>, String> {
    let mut fields = Fields::default();
    match &settings.grant {
        Grant::ClientCredentials => fields.add("grant_type", Some("client_credentials")),
        Grant::Password => {
            let user = settings.username.as_deref().ok_or("`grant: password` needs `username`")?;
            let password = settings.password.as_ref().ok_or("`grant: password` needs `password`")?;
            fields.add("grant_type", Some("password"));
            fields.add("username", Some(user));
            fields.add("password", Some(password.expose()));
        }
        Grant::RefreshToken => {
            let missing = "`grant: refresh_token` needs `refresh_token`";
            let token = settings.refresh_token.as_ref().ok_or(missing)?;
            fields.add("grant_type", Some("refresh_token"));
            fields.add("refresh_token", Some(token.expose()));
        }
        Grant::Extension(uri) => fields.add("grant_type", Some(uri)),
    }
    Ok(fields.0)
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn read_answer(answer: Exchange) -> Result<Answer> {
    let place = format!("token endpoint {}", shown_url(&answer.url));
    let status = answer.status;
    if status == StatusCode::OK
        && let Ok(granted) = serde_json::from_slice(&answer.body)
    {
        return Ok(granted);
    }
    // Some servers (Reddit) refuse with 200.
    if matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
        && let Ok(refusal) = serde_json::from_slice::<Refusal>(&answer.body)
    {
        let why = excerpt(refusal.error_description.unwrap_or_default().as_bytes());
        let error = excerpt(refusal.error.as_bytes());
        let separator = if why.is_empty() { "" } else { ": " };
        return Err(Error::auth(format!("{place} refused: {error}{separator}{why}"))
            .hint("check the credentials under `auth`"));
    }
    let response = outcome::check(&Method::POST, answer).map_err(|error| match error.kind() {
        ErrorKind::Data | ErrorKind::NotFound => Error::auth(error.message()).hint("check `auth.token_url`"),
        _ => error,
    })?;
    // The text of a parse error could quote the token, so none is given.
    serde_json::from_slice(&response.body).map_err(|_| {
        Error::auth(format!("{place} answered {status} without an `access_token`"))
            .hint("check `auth.token_url`")
    })
}

fn useful_life(expires_in: Option<&serde_json::Value>) -> Duration {
    let seconds = match expires_in {
        Some(serde_json::Value::Number(number)) => number.as_f64(),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let life =
        seconds.and_then(|s| Duration::try_from_secs_f64(s.max(0.0)).ok()).unwrap_or(FOREVER).min(FOREVER);
    life - MARGIN.min(life / 10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_are_renewed_in_time() {
        let life = |value: serde_json::Value| useful_life(Some(&value)).as_secs();
        assert_eq!(life(json!(3600)), 3540);
        assert_eq!(life(json!("3600")), 3540);
        assert_eq!(life(json!(100)), 90);
        assert_eq!(life(json!(-1)), 0);
        assert!(life(json!(1e300)) > 1_000_000);
        assert!(useful_life(None).as_secs() > 1_000_000);
    }

    #[test]
    fn missing_keys_are_named() {
        let settings = |grant: &str| -> Oauth2 {
            serde_json::from_value(
                json!({"token_url": "http://a.example/", "client_id": "me", "grant": grant}),
            )
            .unwrap()
        };
        assert!(Tokens::new(&settings("client_credentials")).is_ok());
        assert!(Tokens::new(&settings("password")).unwrap_err().contains("`username`"));
        assert!(Tokens::new(&settings("refresh_token")).unwrap_err().contains("`refresh_token`"));
    }

    #[test]
    fn the_store_does_not_show_its_secrets() {
        let settings: Oauth2 = serde_json::from_value(json!({
            "token_url": "http://a.example/", "client_id": "me", "client_secret": "debug-secret",
            "client_auth": "body",
        }))
        .unwrap();
        assert!(!format!("{:?}", Tokens::new(&settings).unwrap()).contains("debug-secret"));
    }
}
