//! Rows become records: the fields of the file behind the values that its path told.

use std::borrow::Cow;

use busta_core::json::for_each_field;
use busta_core::{Error, Result};
use serde_json::{Map, Value};

use super::cell;
use super::header::{Order, is_needed};
use super::moment::Clockwork;
use super::quality::mix;
use crate::formats::csv::{Row, push_string};
use crate::sources::archive::layout::{Column, Kind, Table};

/// Makes records of the rows of one file.
pub(super) struct Maker {
    /// `{"symbol":"BTCUSDT",`: what every record starts with.
    opening: Vec<u8>,
    fields: Fields,
    /// Whether the key of the table holds a column; else the whole row is its key.
    has_key: bool,
}

/// What a record is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// When it happened, in microseconds since 1970.
    pub time: Option<i64>,
    /// A digest of its key.
    pub key: u64,
}

impl Maker {
    /// A maker for rows in this order. `about` are the values of the path; a column of the same name goes
    /// before them.
    pub fn new(table: &Table, about: &Map<String, Value>, order: &Order) -> Self {
        let is_column = |name: &str| order.columns.iter().any(|column| !column.skip && column.name == name);
        let mut opening = vec![b'{'];
        for (name, value) in about.iter().filter(|(name, _)| !is_column(name)) {
            opening.extend_from_slice(&lead(name));
            // Writing a value to memory cannot fail.
            let _ = serde_json::to_writer(&mut opening, value);
            opening.push(b',');
        }
        for column in order.absent.iter().filter(|column| !column.skip) {
            opening.extend_from_slice(&lead(&column.name));
            opening.extend_from_slice(b"null,");
        }
        let slots: Vec<Slot> = order.columns.iter().map(|column| Slot::of(column, table)).collect();
        let has_key = slots.iter().any(|slot| slot.in_key);
        let fields = Fields { slots, null_values: table.null_values.clone(), clock: Clockwork::default() };
        Self { opening, fields, has_key }
    }

    /// Appends the record of a row of a table. On an error `out` holds a part of it.
    pub fn row(&mut self, out: &mut Vec<u8>, text: &str, row: &Row, quote: u8) -> Result<Identity> {
        let (fields, columns) = (row.len(), self.fields.slots.len());
        if fields != columns {
            return Err(Error::data(format!("{fields} fields where there are {columns} columns")));
        }
        out.extend_from_slice(&self.opening);
        let mut identity = Identity::default();
        for (place, field) in row.texts(text, quote).enumerate() {
            self.fields.push(out, place, &field, &mut identity)?;
        }
        Ok(self.close(out, text.as_bytes(), identity))
    }

    /// Appends the record of a JSON object: fields that are columns become values of their kind, also where they
    /// stand as texts; others stay what they are.
    pub fn object(&mut self, out: &mut Vec<u8>, object: &[u8]) -> Result<Identity> {
        let mut identity = Identity::default();
        let mut seen = vec![false; self.fields.slots.len()];
        let mut outcome = Ok(());
        out.extend_from_slice(&self.opening);
        for_each_field(object, |name, raw| {
            if outcome.is_ok() {
                outcome = self.fields.named(out, &name, raw, &mut seen, &mut identity);
            }
        })
        .map_err(|error| Error::data(format!("this is no JSON object: {error}")))?;
        outcome?;
        if let Some(name) = self.fields.missing(&seen) {
            return Err(Error::data(format!("there is no `{name}`")));
        }
        Ok(self.close(out, object, identity))
    }

    fn close(&self, out: &mut Vec<u8>, row: &[u8], identity: Identity) -> Identity {
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b'}',
            _ => out.push(b'}'),
        }
        let key = if self.has_key { identity.key } else { mix(0, row) };
        Identity { key, ..identity }
    }
}

/// The fields of a row in the order of the file.
struct Fields {
    slots: Vec<Slot>,
    null_values: Vec<String>,
    clock: Clockwork,
}

/// What becomes of one field.
struct Slot {
    name: String,
    /// What stands before its value: `"open":`.
    lead: Vec<u8>,
    kind: Kind,
    skip: bool,
    /// Whether it may not be empty.
    needed: bool,
    in_key: bool,
    is_time: bool,
}

impl Fields {
    /// Appends a field and a comma.
    #[inline]
    fn push(&mut self, out: &mut Vec<u8>, place: usize, text: &str, identity: &mut Identity) -> Result<()> {
        let slot = &self.slots[place];
        if slot.skip {
            return Ok(());
        }
        out.extend_from_slice(&slot.lead);
        if text.is_empty() || self.null_values.iter().any(|null| null == text) {
            if slot.needed {
                return Err(Error::data(format!("`{}` is empty", slot.name)));
            }
            out.extend_from_slice(b"null,");
            return Ok(());
        }
        let moment = cell::push(out, text, slot.kind, &mut self.clock).map_err(|_| slot.misfit(text))?;
        out.push(b',');
        if slot.is_time {
            identity.time = moment.map(|moment| moment.micros());
        }
        if slot.in_key {
            identity.key = mix(identity.key, text.as_bytes());
        }
        Ok(())
    }

    /// Appends the field `name` of a JSON object, whose value is `raw`.
    fn named(
        &mut self,
        out: &mut Vec<u8>,
        name: &str,
        raw: &str,
        seen: &mut [bool],
        identity: &mut Identity,
    ) -> Result<()> {
        let Some(place) = self.slots.iter().position(|slot| slot.name == name) else {
            out.extend_from_slice(&lead(name));
            out.extend_from_slice(raw.as_bytes());
            out.push(b',');
            return Ok(());
        };
        if std::mem::replace(&mut seen[place], true) {
            return Err(Error::data(format!("`{name}` is there twice")));
        }
        let text = match raw.as_bytes().first() {
            Some(b'"') => Cow::Owned(
                serde_json::from_str::<String>(raw)
                    .map_err(|error| Error::data(format!("`{name}` is no text: {error}")))?,
            ),
            Some(b'n') => Cow::Borrowed(""),
            _ => Cow::Borrowed(raw),
        };
        self.push(out, place, &text, identity)
    }

    /// A field that every record must have and this one has not.
    fn missing(&self, seen: &[bool]) -> Option<&str> {
        let mut both = self.slots.iter().zip(seen);
        both.find(|(slot, seen)| slot.needed && !**seen).map(|(slot, _)| &*slot.name)
    }
}

impl Slot {
    fn of(column: &Column, table: &Table) -> Self {
        Self {
            name: column.name.clone(),
            lead: lead(&column.name),
            kind: column.kind,
            skip: column.skip,
            needed: is_needed(table, &column.name),
            in_key: table.primary_key.contains(&column.name),
            is_time: table.time.as_ref() == Some(&column.name),
        }
    }

    #[cold]
    fn misfit(&self, text: &str) -> Error {
        let what = match self.kind {
            Kind::Text => "text",
            Kind::Integer => "whole number of 64 bits",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Time => "time since 1970",
        };
        let shown: String = text.chars().take(40).collect();
        Error::data(format!("`{}` is no {what}: `{shown}`", self.name))
    }
}

fn lead(name: &str) -> Vec<u8> {
    let mut lead = Vec::with_capacity(name.len() + 3);
    push_string(&mut lead, name);
    lead.push(b':');
    lead
}
