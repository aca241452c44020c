//! Answers whose bytes are known as a whole: their tags, and their compressed form.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use busta_core::reading::RowPage;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller bodies gain nothing: they fit into a few packets.
const COMPRESSED_FROM: usize = 4 << 10;

/// A body, with what is made of it once for all who get it.
pub(crate) struct Content {
    media_type: HeaderValue,
    cache_control: HeaderValue,
    body: Bytes,
    tag: HeaderValue,
    gzip: OnceLock<Option<Bytes>>,
}

impl Content {
    /// JSON, which clients may keep if they ask each time whether it still holds.
    pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Result<Self> {
        let body = serde_json::to_vec(value)?;
        Ok(Self::new("application/json", "private, no-cache", body))
    }

    /// A page of rows, which are JSON already.
    pub(crate) fn records(page: &RowPage) -> serde_json::Result<Self> {
        let mut body = Vec::with_capacity(page.rows.bytes() as usize + page.rows.len() + 128);
        body.extend_from_slice(b"{\"items\":[");
        for (n, row) in page.rows.iter().enumerate() {
            if n > 0 {
                body.push(b',');
            }
            body.extend_from_slice(row);
        }
        body.push(b']');
        if let Some(next) = &page.next {
            body.extend_from_slice(b",\"next\":");
            serde_json::to_writer(&mut body, next)?;
        }
        body.push(b'}');
        Ok(Self::new("application/json", "private, no-cache", body))
    }

    pub(crate) fn new(media_type: &'static str, cache_control: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            media_type: HeaderValue::from_static(media_type),
            cache_control: HeaderValue::from_static(cache_control),
            tag: tag(&body),
            body,
            gzip: OnceLock::new(),
        }
    }

    /// The answer to a request with these headers: `304` if the client has it.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let compressed = if accepts_gzip(request) { self.compressed() } else { None };
        let mut response = if is_known(request, &self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(compressed.unwrap_or(&self.body).clone().into());
            response.headers_mut().insert(header::CONTENT_TYPE, self.media_type.clone());
            if compressed.is_some() {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        if self.body.len() >= COMPRESSED_FROM {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }

    /// Compresses it now, if the request accepts that: for large bodies, where that takes its time.
    pub(crate) fn prepare(&self, request: &HeaderMap) {
        if accepts_gzip(request) {
            self.compressed();
        }
    }

    fn compressed(&self) -> Option<&Bytes> {
        self.gzip.get_or_init(|| gzip(&self.body)).as_ref()
    }
}

/// A weak tag: it is the same for the compressed form. SipHash of 64 bits is enough where nobody gains by a
/// collision: who is let in sees a body anyway.
fn tag(body: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    let text = format!("W/\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("W/\"0\""))
}

/// Whether `If-None-Match` names the tag. <https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2>
fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let strip = |tag: &'_ str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(ours) = tag.to_str().map(strip) else { return false };
    let mut theirs = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    theirs.any(|list| list.split(',').any(|one| one.trim() == "*" || strip(one) == ours))
}

/// Whether `Accept-Encoding` allows gzip. <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>
fn accepts_gzip(request: &HeaderMap) -> bool {
    let lists = request.get_all(header::ACCEPT_ENCODING);
    let mut codings = lists.iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let refused =
            weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// The body compressed, if that makes it smaller. At 600 MB/s (level 1) this costs less than sending.
fn gzip(body: &[u8]) -> Option<Bytes> {
    if body.len() < COMPRESSED_FROM {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn large() -> Content {
        Content::json(&vec!["the same again"; 1000]).unwrap()
    }

    #[test]
    fn who_has_it_gets_nothing() {
        let tag = large().answer(&HeaderMap::new()).headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [tag.clone(), tag.replace("W/", ""), format!("\"x\", {tag}"), "*".to_owned()] {
            let response = large().answer(&request(header::IF_NONE_MATCH, &known));
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        let other = large().answer(&request(header::IF_NONE_MATCH, "W/\"0\""));
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn large_bodies_are_compressed_for_who_accepts_it() {
        let is_compressed = |accept: &str| {
            let response = large().answer(&request(header::ACCEPT_ENCODING, accept));
            response.headers().contains_key(header::CONTENT_ENCODING)
        };
        assert!(is_compressed("gzip, br") && is_compressed("br;q=1.0, GZIP;q=0.5"));
        assert!(!is_compressed("br") && !is_compressed("gzip;q=0") && !is_compressed(""));
        let small = Content::json(&"small").unwrap();
        let response = small.answer(&request(header::ACCEPT_ENCODING, "gzip"));
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    }
}
