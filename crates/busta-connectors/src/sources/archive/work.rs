//! What a split of this source is to do: stored with the checkpoint, so old forms must stay readable.

use std::collections::BTreeMap;

use busta_core::{Result, Split};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::config::Order;
use super::missing::Absent;
use super::path::Grain;
use super::period::Period;
use super::plan;
use super::settings::Archive;
use crate::download::Checksum;

/// What a listing weighs where the newest files are to be fetched first: more than any file.
const LISTINGS_FIRST: f64 = 1e6;

/// What a split is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Find out what is in a folder of the repository.
    List(Listing),
    /// Fetch a file, and see that it is what it should be.
    Fetch(Box<Object>),
    /// Read the rows of a file.
    Rows(RowsOf),
    /// Tell how the rows of a file were.
    Quality(Told),
    /// Tell which files are not there.
    Absent(Absent),
}

/// A folder of the repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// Its path with a slash at its end; empty for all there is.
    pub folder: String,
    /// Whose files: those of days, of months, or of no period.
    pub files_of: FilesOf,
}

/// Which of a data type's patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesOf {
    /// The one of days.
    Days,
    /// The one of months.
    Months,
    /// The one of no period.
    Any,
}

impl FilesOf {
    /// Whether a path that says so much of its time may be of such a file.
    pub fn has(self, grain: Option<Grain>) -> bool {
        match self {
            Self::Days => grain == Some(Grain::Day),
            Self::Months => grain == Some(Grain::Month),
            Self::Any => !matches!(grain, Some(Grain::Day | Grain::Month)),
        }
    }

    /// What is wrong with another path, as a clause for the operator.
    pub fn lacks(self) -> &'static str {
        match self {
            Self::Days => "says no day: write `{date}`, or `{date:%Y%m%d}` in another form",
            Self::Months => "says no month, or more than that: write `{month}`",
            Self::Any => "says a time: write it as `daily` or `monthly`",
        }
    }
}

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Where it is, if that is not where its path says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Its path in the repository.
    pub key: String,
    /// What its path says: symbol, interval, date.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The time it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// What a listing says of it.
    #[serde(default)]
    pub listed: Listed,
    /// If it is not there, the files of its days are to be fetched in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_days: bool,
}

/// What a listing says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// Whether a listing has named it: then it is there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is: bool,
    /// How many bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its ETag, without quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The MD5 that its ETag may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Checksum>,
    /// Its checksum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// The rows of a file on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsOf {
    /// The file, below the source's folder.
    pub path: String,
    /// Which rows: see [`super::version`].
    pub version: String,
    /// Fields that every record gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// What there is to tell about the rows of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The file.
    pub path: String,
    /// Which rows: see [`super::version`].
    pub version: String,
    /// The record.
    pub record: Map<String, Value>,
}

impl Work {
    /// The split that does it. A file is known by its path, so that one which is found twice is fetched once.
    pub fn split(&self, archive: &Archive) -> Result<Split> {
        let (id, stream, host) = match self {
            Self::List(listing) => {
                let of = match listing.files_of {
                    FilesOf::Days => "days",
                    FilesOf::Months => "months",
                    FilesOf::Any => "all",
                };
                (
                    format!("list {of} {}", listing.folder),
                    archive.listings_stream()?,
                    Some(archive.list_host()),
                )
            }
            Self::Fetch(object) => {
                let host = archive.client.host_key(&archive.where_is(object));
                (format!("fetch {}", object.key), archive.files.name.clone(), Some(host))
            }
            Self::Rows(rows) => (format!("rows {}", rows.path), archive.rows_stream()?, None),
            Self::Quality(told) => (format!("quality {}", told.path), archive.quality_stream()?, None),
            Self::Absent(absent) => (absent.name(), archive.files.name.clone(), None),
        };
        let mut split = Split::new(id, stream, host, self)?;
        split.weight = match self {
            // What is not known yet cannot be fetched first.
            Self::List(_) if archive.order == Order::Newest => LISTINGS_FIRST,
            Self::Fetch(object) => plan::weight(object, archive.order),
            _ => split.weight,
        };
        Ok(split)
    }
}
