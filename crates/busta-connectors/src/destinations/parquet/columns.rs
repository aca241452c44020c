//! The columns of a table and the files that have them, in either layout.

use std::io::Write;

use busta_core::columns::Column;
use busta_core::{Error, Records, Result};
use busta_parquet::{ItemShape, ParquetWriter, Shape, StacWriter, WriteOptions, Written};
use serde::Serialize;
use serde_json::Value;

use super::config::TableLayout;
use crate::destinations::lake::Block;

/// The tables of a STAC source whose records are no Items.
const NO_ITEMS: [&str; 2] = ["collections", "assets"];

/// Which tables hold STAC Items.
#[derive(Clone, Debug)]
pub(super) enum Layouts {
    /// None.
    Tables,
    /// All that a STAC source fills with Items.
    Items,
    /// These.
    ItemsIn(Vec<String>),
}

impl Layouts {
    pub(super) fn of(&self, table: &str) -> TableLayout {
        let are_items = match self {
            Self::Tables => false,
            Self::Items => !NO_ITEMS.contains(&table),
            Self::ItemsIn(tables) => tables.iter().any(|known| known == table),
        };
        if are_items { TableLayout::StacGeoparquet } else { TableLayout::Table }
    }
}

/// What the columns of a table hold. The two are told apart in the manifest: one is a list, the other an
/// object.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Columns {
    Table(Shape),
    Items(ItemShape),
}

impl Columns {
    pub(super) fn new(layout: TableLayout) -> Self {
        match layout {
            TableLayout::Table => Self::Table(Shape::default()),
            TableLayout::StacGeoparquet => Self::Items(ItemShape::default()),
        }
    }

    /// What was remembered of a table; if it had another layout then, that is no use.
    pub(super) fn remembered(layout: TableLayout, known: Option<&Value>) -> Result<Self> {
        let known = known.map(Self::decode).transpose()?.filter(|known| known.layout() == layout);
        Ok(known.unwrap_or_else(|| Self::new(layout)))
    }

    pub(super) fn decode(value: &Value) -> Result<Self> {
        let columns = match value {
            Value::Array(_) => serde_json::from_value(value.clone()).map(Self::Table),
            _ => serde_json::from_value(value.clone()).map(Self::Items),
        };
        columns.map_err(|e| Error::corrupt(format!("the columns in the manifest cannot be read: {e}")))
    }

    pub(super) fn encode(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| Error::bug(format!("columns cannot be encoded: {e}")))
    }

    pub(super) fn layout(&self) -> TableLayout {
        match self {
            Self::Table(_) => TableLayout::Table,
            Self::Items(_) => TableLayout::StacGeoparquet,
        }
    }

    /// The columns of rows, in the same layout.
    ///
    /// # Errors
    /// If the rows are to be Items and are not.
    pub(super) fn of(&self, rows: &Records) -> Result<Self> {
        match self {
            Self::Table(_) => Ok(Self::Table(Shape::of(rows))),
            Self::Items(_) => ItemShape::of(rows).map(Self::Items),
        }
    }

    /// Whether files with these columns have room for rows with others.
    pub(super) fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table(own), Self::Table(other)) => own.holds(other),
            (Self::Items(own), Self::Items(other)) => own.holds(other),
            _ => false,
        }
    }

    /// Takes in what others hold. Of another layout they take the place of these.
    pub(super) fn widen(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Table(own), Self::Table(other)) => drop(own.widen(other)),
            (Self::Items(own), Self::Items(other)) => own.widen(other),
            _ => *self = other.clone(),
        }
    }

    /// Starts a file.
    pub(super) fn writer<W: Write + Send>(&self, sink: W, options: &WriteOptions) -> Result<Writer<W>> {
        match self {
            Self::Table(shape) => Ok(Writer::Table(Box::new(ParquetWriter::create(sink, shape, options)?))),
            Self::Items(shape) => Ok(Writer::Items(Box::new(StacWriter::create(sink, shape, options)?))),
        }
    }
}

/// A file in the making.
pub(super) enum Writer<W: Write + Send> {
    Table(Box<ParquetWriter<W>>),
    Items(Box<StacWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn write(&mut self, rows: &Records) -> Result<()> {
        match self {
            Self::Table(writer) => writer.write(rows),
            Self::Items(writer) => writer.write(rows),
        }
    }

    /// Writes rows that are looked at but once; `false`, and nothing, if they do not fit or need a closer look.
    pub(super) fn take(&mut self, rows: &Records) -> Result<bool> {
        match self {
            Self::Table(writer) => writer.take(rows),
            Self::Items(_) => Ok(false),
        }
    }

    /// The same with the rows of a block.
    pub(super) fn take_block(&mut self, block: &Block) -> Result<bool> {
        match self {
            Self::Table(writer) => {
                let columns: Vec<&Column> = block.columns().collect();
                writer.take_columns((block.rows(), block.bytes()), &columns)
            }
            Self::Items(_) => Ok(false),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Table(writer) => writer.bytes(),
            Self::Items(writer) => writer.bytes(),
        }
    }

    pub(super) fn close(self) -> Result<Written> {
        match self {
            Self::Table(writer) => writer.close(),
            Self::Items(writer) => writer.close(),
        }
    }
}
