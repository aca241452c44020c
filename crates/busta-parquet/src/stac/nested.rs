//! Nested columns in the making.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Float64Builder, NullBufferBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use busta_core::json::for_each_field;
use busta_core::{Error, Result};

use super::layout::{Layout, Stored, for_each_item};
use super::shape::{ItemColumn, Place, instant};
use super::wkb::{self, Extent};
use crate::column::Build;
use crate::shape::{Kind, Places};

/// The names of the numbers of a bbox, in the order of a bbox.
pub(super) const BOX_4: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];
pub(super) const BOX_6: [&str; 6] = ["xmin", "ymin", "zmin", "xmax", "ymax", "zmax"];

/// A column of Items, or a part of one.
pub(super) enum Nest {
    Scalar(Build, Kind),
    Time(TimestampMicrosecondBuilder),
    Geometry(BinaryBuilder),
    Bbox(BoxBuild),
    List { offsets: Vec<i32>, nulls: NullBufferBuilder, item: Box<Nest> },
    Group { fields: Vec<(Box<str>, Nest)>, places: Places, nulls: NullBufferBuilder },
}

impl Nest {
    /// An empty column.
    pub fn of(column: &ItemColumn) -> Self {
        match (&*column.name, column.place) {
            ("geometry", Place::Item) => Self::Geometry(BinaryBuilder::new()),
            ("bbox", Place::Item) => Self::Bbox(BoxBuild::new(column.is_solid)),
            _ if column.is_time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            _ => Self::part(&column.layout),
        }
    }

    fn part(layout: &Layout) -> Self {
        match layout.stored() {
            Stored::Scalar(kind) => Self::Scalar(Build::new(kind), kind),
            Stored::List(item) => Self::List {
                offsets: vec![0],
                nulls: NullBufferBuilder::new(0),
                item: Box::new(Self::part(item)),
            },
            Stored::Group(fields) => Self::Group {
                places: Places::of(fields.iter().map(|(name, _)| &**name)),
                fields: fields.iter().map(|(name, layout)| (name.clone(), Self::part(layout))).collect(),
                nulls: NullBufferBuilder::new(0),
            },
        }
    }

