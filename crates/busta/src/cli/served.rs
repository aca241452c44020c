//! What the command line asks a `busta serve` that works with the same state.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use busta_core::{Error, RunId, secret};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

/// A server answers from memory, or with a step on its state file.
const PATIENCE: Duration = Duration::from_secs(10);

const WITH_TOKEN: &str = "give a token of the role `operate`, with `--token` or in BUSTA_TOKEN; \
                          `busta token new --name me --role operate` makes one";

/// Has the server at `address`, as its lock has it, stop a run.
pub async fn cancel(address: &str, run: &RunId, token: Option<&str>) -> Result<()> {
    let response = post(address, &["runs", run.as_str(), "cancel"], token).await?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(refusal("does not stop the run", response).await.into())
    }
}

/// Has it undo an edit of a table; gives the edit that did so.
pub async fn undo(address: &str, table: &str, change: u64, token: Option<&str>) -> Result<Undone> {
    let path = ["datasets", table, "changes", &change.to_string(), "undo"];
    let response = post(address, &path, token).await?;
    if !response.status().is_success() {
        return Err(refusal("does not undo it", response).await.into());
    }
    Ok(response.json().await?)
}

/// What the server says of an undo.
#[derive(Deserialize)]
pub struct Undone {
    /// Its number.
    pub change: Option<u64>,
    /// How many rows there are now.
    pub count: u64,
}

async fn post(address: &str, path: &[&str], token: Option<&str>) -> Result<Response> {
    let unknown = || Error::corrupt(format!("the server's address, `{address}`, is none"));
    let address = reachable(address.parse().map_err(|_| unknown())?);
    let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let mut url = Url::parse(&format!("http://{address}/api/v1"))?;
    if let Ok(mut parts) = url.path_segments_mut() {
        parts.extend(path);
    }
    let mut request = client.post(url);
    if let Some(token) = token {
        secret::register(token);
        request = request.bearer_auth(token);
    }
    let away = |error: reqwest::Error| {
        let error = Error::unavailable(format!("`busta serve` at {address} does not answer: {error}"));
        error.hint("is it still starting, or ending?")
    };
    Ok(request.send().await.map_err(away)?)
}

/// A server that listens at every address is asked at this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The part of a problem document (RFC 9457) that is for people.
#[derive(Default, Deserialize)]
struct Problem {
    detail: Option<String>,
    hint: Option<String>,
}

async fn refusal(what: &str, response: Response) -> Error {
    let status = response.status();
    let problem: Problem = response.json().await.unwrap_or_default();
    let detail = problem.detail.unwrap_or_else(|| format!("it answered {status}"));
    let what = format!("`busta serve` {what}: {detail}");
    let (error, hint) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (Error::auth(what), Some(WITH_TOKEN.to_owned())),
        StatusCode::CONFLICT => (Error::conflict(what), problem.hint),
        _ => (Error::unavailable(what), problem.hint),
    };
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_at_every_address_is_asked_at_this_machine() {
        let at = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(at("[::]:8080"), "[::1]:8080");
        assert_eq!(at("192.0.2.1:8080"), "192.0.2.1:8080");
    }
}
