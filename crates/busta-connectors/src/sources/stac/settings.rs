//! The configuration, checked, and what all readers of a source share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use busta_core::clock::Clock;
use busta_core::connector::{Built, SourceContext};
use busta_core::meter::Meter;
use busta_core::{CursorValue, Error, HostKey, Result, StreamSpec, WriteMode};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::ahead::Ahead;
use super::config::{Filter, Method, Split, StacConfig};
use super::item::Head;
use super::known::Known;
use super::outlook::Outlook;
use super::query::Search;
use super::time::Interval;
use crate::download::assets::Assets;
use crate::http::{Auth, AuthSettings, HttpClient, KeyPlace, Request, Response, UnderWay, same_origin};
use crate::sources::api::headers;
use crate::sources::api::problems::Problems;
use crate::sources::files;

/// A source, ready to be read.
pub struct Stac {
    /// What it is collected from.
    pub origin: Origin,
    /// Sends requests, with credentials.
    pub client: HttpClient,
    /// Headers of every request to the origin's own host.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The query parameter of the API key.
    pub key: Option<String>,
    /// The header of the API key.
    key_header: Option<String>,
    /// An answer longer than this is an error.
    max_response_bytes: u64,
    /// Only items of these collections; all if empty.
    pub collections: Vec<String>,
    /// What is searched for.
    pub search: Search,
    /// How an API is searched.
    pub method: Method,
    /// How a search is cut into pieces.
    pub split: Split,
    /// No more items than this.
    pub max_items: Option<u64>,
    /// The stream of items.
    pub items: StreamSpec,
    /// The stream of collections, if it is wanted.
    pub collections_stream: Option<StreamSpec>,
    /// The stream of assets, if it is wanted.
    pub assets: Option<Arc<Assets>>,
    /// The names that lead to the cursor field.
    pub cursor_field: Option<Vec<String>>,
    /// Where the very first run starts.
    pub start: Option<CursorValue>,
    /// Where bytes from files are counted.
    pub meter: Arc<dyn Meter>,
    /// The time, for collections that have no end yet.
    pub clock: Arc<dyn Clock>,
    /// What is left to read.
    pub outlook: Outlook,
    /// A first page that has come already.
    pub ahead: Ahead,
    /// How many times in a row the server wanted to be asked later what time its collections span.
    pub extent_refused: AtomicU32,
    /// Which items of catalogues have not changed.
    pub known: Known,
}

/// What a source is collected from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A document on the web.
    Url(Url),
    /// Paths on this machine, and the folder that relative ones start at.
    Paths(Vec<String>, PathBuf),
}

