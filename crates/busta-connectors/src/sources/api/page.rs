//! An answer, taken apart: its records, what is wrong with some of them, and what it tells.

use std::borrow::Cow;

use busta_core::{CursorValue, Error, Failure, Records, RecordsBuilder, Result, Stage};
use bytes::Bytes;
use serde_json::Value;

use super::children::{self, Found};
use super::cut::{Cut, Pieces};
use super::fingerprint::fingerprint;
use super::pagination::Told;
use super::path::{RecordsPath, Segment, Taken};
use super::stream::{Part, Stream};
use crate::http::{Response, excerpt};

/// The fields that hold the records in most APIs, for answers with several arrays.
const USUAL_FIELDS: &[&str] = &["data", "items", "results", "records", "value", "entries", "rows", "values"];

/// A page, taken apart.
#[derive(Debug, Default)]
pub struct Page {
    /// Its records.
    pub records: Records,
    /// Its items that are no records.
    pub failures: Vec<Failure>,
    /// The splits that its records lead to.
    pub found: Vec<Found>,
    /// The newest value of the cursor field.
    pub newest: Option<CursorValue>,
    /// How many items there were, good and bad.
    pub count: usize,
    /// Differs for pages with other items.
    pub fingerprint: u64,
    /// The values for pagination.
    pub values: Vec<Option<String>>,
}

/// Takes an answer apart. `name` is the page's name in failures.
pub fn read(stream: &Stream, part: &Part, body: Bytes, name: &str) -> Result<Page> {
    let body = without_bom(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Page::default());
    }
    let text = std::str::from_utf8(&body).map_err(|e| no_json(&body, &format!("it is not UTF-8: {e}")))?;
    let pieces = pieces(stream, text).map_err(|e| no_json(&body, &e.to_string()))?;
    if !pieces.found {
        missing_is_none(stream, text)?;
    }
    let mut page = Page {
        values: pieces.values.iter().map(|value| value.map(str::to_owned)).collect(),
        ..Page::default()
    };
    match &stream.records {
        RecordsPath::General(path, taken) => page.by_tree(path, *taken, text, name)?,
        RecordsPath::Auto | RecordsPath::Simple(..) => page.by_text(pieces, &body, name),
    }
    page.newest = stream.since.as_ref().and_then(|since| since.newest(&page.records));
    children::find(stream, part, &mut page, name);
    children::include(stream, part, &mut page.records);
    Ok(page)
}

impl Page {
    /// What it tells about itself and its neighbours, with the answer that it came in.
    pub fn told<'a>(&'a self, response: &'a Response) -> Told<'a> {
        Told {
            count: self.count,
            fingerprint: self.fingerprint,
            values: self.values.iter().map(Option::as_deref).collect(),
            headers: &response.headers,
            url: &response.url,
        }
    }

    fn by_text(&mut self, pieces: Pieces<'_>, body: &Bytes, name: &str) {
        let item = |span: &std::ops::Range<u32>| &body[span.start as usize..span.end as usize];
        self.count = pieces.items.len();
        let ends = pieces.items.first().into_iter().chain(pieces.items.last());
        let count = self.count.to_le_bytes();
        self.fingerprint = fingerprint(ends.map(item).chain([count.as_slice()]));
        let mut spans = pieces.items;
        if spans.iter().any(|span| item(span).first() != Some(&b'{')) {
            for (index, span) in spans.iter().enumerate() {
                if item(span).first() != Some(&b'{') {
                    self.failures.push(no_object(name, index, item(span)));
                }
            }
            spans.retain(|span| item(span).first() == Some(&b'{'));
        }
        self.records = Records::from_spans(body.clone(), spans);
    }

    fn by_tree(
        &mut self,
        path: &serde_json_path::JsonPath,
        taken: Taken,
        text: &str,
        name: &str,
    ) -> Result<()> {
        let tree: Value = serde_json::from_str(text).map_err(|e| no_json(text.as_bytes(), &e.to_string()))?;
        let mut records = RecordsBuilder::with_capacity(text.len());
        let mut prints = Vec::new();
        for node in path.query(&tree).all() {
            let items = match node {
                Value::Array(list) if taken == Taken::Node => list.iter().collect(),
                Value::Null if taken == Taken::Node => Vec::new(),
                one => vec![one],
            };
            for item in items {
                let json = item.to_string();
                prints.push(fingerprint([json.as_bytes()]));
                if item.is_object() {
                    records.push(json.as_bytes());
                } else {
                    self.failures.push(no_object(name, self.count, json.as_bytes()));
                }
                self.count += 1;
            }
        }
        let prints: Vec<[u8; 8]> = prints.into_iter().map(u64::to_le_bytes).collect();
        self.fingerprint = fingerprint(prints.iter().map(<[u8; 8]>::as_slice));
        self.records = records.finish();
        Ok(())
    }
}

fn without_bom(body: Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body }
}

fn pieces<'a>(stream: &Stream, text: &'a str) -> serde_json::Result<Pieces<'a>> {
    let RecordsPath::Auto = &stream.records else {
        let mut pieces = stream.cut.apply(text)?;
        pieces.found |= matches!(stream.records, RecordsPath::General(..));
        return Ok(pieces);
    };
    let place = match text.trim_start().as_bytes().first() {
        Some(b'{') => guess(text)?.map(|field| vec![Segment::Name(field)]),
        _ => Some(Vec::new()),
    };
    Cut::new(place.map(|place| (place, Taken::Node)), &stream.pagination.values()).apply(text)
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
fn missing_is_none(stream: &Stream, text: &str) -> Result<()> {
    let mut names = Vec::new();
    let mut suspicious = !text.trim_start().starts_with('{');
    let _ = busta_core::json::for_each_field(text.as_bytes(), |name, raw| {
        suspicious |= raw.starts_with('[');
        suspicious |=
            matches!(&*name, "error" | "errors" | "fault") && !matches!(raw, "null" | "false" | "[]");
        names.push(name.into_owned());
    });
    if !suspicious && !matches!(stream.records, RecordsPath::Auto) {
        return Ok(());
    }
    let fields: Cow<'_, str> = match names.is_empty() {
        true => "it has no fields".into(),
        false => format!("its fields are {}", names.join(", ")).into(),
    };
    Err(Error::data(format!("no records in the answer: {}", excerpt(text.as_bytes())))
        .hint(format!("set `records` to where they are; {fields}")))
}

fn no_object(name: &str, index: usize, item: &[u8]) -> Failure {
    let what = match item.first() {
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    let error = Error::data(format!("the item is {what} where an object was expected"));
    Failure::item(Stage::Parse, format!("{name}, item {}", index + 1), &error, Some(item))
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
