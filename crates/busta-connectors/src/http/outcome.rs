//! From a status to what it means: the one table of it.
//!
//! | status | kind |
//! | --- | --- |
//! | 2xx, 304 | ok |
//! | 429; 403 with `Retry-After` or no requests remaining | `RateLimited`, with the wait |
//! | 408, 425, 5xx | `Unavailable`, with the wait that a `Retry-After` asks for |
//! | 401, 403, 407 | `Auth` |
//! | 404, 410 | `NotFound` |
//! | any other | `Data`, with the beginning of the answer |
//!
//! A 503 stays `Unavailable` when it carries `Retry-After`: the server fails, whatever its reason, so
//! the retries are counted and the breaker sees it, and the wait is still kept.

use busta_core::meter::RateHints;
use busta_core::secret::redact;
use busta_core::{Error, ErrorKind, Result};
use http::{Method, StatusCode};

use super::client::Exchange;
use super::response::Response;
use super::shown::shown_url;

/// So many characters of an answer are shown.
const EXCERPT: usize = 200;

/// The answer as a response, or as the error that its status stands for.
pub(super) fn check(method: &Method, answer: Exchange) -> Result<Response> {
    let status = answer.status;
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(Response {
            status: status.as_u16(),
            headers: answer.headers,
            body: answer.body,
            url: answer.url,
            latency: answer.latency,
            not_modified: status == StatusCode::NOT_MODIFIED,
        });
    }
    let (kind, hint) = classify(status, &answer.hints);
    let mut message = format!("{method} {} answered {status}", shown_url(&answer.url));
    let said = excerpt(&answer.body);
    if !said.is_empty() {
        message.push_str(&format!(": {said}"));
    }
    let mut error = Error::new(kind, message);
    if let Some(hint) = hint {
        error = error.hint(hint);
    }
    Err(error.with_http_status(status.as_u16()).retry_after(wait(kind, &answer.hints)))
}

fn classify(status: StatusCode, hints: &RateHints) -> (ErrorKind, Option<&'static str>) {
    let limited = hints.retry_after.is_some() || hints.remaining == Some(0);
    match status.as_u16() {
        429 => (ErrorKind::RateLimited, None),
        403 if limited => (ErrorKind::RateLimited, None),
        401 => (ErrorKind::Auth, Some("check the credentials under `auth`")),
        403 => (ErrorKind::Auth, Some("the credentials under `auth` may not read this")),
        407 => (ErrorKind::Auth, Some("the proxy wants credentials")),
        404 | 410 => (ErrorKind::NotFound, Some("check the URL and the path")),
        408 | 425 | 500..=599 => (ErrorKind::Unavailable, None),
        400 | 422 => (ErrorKind::Data, Some("check the parameters and the body of the request")),
        405 => (ErrorKind::Data, Some("check the method of the request")),
        _ => (ErrorKind::Data, None),
    }
}

fn wait(kind: ErrorKind, hints: &RateHints) -> Option<std::time::Duration> {
    let window = hints.reset.filter(|_| hints.remaining.unwrap_or(0) == 0);
    match kind {
        ErrorKind::RateLimited => hints.retry_after.or(window),
        ErrorKind::Unavailable => hints.retry_after,
        _ => None,
    }
}

/// The beginning of an answer as one line without secrets, for an error message.
pub fn excerpt(body: &[u8]) -> String {
    // Whole words are collected first, so that a secret at the cut is still recognised as one.
    let text = String::from_utf8_lossy(&body[..body.len().min(8 * EXCERPT)]);
    let words = redact(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    let printable: String = words.chars().filter(|c| !c.is_control()).collect();
    match printable.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &printable[..end]),
        None => printable,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kind(status: u16, hints: RateHints) -> ErrorKind {
        classify(StatusCode::from_u16(status).unwrap(), &hints).0
    }

    #[test]
    fn statuses_mean_what_to_do() {
        let none = RateHints::default();
        for status in [408, 425, 500, 502, 503, 504, 599] {
            assert_eq!(kind(status, none), ErrorKind::Unavailable, "{status}");
        }
        for status in [401, 403, 407] {
            assert_eq!(kind(status, none), ErrorKind::Auth, "{status}");
        }
        for status in [404, 410] {
            assert_eq!(kind(status, none), ErrorKind::NotFound, "{status}");
        }
        for status in [400, 402, 405, 409, 418, 422, 451] {
            assert_eq!(kind(status, none), ErrorKind::Data, "{status}");
        }
        assert_eq!(kind(429, none), ErrorKind::RateLimited);
        assert_eq!(kind(403, RateHints { remaining: Some(0), ..none }), ErrorKind::RateLimited);
        let later = RateHints { retry_after: Some(Duration::from_secs(1)), ..none };
        assert_eq!(kind(403, later), ErrorKind::RateLimited);
        assert_eq!(kind(503, later), ErrorKind::Unavailable);
    }

    #[test]
    fn the_wait_is_what_the_server_asked_for() {
        let second = Duration::from_secs(1);
        let reset = RateHints { remaining: Some(0), reset: Some(second), retry_after: None };
        assert_eq!(wait(ErrorKind::RateLimited, &reset), Some(second));
        assert_eq!(wait(ErrorKind::Unavailable, &reset), None);
        let open = RateHints { remaining: Some(5), ..reset };
        assert_eq!(wait(ErrorKind::RateLimited, &open), None);
        let both = RateHints { retry_after: Some(2 * second), ..reset };
        assert_eq!(wait(ErrorKind::RateLimited, &both), Some(2 * second));
    }

    #[test]
    fn excerpts_are_short_and_clean() {
        assert_eq!(excerpt(b" {\"a\":\n\t 1}\x07 "), "{\"a\": 1}");
        assert_eq!(excerpt("é".repeat(300).as_bytes()).chars().count(), EXCERPT + 1);
        busta_core::secret::register("excerpted-secret");
        assert_eq!(excerpt(b"key excerpted-secret is wrong"), "key *** is wrong");
        assert_eq!(excerpt(b""), "");
    }
}
