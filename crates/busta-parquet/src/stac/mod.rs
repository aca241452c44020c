//! STAC Items in GeoParquet, both ways.
//!
//! An Item is a row: its fields and, lifted beside them, its properties are columns; the geometry is
//! WKB, the bbox a group, times are timestamps. Specification: stac-geoparquet 1.1.0
//! (<https://radiantearth.github.io/stac-geoparquet-spec>) and GeoParquet 1.1.0
//! (<https://geoparquet.org/releases/v1.1.0/>).

mod check;
pub(crate) mod items;
mod layout;
mod nested;
mod shape;
mod wkb;
mod wkb_text;
mod writer;

use std::collections::BTreeMap;

pub use check::check_item;
pub use shape::ItemShape;
pub(crate) use wkb_text::push as push_geometry;
pub use writer::StacWriter;

/// The fields of an Item itself; every other column is a property.
const ITEM_FIELDS: [&str; 9] =
    ["type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection"];

/// The properties that the specification wants as timestamps.
const TIMES: [&str; 8] = [
    "datetime",
    "start_datetime",
    "end_datetime",
    "created",
    "updated",
    "expires",
    "published",
    "unpublished",
];

/// The keys of the metadata of a file: GeoParquet's, stac-geoparquet's, and our own notes.
const GEO_KEY: &str = "geo";
const STAC_KEY: &str = "stac-geoparquet";
const NOTES_KEY: &str = "busta:items";

/// The beginning of the names of fields that busta adds to rows, and that are no part of Items.
const STAMP: &str = "_busta_";

/// What only a reader of ours understands.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Notes {
    /// The columns, by the names on the way to them, that hold values as JSON text since they are not
    /// of one type.
    #[serde(default)]
    pub json: Vec<Vec<String>>,
    /// The columns that are fields of the Item itself, though STAC has no such fields, with the names of
    /// these fields.
    #[serde(default)]
    pub foreign: BTreeMap<String, String>,
}
