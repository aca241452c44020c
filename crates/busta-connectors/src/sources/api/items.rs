//! An answer, taken apart into its items, whatever they are, and what it tells about other pages.

use std::borrow::Cow;
use std::ops::Range;

use busta_core::{Error, Result};
use bytes::Bytes;
use serde_json::Value;

use super::cut::{Cut, Pieces};
use super::fingerprint::fingerprint;
use super::pagination::Told;
use super::path::{RecordsPath, Segment, Taken};
use super::stream::Endpoint;
use crate::http::{Response, excerpt};

/// The fields that hold the records in most APIs, for answers with several arrays.
const USUAL_FIELDS: &[&str] = &["data", "items", "results", "records", "value", "entries", "rows", "values"];

/// The items of an answer.
#[derive(Debug, Default)]
pub struct Items {
    /// What they are slices of.
    pub text: Bytes,
    /// Where each is: one JSON value.
    pub spans: Vec<Range<u32>>,
    /// Differs for answers with other items.
    pub fingerprint: u64,
    /// The values for pagination.
    pub values: Vec<Option<String>>,
}

impl Items {
    /// The JSON text of one.
    pub fn get(&self, span: &Range<u32>) -> &[u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    /// What they tell about their page and its neighbours, with the answer that they came in.
    pub fn told<'a>(&'a self, response: &'a Response) -> Told<'a> {
        Told {
            count: self.spans.len(),
            fingerprint: self.fingerprint,
            values: self.values.iter().map(Option::as_deref).collect(),
            headers: &response.headers,
            url: &response.url,
        }
    }

    /// The JSON texts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        // They were cut out of a text at the bounds of JSON values.
        self.spans.iter().map(|span| std::str::from_utf8(self.get(span)).unwrap_or_default())
    }
}

/// Takes an answer apart.
pub fn cut(endpoint: &Endpoint, body: Bytes) -> Result<Items> {
    let body = without_bom(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Items::default());
    }
    let text = std::str::from_utf8(&body).map_err(|e| no_json(&body, &format!("it is not UTF-8: {e}")))?;
    let pieces = pieces(endpoint, text).map_err(|e| no_json(&body, &e.to_string()))?;
    if !pieces.found {
        missing_is_none(endpoint, text)?;
    }
    let values = pieces.values.iter().map(|value| value.map(str::to_owned)).collect();
    let items = match &endpoint.records {
        RecordsPath::General(path, taken) => by_tree(path, *taken, text)?,
        RecordsPath::Auto | RecordsPath::Simple(..) => by_text(pieces.items, body),
    };
    Ok(Items { values, ..items })
}

fn by_text(spans: Vec<Range<u32>>, text: Bytes) -> Items {
    let mut items = Items { text, spans, ..Items::default() };
    let ends = items.spans.first().into_iter().chain(items.spans.last());
    let count = items.spans.len().to_le_bytes();
    items.fingerprint = fingerprint(ends.map(|span| items.get(span)).chain([count.as_slice()]));
    items
}

fn by_tree(path: &serde_json_path::JsonPath, taken: Taken, text: &str) -> Result<Items> {
    let tree: Value = serde_json::from_str(text).map_err(|e| no_json(text.as_bytes(), &e.to_string()))?;
    let mut made: Vec<u8> = Vec::with_capacity(text.len());
    let mut spans = Vec::new();
    for node in path.query(&tree).all() {
        let items = match node {
            Value::Array(list) if taken == Taken::Node => list.iter().collect(),
            Value::Null if taken == Taken::Node => Vec::new(),
            one => vec![one],
        };
        for item in items {
            let start = made.len() as u32;
            made.extend_from_slice(item.to_string().as_bytes());
            spans.push(start..made.len() as u32);
        }
    }
    let mut items = Items { text: made.into(), spans, ..Items::default() };
    let prints: Vec<[u8; 8]> =
        items.spans.iter().map(|span| fingerprint([items.get(span)]).to_le_bytes()).collect();
    items.fingerprint = fingerprint(prints.iter().map(<[u8; 8]>::as_slice));
    Ok(items)
}

fn without_bom(body: Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body }
}

fn pieces<'a>(endpoint: &Endpoint, text: &'a str) -> serde_json::Result<Pieces<'a>> {
    let RecordsPath::Auto = &endpoint.records else {
        let mut pieces = endpoint.cut.apply(text)?;
        pieces.found |= matches!(endpoint.records, RecordsPath::General(..));
        return Ok(pieces);
    };
    let place = match text.trim_start().as_bytes().first() {
        Some(b'{') => guess(text)?.map(|field| vec![Segment::Name(field)]),
        _ => Some(Vec::new()),
    };
    Cut::new(place.map(|place| (place, Taken::Node)), &endpoint.values).apply(text)
}

/// The field of an object that holds the records: its only array, or the one with a usual name.
fn guess(text: &str) -> serde_json::Result<Option<String>> {
    let mut arrays = Vec::new();
    busta_core::json::for_each_field(text.as_bytes(), |name, raw| {
        if raw.starts_with('[') {
            arrays.push(name.into_owned());
        }
    })?;
    if arrays.len() > 1 {
        let usual = |name: &String| USUAL_FIELDS.iter().position(|usual| usual == name).unwrap_or(usize::MAX);
        arrays.sort_by_key(usual);
        if usual(&arrays[0]) == usize::MAX {
            return Ok(None);
        }
    }
    Ok(arrays.into_iter().next())
}

/// Nothing at the records' path: an answer without records if it is an object without any array, as
/// some servers leave out an empty list; else a mistake in the path, or a report of an error.
fn missing_is_none(endpoint: &Endpoint, text: &str) -> Result<()> {
    let mut names = Vec::new();
    let mut suspicious = !text.trim_start().starts_with('{');
    let _ = busta_core::json::for_each_field(text.as_bytes(), |name, raw| {
        suspicious |= raw.starts_with('[');
        suspicious |=
            matches!(&*name, "error" | "errors" | "fault") && !matches!(raw, "null" | "false" | "[]");
        names.push(name.into_owned());
    });
    if !suspicious && !matches!(endpoint.records, RecordsPath::Auto) {
        return Ok(());
    }
    let fields: Cow<'_, str> = match names.is_empty() {
        true => "it has no fields".into(),
        false => format!("its fields are {}", names.join(", ")).into(),
    };
    Err(Error::data(format!("no records in the answer: {}", excerpt(text.as_bytes())))
        .hint(format!("set `records` to where they are; {fields}")))
}

fn no_json(body: &[u8], why: &str) -> Error {
    let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let said = excerpt(body);
    if start == Some(&b'<') {
        return Error::data(format!("answered with HTML or XML instead of JSON: {said}"))
            .hint("is the URL right, or is a login needed?");
    }
    Error::data(format!("the answer cannot be read as JSON: {why}: {said}"))
}
