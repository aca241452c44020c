//! Records into a Parquet file.

mod typed;

use std::io::Write;
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_schema::{DataType, Field, Schema};
use busta_core::columns::Column;
use busta_core::json::for_each_field;
use busta_core::{Error, Records, Result};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::column::Build;
use crate::row_groups::{Given, RowGroups};
use crate::shape::{Kind, Places, Shape};

/// The key of a file's metadata under which its shape stands, as JSON. It tells a reader which
/// columns hold JSON.
pub(crate) const SHAPE_KEY: &str = "busta:shape";

/// No record may be larger: a column of texts holds 2 GiB.
const MAX_RECORD: usize = 1 << 30;
/// So many values are encoded before the size of a page is looked at: few, since a value may be a
/// large JSON text, and a reader holds a page of every column.
const VALUES_PER_STEP: usize = 64;

/// How a file is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The level of zstd, 1 to 22. 1 is as fast as snappy and much smaller; 3 costs twice the time.
    pub zstd_level: i32,
    /// A row group is closed when it has taken this many bytes of JSON. The writer holds one row
    /// group in memory, encoded and compressed.
    pub row_group_bytes: usize,
    /// Keys and values for the file's metadata.
    pub metadata: Vec<(String, String)>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { zstd_level: 1, row_group_bytes: 32 << 20, metadata: Vec::new() }
    }
}

/// What a finished file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its records.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// The one column of a file whose records have no fields: nothing but columns says how many rows there are.
const NO_COLUMN: &str = "_busta_empty";

/// Writes records into one Parquet file. It holds at most one row group in memory.
pub struct ParquetWriter<W: Write + Send> {
    groups: RowGroups<W>,
    shape: Shape,
    places: Places,
    columns: Vec<Build>,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Starts a file with the columns of `shape`.
    ///
    /// # Errors
    /// If the options are out of range, or the sink fails.
    pub fn create(sink: W, shape: &Shape, options: &WriteOptions) -> Result<Self> {
        let mut fields: Vec<Field> = shape
            .columns()
            .iter()
            .map(|column| Field::new(column.name(), Build::data_type(column.kind()), true))
            .collect();
        if fields.is_empty() {
            fields.push(Field::new(NO_COLUMN, DataType::Boolean, true));
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = properties_for(shape, options)?;
        Ok(Self {
            groups: RowGroups::begin(sink, schema, properties, options)?,
            places: Places::of(shape.columns().iter().map(|column| column.name())),
            columns: shape.columns().iter().map(|column| Build::new(column.kind())).collect(),
            shape: shape.clone(),
        })
    }

    /// Appends records.
    ///
    /// # Errors
    /// If a record has a field or a value that the file's shape does not hold (nothing is ever dropped
    /// or bent to fit: [`Shape::holds`] tells beforehand), or the sink fails. The file is unusable
    /// then.
    pub fn write(&mut self, records: &Records) -> Result<()> {
        if self.take_records(records)? {
            return Ok(());
        }
        let mut slots = vec![None; self.columns.len()];
        for record in records.iter() {
            let mut unknown = None;
            self.walk(record, |place, name, raw| match place {
                Some(place) => slots[place] = Some(raw),
                None if raw != "null" && unknown.is_none() => unknown = Some(name.to_owned()),
                None => {}
            })?;
            if let Some(name) = unknown {
                return Err(Error::bug(format!("the file has no column for the field `{name}`")));
            }
            self.append(record, &mut slots)?;
        }
        Ok(())
    }

    /// Appends records if the file's shape holds them all; else none of them, and gives `false`. Each is
    /// looked at once, while finding its [shape](Shape::of) and then [writing](Self::write) it takes two.
    ///
    /// # Errors
    /// If the sink fails. The file is unusable then.
    pub fn take(&mut self, records: &Records) -> Result<bool> {
        if records.bytes() > MAX_RECORD as u64 {
            return Ok(false);
        }
        if self.take_records(records)? {
            return Ok(true);
        }
        let before = self.groups.batch_rows();
        for (row, record) in (before..).zip(records.iter()) {
            if !self.try_row(record, row)? {
                self.columns.iter_mut().for_each(|column| column.truncate(before));
                return Ok(false);
            }
        }
        let mut is_full = false;
        for record in records.iter() {
            is_full = self.groups.count(record.len());
        }
        if is_full {
            self.flush_batch()?;
        }
        Ok(true)
    }

    /// Appends `rows` records of about `bytes` bytes of JSON that are these columns, if those of the file hold them as
    /// they are; else none of them, and gives `false`.
    ///
    /// # Errors
    /// If the sink fails. The file is unusable then.
    pub fn take_columns(&mut self, (rows, bytes): (usize, u64), columns: &[&Column]) -> Result<bool> {
        let Some(given) = typed::given(&self.shape, rows, columns) else { return Ok(false) };
        self.flush_batch()?;
        self.groups.count_all(rows, usize::try_from(bytes).unwrap_or(usize::MAX));
        self.groups.push(given)?;
        Ok(true)
    }

    fn take_records(&mut self, records: &Records) -> Result<bool> {
        let Some(columns) = records.columns() else { return Ok(false) };
        let list: Vec<&Column> = columns.list().iter().collect();
        self.take_columns((records.len(), records.bytes()), &list)
    }

    /// Appends a record, which is number `row` of the batch; `false`, and a part of it, if it does not fit.
    fn try_row(&mut self, record: &[u8], row: usize) -> Result<bool> {
        let Self { places, shape, columns, .. } = self;
        let known = shape.columns();
        let (mut nth, mut fits) = (0, true);
        for_each_field(record, |name, raw| {
            let place = places.find(nth, &name, |place| known[place].name());
            nth += 1;
            let Some(place) = place else {
                fits = false;
                return;
            };
            let column = &mut columns[place];
            // Of two fields with one name the last counts.
            if column.len() > row {
                column.truncate(row);
            }
            fits &= column.append(raw).is_ok() && (!known[place].is_null() || raw == "null");
        })
        .map_err(|error| Error::data(format!("not a JSON object: {error}")))?;
        for column in columns.iter_mut().filter(|column| column.len() == row) {
            column.append_null();
        }
        Ok(fits)
    }

    /// How large the file is so far, what is still in memory included as it is estimated to come out.
    pub fn bytes(&self) -> u64 {
        self.groups.bytes()
    }

    /// How many records it has taken.
    pub fn rows(&self) -> u64 {
        self.groups.rows()
    }

    /// Writes what is left and the footer. The sink is flushed, not synced.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn close(mut self) -> Result<Written> {
        self.flush_batch()?;
        self.groups.close()
    }

