//! Spans: between which keys the rows of a batch lie.
//!
//! Rows of an archive come in the order of their keys, and no file has keys of another. Where two batches have
//! spans that do not meet, none of their keys needs to be looked at; and where a batch is in the order of its
//! keys, no two of them are equal.
//!
//! Two keys are compared field by field, as numbers, moments or texts. Keys whose fields have other types have
//! no order: then all of them are looked at.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use busta_core::columns::{Column, Columns, Texts, Values};
use serde_json::Value;

use super::segment::RowKeySpec;

/// Longer texts are no bounds: a span is to be small.
const LONGEST: usize = 256;

/// So many spans are held at most: some 10 MB. More of them are joined to larger ones.
pub(super) const MAX_SPANS: usize = 1 << 16;

/// A value of a key's field. Equal ones of the same kind, and only those, belong to equal keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Int(i64),
    /// A double as an integer that has the same order.
    Float(i64),
    Time(i64),
    Text(Box<str>),
}

/// The values of all fields of a key.
type Key = Box<[Part]>;

/// Keys from the least to the greatest, both included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    low: Key,
    high: Key,
}

/// The span of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) span: Span,
    /// Whether each row's key is greater than the one before it.
    pub(super) ascends: bool,
}

impl Span {
    /// Of the rows of a batch, of which there are some; `None` if their keys have no order.
    pub(super) fn of(spec: &RowKeySpec, batch: &Columns) -> Option<Found> {
        let last = batch.rows().checked_sub(1)?;
        let fields: Vec<Field> =
            spec.fields.iter().map(|name| Field::of(batch.column(name)?)).collect::<Option<_>>()?;
        // What is the same in all rows makes none greater than another.
        let differing: Vec<&Field> = fields.iter().filter(|field| !matches!(field, Field::Same(_))).collect();
        let order = |a: usize, b: usize| {
            let mut orders = differing.iter().map(|field| field.order(a, b));
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let ascends = match differing[..] {
            [Field::Ints(values) | Field::Times(values)] => values.is_sorted_by(|a, b| a < b),
            _ => (0..last).all(|row| order(row, row + 1).is_lt()),
        };
        let (low, high) = if ascends {
            (0, last)
        } else {
            let all = 0..=last;
            (all.clone().min_by(|a, b| order(*a, *b))?, all.max_by(|a, b| order(*a, *b))?)
        };
        let key = |row: usize| fields.iter().map(|field| field.part(row)).collect::<Option<Key>>();
        Some(Found { span: Self { low: key(low)?, high: key(high)? }, ascends })
    }

    /// Whether the keys of both have the same types, without which they have no order.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let pairs = self.low.iter().zip(&*other.low);
        self.low.len() == other.low.len()
            && pairs.into_iter().all(|(a, b)| std::mem::discriminant(a) == std::mem::discriminant(b))
    }

    /// Whether the field at this place of the key is a number.
    pub(super) fn is_number(&self, place: usize) -> bool {
        matches!(self.low.get(place), Some(Part::Int(_) | Part::Float(_)))
    }

    /// Whether a key may lie in both, which are alike.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Where both lie; they are alike and meet.
    pub(super) fn common(&self, other: &Self) -> Self {
        let low = self.low.as_ref().max(&other.low).into();
        Self { low, high: self.high.as_ref().min(&other.high).into() }
    }

    /// The one of both, which are alike, that reaches further.
    pub(super) fn further<'a>(&'a self, other: &'a Self) -> &'a Self {
        if other.high > self.high { other } else { self }
    }

    /// What holds both, which are alike.
    pub(super) fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Appends it: for each field of the least key, then of the greatest, a byte for its type and its value
    /// as 8 bytes, or a text with its length (`u32`).
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for part in self.low.iter().chain(&*self.high) {
            let (tag, number) = match part {
                Part::Int(value) => (0, *value),
                Part::Float(value) => (1, *value),
                Part::Time(value) => (2, *value),
                Part::Text(text) => {
                    out.push(3);
                    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    out.extend_from_slice(text.as_bytes());
                    continue;
                }
            };
            out.push(tag);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads the span of keys of so many fields.
    pub(super) fn decode(input: &mut &[u8], fields: usize) -> Option<Self> {
        let mut key = || (0..fields).map(|_| Part::decode(input)).collect::<Option<Key>>();
        Some(Self { low: key()?, high: key()? })
    }
}

impl Part {
    fn float(value: f64) -> Self {
        // The two zeros are one key.
        let bits = (value + 0.0).to_bits() as i64;
        Self::Float(bits ^ ((bits >> 63) as u64 >> 1) as i64)
    }

