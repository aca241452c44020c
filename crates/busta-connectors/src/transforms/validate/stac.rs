//! Which schemas a STAC object must hold to, and the core ones among them.

use boon::SchemaIndex;
use serde_json::Value;

/// Where STAC's extensions live.
pub const EXTENSIONS: &str = "https://stac-extensions.github.io/";

macro_rules! schemas {
    ($($url:literal: $file:literal,)*) => {
        &[$(($url, include_str!(concat!("schemas/", $file)))),*]
    };
}

/// The core schemas with their URLs. Published by the STAC community under Apache-2.0 and by geojson.org;
/// see `schemas/NOTICE`.
pub static CORE: &[(&str, &str)] = schemas! {
    "https://geojson.org/schema/Feature.json": "geojson/Feature.json",
    "https://geojson.org/schema/Geometry.json": "geojson/Geometry.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/basics.json": "v1.0.0/basics.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/datetime.json": "v1.0.0/datetime.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/instrument.json": "v1.0.0/instrument.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/item.json": "v1.0.0/item.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/licensing.json": "v1.0.0/licensing.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/provider.json": "v1.0.0/provider.json",
    "https://schemas.stacspec.org/v1.0.0/catalog-spec/json-schema/catalog.json": "v1.0.0/catalog.json",
    "https://schemas.stacspec.org/v1.0.0/collection-spec/json-schema/collection.json": "v1.0.0/collection.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/bands.json": "v1.1.0/bands.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/basics.json": "v1.1.0/basics.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/common.json": "v1.1.0/common.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/data-values.json": "v1.1.0/data-values.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/datetime.json": "v1.1.0/datetime.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/instrument.json": "v1.1.0/instrument.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json": "v1.1.0/item.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/licensing.json": "v1.1.0/licensing.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/provider.json": "v1.1.0/provider.json",
    "https://schemas.stacspec.org/v1.1.0/catalog-spec/json-schema/catalog.json": "v1.1.0/catalog.json",
    "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json": "v1.1.0/collection.json",
};

/// The schemas that a record can be held against.
pub fn roots() -> impl Iterator<Item = &'static str> {
    let is_root =
        |url: &&str| ["/item.json", "/catalog.json", "/collection.json"].iter().any(|end| url.ends_with(end));
    CORE.iter().map(|(url, _)| *url).filter(is_root)
}

/// Holds a STAC object against the schema of its kind and version and those of its extensions. A schema
/// that is not there is a mistake too: nobody knows whether the record is valid.
pub fn check(
    record: &Value,
    find: impl Fn(&str) -> Option<SchemaIndex>,
    against: impl Fn(SchemaIndex) -> Result<(), String>,
) -> Result<(), String> {
    let kind = match record.get("type").and_then(Value::as_str) {
        Some("Feature") => "item",
        Some("Collection") => "collection",
        Some("Catalog") => "catalog",
        Some(other) => {
            return Err(format!("/type: `{other}` is no STAC object (Feature, Collection, Catalog)"));
        }
        None => {
            return Err("/type: missing; a STAC object has Feature, Collection or Catalog here".to_owned());
        }
    };
    let Some(version) = record.get("stac_version").and_then(Value::as_str) else {
        return Err("/stac_version: missing".to_owned());
    };
    let url = format!("https://schemas.stacspec.org/v{version}/{kind}-spec/json-schema/{kind}.json");
    let core = find(&url).ok_or_else(|| {
        format!("/stac_version: there are no schemas of STAC {version}, only of 1.0.0 and 1.1.0")
    })?;
    against(core)?;
    let extensions = record.get("stac_extensions").and_then(Value::as_array).into_iter().flatten();
    for (index, url) in extensions.enumerate().filter_map(|(index, url)| Some((index, url.as_str()?))) {
        let schema = find(url).ok_or_else(|| {
            format!("/stac_extensions/{index}: the schema of {url} is not in the folder `extensions`")
        })?;
        against(schema)?;
    }
    Ok(())
}