    /// Finds the columns of the record's fields; of two with one name the last counts.
    fn walk<'r>(
        &mut self,
        record: &'r [u8],
        mut each: impl FnMut(Option<usize>, &str, &'r str),
    ) -> Result<()> {
        if record.len() > MAX_RECORD {
            return Err(Error::data(format!("the record has {} bytes, a column takes 1 GiB", record.len())));
        }
        let Self { places, shape, .. } = self;
        let mut nth = 0;
        for_each_field(record, |name, raw| {
            each(places.find(nth, &name, |place| shape.columns()[place].name()), &name, raw);
            nth += 1;
        })
        .map_err(|error| Error::data(format!("not a JSON object: {error}")))
    }

    fn append(&mut self, record: &[u8], slots: &mut [Option<&str>]) -> Result<()> {
        for (place, (column, slot)) in self.columns.iter_mut().zip(slots).enumerate() {
            let Some(raw) = slot.take() else {
                column.append_null();
                continue;
            };
            if column.append(raw).is_err() {
                let column = &self.shape.columns()[place];
                return Err(Error::bug(format!(
                    "the column `{}` ({}) of the file does not hold {}",
                    column.name(),
                    column.kind(),
                    raw.chars().take(40).collect::<String>()
                )));
            }
        }
        if self.groups.count(record.len()) { self.flush_batch() } else { Ok(()) }
    }

    fn flush_batch(&mut self) -> Result<()> {
        let rows = self.groups.batch_rows();
        if rows == 0 {
            return Ok(());
        }
        let mut columns: Vec<Given> =
            self.columns.iter_mut().map(|column| Given::Values(column.finish())).collect();
        if columns.is_empty() {
            columns.push(Given::Values(Arc::new(BooleanArray::new_null(rows))));
        }
        self.groups.push(columns)
    }
}

fn properties_for(shape: &Shape, options: &WriteOptions) -> Result<WriterProperties> {
    let shape_text = serde_json::to_string(shape)
        .map_err(|error| Error::bug(format!("the shape cannot be written: {error}")))?;
    let mut properties = properties(options, vec![KeyValue::new(SHAPE_KEY.to_owned(), shape_text)])?;
    for column in shape.columns().iter().filter(|column| column.kind() == Kind::Json) {
        // The least and the greatest JSON text say nothing to anybody.
        let path = ColumnPath::new(vec![column.name().to_owned()]);
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    Ok(properties.build())
}

/// What all files have in common. `metadata` goes into the footer beside what the options say.
pub(crate) fn properties(
    options: &WriteOptions,
    mut metadata: Vec<KeyValue>,
) -> Result<WriterPropertiesBuilder> {
    let level = ZstdLevel::try_new(options.zstd_level).map_err(|_| {
        Error::config(format!("zstd has no level {}", options.zstd_level)).hint("use 1 to 22")
    })?;
    metadata.extend(options.metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())));
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("busta ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata))
        .set_write_batch_size(VALUES_PER_STEP)
        .set_max_row_group_row_count(None))
}
