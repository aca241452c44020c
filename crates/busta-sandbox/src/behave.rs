//! What a profile does to a request: refuse it, let it wait, put something else in its place, or
//! damage its answer.

use std::time::{Duration, Instant};

use busta_core::clock::{Clock, SystemClock};
use bytes::Bytes;
use http::{StatusCode, request};
use serde_json::json;

use crate::app::HungUp;
use crate::body::Content;
use crate::data::{self, Version};
use crate::fault::FaultKind;
use crate::profile::{Profile, RetryAfter};
use crate::reply::{JSON, Reply};
use crate::scope::{Place, Quota};
use crate::socket::Line;

/// How long a slow body takes unless the profile says.
const DEFAULT_DRIP: Duration = Duration::from_secs(5);
/// How many bytes of garbage there are.
const GARBAGE: usize = 4096;
/// A flood comes in chunks of about this size.
const FLOOD_CHUNK: usize = 64 << 10;

/// The 429 or 503 of a request that is over a limit.
pub(crate) fn refusal(profile: &Profile, place: &Place, quota: Option<Quota>) -> Option<Reply> {
    let form = profile.retry_after.unwrap_or(RetryAfter::Seconds);
    if let Some(quota) = quota.filter(|quota| !quota.granted) {
        let reply = Reply::error(StatusCode::TOO_MANY_REQUESTS, "too many requests, slow down");
        return Some(with_quota(come_back(reply, form, quota.reset), Some(quota)));
    }
    if profile.concurrency.is_some_and(|most| place.occupancy > u64::from(most)) {
        let status = profile.over.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or(StatusCode::TOO_MANY_REQUESTS);
        let reply = Reply::error(status, "too many requests at once");
        return Some(come_back(reply, form, Duration::from_secs(1)));
    }
    None
}

fn come_back(reply: Reply, form: RetryAfter, wait: Duration) -> Reply {
    match form {
        RetryAfter::Seconds => reply.header("retry-after", whole_seconds(wait).to_string()),
        RetryAfter::Date => {
            // A date has no fractions: the next full second behind the wait.
            let at = whole_seconds(Duration::from_micros(unix_micros()) + wait);
            let at = std::time::UNIX_EPOCH + Duration::from_secs(at);
            reply.header("retry-after", httpdate::fmt_http_date(at))
        }
        RetryAfter::None => reply,
    }
}

/// Adds `X-RateLimit-*` (with the reset as Unix time, as GitHub does) and the fields of
/// draft-ietf-httpapi-ratelimit-headers-10 (with the seconds that are left).
pub(crate) fn with_quota(reply: Reply, quota: Option<Quota>) -> Reply {
    let Some(Quota { limit, remaining, reset, .. }) = quota else {
        return reply;
    };
    let reset_at = whole_seconds(Duration::from_micros(unix_micros()) + reset);
    reply
        .header("x-ratelimit-limit", limit.requests.to_string())
        .header("x-ratelimit-remaining", remaining.to_string())
        .header("x-ratelimit-reset", reset_at.to_string())
        .header("ratelimit", format!("\"default\";r={remaining};t={}", whole_seconds(reset)))
        .header(
            "ratelimit-policy",
            format!("\"default\";q={};w={}", limit.requests, whole_seconds(limit.window)),
        )
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn unix_micros() -> u64 {
    SystemClock.now().timestamp_micros().unsigned_abs()
}

/// When the answer to a request that has just arrived is due: later with jitter, and with every request above the
/// capacity. `None` if that is at once.
pub(crate) fn due(profile: &Profile, place: &Place) -> Option<Instant> {
    let mut latency = profile.latency.unwrap_or_default();
    if let Some(jitter) = profile.jitter {
        latency += jitter.mul_f64(fastrand::f64());
    }
    if let Some(capacity) = profile.capacity {
        latency = latency.mul_f64((place.occupancy as f64 / f64::from(capacity)).max(1.0));
    }
    (!latency.is_zero()).then(|| Instant::now() + latency)
}

/// Waits until an answer is due. The runtime's timers fire on the first full millisecond after it.
pub(crate) async fn wait(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}

/// The answer that a fault puts in the place of the right one; `None` if it needs the right one.
pub(crate) fn instead(kind: FaultKind, head: &request::Parts, profile: &Profile) -> Option<Reply> {
    match kind {
        FaultKind::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let reply = Reply::error(status, "failed on purpose");
            let form = profile.retry_after.unwrap_or(RetryAfter::Seconds);
            Some(match status {
                StatusCode::TOO_MANY_REQUESTS => come_back(reply, form, Duration::from_secs(1)),
                _ => reply,
            })
        }
        FaultKind::Garbage => Some(Reply::ok(JSON, Content::whole(garbage()))),
        FaultKind::Html => Some(Reply::ok("text/html; charset=utf-8", Content::whole(LOGIN_PAGE))),
        FaultKind::WrongTypes => Some(wrong_types()),
        FaultKind::Flood => Some(flood()),
        FaultKind::RedirectLoop => {
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            let reply = Reply::ok(JSON, Content::whole(Bytes::new())).header("location", target);
            Some(reply.status(StatusCode::FOUND))
        }
        FaultKind::Reset | FaultKind::Hang | FaultKind::Noise => Some(Reply::json(&json!({}))),
        FaultKind::Truncate | FaultKind::Slow | FaultKind::Corrupt => None,
    }
}

/// Does to an answer, or to the connection, what a fault does.
pub(crate) async fn damage(
    kind: FaultKind,
    mut reply: Reply,
    profile: &Profile,
    line: &Line,
) -> Result<Reply, HungUp> {
    match kind {
        FaultKind::Reset => {
            line.reset();
            return Err(HungUp);
        }
        // The client's leaving ends this: the connection drops the request's future.
        FaultKind::Hang => std::future::pending::<()>().await,
        FaultKind::Noise => line.noise(),
        FaultKind::Truncate => reply.content = reply.content.cut(),
        FaultKind::Corrupt => reply.content = reply.content.corrupt(),
        FaultKind::Slow => reply.content = reply.content.drip(profile.drip.unwrap_or(DEFAULT_DRIP)),
        _ => {}
    }
    Ok(reply)
}

fn garbage() -> Bytes {
    (0..GARBAGE as u64).map(|n| data::mix(n) as u8).collect::<Vec<u8>>().into()
}

fn wrong_types() -> Reply {
    Reply::json(&json!({
        "items": "none", "total": "many", "pages": {}, "page": [1], "next_cursor": {"a": 1}, "next": 17,
        "has_more": "perhaps",
    }))
}

fn flood() -> Reply {
    let mut chunk = Vec::with_capacity(FLOOD_CHUNK + 1024);
    let mut index = 0;
    while chunk.len() < FLOOD_CHUNK {
        data::write_record(&mut chunk, 0, 0, index, Version { slot: index, revision: 0 });
        chunk.push(b',');
        index += 1;
    }
    let head = Bytes::from_static(br#"{"items":["#);
    Reply::ok(JSON, Content::flood(head, chunk.into()))
}

const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Please sign in</h1>\
<form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\n";
