//! Feeds: `/feeds/{format}/{name}` in six formats, and `/opml`, which lists them.

mod atom;
mod broken;
mod entry;
mod json;
mod rdf;
mod rss;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::app::Call;
use crate::body::Content;
use crate::data;
use crate::dataset::lock;
use crate::reply::Reply;
use broken::Broken;
pub use entry::FeedEntry;
use entry::{escape, published};

const DEFAULT_ENTRIES: u64 = 20;
const MAX_ENTRIES: u64 = 1000;
const MAX_FEEDS: u64 = 10_000;

/// All feeds: every name is one.
pub(crate) struct Feeds {
    seed: u64,
    /// How many entries were published after the first ones.
    published: Mutex<HashMap<String, u64>>,
}

impl Feeds {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, published: Mutex::default() }
    }

    pub(crate) fn advance(&self, name: &str, entries: u64) {
        *lock(&self.published).entry(name.to_owned()).or_default() += entries;
    }

    pub(crate) fn rewind(&self) {
        lock(&self.published).clear();
    }

    /// The `count` newest entries, newest first.
    pub(crate) fn entries(&self, name: &str, count: u64) -> Vec<FeedEntry> {
        let newest = self.newest(name, count);
        (0..count).map(|n| FeedEntry::new(self.seed, name, newest - n)).collect()
    }

    fn newest(&self, name: &str, count: u64) -> u64 {
        lock(&self.published).get(name).copied().unwrap_or(0) + count
    }
}

/// A feed to be rendered.
struct Feed {
    id: String,
    title: String,
    home: String,
    description: String,
    updated: DateTime<Utc>,
    entries: Vec<FeedEntry>,
    with_ids: bool,
}

/// How a feed is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Rss(rss::Version),
    Rdf,
    Atom,
    Json,
}

const FORMATS: [(&str, Format); 6] = [
    ("rss2", Format::Rss(rss::Version::V2)),
    ("atom", Format::Atom),
    ("rdf", Format::Rdf),
    ("json", Format::Json),
    ("rss091", Format::Rss(rss::Version::V091)),
    ("rss092", Format::Rss(rss::Version::V092)),
];

impl FromStr for Format {
    type Err = Reply;

    fn from_str(text: &str) -> Result<Self, Reply> {
        let known = FORMATS.iter().find(|(name, _)| *name == text);
        known.map(|(_, format)| *format).ok_or_else(|| Reply::not_found("such format of feeds"))
    }
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Rss(_) => "application/rss+xml",
            Self::Rdf => "application/rdf+xml",
            Self::Atom => "application/atom+xml",
            Self::Json => "application/feed+json",
        }
    }

    fn render(self, feed: &Feed) -> String {
        match self {
            Self::Rss(version) => rss::render(feed, version),
            Self::Rdf => rdf::render(feed),
            Self::Atom => atom::render(feed),
            Self::Json => json::render(feed),
        }
    }
}

/// Answers `/feeds/{format}/{name}`.
pub(crate) fn answer(call: &Call<'_>, format: &str, name: &str) -> Result<Reply, Reply> {
    let kind: Format = format.parse()?;
    let count = call.params.number("entries")?.unwrap_or(DEFAULT_ENTRIES).min(MAX_ENTRIES);
    let broken = call.params.get("broken").map(Broken::from_str).transpose();
    let broken = broken.map_err(|message| Reply::bad_request(&message))?;
    let feeds = &call.app.feeds;
    let newest = feeds.newest(name, count);
    let identity = format!("{format} {name} {count} {newest} {broken:?}");
    let etag = format!("\"{:016x}\"", data::hash(identity.as_bytes()));
    let reply = Reply::ok("", Content::whole(Bytes::new())).validated(
        call.headers,
        &etag,
        Some(SystemTime::from(published(newest))),
    );
    // With a 304 as well (RFC 9110, 15.4.5).
    let reply = reply.header("cache-control", "max-age=300");
    if reply.status != http::StatusCode::OK {
        return Ok(reply);
    }
    let feed = Feed {
        id: format!("tag:sandbox.example,2024:{name}"),
        title: format!("The {name} gazette"),
        home: format!("https://{name}.example/"),
        description: format!("What happens around {name} & beyond"),
        updated: published(newest),
        entries: feeds.entries(name, count),
        with_ids: broken != Some(Broken::NoGuid),
    };
    let text = kind.render(&feed);
    let charset = broken.map_or(Some("utf-8"), Broken::charset);
    let body = match broken {
        Some(broken) => broken.apply(text),
        None => text.into(),
    };
    let media_type = match charset {
        Some(charset) => format!("{}; charset={charset}", kind.media_type()),
        None => kind.media_type().to_owned(),
    };
    let reply = reply.header("content-type", media_type);
    Ok(Reply { content: Content::whole(body), ..reply })
}

/// Answers `/opml`: feeds of all formats in turn, under the same prefixes and with the same
/// parameters as this request.
pub(crate) fn opml(call: &Call<'_>) -> Result<Reply, Reply> {
    let count = call.params.number("feeds")?.unwrap_or(12).min(MAX_FEEDS);
    let base = call.url();
    let base = base.strip_suffix("/opml").unwrap_or(&base);
    let query = call.params.query_without("feeds");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n<head><title>Sandbox feeds</title>\
         </head>\n<body>\n<outline text=\"All\">\n",
    );
    for (n, (format, _)) in (0..count).zip(FORMATS.iter().cycle()) {
        let url = escape(&format!("{base}/feeds/{format}/gazette-{n:04}{query}"));
        out += &format!("<outline type=\"rss\" text=\"Gazette {n}\" xmlUrl=\"{url}\"/>\n");
    }
    out += "</outline>\n</body>\n</opml>\n";
    Ok(Reply::ok("text/x-opml; charset=utf-8", Content::whole(out)))
}
