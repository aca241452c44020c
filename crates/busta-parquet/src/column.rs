//! Columns in the making: JSON values become Arrow arrays.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_schema::DataType;

use crate::shape::Kind;
use crate::value::{Value, exact};

/// A column of the batch that is being gathered.
#[derive(Debug)]
pub(crate) enum Build {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Json(StringBuilder),
}

/// The value is of a kind that the column does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

impl Build {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Json => Self::Json(StringBuilder::new()),
        }
    }

    /// The Arrow type of columns of `kind`.
    pub fn data_type(kind: Kind) -> DataType {
        match kind {
            Kind::Bool => DataType::Boolean,
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Text | Kind::Json => DataType::Utf8,
        }
    }

    /// Appends the value with this JSON text. On a misfit null is appended, so that the columns stay
    /// of one length.
    pub fn append(&mut self, raw: &str) -> Result<(), Misfit> {
        if let Self::Json(build) = self {
            match raw {
                "null" => build.append_null(),
                _ => build.append_value(raw),
            }
            return Ok(());
        }
        match (self, Value::of(raw)) {
            (build, Value::Null) => build.append_null(),
            (Self::Bool(build), Value::Bool(value)) => build.append_value(value),
            (Self::Int(build), Value::Int(value)) => build.append_value(value),
            (Self::Float(build), Value::Float(value)) => build.append_value(value),
            (Self::Float(build), Value::Int(value)) if exact(value) => build.append_value(value as f64),
            (Self::Text(build), Value::Text(text)) => build.append_value(text),
            (Self::Text(build), Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Other(_)) => {
                build.append_value(raw);
            }
            (build, _) => {
                build.append_null();
                return Err(Misfit);
            }
        }
        Ok(())
    }

    pub fn append_null(&mut self) {
        match self {
            Self::Bool(build) => build.append_null(),
            Self::Int(build) => build.append_null(),
            Self::Float(build) => build.append_null(),
            Self::Text(build) | Self::Json(build) => build.append_null(),
        }
    }

    /// The column so far; the next one starts empty.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(build) => Arc::new(build.finish()),
            Self::Int(build) => Arc::new(build.finish()),
            Self::Float(build) => Arc::new(build.finish()),
            Self::Text(build) | Self::Json(build) => Arc::new(build.finish()),
        }
    }
}
