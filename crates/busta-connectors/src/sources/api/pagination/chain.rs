//! Pages of which each tells the next.

use busta_core::{Error, Result};
use http::HeaderName;
use http::header::LINK;
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::config::Place as ParamPlace;
use super::super::draft::Draft;
use super::super::fingerprint::fingerprint;
use super::super::path::Segment;
use super::{Next, Place, Told, link, token};
use crate::http::{shown_url, without_param};

/// So many empty pages in a row, each with another next, are followed before it is called a mistake:
/// servers that filter after cutting pages do send some.
const MAX_EMPTY: u32 = 20;

/// How a page tells the next.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Where it tells it.
    pub told: ToldIn,
    /// What it tells.
    pub next: NextIs,
    /// Where the body tells whether there is more.
    pub has_more: Option<Vec<Segment>>,
    /// An empty page is the last one.
    pub stop_on_empty: bool,
}

/// Where a page tells the next.
#[derive(Clone, Debug)]
pub enum ToldIn {
    /// In its body.
    Body(Vec<Segment>),
    /// In a header.
    Header(HeaderName),
    /// In the `Link` header, under this relation.
    Link(String),
}

/// What a page tells.
#[derive(Clone, Debug)]
pub enum NextIs {
    /// The value of a parameter.
    Param(String, ParamPlace),
    /// The URL of the next page, which is stored without this parameter: the API key, which servers
    /// repeat and the client adds anew.
    Url(Option<String>),
}

/// A later page of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainPlace {
    /// What the page before told.
    pub next: String,
    /// Its number, from 1.
    pub page: u64,
    /// How many pages before it were empty.
    #[serde(default)]
    empty: u32,
    /// The fingerprint of an earlier `next`, to find circles of any length with constant memory:
    /// Brent's algorithm (<https://doi.org/10.1007/BF01933190>) puts it at pages 1, 2, 4, 8 …
    #[serde(default)]
    mark: u64,
}

impl ChainPlace {
    /// The place of the page before page one told the next: what [`Chain::next`] starts from.
    pub(super) fn before_first() -> Self {
        Self { next: String::new(), page: 1, empty: 0, mark: 0 }
    }
}

impl Chain {
    /// The values of the body that [`Chain::next`] looks at.
    pub fn values(&self) -> Vec<Option<Vec<Segment>>> {
        let next = match &self.told {
            ToldIn::Body(path) => Some(path.clone()),
            ToldIn::Header(_) | ToldIn::Link(_) => None,
        };
        vec![next, self.has_more.clone()]
    }

    /// Asks for the page at `place`.
    pub fn ask(&self, place: &ChainPlace, draft: &mut Draft) -> Result<()> {
        match &self.next {
            NextIs::Param(param, into) => draft.set(*into, param, place.next.as_str()),
            NextIs::Url(_) => {
                let url = Url::parse(&place.next)
                    .map_err(|e| Error::data(format!("stored cursor: the next URL cannot be read: {e}")))?;
                draft.go_to(url);
                Ok(())
            }
        }
    }

    /// What comes after the page at `place`.
    pub fn next(&self, place: &ChainPlace, told: &Told<'_>) -> Result<Next> {
        let empty = if told.count == 0 { place.empty + 1 } else { 0 };
        if told.says_no_more(1) || (empty > 0 && self.stop_on_empty) {
            return Ok(Next::End);
        }
        let Some(next) = self.told_next(told)? else { return Ok(Next::End) };
        if next == place.next && empty > 0 {
            return Ok(Next::End);
        }
        if empty > MAX_EMPTY {
            return Err(Error::data(format!("{MAX_EMPTY} empty pages in a row, and still a next one"))
                .hint("set `stop_on_empty: true` if an empty page is the end"));
        }
        let print = fingerprint([next.as_bytes()]);
        if next == place.next || print == place.mark {
            return Err(Error::data(format!(
                "the pages go round in a circle: {} comes again",
                self.show(&next)
            ))
            .hint("check `pagination`: the server seems to ignore its cursor"));
        }
        let mark = if place.page.is_power_of_two() { print } else { place.mark };
        Ok(Next::Page(Place::Chain(ChainPlace { next, page: place.page + 1, empty, mark })))
    }

    fn told_next(&self, told: &Told<'_>) -> Result<Option<String>> {
        let text = match &self.told {
            ToldIn::Body(_) => told.value(0).and_then(token),
            ToldIn::Header(name) => told.header(name).filter(|text| !text.is_empty()).map(str::to_owned),
            ToldIn::Link(rel) => told
                .headers
                .get_all(LINK)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .find_map(|value| link::target(value, rel))
                .map(str::to_owned),
        };
        match (text, &self.next) {
            (Some(text), NextIs::Url(key)) => {
                let url = resolve(told.url, &text)?;
                Ok(Some(match key {
                    Some(key) => without_param(&url, key).into(),
                    None => url.into(),
                }))
            }
            (text, _) => Ok(text),
        }
    }

