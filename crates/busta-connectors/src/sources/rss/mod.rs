//! Sources of type `rss`: feeds of all formats.
//!
//! A source holds any number of feeds, and each feed is one split: one request, one batch. What a feed's
//! server says about its version (`ETag`, `Last-Modified`), and a digest of what was stored, are the
//! feed's start cursor, so that a feed that has not changed costs an empty answer and writes nothing.
//!
//! An entry's key is its feed's address and its own id. There is no cursor field: what a feed says now
//! is the truth about an entry, also when it moves a date back.

mod config;
pub mod feed;
mod read;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{Checkpoint, Cursor, Error, Probe, Reader, Result, Source, Split, SplitId, StreamSpec};
use schemars::JsonSchema;
use serde_json::Value;
use url::Url;

use crate::http::{HttpClient, Request, shown_url};
pub use config::Config;
use read::{FeedReader, Task, fetch, records};

/// Sources of type `rss`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "rss",
    summary: "feeds: RSS 0.9 to 2.0, RDF, Atom and JSON Feed, also broken ones",
    pool: "rss",
    example: "name: news\n\
              type: rss\n\
              feeds:\n  \
                - https://blog.rust-lang.org/feed.xml\n  \
                - https://lwn.net/headlines/rss\n\
              opml: feeds.opml\n",
    schema: Config::json_schema,
    build,
};

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let config: Config = read_config(keys)?;
    let feeds = config.checked_feeds()?;
    let mut stream = StreamSpec::new(config.stream.as_str(), vec!["feed".to_owned(), "id".to_owned()]);
    stream.write_mode = config.write_mode;
    if let Some(table) = config.table {
        stream.table = table;
    }
    let client = HttpClient::new(&context);
    let opml = config.opml.map(|place| Opml::new(&place, &context.base_dir));
    Ok(Box::new(RssSource { feeds, opml, streams: [stream], client }))
}

struct RssSource {
    feeds: Vec<Url>,
    opml: Option<Opml>,
    streams: [StreamSpec; 1],
    client: HttpClient,
}

/// Where a list of feeds is.
enum Opml {
    File(PathBuf),
    Web(Url),
}

impl Opml {
    fn new(place: &str, base_dir: &Path) -> Self {
        match config::feed_url(place) {
            Ok(url) => Self::Web(url),
            Err(_) => Self::File(base_dir.join(place)),
        }
    }

    async fn feeds(&self, client: &HttpClient) -> Result<Vec<Url>> {
        let (place, listed) = match self {
            Self::Web(url) => {
                (shown_url(url), feed::read_opml(&client.send(Request::get(url.clone())).await?.body))
            }
            Self::File(path) => {
                (path.display().to_string(), feed::read_opml(&read_file(path.clone()).await?))
            }
        };
        let listed = listed.map_err(|error| error.at(&place))?;
        let url = |text: &String| match config::feed_url(text) {
            Ok(url) => Some(url),
            Err(problem) => {
                tracing::warn!(opml = place, feed = text, problem, "left out a feed");
                None
            }
        };
        Ok(listed.iter().filter_map(url).collect())
    }
}

async fn read_file(path: PathBuf) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    let read = read.map_err(|error| Error::bug("reading a file failed").caused_by(error))?;
    read.map_err(|error| {
        Error::config(format!("the list of feeds {shown} cannot be read: {error}"))
            .hint("`opml` is relative to the configuration file")
            .caused_by(error)
    })
}

impl RssSource {
    /// All feeds, each once.
    async fn all_feeds(&self) -> Result<Vec<Url>> {
        let mut feeds = self.feeds.clone();
        if let Some(opml) = &self.opml {
            let mut known: std::collections::HashSet<Url> = feeds.iter().cloned().collect();
            feeds.extend(opml.feeds(&self.client).await?.into_iter().filter(|url| known.insert(url.clone())));
        }
        Ok(feeds)
    }

    fn split(&self, url: Url, from: &Checkpoint) -> Result<Split> {
        let mut task = Task { url, seen: None };
        let name = task.name();
        // A start cursor of an older version of busta costs one full answer, no more.
        task.seen = from.start(&name).and_then(|cursor| cursor.decode().ok());
        let host = self.client.host_key(&task.url);
        Split::new(SplitId::from(name), self.streams[0].name.clone(), Some(host), &task)
    }
}

#[async_trait]
impl Source for RssSource {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        self.all_feeds().await?.into_iter().map(|url| self.split(url, from)).collect()
    }

    async fn open(&self, split: &Split, _at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(FeedReader::new(self.client.clone(), split.decode()?)))
    }

    async fn test(&self) -> Result<Probe> {
        let url = self.all_feeds().await?.into_iter().next();
        let url =
            url.ok_or_else(|| Error::config("the list of feeds is empty").hint("add feeds to `opml`"))?;
        let task = Task { url, seen: None };
        let Some((response, feed)) = fetch(&self.client, &task).await? else {
            return Err(Error::data("the server answered 304 to an unconditional request"));
        };
        let mut sample = records(&task.name(), &feed)?;
        sample.truncate(SAMPLE);
        Ok(Probe { summary: summary(&task, &response, &feed), sample })
    }
}

/// How many records `busta sources test` shows.
const SAMPLE: usize = 3;

fn summary(task: &Task, response: &crate::http::Response, feed: &feed::Feed) -> String {
    let newest = feed.entries.iter().filter_map(|entry| entry.updated.as_deref()).max();
    let validators = match (response.etag().is_some(), response.last_modified().is_some()) {
        (true, true) => "ETag and Last-Modified",
        (true, false) => "ETag",
        (false, true) => "Last-Modified",
        (false, false) => "neither ETag nor Last-Modified",
    };
    let moved =
        if response.url == task.url { String::new() } else { format!(" (now at {})", response.shown_url()) };
    let bad = match feed.bad.len() {
        0 => String::new(),
        bad => format!(", {bad} more cannot be read"),
    };
    format!(
        "GET {}{moved} answered {} in {} ms: {} {:?} with {} entries{bad}, the newest of {}; it has {validators}",
        shown_url(&task.url),
        response.status,
        response.latency.as_millis(),
        feed.format,
        feed.title.as_deref().unwrap_or_default(),
        feed.entries.len(),
        newest.unwrap_or("an unknown date"),
    )
}
