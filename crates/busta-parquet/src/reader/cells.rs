//! Arrow's columns as JSON text, cell by cell.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalDayTimeType, Time32MillisecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use busta_core::{Error, Records, Result, moment};
use serde::Serialize;
use serde_json::value::RawValue;

use super::decimal;
use super::plan::Form;
use crate::{stac, time};

/// Writes the cell of a row, which is not null.
type Write = Box<dyn Fn(usize, &mut Vec<u8>) + Send>;

/// A column, or a part of one, whose cells can be written as JSON.
pub(crate) struct Cells {
    nulls: Option<NullBuffer>,
    write: Write,
}

impl Cells {
    /// Whether columns of this type, which has no parts, can be written.
    pub fn knows(data_type: &DataType) -> bool {
        use DataType as T;
        match data_type {
            T::Null | T::Boolean | T::Utf8 | T::Binary | T::FixedSizeBinary(_) | T::Date32 => true,
            T::Float16 | T::Float32 | T::Float64 | T::Decimal128(..) | T::Decimal256(..) => true,
            T::Timestamp(unit, _) => *unit != TimeUnit::Second,
            T::Time32(unit) => *unit == TimeUnit::Millisecond,
            T::Time64(_) => true,
            T::Interval(unit) => *unit == IntervalUnit::DayTime,
            other => other.is_integer(),
        }
    }

    /// # Errors
    /// If the type is not known, which the plan has ruled out.
    pub fn of(array: &ArrayRef, form: &Form) -> Result<Self> {
        let write = match form {
            Form::Parts(parts) => parts_of(array, parts)?,
            Form::Bbox => bbox_of(array.as_struct())?,
            _ => leaf_of(array, form)?,
        };
        Ok(Self { nulls: array.logical_nulls(), write })
    }

    /// The same value in every row.
    pub fn constant(json: &'static str) -> Self {
        Self { nulls: None, write: Box::new(move |_, out| out.extend_from_slice(json.as_bytes())) }
    }

    /// Objects.
    pub fn group(table: Table) -> Self {
        Self { nulls: None, write: Box::new(move |row, out| table.write(row, out)) }
    }

    /// The same, with nulls said instead of left out.
    pub fn with_nulls(self) -> Self {
        Self { nulls: None, write: Box::new(move |row, out| self.write(row, out)) }
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes the cell, `null` if it is.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
        } else {
            (self.write)(row, out);
        }
    }
}

/// Named columns: the file's own, or those of a group.
pub(crate) struct Table {
    /// Each with its name as it stands in an object: `"name":`.
    fields: Vec<(Box<[u8]>, Cells)>,
}

impl Table {
    pub fn new(fields: Vec<(&str, Cells)>) -> Self {
        let key = |name: &str| {
            let mut key = Vec::with_capacity(name.len() + 3);
            push(&mut key, name);
            key.push(b':');
            key.into_boxed_slice()
        };
        Self { fields: fields.into_iter().map(|(name, cells)| (key(name), cells)).collect() }
    }

    /// The first of `rows` as records, about `bytes` of them; `rows` is what is left.
    pub fn records(&self, rows: &mut Range<usize>, bytes: usize) -> Records {
        let mut buffer = Vec::with_capacity(bytes + bytes / 8);
        let mut spans = Vec::with_capacity(rows.len());
        while rows.start < rows.end && buffer.len() < bytes {
            let start = buffer.len() as u32;
            self.write(rows.start, &mut buffer);
            // A row is at most a page of every column: the buffer ends far below 4 GiB.
            spans.push(start..buffer.len() as u32);
            rows.start += 1;
        }
        Records::from_spans(buffer.into(), spans)
    }

    /// Writes a row as an object.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for (key, cells) in &self.fields {
            if cells.is_null(row) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(key);
            (cells.write)(row, out);
        }
        out.push(b'}');
    }
}

fn parts_of(array: &ArrayRef, parts: &[Form]) -> Result<Write> {
    match array.data_type() {
        DataType::Struct(_) => {
            let table = table_of(array.as_struct(), parts)?;
            Ok(Box::new(move |row, out| table.write(row, out)))
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets().clone();
            let items = Cells::of(list.values(), part(parts, 0)?)?;
            Ok(Box::new(move |row, out| {
                write_list(offsets[row] as usize..offsets[row + 1] as usize, out, |n, out| {
                    items.write(n, out)
                });
            }))
        }
        DataType::Map(..) => map_of(array, parts),
        other => Err(unknown(other)),
    }
}