    /// The column's Arrow type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Scalar(_, kind) => Build::data_type(*kind),
            Self::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Geometry(_) => DataType::Binary,
            Self::Bbox(build) => DataType::Struct(build.fields()),
            Self::List { item, .. } => DataType::List(item.item_field()),
            Self::Group { fields, .. } => DataType::Struct(fields_of(fields)),
        }
    }

    fn item_field(&self) -> FieldRef {
        Arc::new(Field::new("element", self.data_type(), true))
    }

    /// Adds to `paths` the ways to columns that hold JSON.
    pub fn json_paths(&self, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
        match self {
            Self::Scalar(_, Kind::Json) => paths.push(path.clone()),
            Self::List { item, .. } => {
                path.push("element".to_owned());
                item.json_paths(path, paths);
                path.pop();
            }
            Self::Group { fields, .. } => {
                for (name, nest) in fields {
                    path.push(name.to_string());
                    nest.json_paths(path, paths);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// Appends a value; `None` is null.
    pub fn append(&mut self, raw: Option<&str>, extent: &mut Extent) -> Result<()> {
        let Some(raw) = raw.filter(|raw| *raw != "null") else {
            self.append_null();
            return Ok(());
        };
        match self {
            Self::Scalar(build, _) => build.append(raw).map_err(|_| misfit(raw)),
            Self::Time(build) => {
                build.append_value(instant(raw).ok_or_else(|| misfit(raw))?);
                Ok(())
            }
            Self::Geometry(build) => {
                let mut wkb = Vec::new();
                wkb::write(raw, extent, &mut wkb)?;
                build.append_value(wkb);
                Ok(())
            }
            Self::Bbox(build) => build.append(raw),
            Self::List { .. } => self.append_list(raw, extent),
            Self::Group { .. } => self.append_group(raw, extent),
        }
    }

    fn append_list(&mut self, raw: &str, extent: &mut Extent) -> Result<()> {
        let Self::List { offsets, nulls, item } = self else { return Ok(()) };
        if !raw.starts_with('[') {
            return Err(misfit(raw));
        }
        let mut count = 0;
        let mut outcome = Ok(());
        for_each_item(raw, |raw| {
            if outcome.is_ok() {
                outcome = item.append(Some(raw), extent);
            }
            count += 1;
        });
        // A batch is a few MiB of text, so it has less than 2^31 items.
        offsets.push(offsets.last().copied().unwrap_or(0) + count);
        nulls.append_non_null();
        outcome
    }

    fn append_group(&mut self, raw: &str, extent: &mut Extent) -> Result<()> {
        let Self::Group { fields, places, nulls } = self else { return Ok(()) };
        if !raw.starts_with('{') {
            return Err(misfit(raw));
        }
        let mut slots = vec![None; fields.len()];
        let mut nth = 0;
        let mut unknown = false;
        for_each_field(raw.as_bytes(), |name, raw| {
            match places.find(nth, &name, |place| &fields[place].0) {
                Some(place) => slots[place] = Some(raw),
                None => unknown = true,
            }
            nth += 1;
        })
        .map_err(|error| Error::data(format!("not a JSON object: {error}")))?;
        if unknown {
            return Err(misfit(raw));
        }
        nulls.append_non_null();
        for ((name, nest), slot) in fields.iter_mut().zip(slots) {
            nest.append(slot, extent).map_err(|error| error.at(name))?;
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match self {
            Self::Scalar(build, _) => build.append_null(),
            Self::Time(build) => build.append_null(),
            Self::Geometry(build) => build.append_null(),
            Self::Bbox(build) => build.append_null(),
            Self::List { offsets, nulls, .. } => {
                offsets.push(offsets.last().copied().unwrap_or(0));
                nulls.append_null();
            }
            Self::Group { fields, nulls, .. } => {
                nulls.append_null();
                fields.iter_mut().for_each(|(_, nest)| nest.append_null());
            }
        }
    }

    /// The column so far; the next one starts empty.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Scalar(build, _) => build.finish(),
            Self::Time(build) => Arc::new(build.finish()),
            Self::Geometry(build) => Arc::new(build.finish()),
            Self::Bbox(build) => build.finish(),
            Self::List { offsets, nulls, item } => {
                let offsets = std::mem::replace(offsets, vec![0]);
                let field = item.item_field();
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(ListArray::new(field, offsets, item.finish(), nulls.finish()))
            }
            Self::Group { fields, nulls, .. } => {
                let types = fields_of(fields);
                let arrays = fields.iter_mut().map(|(_, nest)| nest.finish()).collect();
                Arc::new(StructArray::new(types, arrays, nulls.finish()))
            }
        }
    }
}

fn fields_of(fields: &[(Box<str>, Nest)]) -> Fields {
    fields.iter().map(|(name, nest)| Field::new(name.as_ref(), nest.data_type(), true)).collect()
}

fn misfit(raw: &str) -> Error {
    let start: String = raw.chars().take(40).collect();
    Error::bug(format!("the shape of the file does not hold {start}"))
}

/// Bounding boxes: a group of four or six doubles.
pub(super) struct BoxBuild {
    names: &'static [&'static str],
    values: Vec<Float64Builder>,
    nulls: NullBufferBuilder,
}

impl BoxBuild {
    fn new(six: bool) -> Self {
        let names: &[&str] = if six { &BOX_6 } else { &BOX_4 };
        let values = names.iter().map(|_| Float64Builder::new()).collect();
        Self { names, values, nulls: NullBufferBuilder::new(0) }
    }

    /// The names of the numbers.
    pub fn names(&self) -> &'static [&'static str] {
        self.names
    }

    fn fields(&self) -> Fields {
        self.names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
    }

    fn append(&mut self, raw: &str) -> Result<()> {
        let numbers: Vec<f64> = serde_json::from_str(raw)
            .map_err(|error| Error::data(format!("the bbox is not a list of numbers: {error}")))?;
        match (numbers.len(), self.names.len()) {
            (4, 6) => {
                // A flat box among solid ones has no z.
                for (n, value) in [0, 1, 3, 4].into_iter().zip(&numbers) {
                    self.values[n].append_value(*value);
                }
                self.values[2].append_null();
                self.values[5].append_null();
            }
            (count, room) if count == room => {
                for (build, value) in self.values.iter_mut().zip(&numbers) {
                    build.append_value(*value);
                }
            }
            (count, _) => return Err(Error::data(format!("the bbox has {count} numbers, not 4 or 6"))),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.values.iter_mut().for_each(Float64Builder::append_null);
        self.nulls.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        let arrays = self.values.iter_mut().map(|build| Arc::new(build.finish()) as ArrayRef).collect();
        Arc::new(StructArray::new(self.fields(), arrays, self.nulls.finish()))
    }
}
