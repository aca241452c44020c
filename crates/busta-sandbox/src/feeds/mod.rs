//! Feeds (being written).

use std::collections::HashMap;
use std::sync::Mutex;

use crate::app::Call;
use crate::dataset::lock;
use crate::reply::Reply;

/// All feeds: every name is one.
pub(crate) struct Feeds {
    seed: u64,
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
}

pub(crate) fn answer(call: &Call<'_>, _format: &str, _name: &str) -> Result<Reply, Reply> {
    let _ = call.app.feeds.seed;
    Err(Reply::not_found("feed"))
}

pub(crate) fn opml(_call: &Call<'_>) -> Reply {
    Reply::not_found("feed")
}
