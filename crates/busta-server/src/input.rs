//! What comes from clients: names in paths, queries, bodies. Each says what is wrong with it.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::problem::{Fault, Problem};
use crate::security::too_large;

/// No name of anything is longer.
const NAME_BYTES: usize = 256;
/// Keys may be texts of any kind, such as addresses.
const KEY_BYTES: usize = 4096;

/// The one name or id in a path.
pub(crate) struct Name(pub(crate) String);

impl FromRequestParts<App> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(name): Path<String> = Path::from_request_parts(parts, app)
            .await
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        // Services look names up in what they know, and never make a path of one. This is the second lock.
        let strange = |c: char| c.is_control() || c == '/' || c == '\\';
        if name.is_empty() || name.len() > NAME_BYTES || name.starts_with("..") || name.contains(strange) {
            return Err(Problem::new(StatusCode::NOT_FOUND, "nothing has a name like this"));
        }
        Ok(Self(name))
    }
}

/// The name in a path, and what it names within: a key or a number, which may hold any characters but controls.
pub(crate) struct Within(pub(crate) String, pub(crate) String);

impl FromRequestParts<App> for Within {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path((name, within)): Path<(String, String)> = Path::from_request_parts(parts, app)
            .await
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        let strange = |c: char| c.is_control() || c == '/' || c == '\\';
        let wrong =
            name.is_empty() || name.len() > NAME_BYTES || name.starts_with("..") || name.contains(strange);
        if wrong || within.is_empty() || within.len() > KEY_BYTES || within.contains(char::is_control) {
            return Err(Problem::new(StatusCode::NOT_FOUND, "nothing has a name like this"));
        }
        Ok(Self(name, within))
    }
}

/// The parameters of the query; unknown ones are refused.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let text = error.body_text();
                let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
                Err(Problem::invalid(vec![fault(reason)]))
            }
        }
    }
}

/// What is wrong with which parameter: `limit: invalid digit`, or a sentence that has its name in backticks.
fn fault(text: &str) -> Fault {
    if let Some((name, reason)) = text.split_once(": ") {
        return Fault::parameter(name, reason);
    }
    Fault::parameter(text.split('`').nth(1).unwrap_or("query"), text)
}

/// A body of JSON, or none, which is the same as `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let body = request.into_body();
        let bytes = tokio::time::timeout(app.limits.read_timeout, read(body, app.limits.body_bytes))
            .await
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come"))??;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be application/json",
            ));
        }
        parse(&bytes).map(Self)
    }
}

fn is_json(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    let collected = Limited::new(body, most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_large(most)
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "the body broke off")
        }
    })?;
    Ok(collected.to_bytes())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A list would be taken for the fields in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid(vec![Fault::field(".", "the body must be an object")]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let place =
            Some(error.path().to_string()).filter(|path| path != "?").unwrap_or_else(|| ".".to_owned());
        Problem::invalid(vec![Fault::field(place, error.into_inner().to_string())])
    })?;
    deserializer.end().map_err(|error| {
        Problem::invalid(vec![Fault::field(".", format!("more than one value: {error}"))])
    })?;
    Ok(value)
}