    fn text(text: &str) -> Option<Self> {
        (text.len() <= LONGEST).then(|| Self::Text(text.into()))
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let (tag, rest) = input.split_first()?;
        *input = rest;
        if *tag == 3 {
            let (length, rest) = input.split_first_chunk()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            *input = rest;
            return Some(Self::Text(str::from_utf8(text).ok()?.into()));
        }
        let (number, rest) = input.split_first_chunk()?;
        *input = rest;
        let number = i64::from_le_bytes(*number);
        match tag {
            0 => Some(Self::Int(number)),
            1 => Some(Self::Float(number)),
            2 => Some(Self::Time(number)),
            _ => None,
        }
    }
}

/// A column of a key's field, without nulls.
enum Field<'a> {
    Ints(&'a [i64]),
    Times(&'a [i64]),
    Floats(&'a [f64]),
    Texts(&'a Texts),
    Same(Part),
}

impl<'a> Field<'a> {
    fn of(column: &'a Column) -> Option<Self> {
        if !column.nulls().is_empty() {
            return None;
        }
        Some(match column.values() {
            Values::Ints(values) => Self::Ints(values),
            Values::Times(values) => Self::Times(values),
            Values::Floats(values) => Self::Floats(values),
            Values::Texts(texts) => Self::Texts(texts),
            Values::Same(raw) => Self::Same(match serde_json::from_str(raw).ok()? {
                Value::String(text) => Part::text(&text)?,
                Value::Number(number) => Part::Int(number.as_i64()?),
                _ => return None,
            }),
            Values::Bools(_) | Values::Raw(_) => return None,
        })
    }

    fn order(&self, a: usize, b: usize) -> Ordering {
        match self {
            Self::Ints(values) | Self::Times(values) => values[a].cmp(&values[b]),
            // Columns hold no NaN.
            Self::Floats(values) => values[a].partial_cmp(&values[b]).unwrap_or(Ordering::Equal),
            Self::Texts(texts) => texts.get(a).cmp(texts.get(b)),
            Self::Same(_) => Ordering::Equal,
        }
    }

    fn part(&self, row: usize) -> Option<Part> {
        Some(match self {
            Self::Ints(values) => Part::Int(values[row]),
            Self::Times(values) => Part::Time(values[row]),
            Self::Floats(values) => Part::float(values[row]),
            Self::Texts(texts) => Part::text(texts.get(row))?,
            Self::Same(part) => part.clone(),
        })
    }
}

/// Spans of one kind that do not meet, in their order.
#[derive(Debug, Default)]
pub(super) struct SpanSet(BTreeMap<Key, Key>);

impl SpanSet {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key of this span may lie in one of them.
    pub(super) fn meets(&self, span: &Span) -> bool {
        self.before(&span.high).is_some_and(|(_, high)| *high >= span.low)
    }

    /// Adds one, together with what it meets.
    pub(super) fn insert(&mut self, span: Span) {
        let mut all = span;
        while let Some((low, high)) = self.before(&all.high)
            && *high >= all.low
        {
            let low = low.clone();
            let high = self.0.remove(&low).unwrap_or_default();
            all = all.hull(Span { low, high });
        }
        self.0.insert(all.low, all.high);
        if self.0.len() > MAX_SPANS {
            self.thin();
        }
    }

    /// The last one that begins at or before a key.
    fn before(&self, key: &[Part]) -> Option<(&Key, &Key)> {
        self.0.range::<[Part], _>((Bound::Unbounded, Bound::Included(key))).next_back()
    }

    /// Makes one of each two that follow one another.
    pub(super) fn thin(&mut self) {
        let mut spans = std::mem::take(&mut self.0).into_iter();
        while let Some((low, high)) = spans.next() {
            let high = spans.next().map_or(high, |(_, high)| high);
            self.0.insert(low, high);
        }
    }
}