    fn show(&self, next: &str) -> String {
        match (&self.next, Url::parse(next)) {
            (NextIs::Url(_), Ok(url)) => shown_url(&url),
            _ => format!("`{}`", crate::http::excerpt(next.as_bytes())),
        }
    }
}

fn resolve(base: &Url, next: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Error::data(format!("the next page's URL `{}` {why}", crate::http::excerpt(next.as_bytes())))
            .hint("check `pagination`; for a bare cursor use `type: cursor`")
    };
    let url = base.join(next).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(wrong("is neither http nor https")),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn chain(next: NextIs) -> Chain {
        Chain { told: ToldIn::Body(Vec::new()), next, has_more: None, stop_on_empty: false }
    }

    fn by_param() -> Chain {
        chain(NextIs::Param("cursor".into(), ParamPlace::Query))
    }

    fn next(
        chain: &Chain,
        place: &ChainPlace,
        count: usize,
        raw: Option<&str>,
    ) -> Result<Option<ChainPlace>> {
        let url = Url::parse("https://a.example/x/y?page=1").unwrap();
        let headers = HeaderMap::new();
        let told = Told { count, fingerprint: 0, values: vec![raw], headers: &headers, url: &url };
        Ok(match chain.next(place, &told)? {
            Next::Page(Place::Chain(place)) => Some(place),
            _ => None,
        })
    }

    #[test]
    fn a_chain_ends_without_next() {
        let first = ChainPlace::before_first();
        for end in [None, Some("null"), Some("\"\""), Some("false")] {
            assert_eq!(next(&by_param(), &first, 5, end).unwrap(), None, "{end:?}");
        }
        assert_eq!(next(&by_param(), &first, 5, Some("17")).unwrap().unwrap().next, "17");
    }

    #[test]
    fn urls_are_resolved_and_checked() {
        let first = ChainPlace::before_first();
        let by_url = chain(NextIs::Url(None));
        let to = |raw| next(&by_url, &first, 5, Some(raw));
        assert_eq!(to("\"?page=2\"").unwrap().unwrap().next, "https://a.example/x/y?page=2");
        assert_eq!(to("\"/z\"").unwrap().unwrap().next, "https://a.example/z");
        assert!(to("\"file:///etc/passwd\"").is_err());
        let with_key = chain(NextIs::Url(Some("key".into())));
        let next = next(&with_key, &first, 5, Some("\"?key=s3cret&page=2\"")).unwrap().unwrap().next;
        assert_eq!(next, "https://a.example/x/y?page=2");
    }

    #[test]
    fn the_link_header_is_read() {
        let by_link = Chain { told: ToldIn::Link("next".into()), ..chain(NextIs::Url(None)) };
        let url = Url::parse("https://a.example/").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(LINK, HeaderValue::from_static("</0>; rel=prev"));
        headers.append(LINK, HeaderValue::from_static("</2>; rel=next"));
        let told = Told { count: 1, fingerprint: 0, values: Vec::new(), headers: &headers, url: &url };
        let next = by_link.next(&ChainPlace::before_first(), &told).unwrap();
        assert!(matches!(next, Next::Page(Place::Chain(place)) if place.next == "https://a.example/2"));
    }

    #[test]
    fn empty_pages_are_followed_for_a_while() {
        let mut place = ChainPlace::before_first();
        for n in 0..MAX_EMPTY {
            place = next(&by_param(), &place, 0, Some(&n.to_string())).unwrap().unwrap();
        }
        assert!(next(&by_param(), &place, 0, Some("99")).unwrap_err().to_string().contains("stop_on_empty"));
        assert!(next(&by_param(), &place, 1, Some("99")).unwrap().is_some());
        let stopping = Chain { stop_on_empty: true, ..by_param() };
        assert_eq!(next(&stopping, &ChainPlace::before_first(), 0, Some("1")).unwrap(), None);
        // A server that has no more and repeats its cursor.
        assert_eq!(next(&by_param(), &place, 0, Some(&place.next)).unwrap(), None);
    }

    proptest! {
        #[test]
        fn every_circle_is_found(tail in 0u64..40, length in 1u64..40) {
            let mut place = ChainPlace::before_first();
            let token = |page: u64| if page < tail { page } else { tail + (page - tail) % length };
            for page in 0.. {
                prop_assert!(page < 4 * (tail + length) + 4, "not found in {page} pages");
                match next(&by_param(), &place, 5, Some(&token(page).to_string())) {
                    Ok(next) => place = next.unwrap(),
                    Err(error) => {
                        prop_assert!(error.to_string().contains("circle"));
                        prop_assert!(page > tail);
                        break;
                    }
                }
            }
        }

        #[test]
        fn straight_chains_are_not_circles(length in 1u64..300) {
            let mut place = ChainPlace::before_first();
            for page in 0..length {
                place = next(&by_param(), &place, 5, Some(&page.to_string())).unwrap().unwrap();
            }
        }
    }
}
