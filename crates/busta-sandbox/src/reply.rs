//! Answers before they are sent, and the shapes that many of them share.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::body::Content;

pub(crate) const JSON: &str = "application/json";

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(media_type: &'static str, content: Content) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        Self { status: StatusCode::OK, headers, content }
    }

    /// 200 with a JSON value.
    pub(crate) fn json(value: &Value) -> Self {
        Self::ok(JSON, Content::whole(value.to_string()))
    }

    /// A refusal with a short JSON body, as most APIs give one.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let body = json!({ "error": reason, "message": message, "status": status.as_u16() });
        let mut reply = Self::json(&body);
        reply.status = status;
        reply
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::error(StatusCode::NOT_FOUND, &format!("there is no {what} here"))
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a header; a value that cannot be one is left out.
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds validators; if the request's conditions (RFC 9110, section 13) hold for them, the answer
    /// becomes a 304 without a body.
    pub(crate) fn validated(
        mut self,
        request: &HeaderMap,
        etag: &str,
        modified: Option<std::time::SystemTime>,
    ) -> Self {
        self = self.header(ETAG_NAME, etag);
        if let Some(modified) = modified {
            self = self.header(LAST_MODIFIED_NAME, httpdate::fmt_http_date(modified));
        }
        if unchanged(request, etag, modified) {
            self.status = StatusCode::NOT_MODIFIED;
            self.headers.remove(CONTENT_TYPE);
            self.content = Content::whole(Bytes::new());
        }
        self
    }
}

const ETAG_NAME: &str = "etag";
const LAST_MODIFIED_NAME: &str = "last-modified";

/// `If-None-Match` is compared weakly and wins over `If-Modified-Since`.
fn unchanged(request: &HeaderMap, etag: &str, modified: Option<std::time::SystemTime>) -> bool {
    debug_assert_eq!((ETAG.as_str(), LAST_MODIFIED.as_str()), (ETAG_NAME, LAST_MODIFIED_NAME));
    let text = |name| request.get(name).and_then(|value| value.to_str().ok());
    if let Some(known) = text(IF_NONE_MATCH) {
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        return known.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(etag));
    }
    let since = text(IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}