fn table_of(group: &StructArray, parts: &[Form]) -> Result<Table> {
    let fields = group.fields().iter().zip(group.columns()).enumerate();
    let cells =
        fields.map(|(n, (field, array))| Ok((field.name().as_str(), Cells::of(array, part(parts, n)?)?)));
    Ok(Table::new(cells.collect::<Result<Vec<_>>>()?))
}

/// A bounding box as a list: minima, then maxima, of two or three axes.
fn bbox_of(group: &StructArray) -> Result<Write> {
    let mut numbers = Vec::new();
    for name in ["xmin", "ymin", "zmin", "xmax", "ymax", "zmax"] {
        if let Some(array) = group.column_by_name(name) {
            numbers.push(Cells::of(array, &Form::Plain)?);
        }
    }
    Ok(Box::new(move |row, out| {
        out.push(b'[');
        let known = numbers.iter().filter(|cells| !cells.is_null(row));
        for (n, cells) in known.enumerate() {
            if n > 0 {
                out.push(b',');
            }
            cells.write(row, out);
        }
        out.push(b']');
    }))
}

fn map_of(array: &ArrayRef, parts: &[Form]) -> Result<Write> {
    let map = array.as_map();
    let offsets = map.offsets().clone();
    let range = move |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
    if *map.keys().data_type() != DataType::Utf8 {
        let entries = table_of(map.entries(), parts)?;
        return Ok(Box::new(move |row, out| {
            write_list(range(row), out, |n, out| entries.write(n, out));
        }));
    }
    let keys = map.keys().as_string::<i32>().clone();
    let values = Cells::of(map.values(), part(parts, 1)?)?;
    Ok(Box::new(move |row, out| {
        out.push(b'{');
        let range = range(row);
        for n in range.clone() {
            if n > range.start {
                out.push(b',');
            }
            push(out, keys.value(n));
            out.push(b':');
            values.write(n, out);
        }
        out.push(b'}');
    }))
}

fn write_list(items: Range<usize>, out: &mut Vec<u8>, write: impl Fn(usize, &mut Vec<u8>)) {
    out.push(b'[');
    for n in items.clone() {
        if n > items.start {
            out.push(b',');
        }
        write(n, out);
    }
    out.push(b']');
}

/// A closure that writes `$value` of the row's value, bound to `$name`.
macro_rules! each {
    ($array:expr, |$name:ident, $out:ident| $write:expr) => {{
        let array = $array.clone();
        Ok(Box::new(move |row: usize, $out: &mut Vec<u8>| {
            let $name = array.value(row);
            $write;
        }))
    }};
}

fn leaf_of(array: &ArrayRef, form: &Form) -> Result<Write> {
    use DataType as T;
    match array.data_type() {
        T::Null => Ok(Box::new(|_, out| out.extend_from_slice(b"null"))),
        T::Boolean => each!(array.as_boolean(), |value, out| push(out, &value)),
        T::Utf8 if *form == Form::Json => each!(array.as_string::<i32>(), |value, out| push_json(out, value)),
        T::Utf8 => each!(array.as_string::<i32>(), |value, out| push(out, value)),
        T::Binary if *form == Form::Wkb => each!(array.as_binary::<i32>(), |value, out| {
            if stac::push_geometry(out, value).is_none() {
                push_base64(out, value);
            }
        }),
        T::Binary => each!(array.as_binary::<i32>(), |value, out| push_base64(out, value)),
        T::FixedSizeBinary(_) if *form == Form::Uuid => {
            each!(array.as_fixed_size_binary(), |value, out| push_uuid(out, value))
        }
        T::FixedSizeBinary(_) => each!(array.as_fixed_size_binary(), |value, out| push_base64(out, value)),
        number if number.is_numeric() => number_of(array),
        _ => moment_of(array, form),
    }
}

