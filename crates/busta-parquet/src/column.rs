//! Columns in the making: JSON values become Arrow arrays.

use std::mem;
use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::shape::Kind;
use crate::time;
use crate::value::{Value, exact};

/// A column of the batch that is being gathered. It can be cut back, so that rows can be tried.
#[derive(Debug)]
pub(crate) enum Build {
    Bool(Bits),
    Int(Numbers<Int64Type>),
    Float(Numbers<Float64Type>),
    Text(Texts),
    Time(Numbers<TimestampMicrosecondType>),
    Json(Texts),
}

/// The zone of all moments.
pub(crate) const UTC: &str = "UTC";

/// The value is of a kind that the column does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

impl Build {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(Bits::new()),
            Kind::Int => Self::Int(Numbers::new()),
            Kind::Float => Self::Float(Numbers::new()),
            Kind::Text => Self::Text(Texts::new()),
            Kind::Time => Self::Time(Numbers::new()),
            Kind::Json => Self::Json(Texts::new()),
        }
    }

    /// The Arrow type of columns of `kind`.
    pub fn data_type(kind: Kind) -> DataType {
        match kind {
            Kind::Bool => DataType::Boolean,
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Text | Kind::Json => DataType::Utf8,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        }
    }

    /// Appends the value with this JSON text. On a misfit null is appended, so that the columns stay
    /// of one length.
    pub fn append(&mut self, raw: &str) -> Result<(), Misfit> {
        if let Self::Json(build) = self {
            match raw {
                "null" => build.push(None),
                _ => build.push(Some(raw)),
            }
            return Ok(());
        }
        match (self, Value::of(raw)) {
            (build, Value::Null) => build.append_null(),
            (Self::Bool(build), Value::Bool(value)) => build.push(Some(value)),
            (Self::Int(build), Value::Int(value)) => build.push(Some(value)),
            (Self::Float(build), Value::Float(value)) => build.push(Some(value)),
            (Self::Float(build), Value::Int(value)) if exact(value) => build.push(Some(value as f64)),
            (Self::Text(build), Value::Text(text)) => build.push(Some(&text)),
            (Self::Text(build), Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Other(_)) => {
                build.push(Some(raw));
            }
            (Self::Time(build), Value::Text(text)) => match time::moment(&text) {
                Some(micros) => build.push(Some(micros)),
                None => {
                    build.push(None);
                    return Err(Misfit);
                }
            },
            (build, _) => {
                build.append_null();
                return Err(Misfit);
            }
        }
        Ok(())
    }

    pub fn append_null(&mut self) {
        match self {
            Self::Bool(build) => build.push(None),
            Self::Int(build) => build.push(None),
            Self::Float(build) => build.push(None),
            Self::Time(build) => build.push(None),
            Self::Text(build) | Self::Json(build) => build.push(None),
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(build) => build.nulls.len(),
            Self::Int(build) => build.nulls.len(),
            Self::Float(build) => build.nulls.len(),
            Self::Time(build) => build.nulls.len(),
            Self::Text(build) | Self::Json(build) => build.nulls.len(),
        }
    }

    /// Forgets all values but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Bool(build) => {
                build.values.truncate(len);
                build.nulls.truncate(len);
            }
            Self::Int(build) => build.truncate(len),
            Self::Float(build) => build.truncate(len),
            Self::Time(build) => build.truncate(len),
            Self::Text(build) | Self::Json(build) => build.truncate(len),
        }
    }

    /// The column so far; the next one starts empty.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(build) => Arc::new(mem::replace(build, Bits::new()).finish()),
            Self::Int(build) => Arc::new(mem::replace(build, Numbers::new()).finish()),
            Self::Float(build) => Arc::new(mem::replace(build, Numbers::new()).finish()),
            Self::Time(build) => Arc::new(mem::replace(build, Numbers::new()).finish().with_timezone(UTC)),
            Self::Text(build) | Self::Json(build) => Arc::new(mem::replace(build, Texts::new()).finish()),
        }
    }
}

/// Booleans.
#[derive(Debug)]
pub(crate) struct Bits {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Bits {
    fn new() -> Self {
        Self { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) }
    }

    fn push(&mut self, value: Option<bool>) {
        self.values.append(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }

    fn finish(mut self) -> BooleanArray {
        BooleanArray::new(self.values.finish(), self.nulls.finish())
    }
}

/// Numbers of one width.
#[derive(Debug)]
pub(crate) struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(mut self) -> PrimitiveArray<T> {
        PrimitiveArray::new(self.values.into(), self.nulls.finish())
    }
}

/// Texts, one behind the other.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: String,
    /// Where each ends.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Texts {
    fn new() -> Self {
        Self { bytes: String::new(), ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        // A batch is far below the 2 GiB that a column of texts may hold.
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append(text.is_some());
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.bytes.truncate(self.ends[len] as usize);
        self.nulls.truncate(len);
    }

    fn finish(mut self) -> StringArray {
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        StringArray::new(ends, Buffer::from_vec(self.bytes.into_bytes()), self.nulls.finish())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn a_column_is_cut_back() {
        for (kind, values) in [
            (Kind::Bool, ["true", "false", "true"]),
            (Kind::Int, ["1", "2", "3"]),
            (Kind::Float, ["1.5", "2", "3.5"]),
            (Kind::Text, ["\"a\"", "\"bc\"", "1"]),
            (
                Kind::Time,
                [
                    "\"2024-01-31T23:59:59.000001Z\"",
                    "\"1969-12-31T23:59:59.999999Z\"",
                    "\"9999-12-31T00:00:00.000000Z\"",
                ],
            ),
            (Kind::Json, ["[1]", "{}", "1"]),
        ] {
            let mut build = Build::new(kind);
            values.iter().for_each(|value| build.append(value).unwrap());
            build.append_null();
            build.truncate(1);
            build.append("null").unwrap();
            build.append(values[2]).unwrap();
            assert_eq!(build.len(), 3);
            let column = build.finish();
            assert_eq!((column.len(), column.null_count(), column.is_null(1)), (3, 1, true), "{kind}");
            if kind == Kind::Text {
                let texts: Vec<_> = column.as_string::<i32>().iter().collect();
                assert_eq!(texts, [Some("a"), None, Some("1")]);
            }
            assert_eq!(build.finish().len(), 0);
        }
    }
}
