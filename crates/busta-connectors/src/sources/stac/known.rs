//! Which items of static catalogues have not changed, by the word of their server: each is a document with an
//! `ETag` or a `Last-Modified` of its own, which is asked for under the condition that it has another now.
//!
//! Catalogues are read anew by every run: to walk on from one that has not changed, all of its links would have to be
//! kept, and what that saves is bytes, not requests. So are items whose assets are downloaded (a download may have
//! failed), that replace what is there, or that were searched for in another way.

use std::sync::{PoisonError, RwLock};

use busta_core::{Checkpoint, Cursor, Cursors, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use super::document::shown;
use crate::digest;
use crate::http::{Request, Response};

/// What the keys of the start cursors of items begin with.
const KEY: &str = "item:";

/// What earlier runs were told about items.
pub struct Known {
    /// What was searched for, in words; `None` if nothing is to be remembered.
    search: Option<String>,
    starts: RwLock<Cursors>,
}

/// What a server said about an item: its start cursor.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    /// What was searched for then.
    search: String,
}

impl Known {
    /// Nothing yet. Only what is told under the same `search` will be believed.
    pub fn new(search: Option<String>) -> Self {
        Self { search, starts: RwLock::default() }
    }

    /// Learns what earlier runs have left.
    pub fn remember(&self, from: &Checkpoint) {
        let starts = if self.search.is_some() { from.starts.clone() } else { Cursors::default() };
        *self.starts.write().unwrap_or_else(PoisonError::into_inner) = starts;
    }

    /// A request for the item at `url`, and whether it asks only for one that has changed.
    pub fn request(&self, url: &Url) -> (Request, bool) {
        let request = Request::get(url.clone());
        match self.told(url) {
            Some(Seen { etag, last_modified, .. }) => {
                (request.conditional(etag.as_deref(), last_modified.as_deref()), true)
            }
            None => (request, false),
        }
    }

    fn told(&self, url: &Url) -> Option<Seen> {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        // A cursor that cannot be read only costs reading again.
        let seen: Seen = starts.get(&key(url))?.decode().ok()?;
        (self.search.as_ref() == Some(&seen.search)).then_some(seen)
    }

    /// The start cursor that an item leaves which came in `response`.
    pub fn start(&self, url: &Url, response: &Response) -> Result<Option<(String, Cursor)>> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (etag, last_modified) = (owned(response.etag()), owned(response.last_modified()));
        let Some(search) = self.search.clone().filter(|_| etag.is_some() || last_modified.is_some()) else {
            return Ok(None);
        };
        Ok(Some((key(url), Cursor::encode(&Seen { etag, last_modified, search })?)))
    }
}

/// Two items may differ in what is not shown of their addresses.
fn key(url: &Url) -> String {
    format!("{KEY}{}#{}", shown(url), digest::first(8, url.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(n: usize) -> Url {
        Url::parse(&format!("https://data.example/catalog/sentinel-2/item-{n:08}/item-{n:08}.json")).unwrap()
    }

    fn left_by(search: &str, count: usize) -> Checkpoint {
        let seen = |n: usize| Seen {
            etag: (!n.is_multiple_of(3)).then(|| format!("\"{n:032x}\"")),
            last_modified: (n % 3 < 2).then(|| "Tue, 05 Mar 2024 10:11:12 GMT".to_owned()),
            search: search.to_owned(),
        };
        let starts = (0..count).map(|n| (key(&url(n)), Cursor::encode(&seen(n)).unwrap())).collect();
        Checkpoint { starts, ..Checkpoint::default() }
    }

    #[test]
    fn each_item_is_known_by_what_was_said_of_it() {
        let known = Known::new(Some("all".to_owned()));
        known.remember(&left_by("all", 9));
        for n in 0..12 {
            let told = known.told(&url(n)).map(|seen| (seen.etag, seen.last_modified));
            let etag = (n % 3 > 0).then(|| format!("\"{n:032x}\""));
            let last_modified = (n % 3 < 2).then(|| "Tue, 05 Mar 2024 10:11:12 GMT".to_owned());
            assert_eq!(told, (n < 9).then_some((etag, last_modified)), "{n}");
            assert_eq!(known.request(&url(n)).1, n < 9);
        }
        known.remember(&left_by("others", 9));
        assert!(!known.request(&url(0)).1);
    }

    /// `cargo test -p busta-connectors --lib million -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn a_million_known_items() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/statm").unwrap();
            status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096 / (1 << 20)
        };
        let before = resident();
        let checkpoint = left_by("[[],null,\"../..\",null]", 1_000_000);
        let held = resident();
        let known = Known::new(Some("[[],null,\"../..\",null]".to_owned()));
        known.remember(&checkpoint);
        println!("the checkpoint: {} MiB; what is kept of it: {} MiB", held - before, resident() - held);
    }
}
