//! The fields of a column in many rows at once: one loop for each kind of value, with nothing in it to choose.

use busta_core::columns::{Column, Nulls, Texts, Values};

use super::cell::{self, Field, Misfit};
use super::maker::{Identity, Slot};
use super::moment::Clockwork;
use super::quality::mix;
use crate::sources::archive::layout::Kind;

/// Appends what `fields` say to their column, up to the first that does not fit; says how many that are. `known` is what
/// their rows are known by, which they may add to.
pub(super) fn column<'a>(
    slot: &Slot,
    column: &mut Column,
    fields: impl Iterator<Item = Field<'a>> + Clone,
    (null_values, known): (&[String], &mut [Identity]),
) -> usize {
    let first = column.rows().unwrap_or_default();
    let (values, nulls) = column.parts_mut();
    let fill = Fill { needed: slot.needed, null_values, nulls, first };
    let each = fields.clone();
    let count = match (slot.kind, values) {
        (Kind::Text, Values::Texts(texts)) => fill.texts(each, texts),
        (Kind::Integer, Values::Ints(values)) => fill.values(each, values, cell::integer),
        (Kind::Number, Values::Floats(values)) => fill.values(each, values, cell::number),
        (Kind::Boolean, Values::Bools(values)) => fill.values(each, values, cell::boolean),
        (Kind::Time, Values::Times(values)) => {
            let count = fill.values(each, values, cell::micros);
            if slot.is_time {
                known.iter_mut().zip(&values[first..]).for_each(|(row, time)| row.time = Some(*time));
            }
            count
        }
        (Kind::Time, Values::Texts(texts)) => fill.moments(each, texts, |row, micros| {
            if slot.is_time {
                known[row].time = Some(micros);
            }
        }),
        _ => 0,
    };
    if slot.in_key {
        let rows = known[..count].iter_mut().zip(fields);
        rows.for_each(|(row, field)| row.key = mix(row.key, field.bytes()));
    }
    count
}

/// Appends fields to a column.
struct Fill<'a> {
    needed: bool,
    null_values: &'a [String],
    nulls: &'a mut Nulls,
    /// The row of the first of them.
    first: usize,
}

impl Fill<'_> {
    /// What `read` makes of them.
    #[inline]
    fn values<'a, T: Default>(
        self,
        fields: impl Iterator<Item = Field<'a>>,
        values: &mut Vec<T>,
        read: impl Fn(Field<'a>) -> Result<T, Misfit>,
    ) -> usize {
        self.each(fields, |_, field| {
            values.push(match field {
                Some(field) => read(field)?,
                None => T::default(),
            });
            Ok(())
        })
    }

    fn texts<'a>(self, fields: impl Iterator<Item = Field<'a>>, texts: &mut Texts) -> usize {
        self.each(fields, |_, field| {
            texts.push(field.map_or(Ok(""), Field::str)?);
            Ok(())
        })
    }

    /// Moments that are spelt out, since one of them says more than microseconds.
    fn moments<'a>(
        self,
        fields: impl Iterator<Item = Field<'a>>,
        texts: &mut Texts,
        mut is_at: impl FnMut(usize, i64),
    ) -> usize {
        self.each(fields, |row, field| {
            let moment = field.map(cell::time).transpose()?;
            texts.push(&moment.map(Clockwork::text).unwrap_or_default());
            moment.into_iter().for_each(|moment| is_at(row, moment.micros()));
            Ok(())
        })
    }

    /// Gives each field to `put`, or nothing if it is null, until one is not taken; says how many were.
    #[inline]
    fn each<'a>(
        self,
        fields: impl Iterator<Item = Field<'a>>,
        mut put: impl FnMut(usize, Option<Field<'a>>) -> Result<(), Misfit>,
    ) -> usize {
        let mut count = 0;
        for field in fields {
            let is_null = self.is_null(field.bytes());
            if is_null && self.needed || put(count, (!is_null).then_some(field)).is_err() {
                break;
            }
            if is_null {
                self.nulls.note(self.first + count);
            }
            count += 1;
        }
        count
    }

    #[inline]
    fn is_null(&self, text: &[u8]) -> bool {
        text.is_empty() || self.null_values.iter().any(|null| null.as_bytes() == text)
    }
}