impl Stac {
    /// Checks `config` and compiles it; all problems at once.
    pub fn new(config: StacConfig, context: &SourceContext) -> Built<Self> {
        let mut problems = Problems::default();
        let origin = origin(&config, context, &mut problems);
        let auth = match &origin {
            Some(Origin::Url(url)) => Auth::new(&config.auth, url),
            _ => Ok(Auth::none()),
        };
        let auth = auth.map_err(|message| problems.add("auth", message)).unwrap_or_else(|()| Auth::none());
        let headers = headers(&config.headers, &mut problems);
        if config.max_response_size.0 == 0 || config.max_response_size.0 >= u64::from(u32::MAX) {
            problems.add("max_response_size", "must be at least 1 and less than 4GiB");
        }
        if config.max_items == Some(0) {
            problems.add("max_items", "must be at least 1");
        }
        if let Split::Time(chunks @ (0 | 10_001..)) = config.split {
            problems
                .within("split", None, |p| p.add("chunks", format!("is {chunks}; must be from 1 to 10000")));
        }
        if matches!(config.split, Split::Time(_)) && config.max_items.is_some() {
            problems.add(
                "split",
                "cannot go with `max_items`, which needs one order of all items; use `split: none`",
            );
        }
        let search = search(&config, &mut problems);
        if let Some(Origin::Paths(..)) = &origin {
            for key in needs_api(&search, config.max_items, config.cursor.is_some()) {
                problems
                    .add(key, format!("needs a STAC API, and `path` names catalogues and files; {INSTEAD}"));
            }
        }
        if matches!(config.split, Split::Time(_)) && !search.shows_times() {
            problems.add(
                "split",
                "by time needs `properties.datetime`, `start_datetime` and `end_datetime` among `fields`",
            );
        }
        let items = items_stream(&config, &mut problems);
        let client = HttpClient::new(context).with_auth(auth);
        let assets = assets(&config, context, &items, (&client, origin.as_ref()), &mut problems);
        let problems = problems.finish();
        let Some(origin) = origin.filter(|_| problems.is_empty()) else { return Err(problems) };
        let remembers = assets.is_none() && items.write_mode != WriteMode::Replace;
        let known = Known::new(remembers.then(|| in_words(&search, &config.collections.0)));
        let by_text = matches!(config.filter, Some(Filter::Text(_)));
        Ok(Self {
            origin,
            client,
            headers,
            key: match &config.auth {
                AuthSettings::ApiKey { name, place: KeyPlace::Query, .. } => Some(name.clone()),
                _ => None,
            },
            key_header: match &config.auth {
                AuthSettings::ApiKey { name, place: KeyPlace::Header, .. } => Some(name.clone()),
                _ => None,
            },
            max_response_bytes: config.max_response_size.0,
            collections: config.collections.0,
            search,
            // CQL2 text belongs into a query string: the body of a POST takes CQL2 JSON.
            method: if by_text && config.method == Method::Auto { Method::Get } else { config.method },
            split: config.split,
            max_items: config.max_items,
            items,
            collections_stream: config
                .include_collections
                .then(|| StreamSpec::new("collections", vec!["id".into()])),
            cursor_field: config
                .cursor
                .as_ref()
                .map(|cursor| cursor.field.split('.').map(str::to_owned).collect()),
            start: config.cursor.and_then(|cursor| cursor.start).map(|start| start.0),
            assets,
            meter: context.meter.clone(),
            clock: context.clock.clone(),
            outlook: Outlook::new(context.readers),
            ahead: Ahead::default(),
            extent_refused: AtomicU32::new(0),
            known,
        })
    }

    /// Whose limits requests to `url` count against.
    pub fn host(&self, url: &Url) -> HostKey {
        self.client.host_key(url)
    }

    /// Whether items of `collection` are wanted, as far as that is known.
    pub fn has_collection(&self, collection: Option<&str>) -> bool {
        collection
            .is_none_or(|id| self.collections.is_empty() || self.collections.iter().any(|known| known == id))
    }

    /// Whether an item of a catalogue or a file, which nobody has searched for us, is wanted.
    pub fn wants(&self, head: &Head<'_>) -> bool {
        self.has_collection(head.collection.as_deref())
            && (self.search.ids.is_empty() || self.search.ids.iter().any(|id| *id == head.id))
            && (self.search.datetime.is_everything() || head.times.touch(self.search.datetime))
            && self
                .search
                .bbox
                .as_deref()
                .is_none_or(|bbox| head.bbox.as_deref().is_some_and(|own| touch(own, bbox)))
    }

    /// Whether everything that is searched for can be told from an item itself.
    pub fn check_static(&self) -> Result<()> {
        let wrong = needs_api(&self.search, self.max_items, self.cursor_field.is_some());
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::config(format!(
            "`{}` needs a STAC API, and this is a catalogue or a folder of items",
            wrong.join("`, `")
        ))
        .hint(INSTEAD))
    }

    /// Whether a header is one that the source's own settings set: it may be a secret, and is set anew for
    /// every request, so no cursor needs to keep it.
    pub fn is_private(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.as_str().eq_ignore_ascii_case(header))
            || self.key_header.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(header))
    }

    /// Sends `request` with the headers that every request has.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.client.send(self.dressed(request)).await
    }

    /// Sends `request` ahead of its time, if there is leave for that; the page before it had so many `bytes`.
    pub fn send_ahead(&self, request: Request, bytes: usize) -> UnderWay {
        UnderWay::begin(&self.client, self.dressed(request), bytes)
    }

    fn dressed(&self, request: Request) -> Request {
        let mut request = request
            .accept("application/geo+json, application/json, */*;q=0.5")
            .max_response_bytes(self.max_response_bytes);
        if let Origin::Url(home) = &self.origin
            && same_origin(home, request.url())
        {
            for (name, value) in &self.headers {
                request = request.private_header(name.clone(), value.clone());
            }
        }
        request
    }
}

/// What to do without an API.
const INSTEAD: &str = "use `transforms` to filter and select, and `--limit` to stop early";

