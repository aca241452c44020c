//! Rows of a stac-geoparquet file back into Items.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use busta_core::Result;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

use super::nested::{BOX_4, BOX_6};
use super::{GEO_KEY, ITEM_FIELDS, NOTES_KEY, Notes, STAC_KEY, STAMP};
use crate::reader::cells::{Cells, Table};
use crate::reader::plan::Form;

/// The part of GeoParquet's metadata that is needed here.
#[derive(Debug, Default, Deserialize)]
struct Geo {
    columns: HashMap<String, GeoColumn>,
}

#[derive(Debug, Deserialize)]
struct GeoColumn {
    encoding: String,
}

/// Whether a file with this schema and metadata holds STAC Items.
pub(crate) fn are_items<'a>(schema: &Schema, metadata: impl Fn(&str) -> Option<&'a str>) -> bool {
    let is_binary =
        |name: &str| schema.field_with_name(name).is_ok_and(|f| *f.data_type() == DataType::Binary);
    let has = |name: &str| schema.field_with_name(name).is_ok();
    has("id")
        && is_binary("geometry")
        && (metadata(STAC_KEY).is_some() || has("links") && has("stac_extensions"))
}

/// Changes the forms of the columns to those of Items, which keep the fields that busta has added if
/// they are to be `stamped`.
pub(crate) fn adapt<'a>(
    schema: &Schema,
    forms: &mut [Form],
    metadata: impl Fn(&str) -> Option<&'a str>,
    stamped: bool,
) -> ItemNames {
    let geo: Geo = metadata(GEO_KEY).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let notes: Notes =
        metadata(NOTES_KEY).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (field, form) in schema.fields().iter().zip(forms) {
        let name = field.name().as_str();
        let is_wkb = geo.columns.get(name).is_some_and(|column| column.encoding == "WKB")
            || matches!(name, "geometry" | "proj:geometry");
        if is_wkb && *field.data_type() == DataType::Binary {
            *form = Form::Wkb;
        }
        if name == "bbox" && is_box(field.data_type()) {
            *form = Form::Bbox;
        }
        for path in notes.json.iter().filter(|path| path.first().is_some_and(|first| first == name)) {
            mark_json(field.data_type(), form, &path[1..]);
        }
    }
    ItemNames { foreign: notes.foreign, stamped }
}

/// The fields of an Item that are not STAC's.
pub(crate) struct ItemNames {
    /// By the name of the column.
    foreign: BTreeMap<String, String>,
    stamped: bool,
}

impl ItemNames {
    /// The decoded columns as Items: fields of Items in their usual order, all others in `properties`.
    pub fn table(&self, batch: &RecordBatch, forms: &[Form]) -> Result<Table> {
        let mut fields: Vec<(&str, Option<Cells>)> = ITEM_FIELDS.iter().map(|name| (*name, None)).collect();
        let mut properties = Vec::new();
        let schema = batch.schema_ref();
        for ((field, array), form) in schema.fields().iter().zip(batch.columns()).zip(forms) {
            let name = field.name().as_str();
            let cells = Cells::of(array, form)?;
            if let Some(place) = ITEM_FIELDS.iter().position(|known| *known == name) {
                // An Item without a geometry says so.
                let cells = if name == "geometry" { cells.with_nulls() } else { cells };
                fields[place].1 = Some(cells);
            } else if let Some(field) = self.foreign.get(name) {
                if self.stamped || !field.starts_with(STAMP) {
                    fields.push((field, Some(cells)));
                }
            } else {
                // So does one without a time of its own, only with a start and an end.
                properties.push((name, if name == "datetime" { cells.with_nulls() } else { cells }));
            }
        }
        for (name, cells) in &mut fields {
            let missing = match *name {
                "type" => "\"Feature\"",
                "assets" => "{}",
                "links" => "[]",
                _ => continue,
            };
            cells.get_or_insert_with(|| Cells::constant(missing));
        }
        let mut fields: Vec<(&str, Cells)> =
            fields.into_iter().filter_map(|(name, cells)| Some((name, cells?))).collect();
        let place =
            fields.iter().position(|(name, _)| matches!(*name, "links" | "assets")).unwrap_or(fields.len());
        fields.insert(place, ("properties", Cells::group(Table::new(properties))));
        Ok(Table::new(fields))
    }
}

fn is_box(data_type: &DataType) -> bool {
    let DataType::Struct(fields) = data_type else { return false };
    let has_all =
        |names: &[&str]| fields.len() == names.len() && names.iter().all(|name| fields.find(name).is_some());
    has_all(&BOX_4) || has_all(&BOX_6)
}

/// Marks the text at the end of `path` as JSON.
fn mark_json(data_type: &DataType, form: &mut Form, path: &[String]) {
    match (data_type, form, path) {
        (DataType::Utf8, form, []) => *form = Form::Json,
        (DataType::List(item), Form::Parts(parts), [_, rest @ ..]) => {
            if let Some(part) = parts.first_mut() {
                mark_json(item.data_type(), part, rest);
            }
        }
        (DataType::Struct(fields), Form::Parts(parts), [name, rest @ ..]) => {
            if let Some((place, field)) = fields.find(name)
                && let Some(part) = parts.get_mut(place)
            {
                mark_json(field.data_type(), part, rest);
            }
        }
        _ => {}
    }
}