fn number_of(array: &ArrayRef) -> Result<Write> {
    use DataType as T;
    match array.data_type() {
        T::Int8 => each!(array.as_primitive::<Int8Type>(), |value, out| push(out, &value)),
        T::Int16 => each!(array.as_primitive::<Int16Type>(), |value, out| push(out, &value)),
        T::Int32 => each!(array.as_primitive::<Int32Type>(), |value, out| push(out, &value)),
        T::Int64 => each!(array.as_primitive::<Int64Type>(), |value, out| push(out, &value)),
        T::UInt8 => each!(array.as_primitive::<UInt8Type>(), |value, out| push(out, &value)),
        T::UInt16 => each!(array.as_primitive::<UInt16Type>(), |value, out| push(out, &value)),
        T::UInt32 => each!(array.as_primitive::<UInt32Type>(), |value, out| push(out, &value)),
        T::UInt64 => each!(array.as_primitive::<UInt64Type>(), |value, out| push(out, &value)),
        // Floats that are not finite become null here.
        T::Float16 => each!(array.as_primitive::<Float16Type>(), |value, out| push(out, &value.to_f32())),
        T::Float32 => each!(array.as_primitive::<Float32Type>(), |value, out| push(out, &value)),
        T::Float64 => each!(array.as_primitive::<Float64Type>(), |value, out| push(out, &value)),
        T::Decimal128(_, scale) => {
            let scale = *scale;
            each!(array.as_primitive::<Decimal128Type>(), |value, out| decimal::push(
                out,
                &value.to_string(),
                scale
            ))
        }
        T::Decimal256(_, scale) => {
            let scale = *scale;
            each!(array.as_primitive::<Decimal256Type>(), |value, out| decimal::push(
                out,
                &value.to_string(),
                scale
            ))
        }
        other => Err(unknown(other)),
    }
}

fn moment_of(array: &ArrayRef, form: &Form) -> Result<Write> {
    use DataType as T;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond};
    let utc = *form == Form::Utc || matches!(array.data_type(), T::Timestamp(_, Some(_)));
    match array.data_type() {
        T::Date32 => each!(array.as_primitive::<Date32Type>(), |days, out| time::push_date(out, days.into())),
        T::Timestamp(Millisecond, _) if *form == Form::Moment => {
            each!(array.as_primitive::<TimestampMillisecondType>(), |t, out| match t.checked_mul(1000) {
                Some(micros) => moment::push(out, micros),
                None => time::push_instant(out, t, 3, true),
            })
        }
        T::Timestamp(Microsecond, _) if *form == Form::Moment => {
            each!(array.as_primitive::<TimestampMicrosecondType>(), |t, out| moment::push(out, t))
        }
        T::Timestamp(Nanosecond, _) if *form == Form::Moment => {
            each!(array.as_primitive::<TimestampNanosecondType>(), |t, out| match t % 1000 {
                0 => moment::push(out, t / 1000),
                _ => time::push_instant(out, t, 9, true),
            })
        }
        T::Timestamp(Millisecond, _) => {
            each!(array.as_primitive::<TimestampMillisecondType>(), |t, out| time::push_instant(
                out, t, 3, utc
            ))
        }
        T::Timestamp(Microsecond, _) => {
            each!(array.as_primitive::<TimestampMicrosecondType>(), |t, out| time::push_instant(
                out, t, 6, utc
            ))
        }
        T::Timestamp(Nanosecond, _) => {
            each!(array.as_primitive::<TimestampNanosecondType>(), |t, out| time::push_instant(
                out, t, 9, utc
            ))
        }
        T::Time32(Millisecond) => {
            each!(array.as_primitive::<Time32MillisecondType>(), |t, out| time::push_time(out, t.into(), 3))
        }
        T::Time64(Microsecond) => {
            each!(array.as_primitive::<Time64MicrosecondType>(), |t, out| time::push_time(out, t, 6))
        }
        T::Time64(Nanosecond) => {
            each!(array.as_primitive::<Time64NanosecondType>(), |t, out| time::push_time(out, t, 9))
        }
        T::Interval(IntervalUnit::DayTime) => {
            each!(array.as_primitive::<IntervalDayTimeType>(), |t, out| time::push_interval(
                out,
                t.days,
                t.milliseconds
            ))
        }
        other => Err(unknown(other)),
    }
}

fn part(parts: &[Form], n: usize) -> Result<&Form> {
    parts.get(n).ok_or_else(|| Error::bug("a part of a Parquet column has no form"))
}

fn unknown(data_type: &DataType) -> Error {
    Error::bug(format!("a Parquet column of the type {data_type} has no form"))
}

/// Writes a value, which cannot fail on memory.
fn push<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}

/// Writes JSON text as the JSON that it is; as a text if it is none after all.
fn push_json(out: &mut Vec<u8>, text: &str) {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => out.extend_from_slice(json.get().as_bytes()),
        Err(_) => push(out, text),
    }
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    push(out, &BASE64_STANDARD.encode(bytes));
}

/// RFC 9562, section 4.
fn push_uuid(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    out.push(b'"');
}