/// The keys that only an API can heed, as far as they are set.
fn needs_api(search: &Search, max_items: Option<u64>, has_cursor: bool) -> Vec<&'static str> {
    let keys = [
        ("query", search.query.is_some()),
        ("filter", search.filter.is_some()),
        ("intersects", search.intersects.is_some()),
        ("fields", search.fields.is_some()),
        ("sortby", !search.sortby.is_empty()),
        ("max_items", max_items.is_some()),
        ("cursor", has_cursor),
    ];
    keys.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect()
}

/// What is searched for in a catalogue.
fn in_words(search: &Search, collections: &[String]) -> String {
    let bbox = search.bbox.as_deref();
    serde_json::json!([collections, search.ids, search.datetime.to_string(), bbox]).to_string()
}

fn origin(config: &StacConfig, context: &SourceContext, problems: &mut Problems) -> Option<Origin> {
    let paths: Vec<String> = config.path.0.iter().chain(&config.paths).cloned().collect();
    match (&config.url, paths.is_empty()) {
        (Some(_), false) => {
            problems.add("path", "cannot go with `url`; make two sources");
            None
        }
        (None, true) => {
            problems.add("url", "is missing; give a landing page or catalogue, or a `path` on this machine");
            None
        }
        (None, false) => Some(Origin::Paths(paths, context.base_dir.clone())),
        (Some(url), true) => web(url, problems).map(Origin::Url),
    }
}

fn web(text: &str, problems: &mut Problems) -> Option<Url> {
    let wrong = match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() => {
            "must start with http:// or https:// and a host; for files on this machine use `path`".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user name or password; use `auth: { type: basic, … }`".to_owned()
        }
        Ok(url) => return Some(url),
        Err(error) => format!("is no URL: {error}; expected something like https://stac.example/v1"),
    };
    problems.add("url", wrong);
    None
}

fn search(config: &StacConfig, problems: &mut Problems) -> Search {
    let datetime = config.datetime.as_ref().map(|text| Interval::parse(&text.0.to_param()));
    let datetime =
        datetime.and_then(|parsed| parsed.map_err(|message| problems.add("datetime", message)).ok());
    if let Some(bbox) = &config.bbox {
        check_bbox(bbox, problems);
    }
    if config.bbox.is_some() && config.intersects.is_some() {
        problems.add("intersects", "cannot go with `bbox`; leave one of them out");
    }
    if let Some(geometry) = &config.intersects
        && !matches!(geometry.get("type"), Some(Value::String(_)))
    {
        problems.add(
            "intersects",
            "must be a GeoJSON geometry, such as { type: Point, coordinates: [7.1, 50.7] }",
        );
    }
    if config.limit == 0 || config.limit > 100_000 {
        problems.add("limit", format!("is {}; must be from 1 to 100000", config.limit));
    }
    Search {
        datetime: datetime.unwrap_or_default(),
        bbox: config.bbox.clone(),
        intersects: config.intersects.clone(),
        ids: config.ids.0.clone(),
        query: config.query.clone(),
        filter: config.filter.clone(),
        fields: config.fields.clone(),
        sortby: config.sortby.0.clone(),
        limit: config.max_items.map_or(config.limit, |max| config.limit.min(max)),
        updated: config
            .cursor
            .as_ref()
            .map(|cursor| cursor.field.strip_prefix("properties.").unwrap_or(&cursor.field).to_owned()),
    }
}

fn check_bbox(bbox: &[f64], problems: &mut Problems) {
    let heights = match bbox {
        [_, _, _, _] => 0,
        [_, _, _, _, _, _] => 1,
        other => {
            let message =
                format!("has {} numbers; give west, south, east, north (or 6 with heights)", other.len());
            return problems.add("bbox", message);
        }
    };
    let (south, north) = (bbox[1], bbox[3 + heights]);
    if bbox.iter().any(|number| !number.is_finite()) {
        problems.add("bbox", "has a number that is none");
    } else if south > north {
        problems.add("bbox", format!("has its south {south} north of its north {north}"));
    }
}

