//! Items into a Parquet file.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use busta_core::{Error, Records, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};

use super::layout::Layout;
use super::nested::Nest;
use super::shape::{ItemColumn, ItemShape, Place, for_each_value, label};
use super::wkb::Extent;
use super::{GEO_KEY, NOTES_KEY, Notes, STAC_KEY};
use crate::row_groups::{Given, RowGroups};
use crate::shape::Places;
use crate::writer::{WriteOptions, Written, properties};

/// The versions of the specifications that the files follow.
const STAC_VERSION: &str = "1.1.0";
const GEO_VERSION: &str = "1.1.0";

/// Writes STAC Items into one stac-geoparquet file. It holds at most one row group in memory.
///
/// Properties and parts of assets that are of one type in all Items become columns of that type;
/// others are kept as JSON text, which [`ParquetReader::as_items`](crate::ParquetReader::as_items)
/// turns back, and other readers see as text. What changes on the way: times are written in UTC, and
/// of a geometry only type and coordinates are kept, as doubles.
pub struct StacWriter<W: Write + Send> {
    groups: RowGroups<W>,
    shape: ItemShape,
    lookups: [Lookup; 2],
    columns: Vec<Nest>,
    extent: Extent,
    collections: Map<String, Value>,
}

impl<W: Write + Send> StacWriter<W> {
    /// Starts a file for Items of `shape`.
    ///
    /// # Errors
    /// If the options are out of range, or the sink fails.
    pub fn create(sink: W, shape: &ItemShape, options: &WriteOptions) -> Result<Self> {
        let mut shape = ItemShape { columns: shape.columns.iter().filter_map(storable).collect() };
        // What is not STAC's comes last.
        shape.columns.sort_by_key(ItemColumn::is_foreign);
        let columns: Vec<Nest> = shape.columns.iter().map(Nest::of).collect();
        let names = column_names(&shape);
        let fields: Vec<Field> =
            names.iter().zip(&columns).map(|(name, nest)| Field::new(name, nest.data_type(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let geometry = ColumnPath::new(vec!["geometry".to_owned()]);
        let notes = notes(&shape, &names, &columns)?;
        let properties = properties(options, vec![KeyValue::new(NOTES_KEY.to_owned(), notes)])?
            .set_column_statistics_enabled(geometry, EnabledStatistics::None)
            .build();
        Ok(Self {
            groups: RowGroups::begin(sink, schema, properties, options)?,
            lookups: [Lookup::of(&shape, Place::Item), Lookup::of(&shape, Place::Property)],
            shape,
            columns,
            extent: Extent::default(),
            collections: Map::new(),
        })
    }

    /// Adds the JSON of a Collection to the file's metadata.
    ///
    /// # Errors
    /// If it is no JSON object with an `id`.
    pub fn collection(&mut self, collection: &str) -> Result<()> {
        let collection: Value = serde_json::from_str(collection)
            .map_err(|error| Error::data(format!("the collection is not JSON: {error}")))?;
        let Some(id) = collection.get("id").and_then(Value::as_str) else {
            return Err(Error::data("the collection has no `id`"));
        };
        self.collections.insert(id.to_owned(), collection);
        Ok(())
    }

    /// Appends Items.
    ///
    /// # Errors
    /// If an Item has something that the file's shape does not hold, or a geometry or a bbox that is
    /// none, or the sink fails. The file is unusable then.
    pub fn write(&mut self, items: &Records) -> Result<()> {
        let mut slots = vec![None; self.columns.len()];
        for item in items.iter() {
            self.append(item, &mut slots).map_err(|error| error.at(label(item)))?;
            if self.groups.count(item.len()) {
                self.flush_batch()?;
            }
        }
        Ok(())
    }

    /// How large the file is so far, what is still in memory included as it is estimated to come out.
    pub fn bytes(&self) -> u64 {
        self.groups.bytes()
    }

    /// Writes what is left, the metadata and the footer. The sink is flushed, not synced.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn close(mut self) -> Result<Written> {
        self.flush_batch()?;
        let geo = self.geo().to_string();
        self.groups.note(GEO_KEY, geo);
        let mut stac = json!({ "version": STAC_VERSION });
        if !self.collections.is_empty() {
            stac["collections"] = Value::Object(std::mem::take(&mut self.collections));
        }
        self.groups.note(STAC_KEY, stac.to_string());
        self.groups.close()
    }

    fn append<'r>(&mut self, item: &'r [u8], slots: &mut [Option<&'r str>]) -> Result<()> {
        let Self { lookups, shape, columns, extent, .. } = self;
        lookups.iter_mut().for_each(|lookup| lookup.nth = 0);
        for_each_value(item, |_, name, place, raw| {
            match lookups[place as usize].next(shape, name) {
                Some(at) => slots[at] = Some(raw),
                // What `storable` has left out.
                None if matches!(raw, "null" | "{}") => {}
                None => return Err(Error::bug(format!("the file has no column for the field `{name}`"))),
            }
            Ok(())
        })?;
        for ((nest, slot), column) in columns.iter_mut().zip(slots).zip(&shape.columns) {
            nest.append(slot.take(), extent).map_err(|error| error.at(&column.name))?;
        }
        Ok(())
    }

    fn flush_batch(&mut self) -> Result<()> {
        if self.groups.batch_rows() == 0 {
            return Ok(());
        }
        self.groups.push(self.columns.iter_mut().map(|column| Given::Values(column.finish())).collect())
    }

    /// GeoParquet's metadata. Without a `crs` it is longitude and latitude in WGS 84, as in STAC.
    fn geo(&self) -> Value {
        let mut column =
            json!({ "encoding": "WKB", "geometry_types": self.extent.types(), "edges": "planar" });
        if let Some(bbox) = self.extent.bbox() {
            column["bbox"] = json!(bbox);
        }
        let bbox = self.shape.columns.iter().zip(&self.columns).find_map(|(_, nest)| match nest {
            Nest::Bbox(build) => Some(build.names()),
            _ => None,
        });
        if let Some(names) = bbox {
            let covering: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), json!(["bbox", name]))).collect();
            column["covering"] = json!({ "bbox": covering });
        }
        json!({ "version": GEO_VERSION, "primary_column": "geometry", "columns": { "geometry": column } })
    }
}

