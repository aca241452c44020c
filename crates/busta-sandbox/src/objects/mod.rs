//! Objects: `/objects/{name}`, files of any size to be downloaded, whole or by range.

mod bytes;
mod range;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, Method, StatusCode};

use crate::app::Call;
use crate::body::Content;
use crate::data;
use crate::reply::Reply;
pub use bytes::Object;
pub(crate) use bytes::Stretch;
use range::Wanted;

/// The size of an object whose request gives none.
const DEFAULT_SIZE: u64 = 1 << 20;
/// How much later each version was made than the one before.
const VERSION_STEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers what lies under `/objects`.
pub(crate) fn answer(call: &Call<'_>, name: &[&str]) -> Result<Reply, Reply> {
    if ![Method::GET, Method::HEAD].contains(call.method) {
        let refusal = Reply::error(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD");
        return Err(refusal.header("allow", "GET, HEAD"));
    }
    let object = wanted(call, &name.join("/"))?;
    let (etag, modified) = (tag(call, &object)?, modified(&object));
    let known = text(call.headers, &IF_MATCH);
    if known.is_some_and(|known| known != "*" && !known.split(',').any(|tag| same(tag, etag.as_deref()))) {
        return Err(Reply::error(StatusCode::PRECONDITION_FAILED, "the object is another one by now"));
    }
    let content = Content::object(Stretch::new(object, 0..object.size));
    let mut reply = Reply::ok("application/octet-stream", content);
    reply = match &etag {
        Some(etag) => reply.validated(call.headers, etag, Some(modified)),
        None => reply.header("last-modified", httpdate::fmt_http_date(modified)),
    };
    if call.profile.no_ranges || reply.status != StatusCode::OK {
        return Ok(reply);
    }
    let valid = text(call.headers, &IF_RANGE).is_none_or(|condition| {
        same(condition, etag.as_deref()) || condition == httpdate::fmt_http_date(modified)
    });
    let range = if valid { text(call.headers, &RANGE) } else { None };
    part(reply.header("accept-ranges", "bytes"), object, Wanted::read(range, object.size))
}

/// The answer, or the wanted part of it.
fn part(mut reply: Reply, object: Object, wanted: Wanted) -> Result<Reply, Reply> {
    match wanted {
        Wanted::Whole => Ok(reply),
        Wanted::Part(range) => {
            let header = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
            reply.content = Content::object(Stretch::new(object, range));
            Ok(reply.status(StatusCode::PARTIAL_CONTENT).header("content-range", header))
        }
        Wanted::Nothing => {
            let refusal = Reply::error(StatusCode::RANGE_NOT_SATISFIABLE, "the range lies behind the end");
            Err(refusal.header("content-range", format!("bytes */{}", object.size)))
        }
    }
}

/// The object that a request names, in the version that it has by now.
fn wanted(call: &Call<'_>, name: &str) -> Result<Object, Reply> {
    let size = call.params.number("size")?.unwrap_or(DEFAULT_SIZE);
    let object = match call.params.number("seed")? {
        Some(seed) => Object::seeded(seed, size),
        None => Object::named(name, size),
    };
    let version = call.params.number("version")?.unwrap_or(0);
    let changed = call.profile.changes.is_some_and(|after| call.attempt > u64::from(after));
    Ok(Object { version: version + u64::from(changed), ..object })
}

/// The tag that it is served with.
fn tag(call: &Call<'_>, object: &Object) -> Result<Option<String>, Reply> {
    match call.params.get("etag") {
        None | Some("strong") => Ok(Some(object.etag())),
        Some("weak") => Ok(Some(format!("W/{}", object.etag()))),
        Some("off") => Ok(None),
        Some(other) => Err(Reply::bad_request(&format!("`etag={other}` is none of strong, weak and off"))),
    }
}

fn modified(object: &Object) -> SystemTime {
    let days = u32::try_from(object.version % 10_000).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(data::EPOCH.unsigned_abs()) + VERSION_STEP * days
}

/// The strong comparison (RFC 9110, section 8.8.3.2).
fn same(tag: &str, etag: Option<&str>) -> bool {
    !tag.trim().starts_with("W/") && Some(tag.trim()) == etag
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
