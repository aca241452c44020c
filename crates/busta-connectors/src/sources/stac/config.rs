//! The keys of `type: stac`. Each field's comment is also its description in the reference.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use busta_core::WriteMode;
use busta_core::units::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::order::Order;
use crate::download::assets::AssetsConfig;
use crate::http::AuthSettings;
use crate::sources::api::{Scalar, TextOrList};

/// Items of a STAC API, a static catalogue, or files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StacConfig {
    /// The landing page of an API, or a `catalog.json`, `collection.json` or ItemCollection. What it
    /// is, its content tells. Credentials and headers are sent to this origin only.
    #[serde(default)]
    pub url: Option<String>,
    /// In place of `url`: catalogues, collections, ItemCollections, NDJSON files and folders of items
    /// on this machine. Relative paths start at the configuration file's folder.
    #[serde(default)]
    pub path: TextOrList,
    /// The same as `path`, for several.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Only items of these collections.
    #[serde(default)]
    pub collections: TextOrList,
    /// Only items of this time: `2024-01-01/2024-12-31`, `2024-01-01T12:00:00Z/..`, `2024-06`. A bare
    /// date stands for the whole day, month or year.
    #[serde(default)]
    pub datetime: Option<Scalar>,
    /// Only items that touch this box: west, south, east, north (or with heights: 6 numbers).
    #[serde(default)]
    pub bbox: Option<Vec<f64>>,
    /// Only items that touch this GeoJSON geometry.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub intersects: Option<Map<String, Value>>,
    /// Only the items with these ids.
    #[serde(default)]
    pub ids: TextOrList,
    /// Conditions in the form of the query extension: `{ "eo:cloud_cover": { lt: 10 } }`.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub query: Option<Map<String, Value>>,
    /// A condition in CQL2: a mapping is CQL2 JSON, a text is CQL2 text.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Which fields items have: `{ include: […], exclude: […] }`.
    #[serde(default)]
    pub fields: Option<Fields>,
    /// The order of the items: `-properties.datetime`, `+id`, or `{ field: properties.datetime, direction: desc }`.
    /// Has no effect across splits.
    #[serde(default)]
    pub sortby: Order,
    /// How many items a page has.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 100_000))]
    pub limit: u64,
    /// No more items than this over the whole source, of an API. The search is then not split. With a `cursor` that
    /// is not what the items are sorted by, upwards, a search that it cuts short does not move the cursor.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_items: Option<u64>,
    /// How an API is searched.
    #[serde(default)]
    pub method: Method,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
    /// How a search of an API is cut into pieces that are read in parallel: `auto`, `none`, or
    /// `{ by: time, chunks: 16 }`.
    #[serde(default)]
    pub split: Split,
    /// Also collects the collections themselves, as the stream `collections`.
    #[serde(default)]
    pub include_collections: bool,
    /// Also downloads assets of the items, as the stream `assets`.
    #[serde(default)]
    pub assets: Option<AssetsConfig>,
    /// Collects only items that are newer than those of the last run.
    #[serde(default)]
    pub cursor: Option<CursorConfig>,
    /// The name of the stream.
    #[serde(default = "items")]
    pub stream: String,
    /// The table; the stream's name if not given.
    #[serde(default)]
    pub table: Option<String>,
    /// The field or fields that together identify an item; `[collection, id]` if not given. An item may lack
    /// `collection`, unless `fields` are chosen.
    #[serde(default)]
    pub primary_key: Option<TextOrList>,
    /// How items join their table; `merge` if not given.
    #[serde(default)]
    pub write_mode: Option<WriteMode>,
    /// An answer longer than this is an error.
    #[serde(default = "max_response_size")]
    pub max_response_size: ByteSize,
}

fn page_size() -> u64 {
    100
}

fn items() -> String {
    "items".to_owned()
}

fn max_response_size() -> ByteSize {
    ByteSize(64 << 20)
}

/// How an API is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// With POST where the API offers it, else with GET.
    #[default]
    Auto,
    /// With GET.
    Get,
    /// With POST.
    Post,
}

/// Which fields items have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    /// Only these.
    pub include: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
}

/// What makes the source incremental.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorConfig {
    /// The property that says when an item was changed last, such as `properties.updated`.
    pub field: String,
    /// Where the very first run starts; without it, at the beginning.
    #[serde(default)]
    pub start: Option<Scalar>,
}

/// A condition in CQL2.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// CQL2 JSON.
    Json(Map<String, Value>),
    /// CQL2 text.
    Text(String),
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cql;
        impl<'de> Visitor<'de> for Cql {
            type Value = Filter;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping (CQL2 JSON) or a text (CQL2 text)")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Filter, E> {
                Ok(Filter::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Filter, A::Error> {
                Map::deserialize(MapAccessDeserializer::new(map)).map(Filter::Json)
            }
        }
        deserializer.deserialize_any(Cql)
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Cql2Filter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"] })
    }
}

/// How a search is cut into pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// By collection and, where there is much, by time.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// By collection, and each by time into so many chunks.
    Time(u32),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByTime {
    by: By,
    /// How many chunks each collection is cut into.
    #[schemars(range(min = 1, max = 10_000))]
    chunks: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    Time,
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl<'de> Visitor<'de> for Word {
            type Value = Split;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("auto, none or { by: time, chunks: 16 }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Split, E> {
                match text {
                    "auto" => Ok(Split::Auto),
                    "none" => Ok(Split::None),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Split, A::Error> {
                let ByTime { by: By::Time, chunks } = ByTime::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Split::Time(chunks))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for Split {
    fn schema_name() -> Cow<'static, str> {
        "StacSplit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let by_time = generator.subschema_for::<ByTime>();
        json_schema!({ "anyOf": [{ "enum": ["auto", "none"] }, by_time] })
    }
}
