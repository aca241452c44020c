//! From one page of a search to the next.
//!
//! A place is all that a reader remembers: it is the cursor of the checkpoint. It holds what the
//! `next` link asked for: a URL with or without a body and headers
//! (<https://github.com/radiantearth/stac-api-spec/tree/main/item-search#pagination>).

use busta_core::{CursorValue, Error, Result};
use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::link::Link;
use crate::http::{Request, shown_url, without_param};
use crate::sources::api::fingerprint;

/// So many empty pages in a row, each with another next, are followed before it is called a mistake:
/// servers that filter after cutting pages do send some.
const MAX_EMPTY: u32 = 20;

/// Headers that belong to the connection and to credentials, which no link may set.
const OURS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Where a reader is in a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// How many items it has given so far; counted only where there is a maximum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: u64,
    /// Which of the split's collections is being read, where each has an endpoint of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub collection: u64,
    /// The newest value of the cursor field so far, where it counts only if nothing is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<CursorValue>,
    /// The page to ask for; `None` for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<NextPage>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A later page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextPage {
    /// Its number, from 2.
    pub number: u64,
    /// Where it is.
    pub url: Url,
    /// Whether to POST.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub post: bool,
    /// What to send, or to add to the body of the first request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Whether `body` is an addition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge: bool,
    /// Headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// How many pages before it were empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    empty: Option<u32>,
    /// The fingerprint of an earlier page, to find circles of any length with constant memory:
    /// Brent's algorithm (<https://doi.org/10.1007/BF01933190>) puts it at pages 1, 2, 4, 8 …
    mark: u64,
}

impl NextPage {
    /// The page after `before` (`None`: after the first one), which had `count` items and the link
    /// `next`, relative to `base`. `key` is the query parameter of the API key, which servers repeat
    /// and the client adds anew.
    pub fn after(
        before: Option<&Self>,
        next: Link,
        base: &Url,
        count: usize,
        key: Option<&str>,
    ) -> Result<Self> {
        let url = next.target(base)?;
        let mut page = Self {
            number: before.map_or(2, |before| before.number + 1),
            url: key.map_or_else(|| url.clone(), |key| without_param(&url, key)),
            post: next.is_post(),
            body: next.body.clone(),
            merge: next.merge.unwrap_or(false),
            headers: headers(next.headers.unwrap_or_default()),
            empty: None,
            mark: before.map_or(0, |before| before.mark),
        };
        let print = page.print();
        let empty = if count == 0 { before.and_then(|before| before.empty).unwrap_or(0) + 1 } else { 0 };
        if empty > MAX_EMPTY {
            return Err(Error::data(format!("{MAX_EMPTY} empty pages in a row, and still a next one"))
                .hint("tell the operator of the API; `split: none` may help"));
        }
        if before.is_some_and(|before| print == before.print() || print == before.mark) {
            return Err(Error::data(format!(
                "the pages go round in a circle: the next link to {} comes again",
                shown_url(&page.url)
            ))
            .hint("tell the operator of the API; another `method` may help"));
        }
        page.empty = (empty > 0).then_some(empty);
        if (page.number - 1).is_power_of_two() {
            page.mark = print;
        }
        Ok(page)
    }

    /// Differs for pages that are asked for in another way.
    fn print(&self) -> u64 {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let headers = self.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        fingerprint(
            [self.url.as_str().as_bytes(), body.as_bytes(), &[u8::from(self.post)]]
                .into_iter()
                .chain(headers),
        )
    }

    /// The request for it. `first` is the body of the search's first request.
    pub fn request(&self, first: Option<&Map<String, Value>>) -> Result<Request> {
        let method = if self.post { Method::POST } else { Method::GET };
        let mut request = Request::new(method, self.url.clone());
        if self.post {
            request = request.json(&self.full_body(first))?;
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
            {
                request = request.header(name, value);
            }
        }
        Ok(request)
    }

    fn full_body(&self, first: Option<&Map<String, Value>>) -> Value {
        match (&self.body, first) {
            (Some(Value::Object(addition)), Some(first)) if self.merge => {
                let mut body = first.clone();
                body.extend(addition.clone());
                Value::Object(body)
            }
            (None, Some(first)) if self.merge => Value::Object(first.clone()),
            (body, _) => body.clone().unwrap_or_else(|| Value::Object(Map::new())),
        }
    }
}

