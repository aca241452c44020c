//! A page: the records of an answer, what is wrong with some of its items, and what they lead to.

use busta_core::{CursorValue, Error, Failure, Records, RecordsBuilder, Result, Stage};

use super::children;
use super::follow;
use super::found::Found;
use super::include;
use super::items::Items;
use super::part::Part;
use super::programs::Variables;
use super::stream::{Endpoint, Stream};
use crate::jq::Spare;

/// A page, taken apart.
#[derive(Debug, Default)]
pub struct Page {
    /// Its records.
    pub records: Records,
    /// Its items that are no records.
    pub failures: Vec<Failure>,
    /// The splits that its items and records lead to.
    pub found: Vec<Found>,
    /// The newest value of the cursor field.
    pub newest: Option<CursorValue>,
    /// The value of the cursor field in its last record.
    pub last: Option<CursorValue>,
}

/// What a page is read for.
pub struct Reading<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// Its place in [`Api::streams`](super::stream::Api::streams).
    pub index: usize,
    /// The split.
    pub part: &'a Part,
    /// The page's name in failures.
    pub name: &'a str,
    /// So many more records the split may have.
    pub room: usize,
    /// The time of the request, as RFC 3339.
    pub now: &'a str,
}

impl Reading<'_> {
    /// Makes records of the items of an answer.
    pub fn answer(&self, items: &Items) -> Result<Page> {
        let _spare = Spare::begin();
        let endpoint = self.stream.endpoint(self.part)?;
        let mut page = Page::default();
        let variables = Variables::new(self.part, self.now)?;
        page.records = self.records(endpoint, items, &variables, &mut page.failures);
        if page.records.len() < self.room {
            follow::find(self, items, &variables, &mut page);
        }
        self.complete(&mut page, &variables);
        Ok(page)
    }

    /// Takes up records that were made from those of another stream.
    pub fn made(&self, records: &[String]) -> Result<Page> {
        let _spare = Spare::begin();
        let records: Records = records.iter().map(String::as_str).collect();
        let mut page = Page { records, ..Page::default() };
        self.complete(&mut page, &Variables::new(self.part, self.now)?);
        Ok(page)
    }

    /// Adds what follows from the records.
    fn complete(&self, page: &mut Page, variables: &Variables) {
        if let Some(since) = &self.stream.since {
            page.newest = since.newest(&page.records);
            page.last = since.last(&page.records);
        }
        include::include(self.stream, self.part, &mut page.records);
        children::find(self, variables, page);
    }

    fn records(
        &self,
        endpoint: &Endpoint,
        items: &Items,
        variables: &Variables,
        failures: &mut Vec<Failure>,
    ) -> Records {
        let Some(map) = &endpoint.map else { return self.objects(items, failures) };
        let mut records = RecordsBuilder::with_capacity(items.text.len());
        for (index, item) in items.iter().enumerate() {
            match map.records(item, variables.timed()) {
                Ok(texts) => texts.iter().for_each(|text| records.push(text.as_bytes())),
                Err(error) => failures.push(self.failed_item(index, &error.at("`map`"), item.as_bytes())),
            }
            if records.len() >= self.room {
                break;
            }
        }
        let mut records = records.finish();
        records.truncate(self.room);
        records
    }

    /// The items that are objects, as they stand in the answer.
    fn objects(&self, items: &Items, failures: &mut Vec<Failure>) -> Records {
        let is_object = |span: &std::ops::Range<u32>| items.get(span).first() == Some(&b'{');
        let mut spans = Vec::with_capacity(items.spans.len().min(self.room));
        for (index, span) in items.spans.iter().enumerate() {
            if spans.len() == self.room {
                break;
            }
            if is_object(span) {
                spans.push(span.clone());
            } else {
                let item = items.get(span);
                failures.push(self.failed_item(index, &no_object(item), item));
            }
        }
        Records::from_spans(items.text.clone(), spans)
    }

    /// The failure of item `index` of the answer.
    pub fn failed_item(&self, index: usize, error: &Error, item: &[u8]) -> Failure {
        Failure::item(Stage::Parse, format!("{}, item {}", self.name, index + 1), error, Some(item))
    }

    /// The failure of record `index` of the page.
    pub fn failed_record(&self, index: usize, error: &Error, record: &[u8]) -> Failure {
        Failure::item(Stage::Parse, format!("{}, record {}", self.name, index + 1), error, Some(record))
    }
}

fn no_object(item: &[u8]) -> Error {
    let what = match item.first() {
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    Error::data(format!("the item is {what} where an object was expected"))
}
