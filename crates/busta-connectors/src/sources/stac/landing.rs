//! What an API can do: its landing page, conformance classes and links.

use busta_core::{Error, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use super::config::Method;
use super::link::{Link, links};

/// What a document at the source's URL is.
#[derive(Debug)]
pub enum Document {
    /// The landing page of an API.
    Api(Landing),
    /// A catalogue or collection whose links lead to its items.
    Catalog,
    /// Items themselves.
    Items,
}

/// A landing page.
#[derive(Debug, Default)]
pub struct Landing {
    /// Its title, or its id.
    pub title: Option<String>,
    /// What it conforms to; `None` if it does not say.
    pub conforms_to: Option<Vec<String>>,
    links: Vec<Link>,
}

/// The way into an API's items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where the search is, or, for `Items`, the collections.
    pub url: Url,
    /// How it is asked.
    pub how: How,
    /// What it takes beyond the core.
    #[serde(default)]
    pub can: Extensions,
}

/// How items are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `POST /search`.
    Post,
    /// `GET /search`.
    Get,
    /// `GET /collections/{id}/items`.
    Items,
}

/// The extensions of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extensions {
    /// The query extension.
    pub query: bool,
    /// The fields extension.
    pub fields: bool,
    /// The sort extension.
    pub sort: bool,
    /// The filter extension.
    pub filter: bool,
    /// Filters as CQL2 text.
    pub text: bool,
    /// Filters as CQL2 JSON.
    pub json: bool,
}

impl Document {
    /// Looks at the JSON text of a document.
    pub fn read(body: &[u8]) -> Result<Self> {
        let mut landing = Landing::default();
        let mut kind = String::new();
        let mut id = None;
        busta_core::json::for_each_field(body, |name, raw| match &*name {
            "type" => kind = serde_json::from_str(raw).unwrap_or_default(),
            "title" => landing.title = serde_json::from_str(raw).ok(),
            "id" => id = serde_json::from_str(raw).ok(),
            "conformsTo" => landing.conforms_to = serde_json::from_str(raw).ok(),
            "links" => landing.links = links(raw),
            _ => {}
        })
        .map_err(|e| super::page::no_page(body, &e.to_string()))?;
        landing.title = landing.title.or(id);
        let is_api = landing.conforms_to.is_some() || landing.link("search").is_some();
        match kind.as_str() {
            "Feature" | "FeatureCollection" => Ok(Self::Items),
            "Collection" if landing.conforms_to.is_none() => Ok(Self::Catalog),
            _ if is_api => Ok(Self::Api(landing)),
            "Catalog" => Ok(Self::Catalog),
            _ if landing.link("child").or(landing.link("item")).is_some() => Ok(Self::Catalog),
            _ => Err(Error::data(
                "this is neither the landing page of a STAC API nor a catalogue, a collection or items",
            )
            .hint("set `url` to the landing page, or to a catalog.json")),
        }
    }
}

impl Landing {
    fn link(&self, rel: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.rel == rel)
    }

    /// The best way to the items that `method` allows, from the page at `base`.
    pub fn endpoint(&self, method: Method, base: &Url) -> Result<Endpoint> {
        let searches = || self.links.iter().filter(|link| link.rel == "search");
        let by_post = searches().find(|link| link.is_post());
        let by_get = searches().find(|link| !link.is_post());
        let chosen = match method {
            Method::Auto => by_post.or(by_get),
            Method::Post => by_post.or(by_get),
            Method::Get => by_get.or(by_post),
        };
        if let Some(link) = chosen {
            let post = method == Method::Post || (method == Method::Auto && link.is_post());
            let how = if post { How::Post } else { How::Get };
            return Ok(Endpoint { url: link.target(base)?, how, can: self.extensions(how) });
        }
        if method == Method::Post {
            return Err(Error::config("this API has no search that could be asked with POST")
                .hint("leave `method` out: items are then read collection by collection"));
        }
        let url = match self.link("data") {
            Some(link) => link.target(base)?,
            None => below(base, &["collections"])?,
        };
        Ok(Endpoint { url, how: How::Items, can: self.extensions(How::Items) })
    }

    /// Whether one searches at `url` with GET.
    pub fn searches_by_get(&self, base: &Url, url: &Url) -> bool {
        let mut searches = self.links.iter().filter(|link| link.rel == "search" && !link.is_post());
        searches.any(|link| link.target(base).is_ok_and(|target| target == *url))
    }

    /// Where the collections are listed.
    pub fn collections(&self, base: &Url) -> Result<Url> {
        self.link("data").map_or_else(|| below(base, &["collections"]), |link| link.target(base))
    }

    fn extensions(&self, how: How) -> Extensions {
        let classes = self.conforms_to.as_deref().unwrap_or_default();
        let endpoint = if how == How::Items { "ogcapi-features" } else { "item-search" };
        let has = |extension: &str| {
            classes.iter().any(|class| {
                let class = class.trim_end_matches('/');
                class.contains(endpoint)
                    && class.rsplit('#').next().is_some_and(|name| name.split(':').next() == Some(extension))
            })
        };
        let cql = |name: &str| classes.iter().any(|class| class.contains(name));
        // The filter extension for single collections is that of OGC API Features, part 3.
        let filter =
            has("filter") || (how == How::Items && cql("ogcapi-features-3") && cql("conf/features-filter"));
        Extensions {
            query: has("query"),
            fields: has("fields"),
            sort: has("sort"),
            filter,
            text: cql("cql2-text"),
            json: cql("cql2-json"),
        }
    }
}

