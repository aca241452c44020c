//! Which items of static catalogues have not changed, by the word of their server: each is a document with an
//! `ETag` or a `Last-Modified` of its own, which is asked for under the condition that it has another now.
//!
//! Catalogues are read anew by every run, since what their links lead to is not kept. So are items whose assets are
//! downloaded (a download may have failed), that replace what is there, or that were searched for in another way.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use busta_core::{Checkpoint, Cursor, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::document::shown;
use crate::http::{Request, Response};

/// What the keys of the start cursors of items begin with.
const KEY: &str = "item:";

/// What earlier runs were told about items.
pub struct Known {
    /// What was searched for, in words; `None` if nothing is to be remembered.
    search: Option<String>,
    seen: RwLock<HashMap<String, Cursor>>,
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
        Self { search, seen: RwLock::default() }
    }

    /// Learns what earlier runs have left.
    pub fn remember(&self, from: &Checkpoint) {
        let items = from.starts.iter().filter(|(key, _)| self.search.is_some() && key.starts_with(KEY));
        let seen = items.map(|(key, at)| (key.clone(), at.clone())).collect();
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// A request for the item at `url`, and whether it asks only for one that has changed.
    pub fn request(&self, url: &Url) -> (Request, bool) {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(&key(url)).cloned();
        // A cursor that cannot be read only costs reading again.
        let seen = seen.and_then(|cursor| cursor.decode::<Seen>().ok());
        let request = Request::get(url.clone());
        match seen.filter(|seen| Some(&seen.search) == self.search.as_ref()) {
            Some(seen) => (request.conditional(seen.etag.as_deref(), seen.last_modified.as_deref()), true),
            None => (request, false),
        }
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
    let digest = Sha256::digest(url.as_str());
    let tail: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{KEY}{}#{tail}", shown(url))
}
