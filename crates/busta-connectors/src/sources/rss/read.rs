//! Reading one feed: one request, one batch.

use std::time::Duration;

use async_trait::async_trait;
use busta_core::record::RecordsBuilder;
use busta_core::{Batch, Cursor, Error, Failure, Reader, Records, Result, Stage};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::feed::{self, Bad, Entry, Feed};
use crate::digest::hex;
use crate::http::{HttpClient, Request, Response, shown_url};

/// Larger answers are no feeds (the largest known archives are a few MiB).
const MAX_FEED_BYTES: u64 = 32 << 20;

/// Smaller feeds are parsed at once; a larger one takes over a millisecond, and a thread of its own.
const PARSED_AT_ONCE: usize = 64 << 10;

/// What we can read, the most exact first.
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, \
                      application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5";

/// What the last run knew about a feed: its start cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// For how many minutes it says that it may be held: an answer without a body does not repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// A digest of what was made of it, for servers that know neither, or change them for nothing.
    #[serde(default)]
    pub digest: String,
}

/// What it takes to read a feed: the payload of its split.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Where it is.
    pub url: Url,
    /// What the last run knew about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Task {
    /// What the feed is called in records and as a split: its address without user and password.
    pub fn name(&self) -> String {
        let mut url = self.url.clone();
        // Both fail only for addresses that cannot have a user.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.into()
    }

    fn request(&self) -> Request {
        let request = Request::get(self.url.clone()).accept(ACCEPT).max_response_bytes(MAX_FEED_BYTES);
        match &self.seen {
            Some(seen) => request.conditional(seen.etag.as_deref(), seen.last_modified.as_deref()),
            None => request,
        }
    }
}

/// Fetches and parses a feed; `None` if the server says that it has not changed.
pub async fn fetch(client: &HttpClient, task: &Task) -> Result<Option<(Response, Feed)>> {
    let response = client.send(task.request()).await?;
    if response.not_modified {
        client.note_freshness(&response, held_for(task.seen.as_ref().and_then(|seen| seen.ttl)));
        return Ok(None);
    }
    if response.url != task.url {
        tracing::info!(feed = shown_url(&task.url), now_at = response.shown_url(), "the feed was redirected");
    }
    let charset = response.content_type().and_then(charset_of);
    let feed = parsed(response.body.clone(), charset, response.url.clone()).await;
    let feed = feed.map_err(|error| error.at(shown_url(&task.url)))?;
    client.note_freshness(&response, held_for(feed.ttl));
    Ok(Some((response, feed)))
}

/// A feed's `ttl`.
fn held_for(minutes: Option<u32>) -> Duration {
    Duration::from_secs(60 * u64::from(minutes.unwrap_or(0)))
}

async fn parsed(body: Bytes, charset: Option<String>, url: Url) -> Result<Feed> {
    let small = body.len() <= PARSED_AT_ONCE;
    let parse = move || feed::parse(&body, charset.as_deref(), Some(&url));
    if small {
        return parse();
    }
    let task = tokio::task::spawn_blocking(parse);
    task.await.map_err(|error| Error::bug("the feed parser failed").caused_by(error))?
}

/// `charset` of a `Content-Type`.
fn charset_of(content_type: &str) -> Option<String> {
    let (_, value) = content_type
        .split(';')
        .skip(1)
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// A feed's record: the entry and where it is from.
#[derive(Serialize)]
struct Record<'f> {
    feed: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_title: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_link: Option<&'f str>,
    #[serde(flatten)]
    entry: &'f Entry,
}

/// The records of a feed.
pub fn records(name: &str, feed: &Feed) -> Result<Records> {
    let mut records = RecordsBuilder::default();
    for entry in &feed.entries {
        let record =
            Record { feed: name, feed_title: feed.title.as_deref(), feed_link: feed.link.as_deref(), entry };
        let pushed = records.push_serialized(&record);
        pushed.map_err(|error| Error::bug(format!("an entry cannot be encoded: {error}")))?;
    }
    Ok(records.finish())
}

/// Reads one feed.
pub struct FeedReader {
    client: HttpClient,
    task: Option<Task>,
}

impl FeedReader {
    /// A reader of the feed that `task` names.
    pub fn new(client: HttpClient, task: Task) -> Self {
        Self { client, task: Some(task) }
    }
}

#[async_trait]
impl Reader for FeedReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let Some(task) = &self.task else { return Ok(None) };
        let batch = match fetch(&self.client, task).await? {
            Some((response, feed)) => changed(task, &response, &feed)?,
            None => Batch::last(Records::default()),
        };
        self.task = None;
        Ok(Some(batch))
    }
}

/// The batch of a feed that the server has sent whole: empty if it says nothing new.
fn changed(task: &Task, response: &Response, feed: &Feed) -> Result<Batch> {
    let name = task.name();
    let records = records(&name, feed)?;
    let digest = digest(&records, &feed.bad);
    if task.seen.as_ref().is_some_and(|seen| seen.digest == digest) {
        return Ok(Batch::last(Records::default()));
    }
    let seen = Seen {
        etag: response.etag().map(str::to_owned),
        last_modified: response.last_modified().map(str::to_owned),
        ttl: feed.ttl,
        digest,
    };
    let mut batch = Batch::last(records);
    batch.failures = feed.bad.iter().map(failure).collect();
    batch.starts = vec![(name, Cursor::encode(&seen)?)];
    Ok(batch)
}

fn failure(bad: &Bad) -> Failure {
    let error = Error::data(bad.reason.as_str());
    Failure::item(Stage::Parse, format!("item {}", bad.item), &error, Some(bad.payload.as_bytes()))
}

/// The first 32 hex digits of a SHA-256 over everything that a feed would store.
fn digest(records: &Records, bad: &[Bad]) -> String {
    let mut hash = Sha256::new();
    for record in records.iter() {
        hash.update(record);
        hash.update(b"\n");
    }
    for bad in bad {
        hash.update(&bad.payload);
    }
    hex(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_called_by_its_address_without_the_password() {
        let task = Task { url: "https://jo:secret@a.example/f?x=1".parse().unwrap(), seen: None };
        assert_eq!(task.name(), "https://a.example/f?x=1");
    }

    #[test]
    fn the_charset_is_found() {
        assert_eq!(charset_of("text/xml; x=y; Charset=\"iso-8859-1\"").as_deref(), Some("iso-8859-1"));
        assert_eq!(charset_of("text/xml"), None);
    }

    #[test]
    fn a_record_is_flat() {
        let feed = feed::parse(
            b"<rss><channel><title>T</title><item><guid>1</guid></item></channel></rss>",
            None,
            None,
        );
        let records = records("http://a.example/", &feed.unwrap()).unwrap();
        let text = std::str::from_utf8(records.get(0)).unwrap();
        assert_eq!(text, r#"{"feed":"http://a.example/","feed_title":"T","id":"1"}"#);
    }
}