/// `base` with more parts of a path.
pub fn below(base: &Url, parts: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.path_segments_mut()
        .map_err(|()| Error::config("`url` cannot have a path"))?
        .pop_if_empty()
        .extend(parts);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn base() -> Url {
        Url::parse("https://a.example/v1").unwrap()
    }

    fn landing(links: Value, conforms_to: Value) -> Landing {
        let body =
            json!({ "type": "Catalog", "id": "x", "title": "T", "links": links, "conformsTo": conforms_to });
        match Document::read(body.to_string().as_bytes()).unwrap() {
            Document::Api(landing) => landing,
            other => panic!("{other:?}"),
        }
    }

    fn both() -> Value {
        json!([
            { "rel": "search", "href": "https://a.example/v1/search", "type": "application/geo+json", "method": "GET" },
            { "rel": "search", "href": "/v1/search", "type": "application/geo+json", "method": "POST" },
            { "rel": "data", "href": "https://a.example/v1/collections" },
        ])
    }

    #[test]
    fn post_is_taken_where_it_is_offered() {
        let way = |links: Value, method| {
            let endpoint = landing(links, json!([])).endpoint(method, &base()).unwrap();
            (endpoint.how, endpoint.url.to_string())
        };
        let search = "https://a.example/v1/search".to_owned();
        assert_eq!(way(both(), Method::Auto), (How::Post, search.clone()));
        assert_eq!(way(both(), Method::Get), (How::Get, search.clone()));
        let get_only = json!([{ "rel": "search", "href": "/v1/search" }]);
        assert_eq!(way(get_only.clone(), Method::Auto), (How::Get, search.clone()));
        assert_eq!(way(get_only, Method::Post), (How::Post, search));
        let collections = "https://a.example/v1/collections".to_owned();
        assert_eq!(way(json!([]), Method::Auto), (How::Items, collections));
        assert!(landing(json!([]), json!([])).endpoint(Method::Post, &base()).is_err());
    }

    #[test]
    fn extensions_are_those_of_the_endpoint() {
        let classes = json!([
            "https://api.stacspec.org/v1.0.0/item-search#query",
            "https://api.stacspec.org/v1.0.0-rc.3/item-search#fields",
            "https://api.stacspec.org/v1.0.0/item-search#filter:cql-json",
            "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
        ]);
        let landing = landing(both(), classes);
        let can = landing.endpoint(Method::Auto, &base()).unwrap().can;
        assert_eq!((can.query, can.fields, can.sort, can.filter), (true, true, false, true));
        assert_eq!((can.text, can.json), (false, true));
        assert!(landing.extensions(How::Items).sort && !landing.extensions(How::Items).query);
    }

    #[test]
    fn documents_are_told_apart() {
        let kind = |document: Value| Document::read(document.to_string().as_bytes());
        assert!(matches!(kind(json!({ "type": "Catalog", "links": [] })), Ok(Document::Catalog)));
        assert!(matches!(kind(json!({ "type": "Collection", "links": [] })), Ok(Document::Catalog)));
        assert!(matches!(kind(json!({ "type": "FeatureCollection", "features": [] })), Ok(Document::Items)));
        assert!(matches!(
            kind(json!({ "type": "Catalog", "conformsTo": [], "links": [] })),
            Ok(Document::Api(_))
        ));
        assert!(kind(json!({ "message": "hello" })).is_err());
        assert!(Document::read(b"<html>").is_err());
    }
}
