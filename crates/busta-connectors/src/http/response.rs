//! What came back.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use url::Url;

use super::shown::shown_url;

/// A complete answer: 2xx, or 304 to a conditional request.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// Where the answer came from, after redirects. Show it with [`Response::shown_url`].
    pub url: Url,
    /// From sending the last request until its answer was read to the end.
    pub latency: Duration,
    /// The answer was 304: what the caller has is still what is there.
    pub not_modified: bool,
}

impl Response {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The validator for [`Request::conditional`](super::Request::conditional).
    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG.as_str())
    }

    /// The other validator for [`Request::conditional`](super::Request::conditional).
    pub fn last_modified(&self) -> Option<&str> {
        self.header(LAST_MODIFIED.as_str())
    }

    /// The media type with its parameters, such as `text/xml; charset=utf-8`.
    pub fn content_type(&self) -> Option<&str> {
        self.header(CONTENT_TYPE.as_str())
    }

    /// The URL without secrets.
    pub fn shown_url(&self) -> String {
        shown_url(&self.url)
    }
}