fn assets(
    config: &StacConfig,
    context: &SourceContext,
    items: &StreamSpec,
    (client, origin): (&HttpClient, Option<&Origin>),
    problems: &mut Problems,
) -> Option<Arc<Assets>> {
    let section = config.assets.as_ref()?;
    if config.stream == "assets" {
        problems.add("stream", "is `assets`, as is the stream of `assets`; name it otherwise");
    }
    let homes = match origin {
        Some(Origin::Paths(paths, _)) => paths.iter().filter_map(|path| files::root(path)).collect(),
        _ => Vec::new(),
    };
    match Assets::new(section, context, &items.name, client.clone(), &homes) {
        Ok(assets) if items.write_mode == WriteMode::Replace => Some(Arc::new(assets.replaced())),
        Ok(assets) => Some(Arc::new(assets)),
        Err(found) => {
            problems.within("assets", None, |problems| problems.take(found));
            None
        }
    }
}

fn items_stream(config: &StacConfig, problems: &mut Problems) -> StreamSpec {
    let default = || vec!["collection".to_owned(), "id".to_owned()];
    let key = config.primary_key.clone().map_or_else(default, |key| key.0);
    if config.write_mode == Some(WriteMode::Merge) && key.is_empty() {
        problems.add("write_mode", "merge needs a `primary_key`");
    }
    check_excluded(config, &key, problems);
    if config.stream.trim().is_empty() {
        problems.add("stream", "must not be empty");
    }
    if config.include_collections && config.stream == "collections" {
        problems
            .add("stream", "is `collections`, as is the stream of `include_collections`; name it otherwise");
    }
    if let Some(cursor) = &config.cursor
        && cursor.field.split('.').any(str::is_empty)
    {
        problems.within("cursor", None, |p| {
            p.add("field", "must be the name of a field, such as properties.updated")
        });
    }
    let mut spec = StreamSpec::new(config.stream.as_str(), key);
    // Valid items need not be of a collection. But one that an API was told to leave out would make one item of two.
    if config.fields.is_none() {
        spec.optional_key = spec.primary_key.iter().filter(|field| *field == "collection").cloned().collect();
    }
    spec.table = config.table.clone().unwrap_or(spec.table);
    spec.write_mode = config.write_mode.unwrap_or(spec.write_mode);
    spec
}

/// Items must come with what tells them apart, and `id` is needed to know one.
fn check_excluded(config: &StacConfig, key: &[String], problems: &mut Problems) {
    let Some(fields) = &config.fields else { return };
    let needed = |field: &&String| *field == "id" || key.contains(field);
    for field in fields.exclude.iter().filter(needed) {
        let message = match key.contains(field) {
            true => format!("names `{field}`, which belongs to the `primary_key`; leave it out here"),
            false => format!("names `{field}`, without which no item can be told; leave it out here"),
        };
        problems.within("fields", None, |p| p.add("exclude", message));
    }
}

/// Whether two boxes touch, on the ground. One whose west is east of its east crosses the antimeridian.
fn touch(a: &[f64], b: &[f64]) -> bool {
    let ground = |bbox: &[f64]| match bbox {
        [west, south, east, north] | [west, south, _, east, north, _] => Some([*west, *south, *east, *north]),
        _ => None,
    };
    let (Some(a), Some(b)) = (ground(a), ground(b)) else { return false };
    let parts = |[west, _, east, _]: [f64; 4]| match west > east {
        true => vec![(west, 180.0), (-180.0, east)],
        false => vec![(west, east)],
    };
    let meet = |(west, east): (f64, f64)| parts(b).into_iter().any(|(w, e)| west <= e && w <= east);
    a[1] <= b[3] && b[1] <= a[3] && parts(a).into_iter().any(meet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_touch_on_the_ground() {
        let home = [6.0, 50.0, 8.0, 52.0];
        for (other, expected) in [
            (vec![7.0, 51.0, 9.0, 53.0], true),
            (vec![8.0, 52.0, 9.0, 53.0], true),
            (vec![8.5, 50.0, 9.0, 52.0], false),
            (vec![7.0, 53.0, 9.0, 54.0], false),
            (vec![7.0, 51.0, 0.0, 9.0, 53.0, 100.0], true),
            (vec![170.0, 50.0, 7.0, 52.0], true),
            (vec![170.0, 50.0, -170.0, 52.0], false),
            (vec![1.0], false),
        ] {
            assert_eq!(touch(&home, &other), expected, "{other:?}");
            assert_eq!(touch(&other, &home), expected, "{other:?}");
        }
    }
}
