//! Objects: `/objects/{name}`, files of any size to be downloaded, whole or by range.

mod bytes;
mod range;
mod serve;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode};

use crate::app::Call;
use crate::body::Content;
use crate::data;
use crate::reply::Reply;
pub use bytes::Object;
pub(crate) use bytes::Stretch;
pub(crate) use serve::{Stored, serve};

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
    let stored = Stored {
        media_type: "application/octet-stream",
        size: object.size,
        etag: tag(call, &object)?,
        modified: modified(&object),
        no_ranges: call.profile.no_ranges,
    };
    serve(call.headers, stored, |range| Content::object(Stretch::new(object, range)))
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
