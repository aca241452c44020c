//! What a split of this connector is, and what it is called.

use std::collections::BTreeMap;

use busta_core::CursorValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fingerprint::fingerprint;
use super::pagination::Range;
use super::stream::Stream;
use super::template::{FOLLOW, Fields, WITH, path_encoded, plain};

/// What is read: stored with the checkpoint, so old forms must stay readable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What it is read for: values of `for_each`, fields of the parents' records, what `with` made of them and
    /// what `follow` found.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// Where the streams of the family start this time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, CursorValue>,
    /// Its pages, if it is not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Set for a request that `follow` found: how many more its answer may lead to.
    #[serde(default, rename = "follow", skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// Of which kind of `follow` that request is.
    #[serde(default, skip_serializing_if = "is_first")]
    pub kind: usize,
    /// Set for a stream with `from`: its records, which need no request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

fn is_first(kind: &usize) -> bool {
    *kind == 0
}

/// Records that were made from those of another stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The split and the page that they were made from: `listings/17#3`.
    pub of: String,
    /// Their JSON texts: as texts, which keep every digit.
    pub records: Vec<String>,
}

impl Part {
    /// Its id: what it is read for, and the pages: `orders`, `posts/new/rust`, `order_lines/17`,
    /// `orders?page=2-33`, `orders?page=34-`. Slashes in values are encoded. What `with` and `follow` gave,
    /// which may be long, is there as a fingerprint: `listings/17~2f…`, `comments/x?follow=9a…`. Made records are
    /// called after where they come from: `sellers@listings/17#3`. What tells no request from another is not there.
    pub fn id(&self, stream: &Stream) -> String {
        let mut id = stream.spec.name.as_str().to_owned();
        if let Some(made) = &self.made {
            id.push('@');
            id.push_str(&made.of);
            return id;
        }
        let (with, follow) = (within(WITH, stream.has_with), within(FOLLOW, self.share.is_some()));
        let told = |key: &String| !with(key) && !follow(key) && !stream.idle.contains(key);
        for (_, value) in self.fields.iter().filter(|(key, _)| told(key)) {
            id.push('/');
            id.push_str(&path_encoded(&plain(value)));
        }
        if stream.has_with {
            id.push_str(&format!("~{:016x}", self.print(stream, with)));
        }
        if let Some(range) = &self.range {
            let to = range.to.map(|to| to.to_string()).unwrap_or_default();
            id.push_str(&format!("?page={}-{to}", range.from + 1));
        }
        if self.share.is_some() {
            id.push_str(&format!("?follow={:016x}", self.print(stream, follow)));
        }
        id
    }

    fn print(&self, stream: &Stream, wanted: impl Fn(&str) -> bool) -> u64 {
        let wanted = self.fields.iter().filter(|(key, _)| wanted(key) && !stream.idle.contains(key));
        let texts: Vec<String> =
            wanted.flat_map(|(key, value): (&String, &Value)| [key.clone(), value.to_string()]).collect();
        fingerprint(texts.iter().map(String::as_bytes))
    }
}

/// Whether a key of [`Part::fields`] is one of `word`, where there can be such.
fn within(word: &'static str, there: bool) -> impl Fn(&str) -> bool {
    move |key| there && key.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_earlier_versions_stored_is_read() {
        for stored in [
            json!({}),
            json!({"fields": {"orders.id": 17}, "since": {"orders": 5}, "range": {"from": 1, "size": 10}}),
            json!({"range": {"from": 1, "to": 3, "size": 10}}),
        ] {
            let part: Part = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(&part).unwrap(), stored);
        }
    }
}
