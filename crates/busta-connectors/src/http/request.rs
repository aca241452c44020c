//! What to ask for.

use std::ops::Range;

use bytes::Bytes;
use http::Method;
use http::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use serde::Serialize;
use url::Url;

use busta_core::{Error, Result};

/// Answers are read up to this size unless the request says otherwise.
pub const DEFAULT_MAX_RESPONSE_BYTES: u64 = 64 << 20;

/// The whole object. (A number always makes a valid header, so this is never sent.)
const NO_RANGE: HeaderValue = HeaderValue::from_static("bytes=0-");

/// One request. Credentials are not part of it: the client adds its own.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) max_response_bytes: u64,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
        }
    }

    /// A GET request.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Appends a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets a header. A redirect to another host takes it along.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a header that may hold a secret: it is never logged, nor sent on to another host.
    #[must_use]
    pub fn private_header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Sets what kinds of answer are welcome, such as `application/json`.
    #[must_use]
    pub fn accept(self, types: &'static str) -> Self {
        self.header(ACCEPT, HeaderValue::from_static(types))
    }

    /// Asks for the answer only if it is not the one that these validators name. They come from
    /// [`Response::etag`](super::Response::etag) and
    /// [`Response::last_modified`](super::Response::last_modified); one that cannot stand in a header
    /// is left out, which costs a full answer and loses nothing.
    #[must_use]
    pub fn conditional(mut self, etag: Option<&str>, last_modified: Option<&str>) -> Self {
        for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
                self.headers.insert(name, value);
            }
        }
        self
    }

    /// Asks for the bytes from `offset` on, if the object is still the one that `validator` names: a
    /// strong `ETag`, or else a `Last-Modified` date. Without a validator it is asked for as it is now.
    #[must_use]
    pub fn range_from(mut self, offset: u64, validator: Option<&str>) -> Self {
        self.headers.insert(RANGE, HeaderValue::try_from(format!("bytes={offset}-")).unwrap_or(NO_RANGE));
        if let Some(validator) = validator.and_then(|text| HeaderValue::from_str(text).ok()) {
            self.headers.insert(IF_RANGE, validator);
        }
        self
    }

    /// Asks for the bytes of `stretch`, which is not empty, as [`range_from`](Self::range_from) does.
    #[must_use]
    pub fn range(mut self, stretch: Range<u64>, validator: Option<&str>) -> Self {
        let range = format!("bytes={}-{}", stretch.start, stretch.end.saturating_sub(1));
        self = self.range_from(stretch.start, validator);
        self.headers.insert(RANGE, HeaderValue::try_from(range).unwrap_or(NO_RANGE));
        self
    }

    /// Sends a JSON body.
    pub fn json<T: Serialize>(self, body: &T) -> Result<Self> {
        let text = serde_json::to_vec(body)
            .map_err(|e| Error::bug(format!("a request body cannot be encoded: {e}")))?;
        Ok(self.body("application/json", text))
    }

    /// Sends fields as an HTML form does.
    #[must_use]
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", text)
    }

    /// Reads at most so many bytes of the answer; a longer one is an error.
    #[must_use]
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }
}
