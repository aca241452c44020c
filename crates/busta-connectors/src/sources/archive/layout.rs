//! How a repository of files is laid out: where its files are, what vouches for them, what is in them.
//!
//! A preset is a layout that comes with busta; `layout:` in a configuration is one that the operator
//! writes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The layout of a repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Where the paths of files start; `base_url` of the source goes before it.
    #[serde(default)]
    pub base_url: Option<String>,
    /// How it is found out which files there are.
    #[serde(default)]
    pub discover: Discover,
    /// The file that holds the checksum of another one: `{path}.CHECKSUM`, `{folder}/SHA256SUMS`. Without it,
    /// only what a listing says can be checked.
    #[serde(default)]
    pub checksum: Option<String>,
    /// What the repository offers.
    pub data_types: Vec<DataType>,
}

/// How it is found out which files there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "type", rename_all = "snake_case")]
pub enum Discover {
    /// Paths are made of the dates, symbols and intervals that are asked for; what is not there is no
    /// failure.
    #[default]
    Template,
    /// By the XML listings of S3, `ListObjectsV2` or the older form.
    S3 {
        /// The bucket, if it is not at `base_url`.
        #[serde(default)]
        url: Option<String>,
    },
    /// By the index pages that Apache, nginx and others make of folders.
    Html,
    /// By a file that names them all.
    Manifest {
        /// Where it is; relative addresses start at `base_url`.
        url: String,
    },
}

/// One kind of data that a repository offers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataType {
    /// What `data_type` of the source names, and the name of the stream of its rows.
    pub name: String,
    /// Where it is offered (`spot`, `futures/um`); everywhere if empty. One name may stand several times, for
    /// different markets.
    #[serde(default)]
    pub markets: Vec<String>,
    /// The values that `{interval}` has in its paths; any if not given.
    #[serde(default)]
    pub intervals: Vec<String>,
    /// The path of a file that holds one day: `daily/{symbol}/{interval}/{symbol}-{interval}-{date}.zip`.
    #[serde(default)]
    pub daily: Option<String>,
    /// The path of a file that holds one month, with `{month}`.
    #[serde(default)]
    pub monthly: Option<String>,
    /// The path of files that belong to no period.
    #[serde(default)]
    pub files: Option<String>,
    /// The rows of its files. Without this, files are only downloaded.
    #[serde(default)]
    pub table: Option<Table>,
}

/// The rows of a kind of file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The columns in the order of the file.
    pub columns: Vec<Column>,
    /// Whether the first row holds names.
    #[serde(default)]
    pub header: HeaderRow,
    /// Fields that together identify a row. Values of the path (`symbol`, `interval`) may be among them. Without it, a
    /// file that is published anew is a failure, since its rows cannot take the place of the older ones.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// The names of the members of archives that hold rows: `{symbol}_{interval}.csv`. What stands in braces becomes a
    /// field of their rows, as that of paths does, and `symbols`, `intervals` and `values` choose by it. Members of other
    /// names are left out. Without a slash, it is compared with names without folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Which values of members the source's keys choose: with others, the rows of a file are others.
    #[serde(skip_deserializing, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(skip)]
    pub chosen: BTreeMap<String, Vec<String>>,
    /// The column that says when a row happened: files are in its order, gaps are measured by it.
    #[serde(default)]
    pub time: Option<String>,
    /// Files are known not to be in the order of `time`: each is sorted as a whole before its first row goes on.
    /// Otherwise one that is not is sorted from where that is found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
    /// Rows come at the distance that the path's value `interval` says, and a longer one is a gap.
    #[serde(default)]
    pub regular: bool,
    /// The distance of rows where no path tells it: `1s`, `5m`, `4h`, `3d`, `1w`, `1mo`.
    #[serde(default)]
    pub interval: Option<String>,
    /// Between fields; a comma if not given.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Texts that mean null, besides the empty one.
    #[serde(default)]
    pub null_values: Vec<String>,
}

/// Whether the first row of a file holds names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeaderRow {
    /// Its content tells: a row that does not fit the columns and holds their names, or no number where one
    /// belongs.
    #[default]
    Auto,
    /// It does.
    Present,
    /// It does not.
    Absent,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The field's name in records.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The column is left out.
    #[serde(default)]
    pub skip: bool,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number, as a double: one with more digits than that holds becomes the nearest. `text` keeps all of them.
    Number,
    /// `true` or `false`, in any case.
    Boolean,
    /// A moment: seconds (also with a fraction), milliseconds, microseconds or nanoseconds since 1970, told apart
    /// by their size; or `2024-01-01 00:00:01.5`, `2024-01-01D00:00:01.000000000` and other forms of RFC 3339; or a date
    /// as one number, `20240131`, `202401312359` or `20240131235959`. Nothing before 1970.
    /// A record holds it as RFC 3339 in UTC with microseconds.
    Time,
}
