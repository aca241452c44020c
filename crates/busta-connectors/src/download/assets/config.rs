//! What the operator says about assets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use busta_core::units::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::ranges::RangesConfig;

/// Which assets of a stream's items are downloaded, and where to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetsConfig {
    /// The folder they go to, relative to the configuration file.
    pub folder: PathBuf,
    /// Which assets, by their keys; `*` and `?` stand for any letters.
    #[serde(default = "all")]
    pub include: Vec<String>,
    /// Which of these not.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Only assets that have one of these roles, such as `data` or `thumbnail`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The file of an asset below `folder`. There are `{collection}`, `{id}` (of the item), `{asset}` (its
    /// key), `{name}` (the last part of its URL), `{ext}` (the ending of that with its dot, or one that
    /// fits the media type) and `{year}`, `{month}`, `{day}` (of the item's time).
    #[serde(default = "path")]
    pub path: String,
    /// An asset without a `file:checksum` is a failure, and not downloaded.
    #[serde(default)]
    pub require_checksum: bool,
    /// A larger asset is a failure, and not downloaded.
    #[serde(default)]
    pub max_size: Option<ByteSize>,
    /// Beginnings of links, and what stands in their place, such as `s3://bucket/` and
    /// `https://bucket.s3.amazonaws.com/`. The longest that fits counts.
    #[serde(default)]
    pub rewrite: BTreeMap<String, String>,
    /// Further folders of this machine that the assets of items in files may lie in, relative to the configuration
    /// file. Those that `path` of the source names are always among them; for a `url` there are none.
    #[serde(default)]
    pub copy_from: Vec<PathBuf>,
    /// How large assets are fetched by several byte ranges at once, where their server has ranges.
    #[serde(default)]
    pub ranges: RangesConfig,
    /// The table that the records of the files go to.
    #[serde(default = "table")]
    pub table: String,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn path() -> String {
    "{collection}/{id}/{asset}{ext}".to_owned()
}

fn table() -> String {
    "assets".to_owned()
}
