//! The things of Reddit as they are sent: `{"kind": ..., "data": {...}}`, and listings of them.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::comment::RedditComment;
use super::post::RedditPost;

/// A thing with its kind before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", content = "data")]
pub(super) enum Thing {
    #[serde(rename = "t1")]
    Comment(Box<RedditComment>),
    #[serde(rename = "t3")]
    Post(Box<RedditPost>),
    #[serde(rename = "t5")]
    Subreddit(Value),
    #[serde(rename = "more")]
    More(More),
}

/// What stands for comments that are not shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct More {
    /// How many there are, those below them counted too; 0 where the thread goes on elsewhere.
    pub(super) count: u64,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) parent_id: String,
    pub(super) depth: u32,
    /// The ids of those that lie directly below the parent.
    pub(super) children: Vec<String>,
}

impl More {
    /// Comments that can be asked for. There is at least one.
    pub(super) fn of(parent_id: String, depth: u32, count: u64, children: Vec<String>) -> Self {
        let id = children.first().cloned().unwrap_or_default();
        Self { count, name: format!("t1_{id}"), id, parent_id, depth, children }
    }

    /// "Continue this thread": only the parent's own page shows what is below.
    pub(super) fn elsewhere(parent_id: String, depth: u32) -> Self {
        Self { count: 0, name: "t1__".to_owned(), id: "_".to_owned(), parent_id, depth, children: Vec::new() }
    }
}

/// A page of things.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Listing {
    kind: &'static str,
    data: Page,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Page {
    after: Option<String>,
    dist: Option<u64>,
    modhash: Option<String>,
    geo_filter: &'static str,
    children: Vec<Thing>,
    before: Option<String>,
}

impl Listing {
    pub(super) fn new(children: Vec<Thing>, after: Option<String>, before: Option<String>) -> Self {
        let dist = Some(children.len() as u64);
        Self { kind: "Listing", data: Page { after, dist, modhash: None, geo_filter: "", children, before } }
    }

    /// A listing that is no page of a longer one.
    pub(super) fn whole(children: Vec<Thing>) -> Self {
        let mut listing = Self::new(children, None, None);
        listing.data.dist = None;
        listing
    }
}

/// What was said to a comment: an empty text where nothing was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Replies(pub(super) Option<Box<Listing>>);

impl Serialize for Replies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(listing) => listing.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }
}

/// Seconds are sent as `1717243200.0`.
pub(super) fn seconds<S: Serializer>(time: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*time as f64)
}

/// `false`, or when it was.
pub(super) fn false_or_seconds<S: Serializer>(time: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_bool(false),
    }
}
