//! The keys of `type: archive`. Each field's comment is also its description in the reference.

use std::collections::BTreeMap;
use std::path::PathBuf;

use busta_core::WriteMode;
use busta_core::units::{ByteSize, Span};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::layout::{Discover, Layout};
use crate::download::RangesConfig;
use crate::http::AuthSettings;
use crate::sources::api::TextOrList;

/// Files of a bulk repository, verified and turned into records.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// A layout that comes with busta: `binance`, `bitmex`, `bybit`, `gateio` or `okx`.
    #[serde(default)]
    pub preset: Option<String>,
    /// In place of `preset`: how the repository is laid out.
    #[serde(default)]
    pub layout: Option<Layout>,
    /// Where the paths of files start; that of the layout if not given. Credentials and headers are sent to this
    /// origin only.
    #[serde(default)]
    pub base_url: Option<String>,
    /// How it is found out which files there are; as the layout says if not given.
    #[serde(default)]
    pub discover: Option<Discover>,
    /// The market, such as `spot` or `futures/um`, where the layout knows several.
    #[serde(default)]
    pub market: Option<String>,
    /// Which of the layout's data types; may be left out if there is only one.
    #[serde(default)]
    pub data_type: Option<String>,
    /// The symbols. Globs such as `*USDT` are possible where files are listed; all of them if not given.
    #[serde(default)]
    pub symbols: TextOrList,
    /// The intervals, such as `1h`; as `symbols`.
    #[serde(default)]
    pub intervals: TextOrList,
    /// Values for what else stands in the layout's paths; as `symbols`.
    #[serde(default)]
    pub values: BTreeMap<String, TextOrList>,
    /// Whether files of days or of months are fetched, where there are both. `auto` prefers months, and has the days
    /// of those that are not there.
    #[serde(default)]
    pub period: PeriodKey,
    /// The first day: `2024-01-31`.
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<NaiveDate>,
    /// The last day; yesterday (in UTC) if not given.
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub to: Option<NaiveDate>,
    /// Which files are fetched first.
    #[serde(default)]
    pub order: Order,
    /// Only files whose path in the repository is one of these globs. One without a slash is compared with names.
    #[serde(default)]
    pub include: Vec<String>,
    /// Not these.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The folder the files go to, in the same folders as in the repository; `archives` and the source's name if not
    /// given. No other source may use it. A relative path starts at the configuration file's folder.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// A file that nothing vouches for is a failure. Otherwise it is marked as not verified.
    #[serde(default)]
    pub require_checksum: bool,
    /// An ETag of S3 that looks like an MD5 is one, and vouches for a file where nothing else does. It is none where
    /// objects are encrypted with keys of KMS.
    #[serde(default = "yes")]
    pub etag_is_md5: bool,
    /// Files larger than this are failures.
    #[serde(default)]
    pub max_size: Option<ByteSize>,
    /// How large files are fetched by several ranges at once.
    #[serde(default)]
    pub ranges: RangesConfig,
    /// What a file means that is not there although the layout has a path for it.
    #[serde(default)]
    pub missing: Missing,
    /// A verified file whose days ended longer ago than this is not asked about again. Otherwise each run asks
    /// whether its checksum is still the same, unless a listing tells. One that was not there and whose days had ended so
    /// long before is asked for again after as long.
    #[serde(default)]
    pub recheck: Option<Span>,
    /// Whether the rows of the files are collected, as the layout's tables describe them.
    #[serde(default = "yes")]
    pub convert: bool,
    /// The table of the rows; the data type's name if not given.
    #[serde(default)]
    pub table: Option<String>,
    /// How rows join their table; `merge` if the layout names a primary key. With `append`, the rows of a file that is
    /// published anew are added to those that are there.
    #[serde(default)]
    pub write_mode: Option<WriteMode>,
    /// The table with one record for each file.
    #[serde(default = "files_table")]
    pub files_table: String,
    /// The table with one record about the rows of each file.
    #[serde(default = "quality_table")]
    pub quality_table: String,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How to authenticate.
    #[serde(default)]
    pub auth: AuthSettings,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let wrong = || D::Error::custom(format!("`{text}` is no day such as 2024-01-31"));
    text.parse().map(Some).map_err(|_| wrong())
}

fn yes() -> bool {
    true
}

fn files_table() -> String {
    "files".to_owned()
}

fn quality_table() -> String {
    "quality".to_owned()
}

/// Which files are fetched where there are some of days and some of months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKey {
    /// Those of months, and those of days where there is none.
    #[default]
    Auto,
    /// Those of days.
    Daily,
    /// Those of months.
    Monthly,
}

/// Which files are fetched first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those of long ago.
    #[default]
    Oldest,
    /// Those of the last days.
    Newest,
}

/// What a file means that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Nothing: there was no trade, or it comes later. A source none of whose files is there has failed.
    #[default]
    Ignore,
    /// A failure.
    Fail,
}
