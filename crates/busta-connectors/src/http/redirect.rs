//! Where a redirect leads, and what may go there.

use busta_core::{Error, Result};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{Method, StatusCode};
use url::Url;

use super::client::Exchange;
use super::host::same_origin;
use super::request::Request;
use super::shown::shown_url;

/// Browsers allow twenty; no honest API needs ten.
const MAX_REDIRECTS: usize = 10;

/// The redirects of one request so far.
#[derive(Default)]
pub(super) struct Redirects {
    visited: Vec<(Method, Url)>,
}

impl Redirects {
    /// The request to send next, if `answer` is a redirect.
    pub(super) fn next(&mut self, sent: &Request, answer: &Exchange) -> Result<Option<Request>> {
        let Some(location) = target(answer)? else { return Ok(None) };
        let next = redirected(sent, answer.status, location);
        self.visited.push((sent.method.clone(), sent.url.clone()));
        let revisited = self.visited.contains(&(next.method.clone(), next.url.clone()));
        if revisited || self.visited.len() > MAX_REDIRECTS {
            let what = if revisited { "redirects in a loop" } else { "redirects more than ten times" };
            let first = self.visited.first().map_or(&sent.url, |(_, url)| url);
            return Err(Error::data(format!(
                "{} {what}, lastly to {}",
                shown_url(first),
                shown_url(&next.url)
            ))
            .hint("check the URL; some servers send visitors without credentials in circles"));
        }
        Ok(Some(next))
    }
}

fn target(answer: &Exchange) -> Result<Option<Url>> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let wrong =
        |what: &str| Error::data(format!("{} answered {} {what}", shown_url(&answer.url), answer.status));
    let location = answer.headers.get(LOCATION).ok_or_else(|| wrong("without a place to go to"))?;
    let text = location.to_str().map_err(|_| wrong("with an unreadable place to go to"))?;
    let url = answer.url.join(text).map_err(|e| wrong(&format!("with a wrong place to go to: {e}")))?;
    match url.scheme() {
        "http" | "https" => Ok(Some(url)),
        other => Err(wrong(&format!("with a place to go to that is neither http nor https but {other}"))),
    }
}

/// RFC 9110, 15.4: 303 asks for a GET; so, by long habit, do 301 and 302 in answer to a POST.
fn redirected(sent: &Request, status: StatusCode, url: Url) -> Request {
    let mut next = sent.clone();
    let to_get = match status.as_u16() {
        303 => sent.method != Method::HEAD,
        301 | 302 => sent.method == Method::POST,
        _ => false,
    };
    if to_get {
        next.method = Method::GET;
        next.body.clear();
        next.headers.remove(CONTENT_TYPE);
    }
    if !same_origin(&sent.url, &url) {
        next.headers.remove(AUTHORIZATION);
        next.headers.remove(PROXY_AUTHORIZATION);
        next.headers.remove(COOKIE);
        next.headers = next.headers.into_iter().filter_map(public).collect();
    }
    next.url = url;
    next
}

/// Headers of the request that may go to another host. (No header is set twice in a [`Request`].)
fn public(
    (name, value): (Option<http::HeaderName>, http::HeaderValue),
) -> Option<(http::HeaderName, http::HeaderValue)> {
    name.filter(|_| !value.is_sensitive()).map(|name| (name, value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use busta_core::ErrorKind;
    use busta_core::meter::RateHints;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn answer(from: &Url, status: u16, location: Option<&str>) -> Exchange {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
        }
        Exchange {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: bytes::Bytes::new(),
            url: from.clone(),
            latency: Duration::ZERO,
            hints: RateHints::default(),
        }
    }

    fn step(sent: &Request, status: u16, location: &str) -> Request {
        let answer = answer(sent.url(), status, Some(location));
        Redirects::default().next(sent, &answer).unwrap().unwrap()
    }

    #[test]
    fn secrets_do_not_follow_to_another_host() {
        let key = HeaderName::from_static("x-api-key");
        let sent = Request::get(url("https://a.example/x"))
            .accept("text/html")
            .private_header(key.clone(), HeaderValue::from_static("s"))
            .header(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        let same = step(&sent, 302, "/y");
        assert_eq!(same.url().as_str(), "https://a.example/y");
        assert!(same.headers.contains_key(&key) && same.headers.contains_key(AUTHORIZATION));
        for elsewhere in ["https://b.example/", "http://a.example/", "https://a.example:444/"] {
            let other = step(&sent, 302, elsewhere);
            assert_eq!(other.headers.keys().collect::<Vec<_>>(), ["accept"], "{elsewhere}");
        }
    }

    #[test]
    fn methods_change_as_browsers_do() {
        let post = Request::new(Method::POST, url("http://a.example/")).json(&1).unwrap();
        for (status, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
            let next = step(&post, status, "/b");
            assert_eq!(next.method, method, "{status}");
            assert_eq!(next.body.is_empty(), method == "GET", "{status}");
        }
    }

    #[test]
    fn circles_and_long_ways_end() {
        let home = Request::get(url("http://a.example/0"));
        let mut redirects = Redirects::default();
        let error = redirects.next(&home, &answer(home.url(), 302, Some("/0"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data);
        assert!(error.to_string().contains("loop"), "{error}");

        let mut redirects = Redirects::default();
        let mut hop = home;
        for n in 1..=10 {
            hop = redirects.next(&hop, &answer(hop.url(), 302, Some(&format!("/{n}")))).unwrap().unwrap();
        }
        let error = redirects.next(&hop, &answer(hop.url(), 302, Some("/11"))).unwrap_err();
        assert!(error.to_string().contains("more than ten"), "{error}");
    }

    #[test]
    fn redirects_to_nowhere_are_errors() {
        let home = Request::get(url("http://a.example/0"));
        for location in [None, Some("file:///etc/passwd"), Some("http://[")] {
            let error = Redirects::default().next(&home, &answer(home.url(), 302, location)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Data);
        }
        assert!(Redirects::default().next(&home, &answer(home.url(), 304, None)).unwrap().is_none());
    }
}