/// Finds the columns of the values at one place of Items.
struct Lookup {
    places: Places,
    /// Their numbers in the file.
    columns: Vec<usize>,
    /// How many values of the Item were looked for.
    nth: usize,
}

impl Lookup {
    fn of(shape: &ItemShape, place: Place) -> Self {
        let columns = shape.columns.iter().enumerate().filter(|(_, column)| column.place == place);
        let (columns, names): (Vec<usize>, Vec<&str>) =
            columns.map(|(at, column)| (at, &*column.name)).unzip();
        Self { places: Places::of(names.into_iter()), columns, nth: 0 }
    }

    /// The column of the next value, which has this name.
    fn next(&mut self, shape: &ItemShape, name: &str) -> Option<usize> {
        let Self { places, columns, nth } = self;
        *nth += 1;
        let found = places.find(*nth - 1, name, |at| &shape.columns[columns[at]].name)?;
        Some(columns[found])
    }
}

/// The names of the columns. A field that is not STAC's gives way to a property of its name.
fn column_names(shape: &ItemShape) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(shape.columns.len());
    let mut taken: HashSet<String> = HashSet::new();
    for column in &shape.columns {
        let mut name = column.name.to_string();
        while taken.contains(&name) {
            name.insert(0, '_');
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// The column as a file can have it; `None` where Parquet has no way to write it. Empty assets are
/// left out, as other writers do: readers put them back.
fn storable(column: &ItemColumn) -> Option<ItemColumn> {
    let mut column = column.clone();
    let is_item = column.place == Place::Item;
    match (&*column.name, &mut column.layout) {
        ("assets", Layout::Group(fields)) if is_item && fields.is_empty() => return None,
        ("links", Layout::List(link)) if is_item && **link == Layout::default() => {
            // Nothing but empty lists: readers expect links in them all the same.
            link.see(r#"{"href":"","rel":""}"#);
        }
        ("stac_extensions", layout) if is_item && *layout == Layout::default() => layout.see("[]"),
        _ => {}
    }
    Some(column)
}

fn notes(shape: &ItemShape, names: &[String], columns: &[Nest]) -> Result<String> {
    let mut notes = Notes::default();
    for ((column, name), nest) in shape.columns.iter().zip(names).zip(columns) {
        nest.json_paths(&mut vec![name.clone()], &mut notes.json);
        if column.is_foreign() {
            notes.foreign.insert(name.clone(), column.name.to_string());
        }
    }
    serde_json::to_string(&notes).map_err(|error| Error::bug(format!("notes cannot be written: {error}")))
}
