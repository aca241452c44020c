//! Rows become records: the fields of the file behind the values that its path told. Rows of fields become
//! columns, and lines of JSON, which may hold other fields than the table, texts.

use std::borrow::Cow;

use busta_core::columns::{self, Cell, Columns, Texts, Values};
use busta_core::json::for_each_field;
use busta_core::{Error, Result};
use serde_json::{Map, Value};

use super::cell::{self, Field, Said};
use super::fill;
use super::header::{Order, is_needed};
use super::moment::{Clockwork, Moment};
use super::quality::mix;
use crate::formats::csv::{PlainRows, Row, push_string};
use crate::sources::archive::layout::{Column, Kind, Table};

/// Makes records of the rows of one file.
pub(super) struct Maker {
    /// The columns that are in no row, and all others, without a value.
    columns: Columns,
    /// The same of the former as text, `{"symbol":"BTCUSDT",`: what every record starts with.
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
        let told =
            about.iter().filter(|(name, _)| !is_column(name)).map(|(name, value)| (name, value.to_string()));
        let absent = order.absent.iter().filter(|column| !column.skip).map(|c| (&c.name, "null".to_owned()));
        let mut opening = vec![b'{'];
        let mut list = Vec::new();
        for (name, raw) in told.chain(absent) {
            opening.extend_from_slice(&lead(name));
            opening.extend_from_slice(raw.as_bytes());
            opening.push(b',');
            list.push(columns::Column::new(name, Values::Same(raw.into())));
        }
        let mut slots: Vec<Slot> = order.columns.iter().map(|column| Slot::of(column, table)).collect();
        for slot in slots.iter_mut().filter(|slot| !slot.skip) {
            slot.place = list.len();
            list.push(columns::Column::new(&slot.name, values(slot.kind)));
        }
        let has_key = slots.iter().any(|slot| slot.in_key);
        let fields = Fields { slots, null_values: table.null_values.clone(), clock: Clockwork::default() };
        Self { columns: Columns::new(list), opening, fields, has_key }
    }

    /// The columns of rows, of which there are none yet.
    pub fn columns(&self) -> Columns {
        self.columns.clone()
    }

    /// How many fields a row has.
    pub fn fields(&self) -> usize {
        self.fields.slots.len()
    }

    /// Puts plain rows of a text into their columns, one column after the other, up to the first row that does not fit.
    /// `known` will be what each of them is known by.
    pub fn rows(&self, columns: &mut Columns, text: &[u8], rows: &PlainRows, known: &mut Vec<Identity>) {
        known.clear();
        known.resize(rows.rows(), Identity::default());
        for (place, slot) in self.fields.slots.iter().enumerate().filter(|(_, slot)| !slot.skip) {
            let fields = rows.column(text, place, known.len()).map(|(start, end)| Field { text, start, end });
            let nulls = &self.fields.null_values;
            let fit = fill::column(slot, columns.column_mut(slot.place), fields, (nulls, known));
            known.truncate(fit);
        }
        if !self.has_key {
            let texts = (0..known.len()).map(|row| &text[rows.row(row)]);
            known.iter_mut().zip(texts).for_each(|(row, text)| row.key = mix(0, text));
        }
        columns.end_rows(known.len());
    }

    /// Puts a row of a table into its columns. On an error `columns` hold a part of it.
    pub fn row(&self, columns: &mut Columns, text: &str, row: &Row, quote: u8) -> Result<Identity> {
        let (fields, expected) = (row.len(), self.fields());
        if fields != expected {
            return Err(Error::data(format!("{fields} fields where there are {expected} columns")));
        }
        let mut identity = Identity::default();
        let mut put = |slot: &Slot, field: &str| -> Result<()> {
            let said = self.fields.read(slot, field, &mut identity)?;
            said.into_iter().for_each(|said| push(columns.column_mut(slot.place), said));
            Ok(())
        };
        let slots = self.fields.slots.iter();
        match row.spans() {
            Some(spans) => {
                slots.zip(spans).try_for_each(|(slot, span)| put(slot, text.get(span).unwrap_or_default()))?
            }
            None => slots.zip(row.texts(text, quote)).try_for_each(|(slot, field)| put(slot, &field))?,
        }
        Ok(self.known_by(text.as_bytes(), identity))
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
        match out.last_mut() {
            Some(last) if *last == b',' => *last = b'}',
            _ => out.push(b'}'),
        }
        Ok(self.known_by(object, identity))
    }

    fn known_by(&self, row: &[u8], identity: Identity) -> Identity {
        let key = if self.has_key { identity.key } else { mix(0, row) };
        Identity { key, ..identity }
    }
}

/// Appends a value to its column.
#[inline]
fn push(column: &mut columns::Column, said: Said) {
    match said {
        Said::Value(cell) => {
            column.push(cell);
        }
        Said::Moment(moment) => {
            if moment.nanos % 1000 > 0 || !column.push(Cell::Time(moment.micros())) {
                push_spelt(column, moment);
            }
        }
    }
}

/// A moment that says more than microseconds makes a column of texts for its batch.
#[cold]
fn push_spelt(column: &mut columns::Column, moment: Moment) {
    column.spell_out();
    column.push(Cell::Text(&Clockwork::text(moment)));
}

fn values(kind: Kind) -> Values {
    match kind {
        Kind::Text => Values::Texts(Texts::default()),
        Kind::Integer => Values::Ints(Vec::new()),
        Kind::Number => Values::Floats(Vec::new()),
        Kind::Boolean => Values::Bools(Vec::new()),
        Kind::Time => Values::Times(Vec::new()),
    }
}

/// The fields of a row in the order of the file.
struct Fields {
    slots: Vec<Slot>,
    null_values: Vec<String>,
    clock: Clockwork,
}

/// What becomes of one field.
pub(super) struct Slot {
    name: String,
    /// Where its column is; nowhere if it is left out.
    place: usize,
    /// What stands before its value: `"open":`.
    lead: Vec<u8>,
    pub kind: Kind,
    skip: bool,
    /// Whether it may not be empty.
    pub needed: bool,
    pub in_key: bool,
    pub is_time: bool,
}

impl Fields {
    /// What a field says; nothing if its column is left out.
    #[inline]
    fn read<'a>(&self, slot: &Slot, text: &'a str, identity: &mut Identity) -> Result<Option<Said<'a>>> {
        if slot.skip {
            return Ok(None);
        }
        if text.is_empty() || self.null_values.iter().any(|null| null == text) {
            if slot.needed {
                return Err(Error::data(format!("`{}` is empty", slot.name)));
            }
            return Ok(Some(Said::Value(Cell::Null)));
        }
        let said = match cell::read(text, slot.kind) {
            Ok(said) => said,
            Err(_) if text.trim().len() < text.len() => return self.read(slot, text.trim(), identity),
            Err(_) => return Err(slot.misfit(text)),
        };
        if let (true, Said::Moment(moment)) = (slot.is_time, &said) {
            identity.time = Some(moment.micros());
        }
        if slot.in_key {
            identity.key = mix(identity.key, text.as_bytes());
        }
        Ok(Some(said))
    }

    /// Appends a field and a comma.
    fn push(&mut self, out: &mut Vec<u8>, place: usize, text: &str, identity: &mut Identity) -> Result<()> {
        let slot = &self.slots[place];
        let Some(said) = self.read(slot, text, identity)? else { return Ok(()) };
        out.extend_from_slice(&slot.lead);
        match said {
            Said::Value(cell) => cell.push(out),
            Said::Moment(moment) => self.clock.push(out, moment),
        }
        out.push(b',');
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
            place: 0,
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
