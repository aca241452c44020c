//! The plain routes: a fixed status, and an echo.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use crate::app::Call;
use crate::reply::Reply;

/// `/status/{code}`: always answers with it.
pub(crate) fn status(code: &str) -> Result<Reply, Reply> {
    let status = code.parse().ok().filter(|code| (200..=599).contains(code));
    match status.and_then(|code| StatusCode::from_u16(code).ok()) {
        Some(status) => Ok(Reply::error(status, "this route always answers so")),
        None => Err(Reply::bad_request("the status must be from 200 to 599")),
    }
}

/// `/echo`: what the request looked like when it arrived.
pub(crate) fn echo(call: &Call<'_>, body: &Bytes) -> Reply {
    let headers: BTreeMap<&str, String> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Reply::json(&json!({
        "method": call.method.as_str(),
        "path": call.path,
        "params": call.params.all(),
        "headers": headers,
        "body": String::from_utf8_lossy(body),
    }))
}
