//! What is to be downloaded: the payload of a download's split.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::checksum::Checksum;

/// One object and its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Where it is.
    pub url: Url,
    /// Its file below the folder, with `/` between the names.
    pub path: String,
    /// What it is said to be.
    #[serde(default)]
    pub expected: Expected,
    /// Fields that its record begins with, such as the item it belongs to.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub about: Map<String, Value>,
}

/// What a catalogue, a listing or a side file says about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expected {
    /// How many bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its checksum. What does not have it is never accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Its ETag, where a listing gives one: an object that still has it is not asked for again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Why there is no checksum although something was said about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unverifiable: Option<String>,
}
