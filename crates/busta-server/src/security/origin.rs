//! What keeps pages of other origins away from a server that is open because only this machine reaches it:
//! the browser of its user reaches it too, on behalf of any page.

use axum::http::{HeaderMap, Method, StatusCode, header};

use crate::problem::Problem;

/// Refuses requests under a name that is not this machine's: a page whose name is made to point to 127.0.0.1
/// (DNS rebinding) is of the same origin for the browser, but cannot forge the name.
pub(super) fn check_host(headers: &HeaderMap) -> Result<(), Problem> {
    let host = single(headers, header::HOST).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "this server has no tokens, and is there for this machine alone")
        .hint("ask it as localhost or 127.0.0.1, or make a token with `busta token new`"))
}

/// Refuses what another origin's page makes a browser do. Browsers send `Origin` with every request that can
/// change something, and most also say how the page is related to us.
pub(super) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let cross_site = single(headers, "sec-fetch-site").is_some_and(|site| site == "cross-site");
    let host = single(headers, header::HOST).unwrap_or_default();
    let foreign = headers.contains_key(header::ORIGIN)
        && single(headers, header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host));
    if cross_site || foreign {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a page of another origin may not change anything here",
        ));
    }
    Ok(())
}

/// A header that is there once, as text.
fn single(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
            assert!(check_host(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "localhost:x", "::1"]
        {
            assert!(check_host(&headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(check_host(&headers(&[])).is_err());
        let mut twice = headers(&[("host", "localhost")]);
        twice.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(check_host(&twice).is_err());
    }

    #[test]
    fn other_origins_change_nothing() {
        let refused = |method: Method, pairs: &[(&'static str, &str)]| {
            let mut all = vec![("host", "127.0.0.1:8080")];
            all.extend_from_slice(pairs);
            check_origin(&method, &headers(&all)).is_err()
        };
        assert!(!refused(Method::POST, &[]), "a program, not a browser");
        assert!(!refused(
            Method::POST,
            &[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(refused(Method::POST, &[("origin", "http://evil.example")]));
        assert!(refused(Method::POST, &[("origin", "http://127.0.0.1:9090")]), "another port");
        assert!(refused(Method::POST, &[("origin", "null")]));
        assert!(refused(Method::DELETE, &[("sec-fetch-site", "cross-site")]));
        assert!(!refused(Method::GET, &[("origin", "http://evil.example")]), "it cannot read the answer");
    }
}
