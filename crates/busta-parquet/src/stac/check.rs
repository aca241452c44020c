//! Whether a record is an Item that a file can hold.

use busta_core::{Error, Result};

use super::shape::{Place, for_each_value};
use super::wkb::{self, Extent};

/// Checks that a record is a STAC Item that every file of Items can take, whatever else is in the file:
/// one that passes never makes [`StacWriter::write`](crate::StacWriter::write) fail.
///
/// # Errors
/// What is wrong with it: it is no Item, its geometry or its bbox is none, or a property has the name of
/// a field of Items.
pub fn check_item(record: &[u8]) -> Result<()> {
    let mut has_geometry = false;
    for_each_value(record, |_, name, place, raw| {
        if place == Place::Property {
            return Ok(());
        }
        has_geometry |= name == "geometry";
        check_field(name, raw)
    })?;
    if has_geometry {
        return Ok(());
    }
    Err(no_item("it has no `geometry`").hint("an Item without a place has `\"geometry\": null`"))
}

fn check_field(name: &str, raw: &str) -> Result<()> {
    let starts_with = |start: char, what: &str| match raw {
        "null" => Ok(()),
        raw if raw.starts_with(start) => Ok(()),
        _ => Err(no_item(&format!("its `{name}` is not {what}"))),
    };
    match name {
        "geometry" if raw != "null" => wkb::write(raw, &mut Extent::default(), &mut Vec::new()),
        "bbox" if raw != "null" => check_bbox(raw),
        "id" if raw == "\"\"" => Err(no_item("its `id` is empty")),
        "type" if raw != "\"Feature\"" => Err(no_item("its `type` is not `Feature`")),
        "stac_version" | "collection" => starts_with('"', "a text"),
        "links" | "stac_extensions" => starts_with('[', "a list"),
        "assets" => starts_with('{', "an object"),
        _ => Ok(()),
    }
}

fn check_bbox(raw: &str) -> Result<()> {
    match serde_json::from_str::<Vec<f64>>(raw) {
        Ok(numbers) if matches!(numbers.len(), 4 | 6) => Ok(()),
        Ok(numbers) => Err(no_item(&format!("its `bbox` has {} numbers, not 4 or 6", numbers.len()))),
        Err(_) => Err(no_item("its `bbox` is not a list of numbers")),
    }
}

fn no_item(why: &str) -> Error {
    Error::data(format!("this is no STAC Item: {why}"))
}