/// A link's headers, whose values are texts or lists of them.
fn headers(given: Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    given
        .into_iter()
        .filter(|(name, _)| !OURS.contains(&name.to_ascii_lowercase().as_str()))
        .filter_map(|(name, value)| {
            let value = match &value {
                Value::Array(list) => list.iter().filter_map(text).collect::<Vec<_>>().join(", "),
                one => text(one)?,
            };
            Some((name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{from_value, json};

    use super::*;

    fn base() -> Url {
        Url::parse("https://a.example/v1/search?limit=10").unwrap()
    }

    fn after(before: Option<&NextPage>, link: Value) -> Result<NextPage> {
        NextPage::after(before, from_value(link).unwrap(), &base(), 5, Some("key"))
    }

    #[test]
    fn bodies_are_merged_into_the_first_one_or_stand_alone() {
        let first = json!({ "collections": ["c"], "limit": 10, "token": "old" });
        let body = |link: Value| after(None, link).unwrap().full_body(first.as_object());
        let link = json!({ "rel": "next", "href": "x", "method": "POST", "body": { "token": "t" } });
        assert_eq!(body(link.clone()), json!({ "token": "t" }));
        let mut merged = link;
        merged["merge"] = json!(true);
        assert_eq!(body(merged), json!({ "collections": ["c"], "limit": 10, "token": "t" }));
        assert_eq!(body(json!({ "rel": "next", "href": "x", "method": "post", "merge": true })), first);
        assert_eq!(body(json!({ "rel": "next", "href": "x", "method": "POST" })), json!({}));
    }

    #[test]
    fn links_are_resolved_and_lose_the_key() {
        let url =
            |href: &str| after(None, json!({ "rel": "next", "href": href })).map(|page| page.url.to_string());
        assert_eq!(url("?token=2&key=s3cret").unwrap(), "https://a.example/v1/search?token=2");
        assert_eq!(url("/other").unwrap(), "https://a.example/other");
        assert_eq!(url("https://b.example/").unwrap(), "https://b.example/");
        assert!(url("file:///etc/passwd").is_err());
    }

    #[test]
    fn headers_are_taken_but_for_ours() {
        let link = json!({
            "rel": "next", "href": "x",
            "headers": { "Search-After": ["a", 7], "X-Token": "t", "Authorization": "Bearer x", "host": "b" },
        });
        let page = after(None, link).unwrap();
        assert_eq!(page.headers, [("Search-After".into(), "a, 7".into()), ("X-Token".into(), "t".into())]);
    }

    #[test]
    fn empty_pages_are_followed_for_a_while() {
        let link = |n: u32| from_value(json!({ "rel": "next", "href": format!("?t={n}") })).unwrap();
        let mut page = NextPage::after(None, link(0), &base(), 0, None).unwrap();
        for n in 1..MAX_EMPTY {
            page = NextPage::after(Some(&page), link(n), &base(), 0, None).unwrap();
        }
        assert!(NextPage::after(Some(&page), link(99), &base(), 0, None).is_err());
        assert!(NextPage::after(Some(&page), link(99), &base(), 1, None).is_ok());
    }

    proptest! {
        #[test]
        fn every_circle_is_found(tail in 0u64..40, length in 1u64..40) {
            let mut page = None;
            for n in 0u64.. {
                prop_assert!(n < 4 * (tail + length) + 4, "not found in {n} pages");
                let token = if n < tail { n } else { tail + (n - tail) % length };
                match after(page.as_ref(), json!({ "rel": "next", "href": "s", "method": "POST", "body": { "t": token } })) {
                    Ok(next) => page = Some(next),
                    Err(error) => {
                        prop_assert!(error.to_string().contains("circle"));
                        prop_assert!(n >= tail);
                        break;
                    }
                }
            }
        }

        #[test]
        fn straight_chains_are_not_circles(length in 1u64..300) {
            let mut page = None;
            for n in 0..length {
                page = Some(after(page.as_ref(), json!({ "rel": "next", "href": format!("?t={n}") })).unwrap());
            }
        }
    }
}
