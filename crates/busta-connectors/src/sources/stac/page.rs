//! A page of items, taken apart: first into what it says of the search and where its items are, which is all
//! that the next request depends on, and then item by item.

use std::ops::Range;

use busta_core::{CursorValue, Error, Failure, Origins, Records, Result, Stage};
use bytes::Bytes;

use super::item::{self, Head};
use super::link::{Link, links};
use crate::http::excerpt;
use crate::sources::api::cut::{Cut, Pieces};
use crate::sources::api::path::{Segment, Taken};

/// A page whose items have not been looked at.
#[derive(Debug)]
pub struct Page {
    body: Bytes,
    spans: Vec<Range<u32>>,
    /// How many items the whole search has, if the server says so.
    pub matched: Option<u64>,
    /// The link to the next page.
    pub next: Option<Link>,
}

/// The items of a page.
#[derive(Debug, Default)]
pub struct Items {
    /// Those that are wanted.
    pub records: Records,
    /// What should be items and is not.
    pub failures: Vec<Failure>,
    /// The newest value of the cursor field.
    pub newest: Option<CursorValue>,
}

/// Which items to take from a page.
pub struct Taking<'a> {
    /// The page's name in failures.
    pub name: &'a str,
    /// The names that lead to the cursor field.
    pub cursor_field: Option<&'a [String]>,
    /// Whether an item is wanted.
    pub wanted: &'a (dyn Fn(&Head<'_>) -> bool + Sync),
}

/// The single values of a page: its links, and the count under its present and its older names.
fn cut() -> Cut {
    let path = |names: &[&str]| Some(names.iter().map(|name| Segment::Name((*name).to_owned())).collect());
    Cut::new(
        Some((vec![Segment::Name("features".to_owned())], Taken::Node)),
        &[
            path(&["links"]),
            path(&["numberMatched"]),
            path(&["context", "matched"]),
            path(&["search:metadata", "matched"]),
        ],
    )
}

impl Page {
    /// Reads what an answer says of the search, and finds its items.
    pub fn read(body: Bytes) -> Result<Self> {
        let body = if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body };
        let text =
            std::str::from_utf8(&body).map_err(|e| no_page(&body, &format!("it is not UTF-8: {e}")))?;
        let pieces = cut().apply(text).map_err(|e| no_page(&body, &e.to_string()))?;
        if !pieces.found {
            return Err(Error::data(format!("no `features` in the answer: {}", excerpt(&body)))
                .hint("is `url` the landing page of a STAC API?"));
        }
        let next = pieces.values[0].and_then(|raw| links(raw).into_iter().find(|link| link.rel == "next"));
        let matched = matched(&pieces);
        let spans = pieces.items;
        Ok(Self { body, spans, matched, next })
    }

    /// How many items it has, wanted, unwanted and bad.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// How large it is, in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Looks at its items.
    pub fn items(self, taking: &Taking<'_>) -> Items {
        let mut items = Items::default();
        let mut kept = Vec::with_capacity(self.spans.len());
        let mut origins = Origins::default();
        origins.enter(format!("{}, item ", taking.name));
        for (index, span) in self.spans.into_iter().enumerate() {
            if items.takes(&self.body[place(&span)], index, taking) {
                origins.note(kept.len(), index as u64 + 1);
                kept.push(span);
            }
        }
        items.records = Records::from_spans(self.body, kept).with_origins(origins);
        items
    }
}

impl Items {
    /// Keeps the first `count`; whether there were more.
    pub fn truncate(&mut self, count: usize, cursor_field: Option<&[String]>) -> bool {
        if self.records.len() <= count {
            return false;
        }
        self.records.truncate(count);
        let heads = self.records.iter().filter_map(|item| item::look(item, cursor_field).ok());
        self.newest = heads.map(|head| head.newest).fold(None, newer);
        true
    }

    fn takes(&mut self, item: &[u8], index: usize, taking: &Taking<'_>) -> bool {
        match item::look(item, taking.cursor_field) {
            Ok(head) if (taking.wanted)(&head) => {
                self.newest = newer(self.newest.take(), head.newest);
                true
            }
            Ok(_) => false,
            Err(error) => {
                let position = format!("{}, item {}", taking.name, index + 1);
                self.failures.push(Failure::item(Stage::Parse, position, &error, Some(item)));
                false
            }
        }
    }
}

/// The newer of two values.
pub fn newer(known: Option<CursorValue>, new: Option<CursorValue>) -> Option<CursorValue> {
    match (known, new) {
        (Some(known), Some(new)) => Some(known.max(new)),
        (known, new) => known.or(new),
    }
}

fn place(span: &Range<u32>) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn matched(pieces: &Pieces<'_>) -> Option<u64> {
    pieces.values[1..].iter().find_map(|value| value.and_then(|raw| raw.parse().ok()))
}

/// The error for an answer that is no JSON.
pub fn no_page(body: &[u8], why: &str) -> Error {
    let said = excerpt(body);
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') {
        return Error::data(format!("answered with HTML or XML instead of JSON: {said}"))
            .hint("is the URL right, or is a login needed?");
    }
    Error::data(format!("the answer cannot be read as JSON: {why}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Result<Page> {
        Page::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn a_page_is_taken_apart() {
        let page = page(
            r#"{"type":"FeatureCollection","numberMatched":7,"features":[{"id":"a"},{"no":"id"},{"id":"b"}, 5],
                "links":[{"rel":"self","href":"x"},{"bad":1},{"rel":"next","href":"?t=1"}]}"#,
        )
        .unwrap();
        assert_eq!((page.count(), page.matched), (4, Some(7)));
        assert_eq!(page.next.as_ref().unwrap().href, "?t=1");
        let items = page.items(&Taking { name: "page 1", cursor_field: None, wanted: &|_| true });
        assert_eq!(items.records.len(), 2);
        let places: Vec<_> = items.failures.iter().map(|f| f.position.clone().unwrap()).collect();
        assert_eq!(places, ["page 1, item 2", "page 1, item 4"]);
        assert_eq!(items.failures[0].payload.as_deref(), Some(r#"{"no":"id"}"#));
    }

    #[test]
    fn counts_have_had_other_names() {
        for text in [
            r#"{"features":[],"numberMatched":3}"#,
            r#"{"features":[],"context":{"matched":3}}"#,
            r#"{"features":[],"search:metadata":{"matched":3}}"#,
        ] {
            assert_eq!(page(text).unwrap().matched, Some(3), "{text}");
        }
        assert_eq!(page(r#"{"features":[],"numberMatched":null}"#).unwrap().matched, None);
    }

    #[test]
    fn what_is_no_page_is_told() {
        for (text, said) in
            [("<html>", "HTML"), (r#"{"code":"NotFound"}"#, "no `features`"), ("{", "cannot be read")]
        {
            assert!(page(text).unwrap_err().to_string().contains(said), "{text}");
        }
    }
}
